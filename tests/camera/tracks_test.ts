import assert from "node:assert/strict";
import { CameraServer } from "../../lib/camera/serve.ts";
import type { VideoCodec } from "../../lib/media/frame.ts";
import {
  connect,
  deviceTrack,
  protocols,
  type ReceivedGroup,
  type ReceivedObject,
  trackDescription,
} from "../../lib/moqt/mod.ts";
import { SessionServer } from "../../lib/session/server.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { within } from "../support/process.ts";
import { FakePipeline } from "./fake_pipeline.ts";

function stage(codec: VideoCodec) {
  const network = new MemoryNetwork();
  const pipeline = new FakePipeline(codec);
  const camera = new CameraServer(pipeline, { name: "front", always: false });
  const endpoint = network.endpoint(SessionServer.protocols([camera]));
  const server = new SessionServer(endpoint, {
    devices: [camera],
    agent: "test",
    policy: { public: true, allow: new Set(), verify: () => Promise.reject(new Error("unasked")) },
  });
  return {
    pipeline,
    session: async (protocol = protocols()[0]!) =>
      await connect(await network.endpoint().connect(endpoint.address(), protocol)),
    async [Symbol.asyncDispose]() {
      await server.close();
      await endpoint.close();
      await camera.close();
    },
  };
}

/** The next group, and so many of its objects. */
async function read(groups: AsyncIterator<ReceivedGroup>, objects: number) {
  const { value } = await within(groups.next(), 5_000, () => "a group");
  const read: ReceivedObject[] = [];
  for await (const object of (value as ReceivedGroup).objects) {
    assert.equal(object.kind, "object");
    read.push(object as ReceivedObject);
    if (read.length === objects) break;
  }
  return read;
}

for (const protocol of protocols()) {
  Deno.test(`${protocol}: a group is a key frame and what depends on it, as the encoder gave them`, async () => {
    await using scene = stage("h264");
    const { pipeline } = scene;
    await using session = await scene.session(protocol);
    const subscription = session.subscribe(deviceTrack("front", "video"));
    const { properties } = await subscription.ready;
    assert.deepEqual(trackDescription(properties), {
      kind: "camera",
      format: "h264",
      width: 64,
      height: 48,
      fps: 30,
    });
    assert.equal(pipeline.running, true);
    assert.ok(pipeline.keyFramesAsked > 0);
    const groups = subscription.groups()[Symbol.asyncIterator]();
    pipeline.give(false);
    const given = [pipeline.give(true), pipeline.give(false), pipeline.give(false)];
    const first = await read(groups, 3);
    assert.deepEqual(first.map(({ payload }) => payload), given.map(({ data }) => data));
    assert.deepEqual(
      first.map(({ properties }) => properties),
      given.map(({ captureTime }) => [{ type: 0x786f70, value: BigInt(captureTime) }]),
    );
    const key = pipeline.give(true);
    const [second] = await read(groups, 1);
    assert.deepEqual(second?.payload, key.data);
    assert.equal(second?.group, first[0]!.group + 1);
  });
}

Deno.test("each JPEG is a group", async () => {
  await using scene = stage("jpeg");
  await using session = await scene.session();
  const subscription = session.subscribe(deviceTrack("front", "video"));
  await subscription.ready;
  const groups = subscription.groups()[Symbol.asyncIterator]();
  for (let n = 0; n < 3; n++) {
    const { data } = scene.pipeline.give(true);
    assert.deepEqual((await read(groups, 1))[0]?.payload, data);
  }
});

Deno.test("who joins gets a key frame soon, and the camera stops when nobody watches", async () => {
  await using scene = stage("h264");
  const { pipeline } = scene;
  await using session = await scene.session();
  const first = session.subscribe(deviceTrack("front", "video"));
  await first.ready;
  pipeline.give(true);
  await using other = await scene.session();
  const asked = pipeline.keyFramesAsked;
  const second = other.subscribe(deviceTrack("front", "video"));
  await second.ready;
  const deadline = performance.now() + 5_000;
  while (pipeline.keyFramesAsked === asked) {
    assert.ok(performance.now() < deadline, "a key frame is asked for");
    pipeline.give(false);
    await new Promise((next) => setTimeout(next, 10));
  }
  await first.close();
  await second.close();
  while (pipeline.running) {
    assert.ok(performance.now() < deadline, "the camera stops");
    await new Promise((next) => setTimeout(next, 10));
  }
});
