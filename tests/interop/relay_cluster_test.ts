/** moq-relay as a client of `xoq relay`: what either has, the other's clients receive. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "../../lib/moq_tools/connect.ts";
import { directTransport } from "../../lib/moq_tools/direct.ts";
import {
  connectLite,
  LiteBroadcast,
  type LiteSession,
  LiteTrackSource,
} from "../../lib/moqt/lite/mod.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { MoqRelay, noMoqRelay } from "../support/moq_relay.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";

const GROUPS = 25;
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function payload(seed: number): Uint8Array {
  const bytes = new Uint8Array(seed % 5 === 0 ? 60_000 : 10 + seed);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, seed + 11) >>> 3;
  return bytes;
}

async function come(address: string): Promise<LiteSession> {
  const transport = await directTransport();
  return await connectLite(
    await transport.dial(`https://${address}/`, {
      protocols: ["moql"],
      trust: { insecure: true },
    }),
  );
}

async function announced(session: LiteSession, path: string): Promise<void> {
  for await (const news of session.announced()) if (news.path === path && news.active) return;
  throw new Error(`${path} was not announced`);
}

/** Publishes at one relay and receives at the other. */
async function carry(from: string, to: string, path: string): Promise<void> {
  await using publisher = await come(from);
  const wanted = Promise.withResolvers<void>();
  const track = new LiteTrackSource({ lateGroups: 1000, onDemand: () => wanted.resolve() });
  publisher.publish(path, new LiteBroadcast({ onTrack: () => track }));
  await using subscriber = await come(to);
  await within(announced(subscriber, path), 10_000, () => `${path} at the other relay`);
  const subscription = subscriber.subscribe(path, "video", { maxGroups: 1000, late: "deliver" });
  await within(wanted.promise, 10_000, () => "the subscription at the publisher");
  const sent = new Map<number, string>();
  const received = new Map<number, string>();
  const reading = (async () => {
    for await (const group of subscription.groups()) {
      for await (const frame of group) received.set(group.sequence, hash(frame));
      if (received.size === GROUPS) return;
    }
  })();
  for (let seed = 0; seed < GROUPS; seed++) {
    const bytes = payload(seed);
    track.writeGroup(bytes);
    sent.set(track.sequence, hash(bytes));
    await track.drained();
  }
  await within(reading, 15_000, () => `${GROUPS} groups (${received.size} came)`);
  assert.deepEqual([...received].toSorted(([a], [b]) => a - b), [...sent]);
}

const OFFERS = [
  { name: "what it offers by itself", args: [], draft: "moq-lite-02" },
  { name: "moq-lite-02", args: ["--connect-version", "moq-lite-02"], draft: "moq-lite-02" },
  { name: "moq-lite-01", args: ["--connect-version", "moq-lite-01"], draft: "moq-lite-01" },
];

for (const { name, args, draft } of OFFERS) {
  Deno.test({
    name: `moq-relay joins xoq relay with ${name}: tracks go both ways`,
    ...requires(noMoqRelay),
    async fn() {
      await using ours = xoq(["relay", "--public", "--json", "--listen", "127.0.0.1:0"]);
      const address = String((await ours.until("ready"))["address"]);
      await using theirs = await MoqRelay.start(0, [
        ...["--cluster-connect", `https://${address}/`, "--connect-tls-insecure", ...args],
      ]);
      assert.equal((await ours.until("client"))["draft"], draft);
      const there = `127.0.0.1:${theirs.port}`;
      await carry(there, address, "there/cam");
      await carry(address, there, "here/cam");

      // A publisher there reaches a subscriber of the newest draft here.
      await using publisher = await come(there);
      const track = new LiteTrackSource({ lateGroups: 1000 });
      publisher.publish("room/cam", new LiteBroadcast({ onTrack: () => track }));
      await using session = await connect(`moqt://${address}/`, { trust: { insecure: true } });
      await within(announced(await come(address), "room/cam"), 10_000, () => "room/cam");
      const subscription = session.subscribe(trackName(["room", "cam"], "video"));
      await subscription.ready;
      const ticking = setInterval(() => track.writeGroup(payload(7)), 20);
      try {
        const { value } = await within(
          subscription.objects()[Symbol.asyncIterator]().next(),
          10_000,
          () => "an object",
        );
        assert.deepEqual(value!.payload, payload(7));
      } finally {
        clearInterval(ticking);
      }
    },
  });
}
