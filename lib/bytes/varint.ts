/**
 * QUIC's variable-length integers (RFC 9000 §16): two bits of length, then 6, 14, 30 or 62 bits, big
 * endian. Values above 2^53-1 are `bigint` only.
 *
 * @module
 */

/** The largest value a varint can carry. */
export const MAX_VARINT: bigint = (1n << 62n) - 1n;

/** A decoded varint and the bytes it took. */
export interface DecodedVarint {
  /** The value. */
  value: number;
  /** 1, 2, 4 or 8. */
  size: number;
}

/** Bytes {@link encodeVarint} needs for a value. Throws `RangeError` outside 0…2^53-1. */
export function varintSize(value: number): 1 | 2 | 4 | 8 {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${value} is not an integer from 0 to 2^53-1`);
  }
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x40000000 ? 4 : 8;
}

/** Writes a value in its shortest form at `offset`; gives the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  const size = varintSize(value);
  if (offset + size > target.length) {
    throw new RangeError(`no room for ${size} bytes at ${offset} of ${target.length}`);
  }
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  if (size === 1) view.setUint8(offset, value);
  else if (size === 2) view.setUint16(offset, value | 0x4000);
  else if (size === 4) view.setUint32(offset, (value | 0x80000000) >>> 0);
  else {
    view.setUint32(offset, (Math.floor(value / 0x1_0000_0000) | 0xc0000000) >>> 0);
    view.setUint32(offset + 4, value >>> 0);
  }
  return offset + size;
}

/** A value in its shortest form. */
export function encodeVarint(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(varintSize(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

/** A value of up to 62 bits in its shortest form. Throws `RangeError` outside 0…2^62-1. */
export function encodeVarint62(value: bigint): Uint8Array<ArrayBuffer> {
  if (value < 0n || value > MAX_VARINT) throw new RangeError(`${value} is not in 0…2^62-1`);
  if (value < 0x40000000n) return encodeVarint(Number(value));
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value | (3n << 62n));
  return bytes;
}

/** Bytes of the varint that begins with `first`. */
export function varintLength(first: number): 1 | 2 | 4 | 8 {
  return (1 << (first >> 6)) as 1 | 2 | 4 | 8;
}

/**
 * Reads a varint at `offset`. `undefined` when the bytes end before it does (a push parser waits for
 * more). Longer forms than needed are valid (RFC 9000 §16). Throws `RangeError` above 2^53-1, where
 * {@link decodeVarint62} is needed.
 */
export function decodeVarint(bytes: Uint8Array, offset = 0): DecodedVarint | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  const size = varintLength(first);
  if (offset + size > bytes.length) return undefined;
  let value = first & 0x3f;
  for (let i = 1; i < size; i++) value = value * 256 + (bytes[offset + i] ?? 0);
  if (value > Number.MAX_SAFE_INTEGER) throw new RangeError("varint above 2^53-1");
  return { value, size };
}

/** Like {@link decodeVarint}, for the whole range. */
export function decodeVarint62(
  bytes: Uint8Array,
  offset = 0,
): { value: bigint; size: number } | undefined {
  const first = bytes[offset];
  if (first === undefined) return undefined;
  const size = varintLength(first);
  if (offset + size > bytes.length) return undefined;
  let value = BigInt(first & 0x3f);
  for (let i = 1; i < size; i++) value = value * 256n + BigInt(bytes[offset + i] ?? 0);
  return { value, size };
}
