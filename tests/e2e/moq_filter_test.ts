/** `xoq moq sub --filter` and `xoq moq pub --offer` as commands, all their values. */
import assert from "node:assert/strict";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { runXoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());

/** Objects of a group. */
const GROUP = 20;
const PACE = ["--rate", "200", "--group", `${GROUP}`, "--no-wait", "--insecure"];

/** Where objects were, of the lines that `--format json` writes. */
function places(stdout: Uint8Array): [number, number][] {
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return lines.map((line) => {
    const { kind, group, object } = JSON.parse(line);
    assert.equal(kind, "object", line);
    return [group, object];
  });
}

/** What a subscriber gets; ends after so many objects, or with its range. */
async function subscribe(url: string, filter: string | undefined, count?: number) {
  const args = filter === undefined ? [] : ["--filter", filter];
  if (count !== undefined) args.push("--count", `${count}`);
  const { code, stdout, stderr } = await runXoq(
    ["moq", "sub", url, "--insecure", "--format", "json", ...args],
    { timeoutMs: 30_000 },
  );
  assert.equal(code, 0, stderr);
  return places(stdout);
}

/** No place is left out. */
function checkWhole(got: readonly [number, number][]): void {
  const [[group, object]] = got as [[number, number]];
  const first = group * GROUP + object;
  got.forEach(([group, object], index) => assert.equal(group * GROUP + object, first + index));
}

for (const offer of ["namespace", "publish", "both"]) {
  Deno.test({
    name: `a track that is offered by ${offer} is subscribed to by every kind of filter`,
    ignore,
    fn: async () => {
      await using relay = xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
      const { urls } = await relay.until("ready") as unknown as { urls: string[] };
      const url = urls[0]!;
      await using publisher = xoq(["moq", "pub", url, "--offer", offer, ...PACE, "--json"]);
      await publisher.until("session");
      await publisher.until("stats");
      const [largest, all, next] = await Promise.all([
        subscribe(url, "largest", 25),
        subscribe(url, undefined, 25),
        subscribe(url, "next-group", 25),
      ]);
      for (const got of [largest, all, next]) checkWhole(got);
      assert.equal(next[0]![1], 0);
      // Well ahead of the publisher, whatever the others took.
      const ahead = Math.max(...[largest, all, next].map((got) => got.at(-1)![0])) + 30;
      const [from, range] = await Promise.all([
        subscribe(url, `${ahead}:3`, 5),
        subscribe(url, `${ahead}..${ahead + 1}`),
      ]);
      assert.deepEqual(from, [3, 4, 5, 6, 7].map((object) => [ahead, object]));
      assert.equal(range.length, 2 * GROUP);
      assert.deepEqual([range[0], range.at(-1)], [[ahead, 0], [ahead + 1, GROUP - 1]]);
      checkWhole(range);
    },
  });
}

Deno.test({
  name: "a subscriber that listens begins with a whole group where it asks for that",
  ignore,
  fn: async () => {
    await using subscriber = xoq([
      ...["moq", "sub", "--listen", "127.0.0.1:0", "--filter", "next-group", "--count", "25"],
      ...["--out", "-", "--format", "json", "--json"],
    ]);
    const { urls } = await subscriber.until("listening") as unknown as { urls: string[] };
    await using _publisher = xoq(["moq", "pub", urls[0]!, "--offer", "publish", ...PACE]);
    assert.equal((await subscriber.exit()).code, 0);
    const lines = subscriber.printed.filter((line) => line.includes('"kind"')).join("\n");
    const got = places(new TextEncoder().encode(lines));
    assert.equal(got.length, 25);
    assert.equal(got[0]![1], 0);
    checkWhole(got);
  },
});
