import assert from "node:assert/strict";
import { createPipeline } from "../../lib/camera/pipeline.ts";
import { PipelineCore } from "../../lib/camera/pipeline_core.ts";
import { fromRecord, toRecord } from "../../lib/camera/pipeline_errors.ts";
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";
import { LostError, NotFoundError, UnsupportedError, XoqError } from "../../lib/errors.ts";
import { openDecoder, openEncoder } from "../../lib/media/auto.ts";
import { Pictures } from "../compliance/codec.ts";
import { requires } from "../support/requires.ts";
import { FakeCamera } from "./fake_camera.ts";
import { CONFIG, coreOf, noH264, puppet, Sink } from "./pipeline_support.ts";

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
