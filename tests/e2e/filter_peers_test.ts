/** Range filters and fetches, as aiomoqt's relay and ours understand them. */
import assert from "node:assert/strict";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import { connect } from "../../lib/moq_tools/connect.ts";
import { Archive } from "../relay/archive.ts";
import { TRACK } from "../relay/support.ts";
import { AiomoqtRelay, noAiomoqtRelay } from "../support/aiomoqt.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";

const { ignore } = requires(whyNoNativeQuic(), noAiomoqtRelay);

/** Objects 1 to 2 and from 5 on, of the odd subgroup, or object 4. */
const FILTERS = {
  objectRanges: [
    { set: 0, ranges: [{ start: 1n, end: 2n }, { start: 5n }] },
    { set: 7, ranges: [{ start: 4n, end: 4n }] },
  ],
  subgroupRanges: [{ set: 0, ranges: [{ start: 1n, end: 1n }] }],
};

async function filtered(url: string, version: Version): Promise<string[]> {
  const sessions: MoqtSession[] = [];
  const come = async (handlers = {}) => {
    const session = await connect(url, {
      versions: [version],
      trust: { insecure: true },
      handlers,
    });
    sessions.push(session);
    return session;
  };
  try {
    const archive = new Archive([[0, [0]]]);
    await (await come(archive.handlers)).publishNamespace(TRACK.namespace).ready;
    const subscriber = await come();
    assert.ok((subscriber.peer.maxFilterRanges ?? 0) >= 3);
    const subscription = subscriber.subscribe(TRACK, { parameters: FILTERS });
    await subscription.ready;
    await archive.publish(1, [0, 1, 2, 3, 4, 5, 6, 7], true);
    const found: string[] = [];
    for await (const { group, id, status } of subscription.objects()) {
      if (status === "normal") found.push(`${group}/${id}`);
      if (found.length === 4) break;
    }
    return found.toSorted();
  } finally {
    for (const session of sessions) await session.close();
  }
}

for (const version of [20, 22] as const) {
  Deno.test({
    name: `draft ${version}: aiomoqt's relay and ours pick the same objects`,
    ignore,
    async fn() {
      await using theirs = await AiomoqtRelay.start();
      await using ours = xoq(["relay", "--listen", "127.0.0.1:0", "--public", "--json"]);
      const { address } = await ours.until("ready");
      const expected = ["1/1", "1/4", "1/5", "1/7"];
      assert.deepEqual(await filtered(`moqt://${String(address)}/`, version), expected);
      assert.deepEqual(await filtered(theirs.url("moqt"), version), expected);
    },
  });
}
