/**
 * A baseline JPEG encoder for 4:2:0 planes, for machines without libavcodec. npm's encoders take
 * RGBA, and with the conversion there and back need 75 ms and more for 1280×720; this one takes the
 * planes as they are.
 *
 * Transform: Arai, Agui, Nakajima (1988), whose output scale is folded into the quantization.
 *
 * @module
 */
import type { Plane } from "./frame.ts";
import {
  AC_CHROMA,
  AC_LUMA,
  DC_CHROMA,
  DC_LUMA,
  type HuffmanSpec,
  jpegHeader,
  quantization,
  ZIGZAG,
} from "./jpeg_tables.ts";

/** Scale of the transform's output, by row and by column. */
const AAN_SCALE = [0, 1, 2, 3, 4, 5, 6, 7].map((k) =>
  k === 0 ? 1 : Math.SQRT2 * Math.cos(k * Math.PI / 16)
);
/** Most bytes of one coded block: 64 coefficients of at most 27 bits, every byte stuffed. */
const MAX_BLOCK_BYTES = 512;

/** Encodes pictures of one size at one quality; memory is kept from picture to picture. */
export class JpegPlaneEncoder {
  readonly #width: number;
  readonly #height: number;
  readonly #header: Uint8Array;
  readonly #lumaDivisors: Float32Array;
  readonly #chromaDivisors: Float32Array;
  readonly #bits: BitWriter;
  readonly #block = new Float32Array(64);
  readonly #lumaLevels = new Float32Array(256);
  readonly #chromaLevels = new Float32Array(256);

  /** Sets up for a size in pixels (1 to 65,535 each) and a quality of 1 to 100. */
  constructor(width: number, height: number, quality: number, fullRange: boolean) {
    if (!(width >= 1 && width <= 0xffff && height >= 1 && height <= 0xffff)) {
      throw new RangeError(`JPEG pictures are 1 to 65535 pixels wide and high`);
    }
    this.#width = width;
    this.#height = height;
    const tables = quantization(quality);
    this.#header = jpegHeader(width, height, tables);
    this.#lumaDivisors = divisors(tables.luma);
    this.#chromaDivisors = divisors(tables.chroma);
    const blocks = Math.ceil(width / 16) * Math.ceil(height / 16) * 6;
    this.#bits = new BitWriter(this.#header.byteLength + blocks * 16 + MAX_BLOCK_BYTES * 8);
    for (let level = 0; level < 256; level++) {
      // JFIF's samples span 0 to 255; 16 to 235 is stretched on the way.
      this.#lumaLevels[level] = bound(fullRange ? level : (level - 16) * 255 / 219) - 128;
      this.#chromaLevels[level] = bound(fullRange ? level : (level - 128) * 255 / 224 + 128) - 128;
    }
  }

  /** One picture's Y, U and V to one JFIF image, in an array of its own. */
  encode(planes: readonly Plane[]): Uint8Array<ArrayBuffer> {
    const [y, u, v] = planes;
    if (y === undefined || u === undefined || v === undefined) {
      throw new TypeError("a picture without three planes");
    }
    const bits = this.#bits;
    bits.begin(this.#header);
    const chromaWidth = (this.#width + 1) >> 1;
    const chromaHeight = (this.#height + 1) >> 1;
    let dcY = 0, dcU = 0, dcV = 0;
    for (let top = 0; top < this.#height; top += 16) {
      for (let left = 0; left < this.#width; left += 16) {
        bits.reserve(6 * MAX_BLOCK_BYTES);
        for (let part = 0; part < 4; part++) {
          const x = left + (part & 1) * 8;
          const row = top + (part >> 1) * 8;
          this.#load(y, x, row, this.#width, this.#height, this.#lumaLevels);
          dcY = this.#code(this.#lumaDivisors, dcY, LUMA_DC, LUMA_AC);
        }
        const x = left >> 1, row = top >> 1;
        this.#load(u, x, row, chromaWidth, chromaHeight, this.#chromaLevels);
        dcU = this.#code(this.#chromaDivisors, dcU, CHROMA_DC, CHROMA_AC);
        this.#load(v, x, row, chromaWidth, chromaHeight, this.#chromaLevels);
        dcV = this.#code(this.#chromaDivisors, dcV, CHROMA_DC, CHROMA_AC);
      }
    }
    return bits.finish();
  }

  /** Fills the block; beyond the edge the last sample is repeated. */
  #load(
    plane: Plane,
    left: number,
    top: number,
    width: number,
    height: number,
    levels: Float32Array,
  ): void {
    const { data, stride } = plane;
    const block = this.#block;
    if (left + 8 <= width && top + 8 <= height) {
      for (let row = 0, at = 0; row < 8; row++) {
        let from = (top + row) * stride + left;
        for (let x = 0; x < 8; x++) block[at++] = levels[data[from++]!]!;
      }
      return;
    }
    for (let row = 0, at = 0; row < 8; row++) {
      const from = Math.min(top + row, height - 1) * stride;
      for (let x = 0; x < 8; x++) {
        block[at++] = levels[data[from + Math.min(left + x, width - 1)]!]!;
      }
    }
  }

  /** Transforms, quantizes and codes the block; answers its DC level (T.81 F.1.2). */
  #code(scales: Float32Array, previous: number, dc: HuffmanCodes, ac: HuffmanCodes): number {
    const block = this.#block;
    const bits = this.#bits;
    transform(block);
    const level = Math.round(block[0]! * scales[0]!);
    const difference = level - previous;
    const size = 32 - Math.clz32(Math.abs(difference));
    bits.put(dc.codes[size]!, dc.lengths[size]!);
    if (size > 0) bits.put(difference < 0 ? difference + (1 << size) - 1 : difference, size);
    let run = 0;
    for (let k = 1; k < 64; k++) {
      const at = ZIGZAG[k]!;
      const value = block[at]! * scales[at]!;
      if (value < 0.5 && value > -0.5) {
        run++;
        continue;
      }
      const rounded = Math.round(value);
      if (rounded === 0) {
        run++;
        continue;
      }
      for (; run > 15; run -= 16) bits.put(ac.codes[0xf0]!, ac.lengths[0xf0]!);
      const length = 32 - Math.clz32(Math.abs(rounded));
      const symbol = (run << 4) | length;
      bits.put(ac.codes[symbol]!, ac.lengths[symbol]!);
      bits.put(rounded < 0 ? rounded + (1 << length) - 1 : rounded, length);
      run = 0;
    }
    if (run > 0) bits.put(ac.codes[0]!, ac.lengths[0]!);
    return level;
  }
}

/** Forward transform in place, without its output scale: rows, then columns. */
function transform(b: Float32Array): void {
  for (let row = 0; row < 64; row += 8) pass(b, row, 1);
  for (let column = 0; column < 8; column++) pass(b, column, 8);
}

const C4 = Math.SQRT1_2;
const C6 = Math.cos(6 * Math.PI / 16);
const C2_MINUS_C6 = Math.cos(2 * Math.PI / 16) - C6;
const C2_PLUS_C6 = Math.cos(2 * Math.PI / 16) + C6;

/** One line of eight. */
function pass(b: Float32Array, at: number, step: number): void {
  const i1 = at + step, i2 = i1 + step, i3 = i2 + step;
  const i4 = i3 + step, i5 = i4 + step, i6 = i5 + step, i7 = i6 + step;
  const s07 = b[at]! + b[i7]!, d07 = b[at]! - b[i7]!;
  const s16 = b[i1]! + b[i6]!, d16 = b[i1]! - b[i6]!;
  const s25 = b[i2]! + b[i5]!, d25 = b[i2]! - b[i5]!;
  const s34 = b[i3]! + b[i4]!, d34 = b[i3]! - b[i4]!;

  const e0 = s07 + s34, e3 = s07 - s34;
  const e1 = s16 + s25, e2 = s16 - s25;
  b[at] = e0 + e1;
  b[i4] = e0 - e1;
  const z1 = (e2 + e3) * C4;
  b[i2] = e3 + z1;
  b[i6] = e3 - z1;

  const o0 = d34 + d25, o1 = d25 + d16, o2 = d16 + d07;
  const z5 = (o0 - o2) * C6;
  const z2 = C2_MINUS_C6 * o0 + z5;
  const z4 = C2_PLUS_C6 * o2 + z5;
  const z3 = o1 * C4;
  const z11 = d07 + z3, z13 = d07 - z3;
  b[i5] = z13 + z2;
  b[i3] = z13 - z2;
  b[i1] = z11 + z4;
  b[i7] = z11 - z4;
}

/** What coefficients are multiplied by: the transform's scale and the quantization at once. */
function divisors(table: Uint8Array): Float32Array {
  return Float32Array.from(
    table,
    (q, at) => 1 / (q * 8 * AAN_SCALE[at >> 3]! * AAN_SCALE[at & 7]!),
  );
}

function bound(value: number): number {
  return Math.min(255, Math.max(0, value));
}

/** Codes and their lengths by symbol (T.81 annex C). */
interface HuffmanCodes {
  codes: Uint16Array;
  lengths: Uint8Array;
}

function huffmanCodes(spec: HuffmanSpec): HuffmanCodes {
  const codes = new Uint16Array(256);
  const lengths = new Uint8Array(256);
  let code = 0;
  let at = 0;
  spec.counts.forEach((count, index) => {
    for (let i = 0; i < count; i++) {
      const symbol = spec.values[at++]!;
      codes[symbol] = code++;
      lengths[symbol] = index + 1;
    }
    code <<= 1;
  });
  return { codes, lengths };
}

const LUMA_DC = huffmanCodes(DC_LUMA);
const LUMA_AC = huffmanCodes(AC_LUMA);
const CHROMA_DC = huffmanCodes(DC_CHROMA);
const CHROMA_AC = huffmanCodes(AC_CHROMA);

/** Bits to bytes, with a zero byte stuffed after each 0xFF (T.81 F.1.2.3). */
class BitWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  #held = 0;
  #count = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  begin(header: Uint8Array): void {
    this.#bytes.set(header);
    this.#length = header.byteLength;
    this.#held = 0;
    this.#count = 0;
  }

  /** Makes room for that many bytes more. */
  reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(2 * this.#bytes.byteLength + bytes);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** Appends the low `count` (at most 16) bits. */
  put(value: number, count: number): void {
    // At most 7 bits are held, so 23 in all.
    this.#held = (this.#held << count) | value;
    this.#count += count;
    while (this.#count >= 8) {
      this.#count -= 8;
      const byte = (this.#held >>> this.#count) & 0xff;
      this.#bytes[this.#length++] = byte;
      if (byte === 0xff) this.#bytes[this.#length++] = 0;
    }
    this.#held &= (1 << this.#count) - 1;
  }

  /** Pads with ones, ends the image, and copies it out. */
  finish(): Uint8Array<ArrayBuffer> {
    this.reserve(4);
    if (this.#count > 0) this.put((1 << (8 - this.#count)) - 1, 8 - this.#count);
    this.#bytes[this.#length++] = 0xff;
    this.#bytes[this.#length++] = 0xd9;
    return this.#bytes.slice(0, this.#length);
  }
}
