import assert from "node:assert/strict";
import { join } from "node:path";
import { DeniedError } from "../../lib/errors.ts";
import type { Grant } from "../../lib/transport/grant.ts";
import { NonceStore } from "../../lib/transport/nonce_store.ts";

const NOW = Date.UTC(2026, 0, 1);
const FUTURE = Date.now() / 1000 + 3600;
const ALICE = "a".repeat(64);
const BOB = "b".repeat(64);

function grant(n: number, expires?: number, once = true): Grant {
  const nonce = n.toString(16).padStart(24, "0");
  return { rights: "view", once, expires, nonce, device: undefined, endpointId: "e".repeat(64) };
}

async function withFile(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(join(folder, "nonces"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a one-time grant opens for its first holder only, who may come again", async () => {
  await using store = await NonceStore.open();
  await store.claim(grant(1), ALICE);
  await store.claim(grant(1), ALICE);
  await assert.rejects(store.claim(grant(1), BOB), DeniedError);
  await store.claim(grant(2), BOB);
  assert.equal(store.size, 2);
});

Deno.test("of two that come at once, one gets in", async () => {
  await withFile(async (path) => {
    await using store = await NonceStore.open(path);
    const both = await Promise.allSettled([
      store.claim(grant(1), ALICE),
      store.claim(grant(1), BOB),
    ]);
    assert.deepEqual(both.map((one) => one.status), ["fulfilled", "rejected"]);
  });
});

Deno.test("grants for many are not remembered", async () => {
  await using store = await NonceStore.open();
  await store.claim(grant(1, undefined, false), ALICE);
  await store.claim(grant(1, undefined, false), BOB);
  assert.equal(store.size, 0);
});

Deno.test("what was used is remembered across restarts, in a file for the user alone", async () => {
  await withFile(async (path) => {
    {
      await using store = await NonceStore.open(path);
      await store.claim(grant(1), ALICE);
      await store.claim(grant(2, Math.ceil(FUTURE)), BOB);
    }
    if (Deno.build.os !== "windows") assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    await using store = await NonceStore.open(path);
    await assert.rejects(store.claim(grant(1), BOB), DeniedError);
    await assert.rejects(store.claim(grant(2), ALICE), DeniedError);
    await store.claim(grant(1), ALICE);
  });
});

Deno.test("what has expired is forgotten when the store is opened", async () => {
  await withFile(async (path) => {
    await Deno.writeTextFile(
      path,
      `${grant(1).nonce} ${NOW / 1000} ${ALICE}\n${grant(2).nonce} ${NOW / 1000 + 1} ${ALICE}\n` +
        `${grant(3).nonce} 0 ${ALICE}\n`,
    );
    await using store = await NonceStore.open(path, NOW);
    assert.equal(store.size, 2);
    assert.equal((await Deno.readTextFile(path)).split("\n").length, 3);
  });
});

Deno.test("a file cut by a crash, or spoiled, loses no whole line", async () => {
  await withFile(async (path) => {
    await Deno.writeTextFile(path, `garbage\n${grant(1).nonce} 0 ${ALICE}\n${grant(2).nonce} 0 bb`);
    {
      await using store = await NonceStore.open(path);
      assert.equal(store.size, 1);
      await store.claim(grant(3), BOB);
    }
    await using store = await NonceStore.open(path);
    assert.equal(store.size, 2);
    await assert.rejects(store.claim(grant(3), ALICE), DeniedError);
  });
});

Deno.test("a full store refuses rather than forgets, until something expires", async () => {
  await using store = await NonceStore.open(undefined, NOW, 2);
  await store.claim(grant(1), ALICE);
  await store.claim(grant(2, 1), ALICE);
  await store.claim(grant(3), ALICE); // grant 2 has expired by the real clock
  await assert.rejects(store.claim(grant(4), ALICE), /no more fit/);
});

Deno.test("after closing nothing is admitted, and closing twice is no error", async () => {
  const store = await NonceStore.open();
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await assert.rejects(store.claim(grant(1), ALICE), DeniedError);
});
