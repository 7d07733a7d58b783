/**
 * The machine-readable strip of the test pattern: a grid of black and white cells over the bottom
 * quarter of the picture that holds the frame's sequence number and its capture time. The cells lie
 * at fixed fractions of the picture, so that scaling moves nothing; they are 6 pixels or larger at
 * 160×120, and a checksum tells a damaged strip from a good one.
 *
 * Free of dependencies: it runs in a page on RGBA as it does here on luma.
 *
 * 24 columns × 5 rows = 120 bits, row by row, most significant bit first, white is 1:
 *
 * | bits | what |
 * | --- | --- |
 * | 8 | mark, 0xA6 |
 * | 32 | sequence |
 * | 56 | capture time, µs since the epoch |
 * | 24 | CRC-24 (RFC 9580 §6.1) of the 12 bytes before |
 *
 * @module
 */

/** Cells across. */
export const CODE_COLUMNS = 24;
/** Cells down. */
export const CODE_ROWS = 5;
/** The part of the picture's height that the strip takes, at the bottom. */
export const CODE_HEIGHT = 1 / 4;

/** Bytes of the strip: mark, sequence, time, checksum. */
const CODE_BYTES = 15;
const MARK = 0xa6;
/** Least difference between the mean of the white and of the black cells for a strip to be read. */
const MIN_CONTRAST = 40;

/** What the strip says. */
export interface PatternReading {
  /** Frame number, 0 to 2^32-1. */
  sequence: number;
  /** Capture instant, µs since the epoch. */
  captureTime: number;
}

/** Where a plane's samples lie. */
export interface PatternLayout {
  /** Bytes from one sample to the next in a row: 1 for luma planes (default), 2 for YUYV, 4 for RGBA. */
  step?: number;
  /** Bytes before the first sample: 1 for UYVY's luma, 1 for RGBA's green (default 0). */
  offset?: number;
}

/** The checksum of RFC 9580 §6.1 (polynomial 0x864CFB, initial value 0xB704CE). */
function crc24(bytes: Uint8Array, length: number): number {
  let crc = 0xb704ce;
  for (let i = 0; i < length; i++) {
    crc ^= (bytes[i] ?? 0) << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}

/**
 * Packs a reading into the strip's 15 bytes, one bit a cell.
 *
 * @param into 15 bytes to write to; made when absent.
 */
export function encodePattern(
  reading: PatternReading,
  into: Uint8Array = new Uint8Array(CODE_BYTES),
): Uint8Array {
  into[0] = MARK;
  let sequence = reading.sequence >>> 0;
  for (let i = 4; i >= 1; i--) {
    into[i] = sequence & 0xff;
    sequence >>>= 8;
  }
  let time = reading.captureTime;
  for (let i = 11; i >= 5; i--) {
    into[i] = time % 256;
    time = Math.floor(time / 256);
  }
  const crc = crc24(into, 12);
  into[12] = crc >>> 16;
  into[13] = crc >>> 8 & 0xff;
  into[14] = crc & 0xff;
  return into;
}

/** Unpacks the strip's 15 bytes; `undefined` where mark or checksum are wrong. */
export function decodePattern(bytes: Uint8Array): PatternReading | undefined {
  if (bytes.length !== CODE_BYTES || bytes[0] !== MARK) return undefined;
  const crc = (bytes[12] ?? 0) << 16 | (bytes[13] ?? 0) << 8 | (bytes[14] ?? 0);
  if (crc24(bytes, 12) !== crc) return undefined;
  let sequence = 0;
  for (let i = 1; i <= 4; i++) sequence = sequence * 256 + (bytes[i] ?? 0);
  let captureTime = 0;
  for (let i = 5; i <= 11; i++) captureTime = captureTime * 256 + (bytes[i] ?? 0);
  return { sequence, captureTime };
}

/** First row of the strip in a picture of this height. */
export function codeTop(height: number): number {
  return height - Math.round(height * CODE_HEIGHT);
}

/**
 * Reads sequence number and capture time off a picture of the test camera, however it was scaled or
 * compressed on the way.
 *
 * @param data luma plane, or packed samples with `layout`; full or limited range.
 * @param width pixels.
 * @param height pixels.
 * @param stride bytes from row to row.
 * @returns `undefined` where the picture holds no readable strip.
 */
export function readPattern(
  data: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  stride: number,
  layout: PatternLayout = {},
): PatternReading | undefined {
  if (width < CODE_COLUMNS * 2 || height < CODE_ROWS * 2 / CODE_HEIGHT) return undefined;
  const step = layout.step ?? 1;
  const offset = layout.offset ?? 0;
  const cells = CODE_COLUMNS * CODE_ROWS;
  const means = new Float64Array(cells);
  const top = codeTop(height);
  const cellWidth = width / CODE_COLUMNS;
  const cellHeight = (height - top) / CODE_ROWS;
  let low = 255;
  let high = 0;
  for (let cell = 0; cell < cells; cell++) {
    const left = cell % CODE_COLUMNS * cellWidth;
    const up = top + Math.floor(cell / CODE_COLUMNS) * cellHeight;
    // The middle half of the cell, up to 5 × 5 samples of it: edges ring and bleed.
    let sum = 0;
    for (let j = 0; j < 5; j++) {
      const y = Math.floor(up + cellHeight * (0.3 + 0.1 * j));
      for (let i = 0; i < 5; i++) {
        const x = Math.floor(left + cellWidth * (0.3 + 0.1 * i));
        sum += data[y * stride + x * step + offset] ?? 0;
      }
    }
    const mean = sum / 25;
    means[cell] = mean;
    if (mean < low) low = mean;
    if (mean > high) high = mean;
  }
  if (high - low < MIN_CONTRAST) return undefined;
  const threshold = (high + low) / 2;
  const bytes = new Uint8Array(CODE_BYTES);
  for (let cell = 0; cell < cells; cell++) {
    if ((means[cell] ?? 0) > threshold) {
      bytes[cell >> 3] = (bytes[cell >> 3] ?? 0) | 0x80 >> (cell & 7);
    }
  }
  return decodePattern(bytes);
}
