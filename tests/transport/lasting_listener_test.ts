import assert from "node:assert/strict";
import { UsageError } from "../../lib/errors.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { ephemeralIdentity, openIdentity } from "../../lib/transport/identity.ts";
import { lastingListener } from "../../lib/transport/lasting_listener.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const surroundings = requires(whyNoNativeQuic());
const ADDRESS = "127.0.0.1:0";

function test(name: string, body: (state: string) => Promise<void>): void {
  Deno.test({
    name,
    ...surroundings,
    async fn() {
      const state = await Deno.makeTempDir({ prefix: "xoq-lasting-" });
      try {
        await body(state);
      } finally {
        await Deno.remove(state, { recursive: true });
      }
    },
  });
}

/** What an identity's server has after a start. */
async function started(state: string, name = "relay", address = ADDRESS) {
  await using identity = await openIdentity({ name, state });
  const lasting = (await lastingListener(identity, address))!;
  await using listener = await directTransport.listen({ ...lasting, address: ADDRESS, alpns: [] });
  return { ...lasting, hash: listener.certificateHash, file: `${identity.folder}/certificate` };
}

test("a server has the same certificate and the same secret after a restart", async (state) => {
  const [first, second] = [await started(state), await started(state)];
  assert.equal(second.hash, first.hash);
  assert.deepEqual(second.resetSecret, first.resetSecret);
  assert.equal(first.resetSecret.length, 32);
  if (Deno.build.os !== "windows") {
    assert.equal((await Deno.stat(first.file)).mode! & 0o777, 0o600);
  }
});

test("another identity has another certificate and another secret", async (state) => {
  const [one, other] = [await started(state), await started(state, "other")];
  assert.notEqual(one.hash, other.hash);
  assert.notDeepEqual(one.resetSecret, other.resetSecret);
});

test("a certificate is for the address that is listened at", async (state) => {
  const first = await started(state);
  const elsewhere = await started(state, "relay", "[::1]:0");
  assert.notEqual(elsewhere.hash, first.hash);
  assert.match(await Deno.readTextFile(first.file), /^ends=\d+ address=::1\n/);
});

test("a certificate that ends within a day is made anew at a start, as is what is none", async (state) => {
  const first = await started(state);
  const text = await Deno.readTextFile(first.file);
  const soon = Math.floor(Date.now() / 1000) + 86_000;
  await Deno.writeTextFile(first.file, text.replace(/^ends=\d+/, `ends=${soon}`));
  const second = await started(state);
  assert.notEqual(second.hash, first.hash);
  await Deno.writeTextFile(first.file, text.slice(0, 200));
  const third = await started(state);
  assert.equal(new Set([first.hash, second.hash, third.hash]).size, 3);
});

test("an identity that is kept nowhere has nothing that lasts", async () => {
  await using identity = await ephemeralIdentity();
  assert.equal(await lastingListener(identity, ADDRESS), undefined);
});

test("an address that is none, and a secret that is too short, are said so", async (state) => {
  await using identity = await openIdentity({ name: "relay", state });
  await assert.rejects(lastingListener(identity, "nowhere"), UsageError);
  const resetSecret = new Uint8Array(31);
  await assert.rejects(
    directTransport.listen({ address: ADDRESS, alpns: [], resetSecret }),
    { name: "UsageError", message: /31 bytes, not 32/ },
  );
});
