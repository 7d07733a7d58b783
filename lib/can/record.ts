/**
 * XoQ's records: each frame is a `struct canfd_frame` of linux/can.h, 72 bytes, little-endian.
 *
 * ```
 * u32 can_id   bit 31 EFF, 30 RTR, 29 ERR
 * u8 len       0 to 64
 * u8 flags     0x01 BRS, 0x02 ESI, 0x04 FDF
 * u16 reserved
 * u8[64] data  zero-padded
 * ```
 *
 * XoQ itself never sets FDF, and takes a record for CAN FD where `flags` is not 0 or `len` above 8.
 *
 * @module
 */
import { concat } from "../bytes/concat.ts";
import { ProtocolError } from "../errors.ts";
import {
  CAN_ERR_FLAG,
  CAN_RTR_FLAG,
  type CanFrame,
  linuxFlags,
  linuxFrame,
  linuxId,
  MAX_CLASSIC_BYTES,
  MAX_FD_BYTES,
} from "./frame.ts";

/** Bytes of a record. */
export const RECORD_BYTES = 72;
/** Offset of `data` in a record. */
const DATA_OFFSET = 8;
const NO_DATA = new Uint8Array(0);

/** Writes a record at `at`, where the buffer is still zero. */
export function writeRecord(into: Uint8Array, view: DataView, at: number, frame: CanFrame): void {
  view.setUint32(at, linuxId(frame), true);
  into[at + 4] = frame.length;
  into[at + 5] = linuxFlags(frame);
  into.set(frame.data, at + DATA_OFFSET);
}

/** Frames as records, one after the other. */
export function encodeRecords(frames: readonly CanFrame[]): Uint8Array {
  const bytes = new Uint8Array(frames.length * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < frames.length; i++) writeRecord(bytes, view, i * RECORD_BYTES, frames[i]!);
  return bytes;
}

/**
 * Reads the record at `at`; its data stays where it is. Identifier bits a standard frame doesn't
 * have are ignored, as XoQ does. Throws `ProtocolError`.
 */
export function readRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  time: number,
  fd?: boolean,
): CanFrame {
  const raw = view.getUint32(at, true);
  const length = bytes[at + 4]!;
  const flags = bytes[at + 5]!;
  if (length > MAX_FD_BYTES) {
    throw new ProtocolError(`CAN record of ${length} bytes, at most ${MAX_FD_BYTES}`);
  }
  const start = at + DATA_OFFSET;
  if ((raw & CAN_ERR_FLAG) !== 0) {
    return linuxFrame(raw, 0, false, length, bytes.subarray(start, start + length), time);
  }
  const isFd = fd ?? (flags !== 0 || length > MAX_CLASSIC_BYTES);
  const remote = (raw & CAN_RTR_FLAG) !== 0;
  if (remote && isFd) throw new ProtocolError("CAN record of an FD remote frame");
  const data = remote ? NO_DATA : bytes.subarray(start, start + length);
  return linuxFrame(raw, flags, isFd, length, data, time);
}

/** Cuts a byte stream into records. Holds less than one. */
export class RecordParser {
  #pending: Uint8Array = NO_DATA;

  /**
   * Takes bytes as they came, which must not change afterwards; gives the frames that are now whole.
   * Throws `ProtocolError`.
   *
   * @param time the frames' time, µs since the epoch.
   */
  push(chunk: Uint8Array, time = 0): CanFrame[] {
    const bytes = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: CanFrame[] = [];
    let at = 0;
    for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      frames.push(readRecord(bytes, view, at, time));
    }
    this.#pending = bytes.slice(at);
    return frames;
  }

  /** Whether the stream may end here: no record is cut off. */
  get atBoundary(): boolean {
    return this.#pending.length === 0;
  }
}
