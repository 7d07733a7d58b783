/**
 * What a message's codec is.
 *
 * @module
 */
import type { RequestKind } from "../codes.ts";
import { violation } from "../errors.ts";
import { hasRequestStreams, type Version } from "../versions.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";

/** One message: its number, and how its fields are read and written. */
export interface MessageCodec<M extends { kind: string }> {
  /** The number on the wire. */
  readonly type: number;
  /** Whether the draft has it; absent: all have. */
  has?(version: Version): boolean;
  /** The name in the draft. */
  readonly name: string;
  /** The name here. */
  readonly kind: M["kind"];
  /** The requests it answers, where there is one such message for each; absent: all. */
  readonly of?: RequestKind;
  /** Reads the fields. Throws a violation. */
  read(reader: Reader): M;
  /** Writes the fields. Throws a `RangeError` or `TypeError` for what the draft does not allow. */
  write(writer: Writer, message: M): void;
}

/** Most bytes of a reason, in UTF-8: draft-16, section 1.4.3. */
export const MAX_REASON_BYTES = 1024;

/** Reads a reason. */
export function readReason(reader: Reader): string {
  return reader.text(MAX_REASON_BYTES, "a reason");
}
/** Writes a reason, cut to what may be. */
export function writeReason(writer: Writer, reason: string): void {
  const bytes = new TextEncoder().encode(reason);
  let end = Math.min(bytes.length, MAX_REASON_BYTES);
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
  writer.sized(bytes.subarray(0, end), MAX_REASON_BYTES, "a reason");
}

/**
 * Reads the id of the request a message belongs to; 0 where its stream tells that (the stream's
 * owner puts it in).
 */
export function readOwner(reader: Reader): number {
  return hasRequestStreams(reader.version) ? 0 : reader.integer();
}

/** Writes the id of the request a message belongs to, unless its stream tells that. */
export function writeOwner(writer: Writer, requestId: number): Writer {
  return hasRequestStreams(writer.version) ? writer : writer.integer(requestId);
}

/** Reads a byte that is 0 or 1. */
export function readFlag(reader: Reader, what: string): boolean {
  const value = reader.byte();
  if (value > 1) throw violation(`${what} is ${value}; 0 or 1 may be`);
  return value === 1;
}
