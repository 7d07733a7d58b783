/** What the test camera's pictures say of themselves, read off what came out at the other end. */
import assert from "node:assert/strict";
import { type PatternReading, readPattern } from "../../lib/camera/pattern_code.ts";
import { run } from "./ffmpeg.ts";

/** Decodes a stream (any format ffmpeg knows) and reads every picture. Fails on a complaint of ffmpeg's. */
export async function readPictures(
  stream: Uint8Array,
  size: { width: number; height: number },
  format?: string,
): Promise<PatternReading[]> {
  const { width, height } = size;
  const { code, stdout, stderr } = await run("ffmpeg", [
    ..."-hide_banner -loglevel error".split(" "),
    ...(format === undefined ? [] : ["-f", format]),
    ..."-i - -f rawvideo -pix_fmt gray -fps_mode passthrough -".split(" "),
  ], stream);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "", "ffmpeg decodes it without a complaint");
  const pixels = width * height;
  assert.equal(stdout.length % pixels, 0, `pictures are of ${width}×${height}`);
  const readings: PatternReading[] = [];
  for (let at = 0; at < stdout.length; at += pixels) {
    const reading = readPattern(stdout.subarray(at, at + pixels), width, height, width);
    assert(reading !== undefined, `picture ${at / pixels} has no readable code`);
    readings.push(reading);
  }
  return readings;
}

/** Checks that pictures are in order, none twice, and none is missing. */
export function assertConsecutive(readings: readonly PatternReading[]): void {
  const numbers = readings.map(({ sequence }) => sequence);
  const first = numbers[0] ?? 0;
  assert.deepEqual(numbers, numbers.map((_, index) => first + index));
}
