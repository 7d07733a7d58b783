/** `xoq moq` and aiomoqt: each one's publishers and subscribers with the other's, by way of its relay. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { AiomoqtRelay, MoqtPeer, noAiomoqtRelay, type PeerObject } from "../support/aiomoqt.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { runXoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic(), noAiomoqtRelay);
const SCHEMES = ["moqt", "https"] as const;
const GROUPS = 20;
const OBJECTS = 5;
const SIZE = 700;

/** The bytes that the Python publisher sends as an object. */
function payload(group: number, object: number): Uint8Array {
  const piece = `${group}.${object};`;
  return new TextEncoder().encode(piece.repeat(SIZE)).subarray(0, SIZE);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const WANTED: PeerObject[] = Array.from({ length: GROUPS * OBJECTS }, (_, index) => {
  const [group, object] = [Math.floor(index / OBJECTS), index % OBJECTS];
  return { group, object, sha256: sha256(payload(group, object)) };
});

/** A file whose pieces of {@link SIZE} bytes are those objects. */
async function file(): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "xoq-moq-" });
  const bytes = WANTED.flatMap(({ group, object }) => [...payload(group, object)]);
  await Deno.writeFile(path, new Uint8Array(bytes));
  return path;
}

function inOrder(objects: readonly PeerObject[]): PeerObject[] {
  return objects.toSorted((a, b) => a.group - b.group || a.object - b.object);
}

/** Datagrams that overtake the answer to SUBSCRIBE are lost, as datagrams may be; no byte is wrong. */
function same(objects: readonly PeerObject[]): void {
  assert.ok(objects.length > WANTED.length / 2, `${objects.length} came`);
  const wanted = new Map(WANTED.map((it) => [`${it.group}.${it.object}`, it.sha256]));
  for (const { group, object, sha256 } of objects) {
    assert.equal(sha256, wanted.get(`${group}.${object}`), `${group}.${object}`);
  }
}

/** What `xoq moq sub --format json` wrote. */
function received(stdout: Uint8Array): PeerObject[] {
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line))
    .filter(({ kind, status }) => kind === "object" && status === undefined)
    .map(({ group, object, text }) => ({
      group,
      object,
      sha256: sha256(new TextEncoder().encode(text)),
    }));
}

const publish = (...args: string[]) => [
  ...["moq", "pub", "--insecure", "--split", "bytes", "--size", `${SIZE}`],
  ...["--group", `${OBJECTS}`, "--json", ...args],
];

for (const scheme of SCHEMES) {
  for (const version of VERSIONS) {
    const common = ["--draft", `${version}`];
    const way = `draft ${version}, ${scheme}`;

    Deno.test({
      name: `${way}: aiomoqt's relay passes our cases; objects go both ways, byte for byte`,
      ignore,
      async fn() {
        await using relay = await AiomoqtRelay.start();
        const url = relay.url(scheme);
        const { code, stdout } = await runXoq([
          ...["moq", "interop", "-r", url, "--tls-disable-verify", ...common],
        ], { timeoutMs: 60_000 });
        const tap = new TextDecoder().decode(stdout);
        assert.equal(
          code,
          0,
          tap.split("\n").filter((line) => /not ok|received/.test(line)).join(),
        );
        assert.equal(tap.match(/^ok /gm)?.length, 14);
        assert.match(tap, new RegExp(`moqt_version: "moqt-${version}"`));

        const path = await file();
        const ours = [...common, "--namespace", "ours"];
        await using publisher = xoq(publish(url, path, ...ours));
        await publisher.until("session");
        await using subscriber = new MoqtPeer(["sub", url, ...ours]);
        await subscriber.says("done");
        assert.deepEqual(inOrder(subscriber.objects), WANTED);
        assert.equal((await publisher.exit()).code, 0);
        await Deno.remove(path);

        const theirs = [...common, "--namespace", "theirs"];
        await using peer = new MoqtPeer(["pub", url, ...theirs]);
        await peer.says("ready");
        const got = await runXoq([
          ...["moq", "sub", url, "--insecure", "--format", "json", ...theirs],
        ]);
        assert.equal(got.code, 0, got.stderr);
        assert.deepEqual(received(got.stdout), WANTED);
      },
    });
  }
}

for (const version of VERSIONS) {
  const common = ["--draft", `${version}`];

  Deno.test({
    name: `draft ${version}: datagrams go both ways between xoq moq and aiomoqt`,
    ignore,
    async fn() {
      await using relay = await AiomoqtRelay.start();
      const url = relay.url("moqt");
      {
        await using publisher = new MoqtPeer(["pub", url, "--datagrams", ...common]);
        await publisher.says("ready");
        const { code, stdout, stderr } = await runXoq([
          ...["moq", "sub", url, "--insecure", "--format", "json", ...common],
        ]);
        assert.equal(code, 0, stderr);
        const lines = new TextDecoder().decode(stdout).split("\n");
        assert.ok(lines[0]!.includes('"datagram":true'), lines[0]);
        same(received(stdout));
      }
      const path = await file();
      await using publisher = xoq(publish(url, path, "--datagrams", "--rate", "500", ...common));
      await publisher.until("session");
      await using subscriber = new MoqtPeer(["sub", url, ...common]);
      await subscriber.says("done");
      same(subscriber.objects);
      await Deno.remove(path);
    },
  });
}

for (const scheme of SCHEMES) {
  Deno.test({
    name: `${scheme}: xoq moq pub and sub are servers themselves for aiomoqt's clients`,
    ignore,
    async fn() {
      const path = await file();
      {
        await using server = xoq(publish("--listen", "127.0.0.1:0", path));
        const { address } = await server.until("listening");
        await using subscriber = new MoqtPeer(["sub", `${scheme}://${address}/`]);
        await subscriber.says("done");
        assert.deepEqual(inOrder(subscriber.objects), WANTED);
        assert.equal((await server.exit()).code, 0);
      }
      const out = await Deno.makeTempFile({ prefix: "xoq-moq-" });
      await using server = xoq([
        ...["moq", "sub", "--listen", "127.0.0.1:0", "--out", out, "--json"],
      ]);
      const { address } = await server.until("listening");
      await using publisher = new MoqtPeer(["pub", `${scheme}://${address}/`]);
      await publisher.says("ready");
      assert.equal((await server.exit()).code, 0);
      assert.equal(sha256(await Deno.readFile(out)), sha256(await Deno.readFile(path)));
      await Promise.all([Deno.remove(path), Deno.remove(out)]);
    },
  });
}
