import assert from "node:assert/strict";
import { captureFormats } from "../../lib/camera/pipeline_plan.ts";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { splitNalUnits } from "../../lib/media/annexb.ts";
import { openDecoder, openEncoder } from "../../lib/media/auto.ts";
import { streamInfo } from "../../lib/media/bitstream.ts";
import type { EncodedFrame, RawFrame } from "../../lib/media/frame.ts";
import { h264NalType } from "../../lib/media/h264.ts";
import { Pictures } from "../compliance/codec.ts";
import { requires } from "../support/requires.ts";
import { FakeCamera } from "./fake_camera.ts";
import { CONFIG, coreOf, jpegs, noH264, puppet, Sink } from "./pipeline_support.ts";

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
