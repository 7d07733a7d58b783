/**
 * The two forms of variable-length integers: QUIC's (RFC 9000, section 16), and the one whose leading
 * ones count the further bytes (vi64; draft-18, section 1.4.1). Identifiers are numbers here, so at
 * most 2^53-1; values that may be larger (properties, stream counts) are read as `bigint`.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";
import { hasLeadingOnes, type Version } from "../versions.ts";

/** How integers are written. Offsets must leave room, and bytes be there. */
export interface IntegerForm {
  /** The largest value there is. */
  readonly max: bigint;
  /** Bytes an integer takes, told by its first byte. */
  length(first: number): number;
  /** Bytes a number takes when written as short as can be. */
  size(value: number): number;
  /** Reads a number. Throws a violation where it is above 2^53-1. */
  read(bytes: Uint8Array, offset: number): number;
  /** Reads an integer of any size. */
  readBig(bytes: Uint8Array, offset: number): bigint;
  /** Writes a number of 0 to 2^53-1 and returns the offset after it. */
  write(target: Uint8Array, offset: number, value: number): number;
  /** Writes an integer above 2^53-1 and returns the offset after it. */
  writeBig(target: Uint8Array, offset: number, value: bigint): number;
}

/** The form a draft uses. */
export function integersOf(version: Version): IntegerForm {
  return hasLeadingOnes(version) ? LEADING_ONES : QUIC_INTEGERS;
}

function tooLarge(value: number | bigint): MoqtViolation {
  return new MoqtViolation(
    "internal-error",
    `an identifier is ${value}; those above 2^53-1 cannot be handled here`,
  );
}

function uint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24 | bytes[offset + 1]! << 16 | bytes[offset + 2]! << 8 |
    bytes[offset + 3]!) >>> 0;
}

function bigEndian(bytes: Uint8Array, offset: number, end: number, first: number): bigint {
  let value = BigInt(first);
  for (let at = offset; at < end; at++) value = value << 8n | BigInt(bytes[at]!);
  return value;
}

/** Writes the low `length` bytes of a number, the most significant first. */
function putBytes(target: Uint8Array, offset: number, length: number, value: number): number {
  let low = value >>> 0;
  let high = value >= 0x1_0000_0000 ? Math.floor(value / 0x1_0000_0000) : 0;
  let at = offset + length - 1;
  for (const split = Math.max(offset, at - 3); at >= split; at--) {
    target[at] = low;
    low >>>= 8;
  }
  for (; at >= offset; at--) {
    target[at] = high;
    high >>>= 8;
  }
  return offset + length;
}

/** QUIC's: two bits tell 1, 2, 4 or 8 bytes. */
export const QUIC_INTEGERS: IntegerForm = {
  max: (1n << 62n) - 1n,
  length: (first) => 1 << (first >> 6),
  size: (value) => value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x4000_0000 ? 4 : 8,
  read(bytes, offset) {
    const first = bytes[offset]!;
    switch (first >> 6) {
      case 0:
        return first;
      case 1:
        return (first & 0x3f) << 8 | bytes[offset + 1]!;
      case 2:
        return uint32(bytes, offset) & 0x3fff_ffff;
      default: {
        const value = (uint32(bytes, offset) & 0x3fff_ffff) * 0x1_0000_0000 +
          uint32(bytes, offset + 4);
        if (value > Number.MAX_SAFE_INTEGER) throw tooLarge(QUIC_INTEGERS.readBig(bytes, offset));
        return value;
      }
    }
  },
  readBig(bytes, offset) {
    const first = bytes[offset]! & 0x3f;
    const length = QUIC_INTEGERS.length(bytes[offset]!);
    // Far faster, and most are: up to 2^53-1.
    if (length < 8 || (first === 0 && bytes[offset + 1]! < 0x20)) {
      return BigInt(QUIC_INTEGERS.read(bytes, offset));
    }
    const end = offset + length;
    return bigEndian(bytes, offset + 1, end, first);
  },
  write(target, offset, value) {
    if (value < 0x40) {
      target[offset] = value;
      return offset + 1;
    }
    const length = QUIC_INTEGERS.size(value);
    const end = putBytes(target, offset, length, value);
    target[offset]! |= length === 2 ? 0x40 : length === 4 ? 0x80 : 0xc0;
    return end;
  },
  writeBig(target, offset, value) {
    const view = new DataView(target.buffer, target.byteOffset + offset);
    view.setBigUint64(0, value | 3n << 62n);
    return offset + 8;
  },
};

/** Leading ones of the first byte count the bytes that follow, up to 8. */
export const LEADING_ONES: IntegerForm = {
  max: (1n << 64n) - 1n,
  length: (first) => Math.clz32(~(first << 24)) + 1 > 9 ? 9 : Math.clz32(~(first << 24)) + 1,
  size(value) {
    if (value < 0x80) return 1;
    let length = 2;
    for (let limit = 0x4000; value >= limit && length < 9; limit *= 0x80) length++;
    return length;
  },
  read(bytes, offset) {
    const first = bytes[offset]!;
    if (first < 0x80) return first;
    if (first < 0xc0) return (first & 0x3f) << 8 | bytes[offset + 1]!;
    const length = LEADING_ONES.length(first);
    const end = offset + length;
    let high = length >= 8 ? 0 : first & 0xff >> length;
    let at = offset + 1;
    for (; at < end - 4; at++) high = high * 0x100 + bytes[at]!;
    let low = 0;
    for (; at < end; at++) low = low << 8 | bytes[at]!;
    const value = length <= 4
      ? high * 2 ** (8 * (length - 1)) + (low >>> 0)
      : high * 0x1_0000_0000 + (low >>> 0);
    if (value > Number.MAX_SAFE_INTEGER) throw tooLarge(LEADING_ONES.readBig(bytes, offset));
    return value;
  },
  readBig(bytes, offset) {
    const first = bytes[offset]!;
    const length = LEADING_ONES.length(first);
    if (length < 8 || (length === 8 && bytes[offset + 1]! < 0x20)) {
      return BigInt(LEADING_ONES.read(bytes, offset));
    }
    return bigEndian(bytes, offset + 1, offset + length, length >= 8 ? 0 : first & 0xff >> length);
  },
  write(target, offset, value) {
    if (value < 0x80) {
      target[offset] = value;
      return offset + 1;
    }
    const length = LEADING_ONES.size(value);
    const end = putBytes(target, offset, length, value);
    target[offset]! |= 0xff << (9 - length) & 0xff;
    return end;
  },
  writeBig(target, offset, value) {
    const length = value < 1n << 56n ? 8 : 9;
    target[offset] = length === 8 ? 0xfe : 0xff;
    let left = value;
    for (let at = offset + length - 1; at > offset; at--) {
      target[at] = Number(left & 0xffn);
      left >>= 8n;
    }
    return offset + length;
  },
};
