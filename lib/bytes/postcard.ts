/**
 * The parts of the postcard format (postcard.jamesmunns.com/wire-format) that iroh's tickets use:
 * little-endian base-128 varints, and lengths in front of strings and sequences.
 *
 * @module
 */
import type { ByteReader } from "./reader.ts";

/** A varint that is longer than its type allows, or overflows it. */
export class PostcardError extends SyntaxError {
  /** Tells the class by name. */
  override readonly name = "PostcardError";
}

/** Reads an unsigned varint of at most `bits` bits. */
export function readUnsigned(reader: ByteReader, bits: 16 | 32 | 64): bigint {
  let value = 0n;
  const most = Math.ceil(bits / 7);
  for (let i = 0; i < most; i++) {
    const byte = reader.u8();
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) {
      if (value >> BigInt(bits) !== 0n) throw new PostcardError(`varint above ${bits} bits`);
      return value;
    }
  }
  throw new PostcardError(`varint longer than ${most} bytes`);
}

/** Reads a length, an enum's variant, or another small number. */
export function readSmall(reader: ByteReader): number {
  return Number(readUnsigned(reader, 32));
}

/** Appends an unsigned varint in its shortest form. */
export function pushUnsigned(out: number[], value: bigint | number): void {
  let rest = BigInt(value);
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
}
