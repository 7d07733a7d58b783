import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodePattern,
  encodePattern,
  type PatternReading,
  readPattern,
} from "../../lib/camera/pattern_code.ts";
import { TestPattern } from "../../lib/camera/test_pattern.ts";

const readings = fc.record({
  sequence: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  captureTime: fc.maxSafeNat(),
}, { noNullPrototype: true });

Deno.test("what the strip encodes decodes to the same", () => {
  fc.assert(fc.property(readings, (reading) => {
    assert.deepEqual(decodePattern(encodePattern(reading)), reading);
  }));
});

Deno.test("the strip's bytes are mark, sequence, time and CRC-24, big endian", () => {
  const bytes = encodePattern({ sequence: 0x01020304, captureTime: 0x05060708090a });
  assert.equal(bytes.toHex().slice(0, 24), "a6" + "01020304" + "0005060708090a");
  assert.equal(bytes.length, 15);
});

Deno.test("one flipped cell is always noticed", () => {
  fc.assert(fc.property(readings, fc.nat(119), (reading, bit) => {
    const bytes = encodePattern(reading);
    bytes[bit >> 3]! ^= 0x80 >> (bit & 7);
    assert.equal(decodePattern(bytes), undefined);
  }));
});

/** A picture painted by a canvas that showed others before, so that incremental painting is tested. */
function paint(width: number, height: number, reading: PatternReading): Uint8Array {
  const pattern = new TestPattern(width, height);
  const canvas = pattern.createCanvas();
  for (const step of [3, 2, 1]) {
    pattern.paint(canvas, {
      sequence: Math.max(0, reading.sequence - step),
      captureTime: reading.captureTime - step * 33_333,
    });
  }
  pattern.paint(canvas, reading);
  return canvas.y;
}

const reading = { sequence: 1234, captureTime: 1_790_000_123_456_789 };

for (
  const [width, height] of [
    [160, 120],
    [320, 240],
    [640, 480],
    [1280, 720],
    [1920, 1080],
    [
      3840,
      2160,
    ],
    [128, 96],
    [1280, 96],
    [130, 1000],
  ] as const
) {
  Deno.test(`the strip is read at ${width}×${height}`, () => {
    assert.deepEqual(readPattern(paint(width, height, reading), width, height, width), reading);
  });
}

/** Nearest-neighbour and box scaling, enough to show that the grid is relative. */
function scale(from: Uint8Array, w: number, h: number, width: number, height: number): Uint8Array {
  const to = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      to[y * width + x] = from[Math.floor(y * h / height) * w + Math.floor(x * w / width)]!;
    }
  }
  return to;
}

Deno.test("the strip is read after scaling from 1280×720 to any size", () => {
  const source = paint(1280, 720, reading);
  fc.assert(
    fc.property(
      fc.integer({ min: 160, max: 2000 }),
      fc.integer({ min: 120, max: 1200 }),
      (width, height) => {
        const scaled = scale(source, 1280, 720, width, height);
        assert.deepEqual(readPattern(scaled, width, height, width), reading);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("the strip is read from RGBA and from packed YUV", () => {
  const luma = paint(320, 240, reading);
  const rgba = new Uint8ClampedArray(320 * 240 * 4);
  const uyvy = new Uint8Array(320 * 240 * 2).fill(128);
  for (const [index, value] of luma.entries()) {
    rgba.fill(value, index * 4, index * 4 + 3);
    uyvy[index * 2 + 1] = value;
  }
  assert.deepEqual(readPattern(rgba, 320, 240, 1280, { step: 4, offset: 1 }), reading);
  assert.deepEqual(readPattern(uyvy, 320, 240, 640, { step: 2, offset: 1 }), reading);
});

Deno.test("a picture without a strip gives nothing", () => {
  assert.equal(readPattern(new Uint8Array(320 * 240), 320, 240, 320), undefined);
  const noise = new Uint8Array(320 * 240).map((_, i) => (i * 2654435761) >>> 24);
  assert.equal(readPattern(noise, 320, 240, 320), undefined);
  assert.equal(readPattern(new Uint8Array(10), 4, 2, 4), undefined);
});

Deno.test("incremental painting shows what painting anew shows", () => {
  const pattern = new TestPattern(320, 240);
  const used = pattern.createCanvas();
  fc.assert(fc.property(fc.array(readings, { minLength: 1, maxLength: 6 }), (steps) => {
    for (const step of steps) pattern.paint(used, step);
    const fresh = pattern.createCanvas();
    pattern.paint(fresh, steps.at(-1)!);
    assert.deepEqual(used.y, fresh.y);
    assert.deepEqual(used.u, fresh.u);
    assert.deepEqual(used.v, fresh.v);
  }));
});
