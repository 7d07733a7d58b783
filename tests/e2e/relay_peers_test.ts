/** `xoq relay` and aiomoqt: its interop client, its publishers and its subscribers, in all drafts. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { aiomoqtProgram, MoqtPeer, noAiomoqt } from "../support/aiomoqt.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { type Xoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic(), noAiomoqt);
const SCHEMES = ["moqt", "https"] as const;

/** What a run without a case tries, and what it leaves out. */
const MORE_CASES = ["fetch", "join"];
const CASES = 12;

async function relay(): Promise<{ process: Xoq; url: (scheme: string) => string }> {
  const process = xoq(["relay", "--listen", "127.0.0.1:0", "--public", "--json"]);
  const { address } = await process.until("ready");
  return { process, url: (scheme) => `${scheme}://${String(address)}/` };
}

async function interop(url: string, draft: number, ...more: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(aiomoqtProgram("moq-interop-client"), {
    args: ["-r", url, "--draft", `${draft}`, "--tls-disable-verify", ...more],
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

for (const scheme of SCHEMES) {
  for (const version of VERSIONS) {
    Deno.test({
      name: `draft ${version}, ${scheme}: moq-interop-client passes every case`,
      ignore,
      async fn() {
        const { process, url } = await relay();
        await using _ = process;
        const results = [await interop(url(scheme), version)];
        for (const name of MORE_CASES) {
          results.push(await interop(url(scheme), version, "-t", name));
        }
        const tap = results.join("\n");
        assert.doesNotMatch(tap, /^not ok/m, tap);
        assert.equal(tap.match(/^ok \d+ - /gm)?.length, CASES + MORE_CASES.length, tap);
      },
    });
  }
}

const GROUPS = 20;
const OBJECTS = 5;
const SIZE = 700;

/** What the Python publisher sends. */
const WANTED = Array.from({ length: GROUPS * OBJECTS }, (_, index) => {
  const [group, object] = [Math.floor(index / OBJECTS), index % OBJECTS];
  const bytes = new TextEncoder().encode(`${group}.${object};`.repeat(SIZE)).subarray(0, SIZE);
  return { group, object, sha256: createHash("sha256").update(bytes).digest("hex") };
});

for (const [index, from] of VERSIONS.entries()) {
  const to = VERSIONS[VERSIONS.length - 1 - index]!;
  const [theirs, ours] = index % 2 === 0 ? SCHEMES : SCHEMES.toReversed();
  Deno.test({
    name: `draft ${from} over ${theirs!} to draft ${to} over ${ours!}: every byte arrives`,
    ignore,
    async fn() {
      const { process, url } = await relay();
      await using _ = process;
      await using publisher = new MoqtPeer(["pub", url(theirs!), "--draft", `${from}`]);
      await publisher.says("ready");
      await using subscriber = new MoqtPeer(["sub", url(ours!), "--draft", `${to}`]);
      await subscriber.says("done");
      const got = subscriber.objects.toSorted((a, b) => a.group - b.group || a.object - b.object);
      assert.deepEqual(got, WANTED);
    },
  });
}
