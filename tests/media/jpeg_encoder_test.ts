import assert from "node:assert/strict";
import fc from "fast-check";
import { i420Planes, i420Size } from "../../lib/media/convert.ts";
import { JpegPlaneEncoder } from "../../lib/media/jpeg_encoder.ts";
import { isWholeJpeg, parseJpegInfo } from "../../lib/media/jpeg_info.ts";
import { AC_CHROMA, AC_LUMA, DC_CHROMA, DC_LUMA, ZIGZAG } from "../../lib/media/jpeg_tables.ts";
import { noFfmpeg, run } from "../support/ffmpeg.ts";
import { requires } from "../support/requires.ts";

/** Smooth colours that no two places share. */
function gradient(width: number, height: number) {
  const planes = i420Planes(new Uint8Array(i420Size(width, height)), width, height);
  planes.forEach((plane, n) => {
    for (let i = 0; i < plane.data.length; i++) {
      const x = i % plane.stride, y = Math.floor(i / plane.stride);
      plane.data[i] = 128 + 90 * Math.sin(x / (9 + n)) * Math.cos(y / (7 + n));
    }
  });
  return planes;
}

Deno.test("the tables are those of T.81 annex K", () => {
  assert.deepEqual([...ZIGZAG.subarray(0, 10)], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
  assert.equal(new Set(ZIGZAG).size, 64);
  for (const spec of [DC_LUMA, DC_CHROMA, AC_LUMA, AC_CHROMA]) {
    const total = spec.counts.reduce((sum, count) => sum + count, 0);
    assert.equal(spec.values.length, total);
    assert.equal(new Set(spec.values).size, total);
    assert.equal(total, spec.id < 0x10 ? 12 : 162);
  }
  assert.deepEqual(AC_LUMA.values.slice(-10), [
    0xf1,
    0xf2,
    0xf3,
    0xf4,
    0xf5,
    0xf6,
    0xf7,
    0xf8,
    0xf9,
    0xfa,
  ]);
  assert.deepEqual(AC_CHROMA.values.slice(0, 6), [0, 1, 2, 3, 0x11, 4]);
});

Deno.test({
  name: "another decoder sees the picture that was encoded, at every size",
  ...requires(noFfmpeg),
  fn: async () => {
    for (const [width, height] of [[64, 48], [17, 33], [1, 1], [321, 239]] as const) {
      const planes = gradient(width, height);
      const data = new JpegPlaneEncoder(width, height, 92, true).encode(planes);
      const { width: w, height: h } = parseJpegInfo(data);
      assert.deepEqual([w, h], [width, height]);
      const { stdout, stderr } = await run("ffmpeg", [
        ..."-loglevel warning -f mjpeg -i - -f rawvideo -pix_fmt yuvj420p -".split(" "),
      ], data);
      assert.doesNotMatch(stderr, /error|invalid/i);
      assert.equal(stdout.length, i420Size(width, height));
      const decoded = i420Planes(stdout, width, height);
      planes.forEach((plane, n) => {
        let squares = 0;
        plane.data.forEach((value, i) => squares += (value - decoded[n]!.data[i]!) ** 2);
        const error = squares / plane.data.length;
        assert.ok(error < 6, `${width}×${height} plane ${n}: mean square error ${error}`);
      });
    }
  },
});

Deno.test("any samples give a whole image, and a lower quality a smaller one", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 100 }),
      fc.integer(),
      (width, height, quality, seed) => {
        const data = new Uint8Array(i420Size(width, height));
        let state = seed;
        for (let i = 0; i < data.length; i++) {
          state = Math.imul(state, 1664525) + 1013904223 | 0;
          data[i] = state >>> 24 & 1 ? 255 : state >>> 16 & 255;
        }
        const image = new JpegPlaneEncoder(width, height, quality, true)
          .encode(i420Planes(data, width, height));
        assert.ok(isWholeJpeg(image));
      },
    ),
    { numRuns: 50 },
  );
  const size = (quality: number) =>
    new JpegPlaneEncoder(320, 240, quality, true).encode(gradient(320, 240)).length;
  assert.ok(size(20) < size(60) && size(60) < size(95));
});

Deno.test("a size that JPEG can't say is refused", () => {
  for (const [width, height] of [[0, 1], [1, 65536], [NaN, 1]] as const) {
    assert.throws(() => new JpegPlaneEncoder(width, height, 80, true), RangeError);
  }
});
