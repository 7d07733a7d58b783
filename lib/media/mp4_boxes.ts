/**
 * Boxes of the ISO base media file format, put together from parts (ISO/IEC 14496-12 4.2).
 *
 * @module
 */

/** A part of a box: bytes as they are, or the bytes of another box. */
export type Part = Uint8Array | readonly number[];

/** A box: 32-bit size, type, contents (4.2.2). */
export function box(type: string, ...parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const out = new Uint8Array(size);
  out.set(u32(size));
  out.set(ascii(type), 4);
  let at = 8;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A box with version and flags in front (4.2.2). */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: readonly Part[]
): Uint8Array<ArrayBuffer> {
  return box(type, u32(version * 2 ** 24 + flags), ...parts);
}

/** unsigned int(16), big-endian. */
export function u16(...values: readonly number[]): number[] {
  return values.flatMap((value) => [value >>> 8 & 0xff, value & 0xff]);
}

/** unsigned int(32), big-endian. */
export function u32(...values: readonly number[]): number[] {
  return values.flatMap((value) => [
    value >>> 24 & 0xff,
    value >>> 16 & 0xff,
    value >>> 8 & 0xff,
    value & 0xff,
  ]);
}

/** unsigned int(64), big-endian; exact to 2^53. */
export function u64(value: number): number[] {
  return u32(Math.floor(value / 2 ** 32), value % 2 ** 32);
}

/** Four-character codes and names. */
export function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** Zero bytes: reserved and pre_defined fields. */
export function zeros(count: number): number[] {
  return new Array<number>(count).fill(0);
}

/** The unity matrix of `mvhd` and `tkhd` (6.2.2). */
export const UNITY_MATRIX: readonly number[] = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
