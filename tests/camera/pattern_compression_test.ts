import assert from "node:assert/strict";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { TestPattern } from "../../lib/camera/test_pattern.ts";
import { noFfmpeg, run } from "../support/ffmpeg.ts";
import { requires } from "../support/requires.ts";

const FRAMES = 20;
const EPOCH = 1_790_000_123_456_789;

/** Compresses the pattern, decodes it at another size, and counts the pictures that can be read. */
async function survivors(
  size: [number, number],
  codec: string[],
  suffix: string,
  scaled: [number, number] = size,
): Promise<number> {
  const folder = await Deno.makeTempDir();
  try {
    const [width, height] = size;
    const pattern = new TestPattern(width, height);
    const canvas = pattern.createCanvas();
    const source = await Deno.open(`${folder}/source.yuv`, { write: true, create: true });
    for (let sequence = 0; sequence < FRAMES; sequence++) {
      pattern.paint(canvas, { sequence, captureTime: EPOCH + sequence * 33_333 });
      for (const plane of [canvas.y, canvas.u, canvas.v]) await source.write(plane);
    }
    source.close();
    const ffmpeg = async (...args: string[]) => {
      const { code, stderr } = await run("ffmpeg", ["-v", "error", "-y", ...args]);
      assert.equal(code, 0, stderr);
    };
    await ffmpeg(
      ...["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size.join("x"), "-r", "30"],
      ...["-i", `${folder}/source.yuv`, ...codec, `${folder}/coded${suffix}`],
    );
    await ffmpeg(
      ...["-i", `${folder}/coded${suffix}`, "-vf", `scale=${scaled.join(":")}`],
      ...["-pix_fmt", "gray", "-f", "rawvideo", `${folder}/decoded.y`],
    );
    const decoded = await Deno.readFile(`${folder}/decoded.y`);
    const bytes = scaled[0] * scaled[1];
    assert.equal(decoded.length, bytes * FRAMES);
    let count = 0;
    for (let sequence = 0; sequence < FRAMES; sequence++) {
      const picture = decoded.subarray(sequence * bytes);
      if (readPattern(picture, scaled[0], scaled[1], scaled[0])?.sequence === sequence) count++;
    }
    return count;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const x264 = (rate: string) => [
  ...["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"],
  ...["-b:v", rate, "-maxrate", rate, "-bufsize", rate],
];
const jpeg = (quality: string) => ["-c:v", "mjpeg", "-q:v", quality];

const CASES: [string, ...Parameters<typeof survivors>][] = [
  ["1280×720 H.264 at 500 kbit/s", [1280, 720], x264("500k"), ".mp4"],
  ["1280×720 H.264 at 500 kbit/s, scaled to 160×120", [1280, 720], x264("500k"), ".mp4", [
    160,
    120,
  ]],
  ["160×120 H.264 at 150 kbit/s", [160, 120], x264("150k"), ".mp4"],
  ["160×120 JPEG at the worst quality", [160, 120], jpeg("31"), ".avi"],
  ["640×480 JPEG at the worst quality, scaled to 1920×1080", [640, 480], jpeg("31"), ".avi", [
    1920,
    1080,
  ]],
];
for (const [name, ...args] of CASES) {
  Deno.test({
    name: `every picture is read after ${name}`,
    ...requires(noFfmpeg),
    fn: async () => assert.equal(await survivors(...args), FRAMES),
  });
}
