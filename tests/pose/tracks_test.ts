import assert from "node:assert/strict";
import { SocketAddress } from "../../ffi/udp.ts";
import { openPose, openPoseTracks, PoseStream } from "../../lib/client/pose.ts";
import { RemoteTracksPoseSource } from "../../lib/client/pose_source.ts";
import { connect, deviceTrack, protocols, trackDescription } from "../../lib/moqt/mod.ts";
import { Phone } from "../../lib/pose/phone.ts";
import { PoseServer } from "../../lib/pose/serve.ts";
import { encodeTeleCommand, encodeTelePose } from "../../lib/pose/wire/tele.ts";
import type { Attachment } from "../../lib/remote.ts";
import { attach } from "../../lib/session/attach.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { within } from "../support/process.ts";

const TOKEN = new TextEncoder().encode("K7QX2M");
const place = { x: 0.5, y: -1, z: 2, qx: 0, qy: 0, qz: 0, qw: 1 };

async function stage() {
  const network = new MemoryNetwork();
  const device = await PoseServer.open({
    name: "hand",
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    dialects: ["POSE", "TELE"],
  });
  const endpoint = network.endpoint(SessionServer.protocols([device]));
  const sessions = new SessionServer(endpoint, {
    devices: [device],
    agent: "test",
    policy: { public: true, allow: new Set(), verify: () => Promise.reject(new Error("unasked")) },
  });
  return {
    network,
    endpoint,
    device,
    phone: async () => {
      const receiver = new SocketAddress("127.0.0.1", device.port);
      const phone = await Phone.open({ receiver, dialect: "TELE", token: TOKEN });
      const accepted = Promise.withResolvers<void>();
      phone.onNotice = () => accepted.resolve();
      await within(accepted.promise, 5_000, () => "the ACK");
      return phone;
    },
    session: async (protocol: string) =>
      await connect(await network.endpoint().connect(endpoint.address(), protocol)),
    async [Symbol.asyncDispose]() {
      await sessions.close();
      await endpoint.close();
      await device.close();
    },
  };
}

const send = (phone: Phone, seq: number) =>
  phone.send(encodeTelePose({ seq, timestampUs: seq * 1_000, ...place }));
const next = (stream: PoseStream) => within(stream.next(), 5_000, () => "an event");

for (const protocol of protocols()) {
  Deno.test(`${protocol}: a phone's poses and events come as tracks, in the published form`, async () => {
    await using scene = await stage();
    await using session = await scene.session(protocol);
    await using stream = await openPoseTracks(session, "hand");
    await using phone = await scene.phone();
    assert.equal((await next(stream))?.type, "wifi_connected");
    send(phone, 5);
    const pose = await next(stream);
    assert.ok(pose?.type === "pose");
    assert.equal(pose.seq, 5);
    assert.deepEqual(pose.data.absolute_input, { movement_start: false, ...place });
    phone.send(encodeTeleCommand(1, 1));
    assert.deepEqual(await next(stream), { type: "command", name: "recording", value: true });
    // Nobody reads: the newest waits.
    for (let seq = 6; seq < 40; seq++) send(phone, seq);
    const deadline = performance.now() + 5_000;
    for (let seq = 0; seq !== 39;) {
      const event = await next(stream);
      assert.ok(event?.type === "pose");
      assert.ok(event.seq > seq, "never behind a newer one");
      seq = event.seq;
      assert.ok(performance.now() < deadline);
    }
    phone.bye();
    assert.deepEqual(await next(stream), { type: "wifi_disconnected", reason: "bye" });
    assert.throws(() => stream.haptic(0.5), { code: "unsupported" });
  });
}

Deno.test("who joins late has the events from then on, in order", async () => {
  await using scene = await stage();
  await using session = await scene.session(protocols()[0]!);
  await using early = await openPoseTracks(session, "hand");
  await using phone = await scene.phone();
  await using other = await scene.session(protocols()[0]!);
  await using late = await openPoseTracks(other, "hand");
  for (const value of [1, 0, 1, 0]) phone.send(encodeTeleCommand(1, value));
  assert.equal((await next(early))?.type, "wifi_connected");
  for (const stream of [early, late]) {
    for (const value of [true, false, true, false]) {
      assert.deepEqual(await next(stream), { type: "command", name: "recording", value });
    }
  }
});

Deno.test("a ticket's pose comes over MoQT as well", async () => {
  await using scene = await stage();
  await using stream = await openPose(scene.endpoint.id, scene.network.endpoint(), {
    over: "moqt",
  });
  await using phone = await scene.phone();
  assert.equal((await next(stream))?.type, "wifi_connected");
  send(phone, 1);
  assert.equal((await next(stream))?.type, "pose");
  assert.deepEqual(stream.stats(), { received: 1, stale: 0, malformed: 0, reconnects: 0 });
});

Deno.test("after a loss the tracks are subscribed to again", async () => {
  await using scene = await stage();
  const client = scene.network.endpoint();
  const attachments: Attachment[] = [];
  const source = new RemoteTracksPoseSource({
    label: "hand",
    policy: { timeoutMs: 5_000, reconnect: true },
    attach: async ({ signal }) => {
      const target = { address: scene.endpoint.address(), agent: "test" };
      const attachment = await attach(client, target, { signal, timeoutMs: 5_000 });
      attachments.push(attachment);
      return attachment;
    },
  });
  await using stream = new PoseStream(source, undefined);
  await within(stream.ready(), 5_000, () => "the first attachment");
  const again = Promise.withResolvers<void>();
  source.onAttached = () => again.resolve();
  await attachments[0]!.close();
  await within(again.promise, 5_000, () => "the second attachment");
  await using phone = await scene.phone();
  assert.equal((await next(stream))?.type, "wifi_connected");
  send(phone, 9);
  assert.equal((await next(stream))?.type, "pose");
  assert.equal(stream.stats().reconnects, 1);
});

Deno.test("the tracks say what they hold, and are attached only while somebody subscribes", async () => {
  await using scene = await stage();
  await using session = await scene.session(protocols()[0]!);
  const subscription = session.subscribe(deviceTrack("hand", "pose"));
  const { properties } = await subscription.ready;
  assert.deepEqual(trackDescription(properties), {
    kind: "pose",
    format: "json",
    events: ["pose"],
  });
  await assert.rejects(openPoseTracks(session, "foot"), { refusal: "does-not-exist" });
});
