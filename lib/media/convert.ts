/**
 * Conversions of captured pictures to I420, written straight into the planes that the encoder
 * reads: the one copy a picture goes through. Pure functions over bytes.
 *
 * 4:2:2 sources give each chroma sample as the mean of its two rows; a last odd row stands alone.
 * Whole words are read where the source is aligned to four bytes, as capture buffers are.
 *
 * @module
 */
import type { Plane, RawFrame } from "./frame.ts";

/** Where an I420 picture is written: Y, U, V. */
export type I420Planes = readonly [Plane, Plane, Plane];

/** Bytes of an I420 picture without padding; odd sizes have (n+1)/2 chroma samples. */
export function i420Size(width: number, height: number): number {
  return width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1);
}

/** The three planes of a picture that lies in one array without padding. */
export function i420Planes(
  data: Uint8Array,
  width: number,
  height: number,
): [Plane, Plane, Plane] {
  const chromaWidth = (width + 1) >> 1;
  const chroma = chromaWidth * ((height + 1) >> 1);
  const luma = width * height;
  return [
    { data: data.subarray(0, luma), stride: width },
    { data: data.subarray(luma, luma + chroma), stride: chromaWidth },
    { data: data.subarray(luma + chroma, luma + 2 * chroma), stride: chromaWidth },
  ];
}

/**
 * Writes `frame` as I420 into `target`, `width` × `height` pixels of it from the top left corner.
 * Throws `RangeError` when the picture is smaller than that, and `TypeError` for RGBA.
 */
export function writeI420(
  frame: RawFrame,
  target: I420Planes,
  width: number = frame.width,
  height: number = frame.height,
): void {
  if (width > frame.width || height > frame.height) {
    throw new RangeError(
      `a ${frame.width}×${frame.height} picture has no ${width}×${height} pixels`,
    );
  }
  switch (frame.format) {
    case "I420":
      copyPlane(planeOf(frame, 0), target[0], width, height);
      copyPlane(planeOf(frame, 1), target[1], (width + 1) >> 1, (height + 1) >> 1);
      copyPlane(planeOf(frame, 2), target[2], (width + 1) >> 1, (height + 1) >> 1);
      return;
    case "NV12":
      copyPlane(planeOf(frame, 0), target[0], width, height);
      splitChroma(planeOf(frame, 1), target[1], target[2], (width + 1) >> 1, (height + 1) >> 1);
      return;
    case "YUYV":
      unpack422(planeOf(frame, 0), target, width, height, 0);
      return;
    case "UYVY":
      unpack422(planeOf(frame, 0), target, width, height, 8);
      return;
    case "GREY":
      copyPlane(planeOf(frame, 0), target[0], width, height);
      fillPlane(target[1], (width + 1) >> 1, (height + 1) >> 1, 128);
      fillPlane(target[2], (width + 1) >> 1, (height + 1) >> 1, 128);
      return;
    case "RGBA":
      throw new TypeError("RGBA pictures are made for display, not for encoding");
  }
}

/** One of a picture's planes; throws `TypeError` where the picture lacks it. */
export function planeOf(frame: RawFrame, index: number): Plane {
  const plane = frame.planes[index];
  if (plane === undefined) throw new TypeError(`a ${frame.format} picture without plane ${index}`);
  return plane;
}

/** Copies rows; all at once where neither side has padding. */
export function copyPlane(source: Plane, target: Plane, width: number, height: number): void {
  if (source.stride === width && target.stride === width) {
    target.data.set(source.data.subarray(0, width * height));
    return;
  }
  for (let row = 0; row < height; row++) {
    const from = row * source.stride;
    target.data.set(source.data.subarray(from, from + width), row * target.stride);
  }
}

/** Sets rows to one value. */
function fillPlane(target: Plane, width: number, height: number, value: number): void {
  for (let row = 0; row < height; row++) {
    target.data.fill(value, row * target.stride, row * target.stride + width);
  }
}

/** Interleaved chroma to two planes. */
function splitChroma(source: Plane, u: Plane, v: Plane, width: number, height: number): void {
  for (let row = 0; row < height; row++) {
    let from = row * source.stride;
    const uRow = row * u.stride;
    const vRow = row * v.stride;
    for (let x = 0; x < width; x++, from += 2) {
      u.data[uRow + x] = source.data[from]!;
      v.data[vRow + x] = source.data[from + 1]!;
    }
  }
}

/**
 * Packed 4:2:2 to I420, two rows at a time. `shift` is 0 where luma comes first in a pair of pixels
 * (YUYV), 8 where chroma does (UYVY).
 */
function unpack422(
  source: Plane,
  target: I420Planes,
  width: number,
  height: number,
  shift: 0 | 8,
): void {
  if (((source.data.byteOffset | source.stride) & 3) !== 0 || LITTLE_ENDIAN === false) {
    unpack422Bytes(source, target, width, height, shift === 0 ? 0 : 1);
    return;
  }
  const [yPlane, uPlane, vPlane] = target;
  const y = yPlane.data, u = uPlane.data, v = vPlane.data;
  const words = new Uint32Array(
    source.data.buffer,
    source.data.byteOffset,
    source.data.byteLength >> 2,
  );
  const wordStride = source.stride >> 2;
  const pairs = width >> 1;
  const lumaShift = shift === 0 ? 0 : 8;
  const uShift = shift === 0 ? 8 : 0;
  for (let row = 0; row < height; row += 2) {
    const second = row + 1 < height ? wordStride : 0;
    let from = row * wordStride;
    let y0 = row * yPlane.stride;
    let y1 = second === 0 ? y0 : y0 + yPlane.stride;
    let uAt = (row >> 1) * uPlane.stride;
    let vAt = (row >> 1) * vPlane.stride;
    for (let pair = 0; pair < pairs; pair++, from++) {
      const a = words[from]!;
      const b = words[from + second]!;
      y[y0++] = a >>> lumaShift;
      y[y0++] = a >>> (lumaShift + 16);
      y[y1++] = b >>> lumaShift;
      y[y1++] = b >>> (lumaShift + 16);
      const chroma = (a >>> uShift & 0xff00ff) + (b >>> uShift & 0xff00ff) + 0x10001;
      u[uAt++] = chroma >>> 1;
      v[vAt++] = chroma >>> 17;
    }
    if ((width & 1) !== 0) {
      const a = words[from]!;
      const b = words[from + second]!;
      y[y0] = a >>> lumaShift;
      y[y1] = b >>> lumaShift;
      const chroma = (a >>> uShift & 0xff00ff) + (b >>> uShift & 0xff00ff) + 0x10001;
      u[uAt] = chroma >>> 1;
      v[vAt] = chroma >>> 17;
    }
  }
}

/** The same, byte by byte, for rows that are not aligned to words. */
function unpack422Bytes(
  source: Plane,
  target: I420Planes,
  width: number,
  height: number,
  luma: 0 | 1,
): void {
  const [y, u, v] = target;
  const chroma = luma ^ 1;
  for (let row = 0; row < height; row++) {
    const from = row * source.stride;
    for (let x = 0; x < width; x++) {
      y.data[row * y.stride + x] = source.data[from + 2 * x + luma]!;
    }
  }
  for (let row = 0; row < height; row += 2) {
    const first = row * source.stride + chroma;
    const second = row + 1 < height ? first + source.stride : first;
    for (let x = 0; x < (width + 1) >> 1; x++) {
      const at = 4 * x;
      u.data[(row >> 1) * u.stride + x] =
        (source.data[first + at]! + source.data[second + at]! + 1) >> 1;
      v.data[(row >> 1) * v.stride + x] =
        (source.data[first + at + 2]! + source.data[second + at + 2]! + 1) >> 1;
    }
  }
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Chroma of a 4:2:2 or 4:4:4 picture thinned out to 4:2:0: the mean of two rows, and of two columns
 * where the source has all of them.
 *
 * @param width samples in a row of the target.
 * @param height rows of the source.
 * @param sourceWidth samples in a row of the source where it is 4:4:4; 0 where it is 4:2:2.
 */
export function halveChroma(
  source: Plane,
  target: Plane,
  width: number,
  height: number,
  sourceWidth: number,
): void {
  for (let row = 0; row < height; row += 2) {
    const a = row * source.stride;
    const b = row + 1 < height ? a + source.stride : a;
    const to = (row >> 1) * target.stride;
    for (let x = 0; x < width; x++) {
      if (sourceWidth === 0) {
        target.data[to + x] = (source.data[a + x]! + source.data[b + x]! + 1) >> 1;
        continue;
      }
      const left = 2 * x;
      const right = left + 1 < sourceWidth ? left + 1 : left;
      const sum = source.data[a + left]! + source.data[a + right]! +
        source.data[b + left]! + source.data[b + right]!;
      target.data[to + x] = (sum + 2) >> 2;
    }
  }
}

/**
 * Stretches an I420 picture in place from luma 16 to 235 and chroma 16 to 240 (what cameras give) to
 * 0 to 255 (what JPEG means).
 */
export function expandRange(planes: I420Planes, width: number, height: number): void {
  mapPlane(planes[0], width, height, FULL_LUMA);
  mapPlane(planes[1], (width + 1) >> 1, (height + 1) >> 1, FULL_CHROMA);
  mapPlane(planes[2], (width + 1) >> 1, (height + 1) >> 1, FULL_CHROMA);
}

/** The reverse: 0 to 255 squeezed into 16 to 235 and 16 to 240, for encoders that can't say which. */
export function limitRange(planes: I420Planes, width: number, height: number): void {
  mapPlane(planes[0], width, height, LIMITED_LUMA);
  mapPlane(planes[1], (width + 1) >> 1, (height + 1) >> 1, LIMITED_CHROMA);
  mapPlane(planes[2], (width + 1) >> 1, (height + 1) >> 1, LIMITED_CHROMA);
}

/** Replaces each sample by its entry in a table. */
function mapPlane(plane: Plane, width: number, height: number, table: Uint8ClampedArray): void {
  const { data, stride } = plane;
  for (let row = 0; row < height; row++) {
    const end = row * stride + width;
    for (let at = row * stride; at < end; at++) data[at] = table[data[at]!]!;
  }
}

const FULL_LUMA = Uint8ClampedArray.from({ length: 256 }, (_, y) => (y - 16) * 255 / 219);
const FULL_CHROMA = Uint8ClampedArray.from({ length: 256 }, (_, c) => (c - 128) * 255 / 224 + 128);
const LIMITED_LUMA = Uint8ClampedArray.from({ length: 256 }, (_, y) => y * 219 / 255 + 16);
const LIMITED_CHROMA = Uint8ClampedArray.from(
  { length: 256 },
  (_, c) => (c - 128) * 224 / 255 + 128,
);
