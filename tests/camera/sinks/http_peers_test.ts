/** The HTTP server's streams as programs by others read them. */
import assert from "node:assert/strict";
import { readPattern } from "../../../lib/camera/pattern_code.ts";
import { serveHttp } from "../../../lib/camera/sinks/http.ts";
import { writeSnapshot } from "../../../lib/camera/sinks/snapshot.ts";
import { autoCodecs } from "../../../lib/camera/sinks/sink.ts";
import { nowMicros } from "../../../lib/media/clock.ts";
import { parseJpegInfo } from "../../../lib/media/jpeg_info.ts";
import type { VideoCodec } from "../../../lib/media/frame.ts";
import { ffprobe, noFfmpeg, run, testStream } from "../../support/ffmpeg.ts";
import { liveCamera, noEncoder } from "../../support/live_camera.ts";
import { missingPython, python } from "../../support/python.ts";
import { ReplayFeed } from "../../support/replay.ts";
import { requires } from "../../support/requires.ts";

const noCv = await missingPython("cv2");
const noEncoders = [await noEncoder("h264"), await noEncoder("jpeg")];

/** Reads pictures off a URL as a user of OpenCV does; prints number and time of some, as luma planes say it. */
const OPENCV = `
import sys, cv2
capture = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
assert capture.isOpened(), "not opened"
for i in range(40):
    ok, image = capture.read()
    assert ok, "no picture %d" % i
    if i % 10 == 9:
        grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (320, 180))
        sys.stdout.buffer.write(grey.tobytes())
print("%dx%d" % (image.shape[1], image.shape[0]), file=sys.stderr)
`;

for (const codec of ["h264", "jpeg"] as const) {
  for (const path of ["stream.mjpg", "stream.mp4"]) {
    Deno.test({
      name: `OpenCV's VideoCapture reads /${path} of a ${codec} camera, the pictures in order`,
      ...requires(noCv, ...noEncoders),
      fn: async () => {
        await using camera = await liveCamera(codec);
        await using server = serveHttp(new Map([["cam", camera.feed]]), {
          address: ":0",
          codecs: autoCodecs,
        });
        const { code, stdout, stderr } = await run(python, ["-c", OPENCV, server.url + path]);
        assert.equal(code, 0, stderr);
        assert.match(stderr, /640x360/);
        const numbers = Array.from({ length: 4 }, (_, i) => {
          const grey = stdout.subarray(i * 57600, (i + 1) * 57600);
          return readPattern(grey, 320, 180, 320)?.sequence ?? -1;
        });
        for (const [i, n] of numbers.entries()) {
          assert.ok(n >= 0, `picture ${i} is readable`);
          if (i > 0) assert.ok(n >= numbers[i - 1]! + 10, `${numbers}`);
        }
      },
    });
  }
}

const STREAMS: [codec: VideoCodec, path: string, format: string][] = [
  ["h264", "stream.mp4", "mp4"],
  ["hevc", "stream.mp4", "mp4"],
  ["av1", "stream.mp4", "mp4"],
  ["h264", "stream.h264", "h264"],
  ["hevc", "stream.hevc", "hevc"],
  ["av1", "stream.obu", "obu"],
  ["jpeg", "stream.mjpg", "mpjpeg"],
];

for (const [codec, path, format] of STREAMS) {
  Deno.test({
    name: `ffprobe decodes /${path} of ${codec} over HTTP without a complaint`,
    ...requires(noFfmpeg),
    fn: async () => {
      using replay = new ReplayFeed(await testStream({ codec, frames: 30 }), 60);
      await using server = serveHttp(new Map([["cam", replay.feed]]), { address: ":0" });
      const some = ["-f", format, "-read_intervals", "%+#40"];
      const probe = await ffprobe(server.url + path, some);
      assert.deepEqual([probe.width, probe.height, probe.errors], [320, 240, ""]);
      // Decoders hold the last few back.
      assert.ok(probe.frames >= 36 && probe.frames <= 40, `${probe.frames} frames`);
      if (format !== "mp4") return;
      for (const [n, time] of probe.times.entries()) {
        assert.ok(n === 0 ? time === 0 : time > probe.times[n - 1]!, `frame ${n} at ${time}`);
      }
    },
  });
}

Deno.test({
  name: "a snapshot of an H.264 camera is a fresh JPEG of its size, over HTTP and as a file",
  ...requires(noFfmpeg, ...noEncoders),
  fn: async () => {
    await using camera = await liveCamera("h264");
    await using server = serveHttp(new Map([["cam", camera.feed]]), {
      address: ":0",
      codecs: autoCodecs,
    });
    const response = await fetch(`${server.url}snapshot.jpg`);
    const image = await response.bytes();
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "image/jpeg");
    assert.ok(nowMicros() / 1e6 - Number(response.headers.get("x-timestamp")) < 2);
    assert.deepEqual([parseJpegInfo(image).width, parseJpegInfo(image).height], [640, 360]);
    const path = await Deno.makeTempFile({ suffix: ".jpg" });
    await writeSnapshot(camera.feed, { path, force: true });
    const probe = await ffprobe(path);
    assert.deepEqual([probe.codec, probe.width, probe.height, probe.frames], [
      "mjpeg",
      640,
      360,
      1,
    ]);
    await Deno.remove(path);
    assert.equal(camera.feed.stats().readers, 0, "nothing is decoded any more");
  },
});
