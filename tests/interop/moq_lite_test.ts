import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  connectLite,
  LiteBroadcast,
  type LiteSession,
  LiteStreamError,
} from "../../lib/moqt/lite/mod.ts";
import { dialSession } from "../../lib/moqt/dial.ts";
import { namespace, trackName, TrackSource } from "../../lib/moqt/mod.ts";
import { directTransport } from "../../lib/moq_tools/direct.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";
import { MoqRelay, noMoqRelay } from "../support/moq_relay.ts";

/**
 * Over WebTransport the URL's path is the root of what a session sees; plain QUIC tells moq-lite-02 no
 * path, so that everything is seen.
 */
const WAYS = [
  { scheme: "https", root: "room", protocols: ["moql"], name: "WebTransport" },
  { scheme: "https", root: "room", protocols: [], name: "WebTransport with nothing negotiated" },
  { scheme: "moqt", root: "", protocols: ["moql"], name: "QUIC" },
] as const;

const SEED = 0x1234_5678;

/** The same bytes each time, hardly compressible. */
function bytes(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  let state = seed ^ SEED;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    out[i] = state >>> 24;
  }
  return out;
}

async function session(relay: MoqRelay, way: typeof WAYS[number]): Promise<LiteSession> {
  return await connectLite(await relay.dial(way.scheme, way.protocols, way.root));
}

async function announced(session: LiteSession, path: string, active: boolean): Promise<void> {
  const heard = session.announced();
  for await (const news of heard) {
    if (news.path === path && news.active === active) return;
  }
  throw new Error(`${path} was not announced`);
}

for (const way of WAYS) {
  Deno.test({
    name: `moq-lite-02 through moq-relay over ${way.name}: every byte arrives`,
    ...requires(noMoqRelay),
    async fn() {
      await using relay = await MoqRelay.start();
      await using publisher = await session(relay, way);
      assert.equal(publisher.version, 2);
      await using subscriber = await session(relay, way);
      const broadcast = new LiteBroadcast();
      const wanted = Promise.withResolvers<void>();
      const track = broadcast.track("video", {
        lateGroups: 1_000,
        onDemand: () => wanted.resolve(),
      });
      publisher.publish("cam/front", broadcast);
      await within(announced(subscriber, "cam/front", true), 5_000, () => "the announcement");

      const subscription = subscriber.subscribe("cam/front", "video", {
        priority: 7,
        maxGroups: 1_000,
        late: "deliver",
      });
      await within(subscription.ready, 5_000, () => "SUBSCRIBE_OK");
      // The relay says so before it has asked for the track itself.
      await within(wanted.promise, 5_000, () => "the relay's own subscription");
      const sent = new Map<number, string>();
      for (let group = 0; group < 60; group++) {
        const sequence = track.startGroup();
        const hash = createHash("sha256");
        for (let frame = 0; frame < 4; frame++) {
          const payload = bytes(frame === 0 ? 40_000 : 1 + group * 13, group * 16 + frame);
          hash.update(payload);
          track.write(payload);
        }
        track.endGroup();
        sent.set(sequence, hash.digest("hex"));
        // Relays, too, let go of groups that are late.
        await track.drained();
      }
      const received = new Map<number, string>();
      const all = async () => {
        for await (const group of subscription.groups()) {
          const hash = createHash("sha256");
          let frames = 0;
          for await (const frame of group) {
            hash.update(frame);
            frames++;
          }
          assert.equal(frames, 4);
          received.set(group.sequence, hash.digest("hex"));
          if (received.size === sent.size) return;
        }
      };
      await within(all(), 20_000, () => `60 groups (${received.size} came)`);
      assert.deepEqual([...received].sort(([a], [b]) => a - b), [...sent]);
    },
  });

  Deno.test({
    name: `moq-lite-02 through moq-relay over ${way.name}: a slow reader gets the latest`,
    ...requires(noMoqRelay),
    async fn() {
      await using relay = await MoqRelay.start();
      await using publisher = await session(relay, way);
      await using subscriber = await session(relay, way);
      const broadcast = new LiteBroadcast();
      const track = broadcast.track("state", { lateGroups: 1_000 });
      publisher.publish("robot", broadcast);
      await within(announced(subscriber, "robot", true), 5_000, () => "the announcement");
      const subscription = subscriber.subscribe("robot", "state", { maxGroups: 1 });
      await subscription.ready;
      const seen: number[] = [];
      const last = 199;
      const reading = (async () => {
        for await (const group of subscription.groups()) {
          try {
            for await (const frame of group) {
              seen.push(new DataView(frame.slice().buffer).getUint32(0));
            }
          } catch (error) {
            assert.ok(error instanceof LiteStreamError);
          }
          if (seen.at(-1) === last) return;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      })();
      for (let i = 0; i <= last; i++) {
        const payload = new Uint8Array(20_000);
        new DataView(payload.buffer).setUint32(0, i);
        track.writeGroup(payload);
        await track.drained();
      }
      await within(reading, 10_000, () => `the last of ${seen.join()}`);
      assert.ok(seen.length < last, `${seen.length} of them`);
      assert.equal(seen.at(-1), last);
    },
  });

  Deno.test({
    name: `moq-lite-02 through moq-relay over ${way.name}: a publisher goes and comes back`,
    ...requires(noMoqRelay),
    async fn() {
      await using relay = await MoqRelay.start();
      await using subscriber = await session(relay, way);
      const heard = subscriber.announced()[Symbol.asyncIterator]();
      const news = () => within(heard.next(), 10_000, () => "the next announcement");
      for (const text of ["first", "second"]) {
        const publisher = await session(relay, way);
        const broadcast = new LiteBroadcast();
        const track = broadcast.track("t");
        publisher.publish("cam", broadcast);
        assert.deepEqual((await news()).value, { path: "cam", active: true });
        const subscription = subscriber.subscribe("cam", "t");
        await subscription.ready;
        track.writeGroup(new TextEncoder().encode(text));
        const { value } = await within(subscription.groups().next(), 5_000, () => "a group");
        const [frame] = await Array.fromAsync(value!);
        assert.equal(new TextDecoder().decode(frame), text);
        if (text === "first") await publisher.close();
        else {
          await broadcast.end();
          await publisher.close();
        }
        assert.deepEqual((await news()).value, { path: "cam", active: false });
        await subscription.close();
      }
      await heard.return!(undefined);
    },
  });
}

Deno.test({
  name: "moq-lite-02 through moq-relay: what is published over QUIC is seen over WebTransport",
  ...requires(noMoqRelay),
  async fn() {
    const [wide, , plain] = WAYS;
    await using relay = await MoqRelay.start();
    await using publisher = await session(relay, plain);
    await using subscriber = await session(relay, wide);
    const broadcast = new LiteBroadcast();
    const track = broadcast.track("video");
    publisher.publish("room/cam", broadcast);
    await within(announced(subscriber, "cam", true), 5_000, () => "the announcement");
    const subscription = subscriber.subscribe("cam", "video");
    await subscription.ready;
    track.writeGroup(bytes(100_000, 1));
    const { value } = await within(subscription.groups().next(), 5_000, () => "a group");
    const [frame] = await Array.fromAsync(value!);
    assert.deepEqual(frame, bytes(100_000, 1));
    // Who publishes is asked only after the relay has agreed.
    for (const [broadcast, name] of [["cam", "none"], ["nowhere", "video"]] as const) {
      const refused = subscriber.subscribe(broadcast, name);
      await assert.rejects(within(refused.closed, 5_000, () => "the refusal"), LiteStreamError);
    }
  },
});

Deno.test({
  name: "moq-relay joins moq-lite-02 and MoQT: each receives what the other publishes",
  ...requires(noMoqRelay),
  async fn() {
    await using relay = await MoqRelay.start();
    await using lite = await session(relay, WAYS[2]);
    const source = new TrackSource();
    const wanted = Promise.withResolvers<void>();
    const { session: moqt } = await dialSession(await directTransport(), relay.url("moqt"), {
      trust: { insecure: true },
      handlers: {
        subscribe: (request) => {
          source.accept(request);
          wanted.resolve();
        },
      },
    });
    const payload = bytes(50_000, 2);

    const broadcast = new LiteBroadcast();
    const track = broadcast.track("video");
    lite.publish("room/lite", broadcast);
    await using witness = await session(relay, WAYS[2]);
    await within(announced(witness, "room/lite", true), 5_000, () => "the announcement");
    const subscription = moqt.subscribe(trackName(["room", "lite"], "video"));
    await within(subscription.ready, 5_000, () => "SUBSCRIBE_OK");
    track.writeGroup(payload);
    const received = (async () => {
      for await (const group of subscription.groups()) {
        for await (const item of group.objects) {
          if (item.kind === "object") return item.payload;
        }
      }
      return undefined;
    })();
    assert.deepEqual(await within(received, 5_000, () => "a group of MoQT"), payload);

    const offer = moqt.publishNamespace(namespace("room", "moqt"));
    await within(offer.ready, 5_000, () => "the relay takes the namespace");
    await within(announced(lite, "room/moqt", true), 5_000, () => "the announcement");
    const back = lite.subscribe("room/moqt", "video");
    await within(back.ready, 5_000, () => "SUBSCRIBE_OK");
    const groups = back.groups();
    await within(wanted.promise, 5_000, () => "the relay's own subscription");
    source.startGroup();
    source.write({ payload });
    source.endGroup();
    const { value } = await within(groups.next(), 5_000, () => "a group of moq-lite");
    const [frame] = await Array.fromAsync(value!);
    assert.deepEqual(frame, payload);
    await groups.return();
    await moqt.close();
  },
});
