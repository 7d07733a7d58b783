import assert from "node:assert/strict";
import {
  decodeMoqJpeg,
  decodeMoqVideo,
  defaultMoqPath,
  MoqPictureWriter,
  moqTrackName,
} from "../../lib/camera/moq_wire.ts";
import { moqTarget, moqTargetOf } from "../../lib/camera/moq.ts";
import { ProtocolError, UsageError } from "../../lib/errors.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";
import { noFfmpeg, testStream } from "../support/ffmpeg.ts";

/** The boxes on the first level: what a player sees. */
function boxes(bytes: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    names.push(new TextDecoder().decode(bytes.subarray(at + 4, at + 8)));
    at += size;
  }
  return names;
}

Deno.test("a JPEG goes as XoQ's programs read it: stamp, size, timestamp, picture", () => {
  const frame: EncodedFrame = {
    codec: "jpeg",
    data: Uint8Array.of(0xff, 0xd8, 0xff, 0xd9),
    key: true,
    width: 640,
    height: 480,
    captureTime: 1_763_741_234_567_890,
    sequence: 1,
  };
  const { payload, begins, ends } = new MoqPictureWriter().write(frame)!;
  assert.deepEqual([begins, ends], [true, true]);
  const view = new DataView(payload.buffer);
  assert.equal(view.getBigUint64(0, true), 1_763_741_234_568n);
  assert.deepEqual([view.getUint32(8, true), view.getUint32(12, true)], [640, 480]);
  assert.equal(view.getUint32(16, true), 1_763_741_234_567_890 % 2 ** 32);
  assert.deepEqual([...payload.subarray(20)], [0xff, 0xd8, 0xff, 0xd9]);
  const { data, ...rest } = decodeMoqJpeg(payload);
  assert.deepEqual([...data], [0xff, 0xd8, 0xff, 0xd9]);
  assert.deepEqual(rest, {
    stampMs: 1_763_741_234_568,
    width: 640,
    height: 480,
    timestamp: 1_763_741_234_567_890 % 2 ** 32,
  });
  for (let length = 0; length <= 20; length++) {
    assert.throws(() => decodeMoqJpeg(payload.slice(0, length)), ProtocolError);
  }
  assert.throws(() => decodeMoqVideo(payload.slice(0, 8)), ProtocolError);
});

Deno.test({
  name: "video goes as CMAF behind a stamp, with its beginning in front of every key frame",
  ignore: noFfmpeg !== undefined,
  async fn() {
    const stream = await testStream({ codec: "h264", width: 64, height: 48, frames: 6, gop: 3 });
    const writer = new MoqPictureWriter(30);
    assert.equal(writer.write(stream[1]!), undefined, "nothing before a key frame");
    const frames = stream.map((frame) => writer.write(frame)!);
    assert.deepEqual(frames.map(({ begins }) => begins), stream.map(({ key }) => key));
    assert.deepEqual(stream.map(({ key }) => key), [true, false, false, true, false, false]);
    for (const [i, { payload, begins }] of frames.entries()) {
      const { stampMs, data } = decodeMoqVideo(payload);
      assert.equal(stampMs, Math.round(stream[i]!.captureTime / 1000));
      assert.deepEqual(
        boxes(data),
        begins ? ["ftyp", "moov", "moof", "mdat"] : ["moof", "mdat"],
      );
    }
  },
});

Deno.test("tracks and paths have the names that XoQ gives them", () => {
  assert.equal(moqTrackName("jpeg"), "camera");
  for (const codec of ["h264", "hevc", "av1"] as const) assert.equal(moqTrackName(codec), "video");
  assert.equal(defaultMoqPath("0", "front"), "anon/camera-0");
  assert.equal(defaultMoqPath("/dev/video12", "front"), "anon/camera-12");
  assert.equal(defaultMoqPath("usb-cam", "front"), "anon/camera-front");
  assert.equal(defaultMoqPath("test", "camera-test"), "anon/camera-test");
});

Deno.test("a relay's URL and a path make what is dialled and what is announced", () => {
  const target = (relay: string, path: string) => {
    const { url, ...rest } = moqTarget(relay, path);
    return { url: url.href, ...rest };
  };
  assert.deepEqual(target("https://relay.example", "anon/camera-0"), {
    url: "https://relay.example/anon/camera-0",
    path: "anon/camera-0",
    announced: "",
  });
  assert.deepEqual(target("https://relay.example:4443/base/?jwt=a.b", "/my cam/"), {
    url: "https://relay.example:4443/base/my%20cam?jwt=a.b",
    path: "base/my cam",
    announced: "",
  });
  assert.deepEqual(target("moqt://127.0.0.1:4443", "cam"), {
    url: "moqt://127.0.0.1:4443/cam",
    path: "cam",
    announced: "cam",
  });
  assert.equal(target("moql://127.0.0.1:4443", "cam").url, "moqt://127.0.0.1:4443/cam");
  for (const relay of ["relay.example", "http://relay.example", "https://"]) {
    assert.throws(() => moqTarget(relay, "a"), UsageError, relay);
  }
  assert.throws(() => moqTarget("https://relay.example", ""), /a path is wanted/);
  assert.throws(() => moqTarget("https://relay.example", "a/".repeat(40)), /40 parts/);
});

Deno.test("--moq wants a relay, and has a path of its own where none is given", () => {
  const relay = "https://relay.example";
  assert.equal(moqTargetOf({ moq: undefined, "moq-relay": relay }, "0", "front"), undefined);
  assert.throws(() => moqTargetOf({ moq: "", "moq-relay": undefined }, "0", "front"), UsageError);
  const path = (moq: string, device: string) =>
    moqTargetOf({ moq, "moq-relay": relay }, device, "front")?.path;
  assert.equal(path("", "0"), "anon/camera-0");
  assert.equal(path("", "test"), "anon/camera-front");
  assert.equal(path("a/b", "0"), "a/b");
});
