/**
 * The example tables of ITU-T T.81 annex K, which nearly every encoder uses, and the header of a
 * baseline 4:2:0 JFIF image made of them.
 *
 * @module
 */

/** Natural position of the k-th coefficient in zigzag order (T.81 figure A.6). */
export const ZIGZAG: Uint8Array = Uint8Array.from(zigzag());

/** Table K.1, rows from top to bottom. */
const LUMA_QUANTIZATION = [
  ...[16, 11, 10, 16, 24, 40, 51, 61],
  ...[12, 12, 14, 19, 26, 58, 60, 55],
  ...[14, 13, 16, 24, 40, 57, 69, 56],
  ...[14, 17, 22, 29, 51, 87, 80, 62],
  ...[18, 22, 37, 56, 68, 109, 103, 77],
  ...[24, 35, 55, 64, 81, 104, 113, 92],
  ...[49, 64, 78, 87, 103, 121, 120, 101],
  ...[72, 92, 95, 98, 112, 100, 103, 99],
];

/** Table K.2. */
const CHROMA_QUANTIZATION = [
  ...[17, 18, 24, 47, 99, 99, 99, 99],
  ...[18, 21, 26, 66, 99, 99, 99, 99],
  ...[24, 26, 56, 99, 99, 99, 99, 99],
  ...[47, 66, 99, 99, 99, 99, 99, 99],
  ...Array<number>(32).fill(99),
];

/** A Huffman table as DHT carries it: how many codes of each length, and their values in order. */
export interface HuffmanSpec {
  /** Table class (0 DC, 1 AC) and destination, as in DHT. */
  id: number;
  /** Codes of 1 to 16 bits. */
  counts: readonly number[];
  /** Values by rising code. */
  values: readonly number[];
}

const DC_VALUES = Array.from({ length: 12 }, (_, i) => i);

/** Table K.3. */
export const DC_LUMA: HuffmanSpec = {
  id: 0x00,
  counts: [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
  values: DC_VALUES,
};

/** Table K.4. */
export const DC_CHROMA: HuffmanSpec = {
  id: 0x01,
  counts: [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
  values: DC_VALUES,
};

/** Table K.5. */
export const AC_LUMA: HuffmanSpec = {
  id: 0x10,
  counts: [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125],
  values: [
    ...hex("01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282"),
    ...hex("090a161718191a25262728292a"),
    ...runs([0x34, 0x43, 0x53, 0x63, 0x73, 0x83, 0x92, 0xa2, 0xb2, 0xc2, 0xd2, 0xe1, 0xf1]),
  ],
};

/** Table K.6. */
export const AC_CHROMA: HuffmanSpec = {
  id: 0x11,
  counts: [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119],
  values: [
    ...hex("0001020311040521310612415107617113223281081442"),
    ...hex("91a1b1c109233352f0156272d1"),
    ...hex("0a162434e125f11718191a262728292a"),
    ...runs([0x35, 0x43, 0x53, 0x63, 0x73, 0x82, 0x92, 0xa2, 0xb2, 0xc2, 0xd2, 0xe2, 0xf2]),
  ],
};

/** Luma and chroma quantization in natural order, scaled as libjpeg scales them: 50 is annex K. */
export function quantization(quality: number): { luma: Uint8Array; chroma: Uint8Array } {
  const bounded = Math.min(100, Math.max(1, Math.round(quality)));
  const scale = bounded < 50 ? Math.floor(5000 / bounded) : 200 - 2 * bounded;
  const scaled = (table: readonly number[]) =>
    Uint8Array.from(table, (q) => Math.min(255, Math.max(1, Math.floor((q * scale + 50) / 100))));
  return { luma: scaled(LUMA_QUANTIZATION), chroma: scaled(CHROMA_QUANTIZATION) };
}

/** Everything before the entropy-coded data: SOI to SOS (T.81 annex B, JFIF 1.02). */
export function jpegHeader(
  width: number,
  height: number,
  tables: { luma: Uint8Array; chroma: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const zigzagged = (table: Uint8Array) => Array.from(ZIGZAG, (at) => table[at]!);
  const huffman = [DC_LUMA, AC_LUMA, DC_CHROMA, AC_CHROMA].flatMap((spec) => [
    spec.id,
    ...spec.counts,
    ...spec.values,
  ]);
  return Uint8Array.from([
    ...[0xff, 0xd8],
    ...segment(0xe0, [0x4a, 0x46, 0x49, 0x46, 0, 1, 2, 0, 0, 1, 0, 1, 0, 0]),
    ...segment(0xdb, [0, ...zigzagged(tables.luma), 1, ...zigzagged(tables.chroma)]),
    ...segment(0xc0, [
      ...[8, height >> 8, height & 255, width >> 8, width & 255, 3],
      ...[1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1],
    ]),
    ...segment(0xc4, huffman),
    ...segment(0xda, [3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0]),
  ]);
}

function segment(marker: number, payload: readonly number[]): number[] {
  const length = payload.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...payload];
}

function hex(text: string): number[] {
  return Array.from(text.replaceAll(" ", "").matchAll(/../g), ([byte]) => parseInt(byte, 16));
}

/** From each value on to the end of its row: `0x34` is 34, 35, … 3a. */
function runs(starts: readonly number[]): number[] {
  return starts.flatMap((start) =>
    Array.from({ length: 0x0b - (start & 15) }, (_, i) => start + i)
  );
}

function* zigzag(): Generator<number> {
  for (let sum = 0; sum < 15; sum++) {
    for (let i = 0; i <= sum; i++) {
      const [row, column] = sum % 2 === 1 ? [i, sum - i] : [sum - i, i];
      if (row < 8 && column < 8) yield row * 8 + column;
    }
  }
}
