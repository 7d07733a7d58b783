/**
 * What a CAN pipe of `xoq/1` carries, both ways, after its request and answer (docs/xoq-1.md):
 * records of 16 bytes and a payload, little-endian. Records of unknown types are skipped.
 *
 * ```
 * u8 type, u8 flags, u8 payload bytes, u8 detail, u32 value, u64 time (µs since the epoch)
 * ```
 *
 * @module
 */
import { concat } from "../bytes/concat.ts";
import { ProtocolError } from "../errors.ts";
import type { BusState } from "./bus.ts";
import {
  CAN_EFF_FLAG,
  CAN_ERR_FLAG,
  CAN_RTR_FLAG,
  CANFD_FDF,
  type CanFrame,
  linuxFlags,
  linuxFrame,
  linuxId,
  MAX_CLASSIC_BYTES,
  MAX_EXTENDED_ID,
  MAX_FD_BYTES,
  MAX_STANDARD_ID,
} from "./frame.ts";

/** Bytes of a record before its payload. */
export const HEADER_BYTES = 16;

/** Types of records. */
const TYPE = { frame: 1, outcome: 2, received: 3, missing: 4, state: 5, end: 6 } as const;

/** Why a frame did not get to where it was sent, in the order of their numbers on the wire. */
export const DROP_CAUSES = [
  "stale", // 1: older than the limit when its turn came
  "overflow", // 2: the queue was full
  "down", // 3: the bus is down or off
  "refused", // 4: the bus can't carry it (FD on a classic bus, an error frame)
  "replaced", // 5: the controller lost control before the frame's turn
] as const;

/** Why a frame was dropped. */
export type DropCause = (typeof DROP_CAUSES)[number];

/** Why a server ends a pipe, in the order of their numbers on the wire. */
export const END_REASONS = [
  "taken-over", // 1: another controls the bus now
  "denied", // 2: the grant ended
  "closing", // 3: the server stops
] as const;

/** Why a server ends a pipe. */
export type EndReason = (typeof END_REASONS)[number];

const STATES = ["error-active", "error-warning", "error-passive", "bus-off", "stopped", "sleeping"];
const UNKNOWN_STATE = 255;

/** A record. */
export type CanRecord =
  | { type: "frame"; frame: CanFrame }
  /** The n-th frame that was sent on this pipe (from 0, modulo 2^32) was on the bus, or was not. */
  | { type: "outcome"; index: number; dropped: DropCause | undefined; time: number }
  /** This many frames have arrived on this pipe, modulo 2^32. */
  | { type: "received"; frames: number }
  /** Frames of the bus that were left out here. */
  | { type: "missing"; count: number; cause: DropCause; time: number }
  | { type: "state"; state: BusState; time: number }
  /** The server ends the pipe. */
  | { type: "end"; reason: EndReason };

/** Bytes of a record. */
export function recordBytes(record: CanRecord): number {
  return HEADER_BYTES + (record.type === "frame" ? record.frame.data.length : 0);
}

/** Encodes records one after the other. */
export function encodeCanRecords(records: readonly CanRecord[]): Uint8Array {
  let size = 0;
  for (const record of records) size += recordBytes(record);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const record of records) {
    write(bytes, view, at, record);
    at += recordBytes(record);
  }
  return bytes;
}

/** Encodes frames one after the other: the fast path of {@link encodeCanRecords}. */
export function encodeFrames(frames: readonly CanFrame[]): Uint8Array {
  let size = 0;
  for (let i = 0; i < frames.length; i++) size += HEADER_BYTES + frames[i]!.data.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i]!;
    writeFrame(bytes, view, at, frame);
    at += HEADER_BYTES + frame.data.length;
  }
  return bytes;
}

function writeFrame(bytes: Uint8Array, view: DataView, at: number, frame: CanFrame): void {
  bytes[at] = TYPE.frame;
  bytes[at + 1] = linuxFlags(frame);
  bytes[at + 2] = frame.data.length;
  bytes[at + 3] = frame.kind === "remote" ? frame.length : 0;
  view.setUint32(at + 4, linuxId(frame), true);
  writeTime(view, at + 8, frame.time);
  bytes.set(frame.data, at + HEADER_BYTES);
}

function writeTime(view: DataView, at: number, time: number): void {
  const high = Math.floor(time / 0x1_0000_0000);
  view.setUint32(at, time - high * 0x1_0000_0000, true);
  view.setUint32(at + 4, high, true);
}

function write(bytes: Uint8Array, view: DataView, at: number, record: CanRecord): void {
  bytes[at] = TYPE[record.type];
  switch (record.type) {
    case "frame":
      writeFrame(bytes, view, at, record.frame);
      return;
    case "outcome":
      bytes[at + 1] = record.dropped === undefined ? 0 : DROP_CAUSES.indexOf(record.dropped) + 1;
      view.setUint32(at + 4, record.index >>> 0, true);
      writeTime(view, at + 8, record.time);
      return;
    case "received":
      view.setUint32(at + 4, record.frames >>> 0, true);
      return;
    case "missing":
      bytes[at + 1] = DROP_CAUSES.indexOf(record.cause) + 1;
      view.setUint32(at + 4, Math.min(record.count, 0xffff_ffff), true);
      writeTime(view, at + 8, record.time);
      return;
    case "state": {
      const { up, controller, txErrors, rxErrors } = record.state;
      const number = controller === undefined ? -1 : STATES.indexOf(controller);
      bytes[at + 1] = number < 0 ? UNKNOWN_STATE : number;
      bytes[at + 3] = up ? 1 : 0;
      view.setUint16(at + 4, Math.min(txErrors, 0xffff), true);
      view.setUint16(at + 6, Math.min(rxErrors, 0xffff), true);
      writeTime(view, at + 8, record.time);
      return;
    }
    case "end":
      bytes[at + 1] = END_REASONS.indexOf(record.reason) + 1;
  }
}

const NO_BYTES = new Uint8Array(0);

/** Cuts a pipe's bytes into records. Holds less than one. */
export class CanRecordParser {
  #pending: Uint8Array = NO_BYTES;

  /**
   * Takes bytes as they came, which must not change afterwards; gives the records that are now
   * whole. Throws `ProtocolError`.
   */
  push(chunk: Uint8Array): CanRecord[] {
    const bytes = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const records: CanRecord[] = [];
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + HEADER_BYTES + bytes[at + 2]!;
      if (end > bytes.length) break;
      const record = read(bytes, view, at);
      if (record !== undefined) records.push(record);
      at = end;
    }
    this.#pending = bytes.slice(at);
    return records;
  }

  /** Whether the stream may end here: no record is cut off. */
  get atBoundary(): boolean {
    return this.#pending.length === 0;
  }
}

function readTime(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high > 0x1f_ffff) throw new ProtocolError("CAN record of an absurd time");
  return high * 0x1_0000_0000 + view.getUint32(at, true);
}

function read(bytes: Uint8Array, view: DataView, at: number): CanRecord | undefined {
  const flags = bytes[at + 1]!;
  switch (bytes[at]) {
    case TYPE.frame:
      return { type: "frame", frame: readFrame(bytes, view, at) };
    case TYPE.outcome:
      return {
        type: "outcome",
        index: view.getUint32(at + 4, true),
        dropped: flags === 0 ? undefined : DROP_CAUSES[flags - 1] ?? "refused",
        time: readTime(view, at + 8),
      };
    case TYPE.received:
      return { type: "received", frames: view.getUint32(at + 4, true) };
    case TYPE.missing:
      return {
        type: "missing",
        count: view.getUint32(at + 4, true),
        cause: DROP_CAUSES[flags - 1] ?? "refused",
        time: readTime(view, at + 8),
      };
    case TYPE.state:
      return {
        type: "state",
        state: {
          up: (bytes[at + 3]! & 1) !== 0,
          controller: STATES[flags] as BusState["controller"],
          txErrors: view.getUint16(at + 4, true),
          rxErrors: view.getUint16(at + 6, true),
        },
        time: readTime(view, at + 8),
      };
    case TYPE.end:
      return { type: "end", reason: END_REASONS[flags - 1] ?? "closing" };
    default:
      return undefined;
  }
}

function readFrame(bytes: Uint8Array, view: DataView, at: number): CanFrame {
  const flags = bytes[at + 1]!;
  const size = bytes[at + 2]!;
  const raw = view.getUint32(at + 4, true);
  const fd = (flags & CANFD_FDF) !== 0;
  const error = (raw & CAN_ERR_FLAG) !== 0;
  const extended = !error && (raw & CAN_EFF_FLAG) !== 0;
  const remote = !error && (raw & CAN_RTR_FLAG) !== 0;
  const length = remote ? bytes[at + 3]! : size;
  if (remote && (fd || size > 0)) throw new ProtocolError("CAN record of a remote frame with data");
  if (length > (fd ? MAX_FD_BYTES : MAX_CLASSIC_BYTES)) {
    throw new ProtocolError(`CAN record of ${length} bytes in ${fd ? "an FD" : "a classic"} frame`);
  }
  if (!error && !extended && (raw & MAX_EXTENDED_ID) > MAX_STANDARD_ID) {
    throw new ProtocolError(`CAN record of a standard frame with identifier ${raw}`);
  }
  const data = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + size);
  return linuxFrame(raw, flags, fd, length, data, readTime(view, at + 8));
}
