/**
 * What all messages of moq-lite have in common: QUIC's integers, and a size in front.
 *
 * @module
 */
import type { Version } from "../../versions.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";

/** A draft of MoQT whose fields have the form that moq-lite's have. */
const FORMS: Version = 16;

/** Most bytes of a name of a track. */
export const MAX_TRACK_NAME_BYTES = 4096;

/** Writes fields. */
export function liteWriter(): Writer {
  return new Writer(FORMS);
}

/** Reads the fields of a message, all of which are there. */
export function liteReader(body: Uint8Array): Reader {
  return new Reader(body, FORMS);
}

/** A message's body, with its size in front; the type of the stream before that, where it is the first. */
export function sized(body: Writer, streamType?: number): Uint8Array<ArrayBuffer> {
  const whole = liteWriter();
  if (streamType !== undefined) whole.integer(streamType);
  return whole.integer(body.length).bytes(body.finish()).finish();
}

/** Reads a body with `read`, to its end. Throws a violation where anything is left. */
export function wholly<T>(body: Uint8Array, what: string, read: (reader: Reader) => T): T {
  const reader = liteReader(body);
  const value = read(reader);
  reader.end(what);
  return value;
}
