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

/**
 * Checks that pictures are in order and none comes twice, and that no more than a fifth is missing: a
 * machine that is busy with other tests skips pictures before they are encoded, as it should.
 */
export function assertInOrder(readings: readonly PatternReading[]): void {
  const numbers = readings.map(({ sequence }) => sequence);
  assert(numbers.length > 0, "there are pictures");
  numbers.reduce((before, number) => {
    assert(number > before, `picture ${number} comes after ${before}`);
    return number;
  }, -1);
  const span = numbers.at(-1)! - numbers[0]! + 1;
  assert(numbers.length >= span * 0.8, `${numbers.length} pictures of ${span} came`);
}
