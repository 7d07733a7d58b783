/**
 * Datagrams of a pose pipe (docs/xoq-1.md). From the server: u64 time of receipt (µs since the epoch
 * by the server's clock), u8 bits (bit 0: the session's first pose), then the phone's datagram as it
 * came. To the server: a {@link ReverseMessage} as JSON.
 *
 * @module
 */
import { MAX_DATAGRAM_BYTES, writeU64 } from "./datagram.ts";
import { MAX_REVERSE_LINE, parseReverse, type ReverseMessage } from "./event.ts";

/** Bytes in front of the phone's datagram. */
export const RECORD_HEADER_BYTES = 9;
const FIRST = 1;

/** A pose on its way from the server. */
export interface PoseRecord {
  /** µs since the epoch by the server's clock. */
  receivedUs: number;
  /** Whether it is the first of the phone's session. */
  first: boolean;
  /** The phone's datagram. */
  datagram: Uint8Array;
}

/** Writes a record. */
export function encodeRecord(
  datagram: Uint8Array,
  receivedUs: number,
  first: boolean,
): Uint8Array<ArrayBuffer> {
  const record = new Uint8Array(RECORD_HEADER_BYTES + datagram.length);
  writeU64(new DataView(record.buffer), 0, receivedUs, false);
  record[8] = first ? FIRST : 0;
  record.set(datagram, RECORD_HEADER_BYTES);
  return record;
}

/** Reads a record; `undefined` for what is none. The phone's datagram is not looked at. */
export function decodeRecord(record: Uint8Array): PoseRecord | undefined {
  const length = record.length - RECORD_HEADER_BYTES;
  if (length <= 0 || length > MAX_DATAGRAM_BYTES) return undefined;
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  return {
    receivedUs: view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4),
    first: ((record[8] ?? 0) & FIRST) !== 0,
    datagram: record.subarray(RECORD_HEADER_BYTES),
  };
}

/** Writes a reverse message. */
export function encodeReverse(message: ReverseMessage): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** Reads a reverse message; `undefined` for what is none. */
export function decodeReverse(payload: Uint8Array): ReverseMessage | undefined {
  if (payload.length > MAX_REVERSE_LINE) return undefined;
  try {
    return parseReverse(new TextDecoder().decode(payload));
  } catch {
    return undefined;
  }
}
