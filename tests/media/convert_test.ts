import assert from "node:assert/strict";
import fc from "fast-check";
import {
  expandRange,
  halveChroma,
  i420Planes,
  i420Size,
  limitRange,
  writeI420,
} from "../../lib/media/convert.ts";
import type { PixelFormat, Plane, RawFrame } from "../../lib/media/frame.ts";

/** A picture of random bytes: any size, row padding, and position in its buffer. */
const pictures = fc.record({
  format: fc.constantFrom<PixelFormat>("I420", "NV12", "YUYV", "UYVY", "GREY"),
  width: fc.integer({ min: 1, max: 40 }),
  height: fc.integer({ min: 1, max: 12 }),
  padding: fc.integer({ min: 0, max: 5 }),
  offset: fc.integer({ min: 0, max: 5 }),
  seed: fc.integer({ min: 1, max: 0x7fffffff }),
});

function randomPlane(
  rowBytes: number,
  rows: number,
  padding: number,
  offset: number,
  seed: number,
): Plane {
  const stride = rowBytes + padding;
  const buffer = new Uint8Array(offset + stride * rows);
  let state = seed;
  for (let i = 0; i < buffer.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    buffer[i] = state >>> 24;
  }
  return { data: buffer.subarray(offset), stride };
}

function makePicture(shape: typeof pictures extends fc.Arbitrary<infer T> ? T : never): RawFrame {
  const { format, width, height, padding, offset, seed } = shape;
  const chromaWidth = Math.ceil(width / 2), chromaHeight = Math.ceil(height / 2);
  const plane = (bytes: number, rows: number, n: number) =>
    randomPlane(bytes, rows, padding, offset, seed + n);
  const planes = {
    I420: () => [
      plane(width, height, 0),
      plane(chromaWidth, chromaHeight, 1),
      plane(chromaWidth, chromaHeight, 2),
    ],
    NV12: () => [plane(width, height, 0), plane(2 * chromaWidth, chromaHeight, 1)],
    YUYV: () => [plane(4 * chromaWidth, height, 0)],
    UYVY: () => [plane(4 * chromaWidth, height, 0)],
    GREY: () => [plane(width, height, 0)],
    RGBA: () => [],
  }[format]();
  return { format, width, height, planes, captureTime: 0, sequence: 0, release: () => {} };
}

/** Luma and chroma of one pixel, read the obvious way. */
function pixel(frame: RawFrame, x: number, y: number): { y: number; u: number; v: number } {
  const at = (plane: number, row: number, byte: number) =>
    frame.planes[plane]!.data[row * frame.planes[plane]!.stride + byte]!;
  const cx = x >> 1, cy = y >> 1;
  switch (frame.format) {
    case "I420":
      return { y: at(0, y, x), u: at(1, cy, cx), v: at(2, cy, cx) };
    case "NV12":
      return { y: at(0, y, x), u: at(1, cy, 2 * cx), v: at(1, cy, 2 * cx + 1) };
    case "GREY":
      return { y: at(0, y, x), u: 128, v: 128 };
    case "YUYV":
      return { y: at(0, y, 2 * x), u: at(0, y, 4 * cx + 1), v: at(0, y, 4 * cx + 3) };
    default:
      return { y: at(0, y, 2 * x + 1), u: at(0, y, 4 * cx), v: at(0, y, 4 * cx + 2) };
  }
}

Deno.test("every layout becomes the I420 that a naive conversion gives", () => {
  fc.assert(fc.property(pictures, (shape) => {
    const frame = makePicture(shape);
    const { width, height } = frame;
    const target = i420Planes(new Uint8Array(i420Size(width, height)), width, height);
    writeI420(frame, target);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        assert.equal(target[0].data[y * target[0].stride + x], pixel(frame, x, y).y);
      }
    }
    for (let cy = 0; cy < Math.ceil(height / 2); cy++) {
      for (let cx = 0; cx < Math.ceil(width / 2); cx++) {
        const a = pixel(frame, 2 * cx, 2 * cy);
        const b = pixel(frame, 2 * cx, Math.min(2 * cy + 1, height - 1));
        assert.equal(target[1].data[cy * target[1].stride + cx], (a.u + b.u + 1) >> 1);
        assert.equal(target[2].data[cy * target[2].stride + cx], (a.v + b.v + 1) >> 1);
      }
    }
  }));
});

Deno.test("a part of a picture is its top left corner, and more than there is is refused", () => {
  const frame = makePicture({
    format: "YUYV",
    width: 9,
    height: 7,
    padding: 0,
    offset: 0,
    seed: 5,
  });
  const target = i420Planes(new Uint8Array(i420Size(8, 6)), 8, 6);
  writeI420(frame, target, 8, 6);
  assert.equal(target[0].data[5 * 8 + 7], pixel(frame, 7, 5).y);
  assert.throws(() => writeI420(frame, target, 10, 6), RangeError);
  assert.throws(() => writeI420({ ...frame, format: "RGBA" }, target, 8, 6), TypeError);
});

Deno.test("stretching maps 16 to 0, 235 to 255, and leaves grey chroma", () => {
  const planes = i420Planes(new Uint8Array(i420Size(2, 2)), 2, 2);
  planes[0].data.set([16, 235, 126, 0]);
  planes[1].data.set([128]);
  planes[2].data.set([240]);
  expandRange(planes, 2, 2);
  assert.deepEqual([...planes[0].data], [0, 255, 128, 0]);
  assert.deepEqual([planes[1].data[0], planes[2].data[0]], [128, 255]);
  planes[0].data.set([0, 255, 128, 20]);
  limitRange(planes, 2, 2);
  assert.deepEqual([...planes[0].data], [16, 235, 126, 33]);
  assert.deepEqual([planes[1].data[0], planes[2].data[0]], [128, 240]);
});

Deno.test("chroma of 4:2:2 and 4:4:4 is thinned out to the mean", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 10 }),
    fc.boolean(),
    fc.integer({ min: 1, max: 1e9 }),
    (width, height, full, seed) => {
      const sourceWidth = full ? width : Math.ceil(width / 2);
      const source = randomPlane(sourceWidth, height, 3, 1, seed);
      const chromaWidth = Math.ceil(width / 2);
      const target = {
        data: new Uint8Array(chromaWidth * Math.ceil(height / 2)),
        stride: chromaWidth,
      };
      halveChroma(source, target, chromaWidth, height, full ? width : 0);
      const at = (x: number, y: number) =>
        source.data[Math.min(y, height - 1) * source.stride + Math.min(x, sourceWidth - 1)]!;
      for (let y = 0; y < Math.ceil(height / 2); y++) {
        for (let x = 0; x < chromaWidth; x++) {
          const rows = [2 * y, 2 * y + 1];
          const samples = rows.flatMap((row) =>
            full ? [at(2 * x, row), at(2 * x + 1, row)] : [at(x, row)]
          );
          const mean = samples.reduce((sum, each) => sum + each, 0) / samples.length;
          assert.equal(target.data[y * chromaWidth + x], Math.floor(mean + 0.5));
        }
      }
    },
  ));
});
