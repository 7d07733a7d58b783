/** FETCH through `xoq relay` over QUIC and WebTransport, from one draft to another. */
import assert from "node:assert/strict";
import { decodeHex } from "../../lib/bytes/text.ts";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { connect } from "../../lib/moq_tools/connect.ts";
import { Archive } from "../relay/archive.ts";
import { TRACK } from "../relay/support.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { runXoq, type Xoq, xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic());
const SCHEMES = ["moqt", "https"] as const;

class Stage implements AsyncDisposable {
  readonly #process: Xoq;
  readonly #sessions: MoqtSession[] = [];
  readonly #trust: { certificateHashes: Uint8Array[] };
  readonly address: string;
  readonly hash: string;

  private constructor(process: Xoq, ready: Readonly<Record<string, unknown>>) {
    this.#process = process;
    this.address = String(ready["address"]);
    this.hash = String(ready["certificate_hash"]);
    this.#trust = { certificateHashes: [decodeHex(this.hash)] };
  }

  static async begin(): Promise<Stage> {
    const process = xoq(["relay", "--listen", "127.0.0.1:0", "--public", "--json"]);
    return new Stage(process, await process.until("ready"));
  }

  async come(scheme: string, version: Version, handlers: RequestHandlers = {}) {
    const session = await connect(`${scheme}://${this.address}/`, {
      versions: [version],
      trust: this.#trust,
      handlers,
    });
    this.#sessions.push(session);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) await session.close();
    await this.#process[Symbol.asyncDispose]();
  }
}

async function names(items: AsyncIterable<FetchItem>): Promise<string[]> {
  const found: string[] = [];
  for await (const item of items) {
    if (item.kind === "object") found.push(`${item.group}/${item.id}`);
  }
  return found;
}

for (const [index, from] of VERSIONS.entries()) {
  // Every draft once as the publisher's and once as the subscriber's, each over both.
  const to = VERSIONS[(index + 2) % VERSIONS.length]!;
  const scheme = SCHEMES[index % 2]!;
  const other = SCHEMES[(index + 1) % 2]!;
  Deno.test({
    name:
      `fetches of draft ${to} over ${other} are put together for a draft ${from} publisher over ${scheme}`,
    ignore,
    async fn() {
      await using stage = await Stage.begin();
      const archive = new Archive([0, 1, 2, 3].map((group) => [group, [0, 1, 2]]));
      const publisher = await stage.come(scheme, from, archive.handlers);
      await publisher.publishNamespace(TRACK.namespace).ready;
      const viewer = await stage.come(other, to);
      const parameters = { filter: { from: "largest-object" } } as const;
      const subscription = viewer.subscribe(TRACK, { parameters });
      await subscription.ready;
      // Both joins and the range, of which a part is there each time.
      const relative = viewer.join(subscription, { groupsBack: 1 });
      assert.deepEqual(await names(relative), ["2/0", "2/1", "2/2", "3/0", "3/1", "3/2"]);
      const absolute = viewer.join(subscription, { group: 1 });
      assert.deepEqual((await names(absolute)).length, 9);
      await archive.publish(4, [0, 1], false);
      const live: string[] = [];
      for await (const { group, id } of subscription.objects()) {
        live.push(`${group}/${id}`);
        if (live.length === 2) break;
      }
      assert.deepEqual(live, ["4/0", "4/1"]);
      for (const groupOrder of ["ascending", "descending"] as const) {
        const [start, end] = [{ group: 0, object: 1 }, { group: 4, object: 1 }];
        const past = viewer.fetch({ track: TRACK, start, end }, { parameters: { groupOrder } });
        assert.deepEqual(await names(past), archive.expected(start, end, groupOrder));
      }
      assert.deepEqual(archive.asked.map((asked) => asked.split(" ")[0]).slice(0, 3), [
        "2/0-3/3",
        "1/0-1/0",
        "0/1-0/0",
      ]);
    },
  });
}

Deno.test({
  name: "xoq moq sub asks xoq relay for objects by their numbers",
  ignore,
  async fn() {
    await using stage = await Stage.begin();
    const archive = new Archive([[0, [0]]]);
    const publisher = await stage.come("moqt", 22, archive.handlers);
    await publisher.publishNamespace(TRACK.namespace).ready;
    const sub = (...args: string[]) =>
      runXoq([
        ...["moq", "sub", `https://${stage.address}`, "--cert-hash", stage.hash],
        ...["--namespace", "example.com/cam", "--track", "video", "--format", "json", ...args],
      ]);
    const wanted = sub("--filter", "largest objects=1-2,5- subgroups=1", "--count", "2");
    while (archive.subscribers === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await archive.publish(1, [0, 1, 2, 3, 4, 5, 6], true);
    const { code, stdout, stderr } = await wanted;
    assert.equal(code, 0, stderr);
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((item) => item["kind"] === "object");
    assert.deepEqual(objects.map((item) => `${item["group"]}/${item["object"]}`), ["1/1", "1/5"]);
    const older = await sub("--filter", "objects=0", "--draft", "18", "--timeout", "1s");
    assert.notEqual(older.code, 0);
    assert.match(older.stderr, /no range filters/);
  },
});
