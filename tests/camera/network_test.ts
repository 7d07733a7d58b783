import assert from "node:assert/strict";
import { RemoteCamera, type RemoteCameraEvent } from "../../lib/camera/remote_camera.ts";
import { CameraServer } from "../../lib/camera/serve.ts";
import { encodePicture } from "../../lib/camera/wire.ts";
import { DeniedError, LostError, UnreachableError } from "../../lib/errors.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";
import type { AttachPolicy } from "../../lib/remote.ts";
import { attach } from "../../lib/session/attach.ts";
import { SessionServer } from "../../lib/session/server.ts";
import type { EndpointAddress } from "../../lib/transport/connection.ts";
import { type MemoryEndpoint, MemoryNetwork } from "../../lib/transport/memory.ts";
import { FakePipeline } from "./fake_pipeline.ts";

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 8_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 8 s: ${what}`);
    await new Promise((next) => setTimeout(next, 2));
  }
}

/** A served camera on a network in memory. */
class Stage implements AsyncDisposable {
  readonly network = new MemoryNetwork();
  readonly pipeline: FakePipeline;
  readonly camera: CameraServer;
  endpoint: MemoryEndpoint;
  server: SessionServer;
  readonly #viewers: Viewer[] = [];
  #deny = false;

  constructor(codec: "h264" | "jpeg" = "h264") {
    this.pipeline = new FakePipeline(codec);
    this.camera = new CameraServer(this.pipeline, { name: "front", always: false });
    [this.endpoint, this.server] = this.#serve();
  }

  /** From now on nobody is let in. */
  deny() {
    this.#deny = true;
  }

  /** Takes the server off the network and puts it back at another address. */
  async restart() {
    await this.server.close();
    await this.endpoint.close();
    [this.endpoint, this.server] = this.#serve();
  }

  view(policy: Partial<AttachPolicy> = {}): Viewer {
    const viewer = new Viewer(
      this.network.endpoint(),
      () => this.endpoint.address(),
      { timeoutMs: 5_000, reconnect: true, ...policy },
    );
    this.#viewers.push(viewer);
    return viewer;
  }

  async [Symbol.asyncDispose]() {
    for (const viewer of this.#viewers) await viewer.close();
    await this.server.close();
    await this.camera.close();
    await this.endpoint.close();
  }

  #serve(): [MemoryEndpoint, SessionServer] {
    const endpoint = this.network.endpoint(SessionServer.protocols([this.camera]));
    const server = new SessionServer(endpoint, {
      devices: [this.camera],
      agent: "test",
      policy: {
        public: false,
        allow: new Set(),
        verify: () =>
          this.#deny
            ? Promise.reject(new DeniedError("expired"))
            : Promise.resolve({ rights: "control", device: undefined, expires: undefined }),
      },
    });
    return [endpoint, server];
  }
}

class Viewer {
  readonly camera: RemoteCamera;
  readonly frames: EncodedFrame[] = [];
  readonly events: RemoteCameraEvent["type"][] = [];
  readonly ended: Promise<unknown>;
  readonly #stop = new AbortController();

  constructor(endpoint: MemoryEndpoint, address: () => EndpointAddress, policy: AttachPolicy) {
    this.camera = new RemoteCamera({
      label: "front",
      policy,
      attach: ({ signal, hint }) =>
        attach(endpoint, { address: address(), agent: "test", grant: "g" }, {
          signal,
          timeoutMs: 1_000,
          ...(hint === undefined ? {} : { hint }),
        }),
    });
    this.camera.onEvent = (event) => this.events.push(event.type);
    const frames = this.camera.feed.subscribe({ queue: 64, signal: this.#stop.signal });
    (async () => {
      for await (const frame of frames) this.frames.push(frame);
    })();
    this.ended = this.camera.run(this.#stop.signal).catch((error) => error);
  }

  /** Whether each frame was a key frame. */
  get keys() {
    return this.frames.map((frame) => frame.key);
  }

  async close() {
    this.#stop.abort();
    await this.ended;
  }
}

Deno.test("the camera runs while somebody watches, and the first picture is a key frame", async () => {
  await using stage = new Stage();
  assert.ok(!stage.pipeline.running);
  const viewer = stage.view();
  await until(() => stage.pipeline.running, "the camera starts");
  await until(() => stage.pipeline.keyFramesAsked > 0, "a key frame is asked for");
  stage.pipeline.give(false);
  const given = stage.pipeline.give(true);
  stage.pipeline.give(false);
  await until(() => viewer.frames.length === 2, "two pictures");
  assert.deepEqual(viewer.keys, [true, false]);
  assert.deepEqual(viewer.frames[0]?.data, given.data);
  assert.equal(viewer.frames[0]?.captureTime, given.captureTime);
  await viewer.close();
  await until(() => !stage.pipeline.running, "the camera stops");
});

Deno.test("viewers come and go as events, with their ids and why they went", async () => {
  await using stage = new Stage();
  const events: { type: string; id: string }[] = [];
  stage.camera.onClient = (event) => events.push(event);
  const viewer = stage.view();
  await until(() => events.length === 1, "it came");
  await viewer.close();
  await until(() => events.length === 2, "it went");
  assert.deepEqual(events.map(({ type }) => type), ["client", "gone"]);
  assert.equal(events[0]?.id, events[1]?.id);
});

Deno.test("a viewer that stops reading loses pictures; the others lose none", async () => {
  await using stage = new Stage();
  const good = stage.view();
  await until(() => stage.camera.stats()["viewers"] === 1, "the good one watches");
  // A stranger to flow control: it opens the stream and never reads.
  const stuck = stage.network.endpoint();
  const address = stage.endpoint.address();
  const session = await attach(stuck, { address, agent: "test", grant: "g" }, {
    signal: new AbortController().signal,
    timeoutMs: 1_000,
  });
  const connection = await session.connect("xoq/camera-h264/0");
  const stream = await connection.createBidirectionalStream();
  await stream.writable.close();
  await until(() => stage.camera.stats()["viewers"] === 2, "the stuck one watches");
  for (let i = 0; i < 200; i++) {
    stage.pipeline.give(i % 30 === 0, { bytes: 60_000 });
    await new Promise((next) => setTimeout(next, 1));
  }
  await until(() => good.frames.length === 200, "the good one has all");
  assert.ok(Number(stage.camera.stats()["dropped"]) > 50, "the stuck one's are dropped");
  connection.close();
  await session.close();
});

Deno.test("what a viewer has not reported for long stops the sending, until it has caught up", async () => {
  await using stage = new Stage();
  const endpoint = stage.network.endpoint();
  await using session = await attach(
    endpoint,
    { address: stage.endpoint.address(), agent: "test", grant: "g" },
    { signal: new AbortController().signal, timeoutMs: 1_000 },
  );
  const connection = await session.connect("xoq/camera-h264/0");
  const stream = await connection.createBidirectionalStream();
  await stream.writable.close();
  await until(() => stage.camera.stats()["viewers"] === 1, "it watches");
  const reader = stream.readable.getReader();
  stage.pipeline.give(true);
  await reader.read();
  session.control!.report({ frames: 1, bytes: 1 });
  await session.control!.ping();
  stage.pipeline.give(false);
  await new Promise((later) => setTimeout(later, 500));
  for (let i = 0; i < 5; i++) {
    stage.pipeline.give(false);
    await new Promise((later) => setTimeout(later, 5));
  }
  assert.ok(Number(stage.camera.stats()["late"]) >= 4, "nothing more is sent");
  session.control!.report({ frames: 2, bytes: 2 });
  await session.control!.ping();
  const asked = stage.pipeline.keyFramesAsked;
  stage.pipeline.give(false);
  await until(() => stage.pipeline.keyFramesAsked > asked, "a key frame is asked for");
  const resumed = stage.pipeline.give(true, { bytes: 333 });
  let bytes = 0;
  const owed = encodePicture(resumed).length;
  while (bytes < owed) bytes += (await reader.read()).value?.length ?? owed;
  connection.close();
});

Deno.test("the last picture of a burst is reported, so that a pause after it is no standstill", async () => {
  await using stage = new Stage();
  const viewer = stage.view();
  await until(() => stage.pipeline.running, "it runs");
  stage.pipeline.give(true);
  await until(() => viewer.frames.length === 1, "the first picture");
  for (let i = 0; i < 3; i++) stage.pipeline.give(false);
  await until(() => viewer.frames.length === 4, "the burst");
  // Longer than pictures may be under way before the viewer counts as behind.
  await new Promise((later) => setTimeout(later, 600));
  stage.pipeline.give(false);
  await until(() => viewer.frames.length === 5, "the picture after the pause");
  assert.equal(stage.camera.stats()["late"], 0);
});

Deno.test("a viewer comes back by itself after the server was restarted", async () => {
  await using stage = new Stage();
  const viewer = stage.view();
  await until(() => stage.pipeline.running, "it runs");
  stage.pipeline.give(true);
  await until(() => viewer.frames.length === 1, "the first picture");
  await stage.restart();
  await until(() => viewer.events.filter((type) => type === "attached").length === 2, "again");
  await until(() => stage.camera.stats()["viewers"] === 1, "it watches again");
  stage.pipeline.give(true);
  await until(() => viewer.frames.length === 2, "the next picture");
  assert.ok(viewer.events.includes("lost"));
  assert.equal(viewer.camera.stats().reconnects, 1);
});

Deno.test("a lost connection ends it where reconnecting is off", async () => {
  await using stage = new Stage();
  const viewer = stage.view({ reconnect: false });
  await until(() => stage.pipeline.running, "it runs");
  await stage.restart();
  assert.ok(await viewer.ended instanceof LostError);
});

Deno.test("a peer never reached is unreachable, within its time", async () => {
  const network = new MemoryNetwork();
  const nowhere = network.endpoint();
  await nowhere.close();
  const policy = { timeoutMs: 300, reconnect: true };
  const viewer = new Viewer(network.endpoint(), () => nowhere.address(), policy);
  assert.ok(await viewer.ended instanceof UnreachableError);
});

Deno.test("a refusal is final, also after having been let in", async () => {
  await using stage = new Stage();
  const viewer = stage.view();
  await until(() => stage.pipeline.running, "it runs");
  stage.deny();
  await stage.restart();
  assert.ok(await viewer.ended instanceof DeniedError);
});

Deno.test("pictures that come too late are dropped until a fresh key frame", async () => {
  await using stage = new Stage();
  const viewer = stage.view();
  await until(() => stage.pipeline.running, "it runs");
  await until(() => viewer.camera.control?.clockOffset !== undefined, "the clocks are compared");
  stage.pipeline.give(true);
  await until(() => viewer.frames.length === 1, "the first picture");
  const asked = stage.pipeline.keyFramesAsked;
  stage.pipeline.give(false, { agoMs: 3_000 });
  await until(() => viewer.camera.stats().stale === 1, "the old one is dropped");
  stage.pipeline.give(false);
  await until(() => viewer.camera.stats().stale === 2, "what depends on it, too");
  await until(() => {
    // Key frames are asked for at most twice a second, with a picture.
    stage.pipeline.give(false);
    return stage.pipeline.keyFramesAsked > asked;
  }, "a key frame is asked for");
  stage.pipeline.give(true);
  await until(() => viewer.frames.length === 2, "the fresh key frame");
  assert.deepEqual(viewer.keys, [true, true]);
});

Deno.test("the device's coming and going reaches the viewer, who waits", async () => {
  await using stage = new Stage();
  const viewer = stage.view();
  await until(() => stage.pipeline.running, "it runs");
  stage.camera.onEvent = (event) => {
    if (event.type === "lost") stage.server.announce("front", "lost", event.reason);
    if (event.type === "back") stage.server.announce("front", "back");
  };
  stage.pipeline.onEvent?.({ type: "lost", reason: "unplugged" });
  await until(() => viewer.camera.feed.state.state === "lost", "lost");
  stage.pipeline.onEvent?.({ type: "back", path: "/dev/fake" });
  await until(() => viewer.camera.feed.state.state === "live", "live");
  stage.pipeline.give(true);
  await until(() => viewer.frames.length === 1, "a picture");
  assert.deepEqual(viewer.events, ["attached", "lost"]);
});

Deno.test("a camera that can't be opened is tried again while somebody waits", async () => {
  await using stage = new Stage();
  stage.pipeline.failure = new Error("held by another program");
  stage.view();
  await until(() => stage.pipeline.starts >= 2, "a second try");
  stage.pipeline.failure = undefined;
  await until(() => stage.pipeline.running, "it runs");
});

Deno.test("the bit rate follows who may control, within bounds", async () => {
  await using stage = new Stage();
  const viewer = stage.view();
  await until(() => viewer.camera.control !== undefined, "attached");
  viewer.camera.control!.configure({ bitrate: 750_000 });
  await until(() => stage.pipeline.bitrate === 750_000, "set");
  viewer.camera.control!.configure({ bitrate: 1 });
  await until(() => stage.pipeline.bitrate === 10_000, "bounded");
});

Deno.test("a JPEG camera is also found under XoQ's legacy protocol", async () => {
  await using stage = new Stage("jpeg");
  assert.deepEqual(stage.camera.protocols, ["xoq/camera-jpeg/0", "xoq/camera/0"]);
});

Deno.test("a server of XoQ's is watched without a session, in the codec it has", async () => {
  const network = new MemoryNetwork();
  const server = network.endpoint(["xoq/camera-jpeg/0"]);
  const viewer = new Viewer(network.endpoint(), () => server.address(), {
    timeoutMs: 5_000,
    reconnect: true,
  });
  const reader = server.incoming.getReader();
  const { value: connection } = await reader.read();
  assert.equal(connection?.protocol, "xoq/camera-jpeg/0");
  const streams = connection!.incomingBidirectionalStreams.getReader();
  const { value: stream } = await streams.read();
  const pipeline = new FakePipeline("jpeg");
  await stream!.writable.getWriter().write(encodePicture(pipeline.give(true)));
  await until(() => viewer.frames.length === 1, "a picture");
  const { codec, width, height } = await viewer.camera.feed.description();
  assert.deepEqual([codec, width, height], ["jpeg", 64, 48]);
  await viewer.close();
  await server.close();
});
