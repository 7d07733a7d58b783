import assert from "node:assert/strict";
import {
  createPipeline,
  type PipelineConfig,
  type PipelineEvent,
} from "../../lib/camera/pipeline.ts";
import { PipelineCore } from "../../lib/camera/pipeline_core.ts";
import { fromRecord, toRecord } from "../../lib/camera/pipeline_errors.ts";
import { captureFormats } from "../../lib/camera/pipeline_plan.ts";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";
import { LostError, NotFoundError, UnsupportedError, XoqError } from "../../lib/errors.ts";
import { splitNalUnits } from "../../lib/media/annexb.ts";
import { openDecoder, openEncoder } from "../../lib/media/auto.ts";
import { streamInfo } from "../../lib/media/bitstream.ts";
import type { EncoderConfig, VideoEncoder } from "../../lib/media/codec.ts";
import { embedded } from "../../lib/media/embedded.ts";
import type { EncodedFrame, RawFrame } from "../../lib/media/frame.ts";
import { h264NalType } from "../../lib/media/h264.ts";
import { Pictures } from "../compliance/codec.ts";
import { requires } from "../support/requires.ts";
import { FakeCamera } from "./fake_camera.ts";

const CONFIG: PipelineConfig = {
  camera: "test",
  codec: "h264",
  encoder: "auto",
  width: 320,
  height: 240,
  fps: 30,
  quality: 80,
  bitrate: 1_000_000,
  gop: 30,
  controls: {},
};

const noH264 = await openEncoder("auto", { ...CONFIG, codec: "h264", width: 64, height: 64 }).then(
  async (encoder) => void await encoder.close(),
  (error: Error) => error.message,
);

/** Collects what a pipeline gives, and waits for it. */
class Sink {
  readonly frames: EncodedFrame[] = [];
  readonly events: PipelineEvent[] = [];
  #waiting: { ready: () => boolean; resolve: () => void }[] = [];

  constructor(pipeline: PipelineCore | ReturnType<typeof createPipeline>) {
    pipeline.onFrame = (frame) => {
      this.frames.push(frame);
      this.#check();
    };
    pipeline.onEvent = (event) => {
      this.events.push(event);
      this.#check();
    };
  }

  until(ready: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ ready, resolve });
    this.#check();
    return promise;
  }

  count(frames: number): Promise<void> {
    return this.until(() => this.frames.length >= frames);
  }

  #check(): void {
    this.#waiting = this.#waiting.filter(({ ready, resolve }) => {
      if (!ready()) return true;
      resolve();
      return false;
    });
  }
}

function coreOf(camera: FakeCamera, config: Partial<PipelineConfig> = {}, openers?: {
  openEncoder: typeof openEncoder;
  openDecoder: typeof openDecoder;
}): PipelineCore {
  return new PipelineCore({ ...CONFIG, camera: "fake", ...config }, {
    find: () => Promise.resolve({ driver: camera, info: camera.info() }),
    ...(openers === undefined ? {} : { openers }),
  });
}

async function jpegs(count: number): Promise<Uint8Array[]> {
  await using encoder = await embedded.createEncoder({
    ...CONFIG,
    codec: "jpeg",
    width: 320,
    height: 240,
  });
  const pictures = new Pictures(320, 240);
  const made: Uint8Array[] = [];
  for (let i = 0; i < count; i++) made.push((await encoder.encode(pictures.next())).data);
  return made;
}

Deno.test(
  "a worker gives the test camera's pictures, a key frame first, and stops",
  requires(noH264),
  async () => {
    await using pipeline = createPipeline(CONFIG);
    const sink = new Sink(pipeline);
    await pipeline.prepare();
    assert.equal(pipeline.description.codec, "h264");
    assert.deepEqual([pipeline.description.width, pipeline.description.height], [320, 240]);
    assert.notEqual(pipeline.description.encoder, "");
    assert.equal(pipeline.device.id, "test");
    assert.equal(pipeline.stats().captured, 0);
    await pipeline.start();
    await pipeline.start();
    await sink.count(10);
    await pipeline.stop();
    await pipeline.stop();
    const stats = pipeline.stats();
    assert.ok(sink.frames[0]!.key);
    assert.ok(stats.captured >= 10 && stats.encoded >= 10 && stats.encodeMs > 0);
    const first = sink.frames.length;
    await pipeline.start();
    await sink.count(first + 2);
    assert.ok(sink.frames[first]!.key, "a new start begins with a key frame");
    assert.deepEqual(sink.events, []);
  },
);

Deno.test("a worker's errors arrive with kind, code and hint", async () => {
  await using pipeline = createPipeline({ ...CONFIG, camera: "no-such-camera-here" });
  await assert.rejects(pipeline.prepare(), NotFoundError);
  await using refused = createPipeline({ ...CONFIG, encoder: "nvenc" });
  await assert.rejects(refused.prepare(), (error) => {
    assert.ok(error instanceof UnsupportedError);
    assert.match(error.message, /NVENC/);
    assert.match(error.hint ?? "", /--encoder libav/);
    return true;
  });
});

Deno.test("a worker that crashes ends pending calls and says so", async () => {
  const worker = new URL(
    `data:application/javascript,setTimeout(() => { throw new Error("boom") }, 20)`,
  );
  await using pipeline = createPipeline(CONFIG, { worker });
  const sink = new Sink(pipeline);
  await assert.rejects(pipeline.prepare(), { name: "XoqError", message: /boom/ });
  assert.equal(sink.events[0]?.type, "error");
  await assert.rejects(pipeline.start(), XoqError);
});

Deno.test("closing ends everything, twice", async () => {
  const pipeline = createPipeline(CONFIG);
  const pending = pipeline.prepare().catch(() => {});
  await pipeline.close();
  await pending;
  await pipeline.close();
  await assert.rejects(pipeline.start(), { name: "AbortError" });
});

Deno.test(
  "nothing is opened before start, and the device is closed by stop",
  requires(noH264),
  async () => {
    const camera = new FakeCamera("I420", 320, 240);
    await using pipeline = coreOf(camera);
    const sink = new Sink(pipeline);
    await pipeline.prepare();
    assert.equal(camera.opened, 0);
    await pipeline.start();
    assert.equal(camera.opened, 1);
    const pictures = new Pictures(320, 240);
    camera.push(pictures.next());
    await sink.count(1);
    await pipeline.stop();
    assert.equal(camera.isOpen, false);
    assert.equal(camera.held, 0);
  },
);

Deno.test("pictures of every raw layout become H.264", requires(noH264), async () => {
  for (const format of ["I420", "NV12", "YUYV", "UYVY", "GREY"] as const) {
    const camera = new FakeCamera(format, 320, 240);
    await using pipeline = coreOf(camera);
    const sink = new Sink(pipeline);
    await pipeline.start();
    camera.push(new Pictures(320, 240).next(format));
    await sink.count(1);
    await using decoder = await openDecoder("h264");
    let raw: RawFrame | undefined;
    // A decoder that holds pictures back gives this one when others push it out.
    for (let i = 0; raw === undefined && i < 10; i++) raw = await decoder.decode(sink.frames[0]!);
    const luma = raw!.planes[0]!;
    assert.equal(readPattern(luma.data, 320, 240, luma.stride)?.sequence, 0, format);
    raw!.release();
  }
});

Deno.test("MJPG with jpeg passes through bit for bit, and a broken one is counted", async () => {
  const camera = new FakeCamera("MJPG", 320, 240);
  await using pipeline = coreOf(camera, { codec: "jpeg" });
  const sink = new Sink(pipeline);
  await pipeline.prepare();
  assert.equal(pipeline.description.encoder, "device");
  await pipeline.start();
  const images = await jpegs(3);
  camera.pushData("MJPG", images[0]!, 0);
  camera.pushData("MJPG", images[1]!.subarray(0, 900), 1);
  camera.pushData("MJPG", images[2]!, 2);
  await sink.count(2);
  assert.deepEqual(sink.frames[0]!.data, images[0]);
  assert.deepEqual(sink.frames[1]!.data, images[2]);
  assert.deepEqual(sink.frames.map((frame) => frame.sequence), [0, 2]);
  assert.equal(pipeline.stats().corrupt, 1);
  assert.equal(camera.held, 0);
});

Deno.test(
  "MJPG with h264 is decoded and encoded, its range kept, a broken one counted",
  requires(noH264),
  async () => {
    const camera = new FakeCamera("MJPG", 320, 240);
    await using pipeline = coreOf(camera);
    const sink = new Sink(pipeline);
    await pipeline.start();
    const images = await jpegs(3);
    camera.pushData("MJPG", images[0]!.subarray(0, 900), 0);
    camera.pushData("MJPG", images[1]!, 1);
    await sink.count(1);
    assert.ok(sink.frames[0]!.key);
    assert.equal(pipeline.stats().corrupt, 1);
    await using decoder = await openDecoder("h264");
    let raw: RawFrame | undefined;
    for (let i = 0; raw === undefined && i < 10; i++) raw = await decoder.decode(sink.frames[0]!);
    // White is 255 where the stream says full range, 235 where it was squeezed; never the other.
    const white = Math.max(...raw!.planes[0]!.data.subarray(0, 320 * 240));
    assert.ok(Math.abs(white - (raw!.fullRange === true ? 255 : 235)) <= 6, `white is ${white}`);
    const luma = raw!.planes[0]!;
    assert.equal(readPattern(luma.data, 320, 240, luma.stride)?.sequence, 1);
    raw!.release();
  },
);

Deno.test(
  "a named encoder encodes what the camera gives as H.264 already",
  requires(noH264),
  async () => {
    const made = puppet("named");
    const camera = new FakeCamera("H264", 320, 240);
    await using pipeline = coreOf(camera, { encoder: "libav" }, {
      openEncoder: () => Promise.resolve(made.encoder),
      openDecoder,
    });
    await pipeline.prepare();
    assert.equal(pipeline.description.encoder, "named");
  },
);

Deno.test(
  "a camera's own H.264 gets parameter sets before each key frame, and gaps wait for one",
  requires(noH264),
  async () => {
    await using encoder = await openEncoder("auto", {
      ...CONFIG,
      codec: "h264",
      width: 320,
      height: 240,
    });
    const pictures = new Pictures(320, 240);
    const units: EncodedFrame[] = [];
    for (let i = 0; i < 12; i++) {
      units.push(
        await encoder.encode(pictures.next(), { keyFrame: i === 0 || i === 4 || i === 9 }),
      );
    }
    const without = units[4]!.data.slice(streamSetsEnd(units[4]!.data));
    const camera = new FakeCamera("H264", 320, 240);
    await using pipeline = coreOf(camera);
    const sink = new Sink(pipeline);
    await pipeline.start();
    assert.equal(pipeline.description.encoder, "device");
    assert.ok(camera.keyFramesAsked > 0);
    camera.pushData("H264", units[1]!.data, 1);
    camera.pushData("H264", units[0]!.data, 2);
    camera.pushData("H264", units[1]!.data, 3);
    camera.pushData("H264", without, 4);
    camera.pushData("H264", units[5]!.data, 5);
    // 6 and 7 are lost in the driver.
    camera.pushData("H264", units[8]!.data, 8);
    camera.pushData("H264", units[9]!.data, 9);
    await sink.until(() => sink.frames.at(-1)?.sequence === 9);
    assert.deepEqual(sink.frames.map((frame) => frame.sequence), [2, 3, 4, 5, 9]);
    assert.deepEqual(sink.frames.map((frame) => frame.key), [true, false, true, false, true]);
    for (const frame of sink.frames.filter((each) => each.key)) {
      assert.equal(streamInfo("h264", frame.data).width, 320);
    }
    assert.equal(pipeline.stats().driverDropped, 2);
  },
);

/** Where an access unit's first slice or SEI begins, after its parameter sets. */
function streamSetsEnd(data: Uint8Array): number {
  const unit = splitNalUnits(data).find((each) => ![7, 8].includes(h264NalType(each[0]!)))!;
  return unit.byteOffset - data.byteOffset - 3;
}

/** An encoder that a test holds the strings of. */
function puppet(name: string) {
  const calls: { frame: RawFrame; keyFrame: boolean; done: PromiseWithResolvers<void> }[] = [];
  let arrived = Promise.withResolvers<void>();
  const state = { config: undefined as EncoderConfig | undefined, closed: false, bitrate: 0 };
  const encoder: VideoEncoder = {
    name,
    get bitrate() {
      return state.bitrate;
    },
    set bitrate(value) {
      state.bitrate = value;
    },
    async encode(frame, options) {
      const done = Promise.withResolvers<void>();
      calls.push({ frame, keyFrame: options?.keyFrame === true, done });
      arrived.resolve();
      arrived = Promise.withResolvers<void>();
      await done.promise;
      const { width, height, captureTime, sequence } = frame;
      const key = options?.keyFrame === true;
      return { codec: "h264", data: new Uint8Array(8), key, width, height, captureTime, sequence };
    },
    close() {
      state.closed = true;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
  return { encoder, calls, state, arrival: () => arrived.promise };
}

Deno.test("while one picture is encoded the latest waits, and the others are dropped and counted", async () => {
  const camera = new FakeCamera("I420", 320, 240);
  const slow = puppet("slow");
  await using pipeline = coreOf(camera, {}, {
    openEncoder: () => Promise.resolve(slow.encoder),
    openDecoder,
  });
  const sink = new Sink(pipeline);
  await pipeline.start();
  const pictures = new Pictures(320, 240);
  const first = slow.arrival();
  for (let i = 0; i < 4; i++) camera.push(pictures.next());
  await first;
  while (pipeline.stats().captured < 4) await Promise.resolve();
  pipeline.requestKeyFrame();
  pipeline.setBitrate(123_456);
  const second = slow.arrival();
  slow.calls[0]!.done.resolve();
  await second;
  assert.deepEqual(slow.calls.map((call) => call.frame.sequence), [0, 3]);
  assert.deepEqual(slow.calls.map((call) => call.keyFrame), [true, true]);
  assert.equal(slow.state.bitrate, 123_456);
  slow.calls[1]!.done.resolve();
  await sink.count(2);
  assert.equal(pipeline.stats().encoderDropped, 2);
  assert.equal(pipeline.stats().encoded, 2);
  assert.equal(camera.held, 0);
});

Deno.test("stopping waits for the picture in the encoder before the device is closed", async () => {
  const camera = new FakeCamera("I420", 320, 240);
  const slow = puppet("slow");
  await using pipeline = coreOf(camera, {}, {
    openEncoder: () => Promise.resolve(slow.encoder),
    openDecoder,
  });
  const sink = new Sink(pipeline);
  await pipeline.start();
  const arrived = slow.arrival();
  camera.push(new Pictures(320, 240).next());
  await arrived;
  const stopping = pipeline.stop();
  assert.equal(camera.isOpen, true);
  slow.calls[0]!.done.resolve();
  await stopping;
  assert.equal(camera.isOpen, false);
  assert.equal(camera.held, 0);
  assert.equal(sink.frames.length, 0, "nothing comes after stop");
});

Deno.test("an encoder that fails is replaced by the next one, with the same picture as key frame", async () => {
  const camera = new FakeCamera("I420", 320, 240);
  const bad = puppet("bad"), good = puppet("good");
  const excluded: string[][] = [];
  await using pipeline = coreOf(camera, {}, {
    openEncoder: (_choice, _config, options) => {
      excluded.push([...options?.exclude ?? []]);
      return Promise.resolve(options?.exclude?.has("bad") === true ? good.encoder : bad.encoder);
    },
    openDecoder,
  });
  const sink = new Sink(pipeline);
  await pipeline.start();
  const arrived = bad.arrival(), next = good.arrival();
  camera.push(new Pictures(320, 240).next());
  await arrived;
  bad.calls[0]!.done.reject(new Error("out of sessions"));
  await next;
  good.calls[0]!.done.resolve();
  await sink.count(1);
  assert.deepEqual(excluded, [[], ["bad"]]);
  assert.equal(bad.state.closed, true);
  assert.equal(good.calls[0]!.keyFrame, true);
  assert.deepEqual(sink.events, [{
    type: "encoder",
    encoder: "good",
    reason: "bad: out of sessions",
  }]);
  assert.equal(pipeline.description.encoder, "good");
});

Deno.test("when no encoder is left the pipeline stops with an error", async () => {
  const camera = new FakeCamera("I420", 320, 240);
  const bad = puppet("bad");
  await using pipeline = coreOf(camera, {}, {
    openEncoder: (_choice, _config, options) =>
      options?.exclude?.has("bad") === true
        ? Promise.reject(new UnsupportedError("no h264 encoder", { hint: "install one" }))
        : Promise.resolve(bad.encoder),
    openDecoder,
  });
  const sink = new Sink(pipeline);
  await pipeline.start();
  const arrived = bad.arrival();
  camera.push(new Pictures(320, 240).next());
  await arrived;
  bad.calls[0]!.done.reject(new Error("broken"));
  await sink.until(() => sink.events.length > 0);
  const [event] = sink.events;
  assert.ok(event?.type === "error");
  assert.match(event.message, /bad failed \(broken\)/);
  assert.equal(event.hint, "install one");
  await pipeline.stop();
  assert.equal(camera.isOpen, false);
  assert.equal(camera.held, 0);
});

Deno.test(
  "a lost camera is taken again by its id, with a key frame and rising numbers",
  requires(noH264),
  async () => {
    const camera = new FakeCamera("I420", 320, 240);
    await using pipeline = coreOf(camera);
    const sink = new Sink(pipeline);
    await pipeline.start();
    const pictures = new Pictures(320, 240);
    camera.push(pictures.next());
    camera.push(pictures.next());
    await sink.until(() => sink.frames.at(-1)?.sequence === 1);
    camera.lose();
    await sink.until(() => sink.events.length === 2);
    assert.deepEqual(sink.events.map((event) => event.type), ["lost", "back"]);
    assert.equal(pipeline.device.path, "/dev/video9");
    const before = sink.frames.length;
    camera.push(new Pictures(320, 240).next());
    await sink.count(before + 1);
    assert.ok(sink.frames[before]!.key);
    assert.equal(sink.frames[before]!.sequence, 2);
  },
);

Deno.test("stopping ends the wait for a lost camera", requires(noH264), async () => {
  const driver = new TestCameraDriver();
  await using pipeline = new PipelineCore(CONFIG, {
    find: () => Promise.resolve({ driver, info: driver.info() }),
  });
  const sink = new Sink(pipeline);
  await pipeline.start();
  await sink.count(1);
  driver.unplug();
  await sink.until(() => sink.events.some((event) => event.type === "lost"));
  await pipeline.stop();
  driver.plug();
  await pipeline.start();
  const before = sink.frames.length;
  await sink.count(before + 1);
});

Deno.test("auto means JPEG where nothing encodes H.264", async () => {
  const camera = new FakeCamera("I420", 320, 240);
  await using pipeline = coreOf(camera, { codec: "auto" }, {
    openEncoder: (choice, config, options) =>
      config.codec === "jpeg"
        ? openEncoder(choice, config, options)
        : Promise.reject(new UnsupportedError("none")),
    openDecoder,
  });
  await pipeline.prepare();
  assert.equal(pipeline.description.codec, "jpeg");
});

Deno.test("the camera's own encoder, where it has none, is refused with what to do", async () => {
  await using pipeline = coreOf(new FakeCamera("YUYV", 320, 240), { encoder: "device" });
  await assert.rejects(pipeline.prepare(), (error) => {
    assert.ok(error instanceof UnsupportedError && error.hint !== undefined);
    return true;
  });
});

Deno.test("a format that reaches size and rate goes before a cheaper one that does not", () => {
  const modes = [
    { format: "YUYV" as const, width: 1280, height: 720, rates: [10] },
    { format: "YUYV" as const, width: 640, height: 480, rates: [30] },
    { format: "MJPG" as const, width: 1280, height: 720, rates: [30, 15] },
    { format: "H264" as const, width: 1280, height: 720, rates: [30] },
  ];
  const wish = { fps: 30, width: 1280, height: 720, passthrough: true, encode: true };
  assert.deepEqual(captureFormats(modes, { ...wish, codec: "h264" }), ["H264", "MJPG", "YUYV"]);
  assert.deepEqual(
    captureFormats(modes, { ...wish, codec: "h264", passthrough: false }),
    ["MJPG", "H264", "YUYV"],
  );
  assert.deepEqual(
    captureFormats(modes, { ...wish, codec: "av1", width: 640, height: 480 }),
    ["YUYV", "MJPG", "H264"],
  );
  assert.deepEqual(captureFormats(modes, { ...wish, codec: "jpeg", encode: false }), ["MJPG"]);
  assert.deepEqual(captureFormats(modes, { ...wish, codec: "hevc", encode: false }), []);
});

Deno.test("errors are the same on both sides of a worker", () => {
  const cases = [
    new NotFoundError("no camera", { hint: "plug one in" }),
    new LostError("gone", { cause: new RangeError("why") }),
    new XoqError("failed", "broken"),
    new TypeError("mistake"),
    new DOMException("stopped", "AbortError"),
  ];
  for (const error of cases) {
    const back = fromRecord(structuredClone(toRecord(error)));
    assert.equal(back.constructor, error.constructor);
    assert.equal(back.message, error.message);
    assert.equal(back.name, error.name);
    assert.equal((back as XoqError).code, (error as XoqError).code);
    assert.equal((back as XoqError).hint, (error as XoqError).hint);
    if (error.cause instanceof Error) {
      assert.equal((back.cause as Error).message, error.cause.message);
    }
  }
});
