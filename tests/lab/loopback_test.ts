import assert from "node:assert/strict";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { selectCamera } from "../../lib/camera/select.ts";
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";
import { V4l2Driver } from "../../lib/camera/v4l2_driver.ts";
import { openVideoOutput, type VideoOutput } from "../../lib/camera/v4l2_output.ts";
import type { RawFrame } from "../../lib/media/frame.ts";
import { fedCamera, feedJpegs } from "./feed.ts";
import { command, inLab } from "./support.ts";

const FED = "/dev/video20";
const SINK = "/dev/video21";
/** The module's buffers when a reader comes: their lengths are forgotten, whatever they hold. */
const STALE = 8;
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

test("an MJPG camera's pictures come bit by bit as they were fed", async () => {
  await using feeder = await feedJpegs(FED);
  const fed = feeder.pictures;
  assert.equal(new Set(fed).size, fed.length, "the pictures differ");

  const { info } = feeder;
  const driver = new V4l2Driver();
  const modes = await driver.modes(info);
  assert.deepEqual(new Set(modes.map(({ format }) => format)), new Set(["MJPG"]));
  await using camera = await driver.open(info, { formats: ["MJPG", "YUYV"] });
  assert.equal(camera.format.format, "MJPG");
  assert.deepEqual([camera.format.width, camera.format.height], [320, 240]);
  let previous: number | undefined;
  for (let i = 0; i < 12 + STALE; i++) {
    const picture = await camera.next();
    assert.ok("data" in picture);
    const index = fed.indexOf(picture.data.slice().toBase64());
    if (i < STALE) {
      picture.release();
      continue;
    }
    assert.ok(index >= 0, `the picture ${i} of ${picture.data.length} bytes is one of those fed`);
    if (previous !== undefined) assert.notEqual(index, previous, "each picture comes once");
    previous = index;
    picture.release();
  }
});

/** Writes the test pattern to the sink until the signal. */
async function feedPattern(output: VideoOutput, signal: AbortSignal): Promise<void> {
  const { width, height, fps } = output.config;
  const driver = new TestCameraDriver();
  await using camera = await driver.open(driver.info(), { formats: ["I420"], width, height, fps });
  while (!signal.aborted) {
    const picture = await camera.next() as RawFrame;
    output.write(picture);
    picture.release();
  }
}

test("a virtual camera is read by v4l2-ctl and by ffmpeg, each picture whole", async () => {
  const folder = await Deno.makeTempDir();
  const stop = new AbortController();
  await using output = await openVideoOutput(SINK, {
    format: "I420",
    width: 320,
    height: 240,
    fps: 10,
  });
  const feeding = feedPattern(output, stop.signal);
  try {
    const size = 320 * 240 * 3 / 2;
    const check = async (file: string, count: number) => {
      const bytes = await Deno.readFile(file);
      assert.equal(bytes.length, count * size);
      let last = -1;
      for (let i = 0; i < count; i++) {
        const reading = readPattern(bytes.subarray(i * size), 320, 240, 320);
        assert.ok(reading !== undefined, `picture ${i} holds a strip`);
        assert.ok(reading.sequence >= last, "pictures come in order");
        last = reading.sequence;
      }
    };
    const formats = await command("v4l2-ctl", "-d", SINK, "--list-formats");
    assert.ok(formats.includes("YU12"), formats);
    const raw = `${folder}/v4l2-ctl.yuv`;
    await command(
      "v4l2-ctl",
      ...[
        "-d",
        SINK,
        "--stream-mmap",
        `--stream-skip=${STALE}`,
        "--stream-count=5",
        `--stream-to=${raw}`,
      ],
    );
    await check(raw, 5);
    const yuv = `${folder}/ffmpeg.yuv`;
    await command(
      "ffmpeg",
      ...["-v", "error", "-f", "v4l2", "-i", SINK, "-frames:v", "3", "-f", "rawvideo", yuv],
    );
    await check(yuv, 3);
  } finally {
    stop.abort();
    await feeding;
    await Deno.remove(folder, { recursive: true });
  }
});

test("a virtual camera is a camera that this program captures from", async () => {
  const stop = new AbortController();
  await using output = await openVideoOutput(SINK, {
    format: "I420",
    width: 320,
    height: 240,
    fps: 10,
  });
  const feeding = feedPattern(output, stop.signal);
  try {
    const driver = new V4l2Driver();
    await using camera = await driver.open(await fedCamera(SINK), { formats: ["I420"] });
    for (let i = 0; i < 5; i++) {
      const picture = await camera.next() as RawFrame;
      const { data, stride } = picture.planes[0]!;
      const reading = readPattern(data, picture.width, picture.height, stride);
      assert.ok(reading !== undefined);
      const age = picture.captureTime - reading.captureTime;
      assert.ok(age > -50_000 && age < 5e6, `written ${age} µs after the pattern was made`);
      picture.release();
    }
  } finally {
    stop.abort();
    await feeding;
  }
});

test("a picture of another size or format is refused", async () => {
  await using output = await openVideoOutput(SINK, {
    format: "YUYV",
    width: 320,
    height: 240,
    fps: 10,
  });
  const driver = new TestCameraDriver();
  await using camera = await driver.open(driver.info("test:320x240"), { formats: ["I420"] });
  const picture = await camera.next() as RawFrame;
  assert.throws(() => output.write(picture), RangeError);
  picture.release();
});

test("writing to a camera says what it is, and how to make a virtual one", async () => {
  const { info } = await selectCamera("platform:vivid-000");
  const config = { format: "I420", width: 320, height: 240, fps: 10 } as const;
  await assert.rejects(
    openVideoOutput(info.path, config),
    (error: Error & { code?: string; hint?: string }) =>
      error.code === "unsupported" && (error.hint ?? "").includes("modprobe v4l2loopback"),
  );
  await assert.rejects(openVideoOutput("/dev/video99", config), { code: "not-found" });
});
