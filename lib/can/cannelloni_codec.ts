/**
 * cannelloni's TCP format, version 1: both sides send `CANNELLONIv1`, then frames follow each other.
 *
 * ```
 * u32 can_id   big-endian, with the flags of linux/can.h
 * u8 len       bit 7: CAN FD
 * u8 flags     CAN FD only
 * data         len bytes; none in a remote frame
 * ```
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

/** What both sides send first. */
export const CANNELLONI_HELLO: Uint8Array = new TextEncoder().encode("CANNELLONIv1");
const FD_LENGTH_FLAG = 0x80;
const NO_DATA = new Uint8Array(0);

/** Frames one after the other. */
export function encodeCannelloni(frames: readonly CanFrame[]): Uint8Array {
  let size = 0;
  for (const { fd, data } of frames) size += 5 + (fd ? 1 : 0) + data.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, linuxId(frame));
    bytes[at + 4] = frame.length | (frame.fd ? FD_LENGTH_FLAG : 0);
    at += 5;
    if (frame.fd) bytes[at++] = linuxFlags(frame);
    bytes.set(frame.data, at);
    at += frame.data.length;
  }
  return bytes;
}

/** Cuts what the peer sends into frames. Holds less than one. */
export class CannelloniParser {
  #pending: Uint8Array = NO_DATA;
  #greeted = false;

  /** The peer has said hello. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** Takes bytes as they came, which must not change afterwards. Throws `ProtocolError`. */
  push(chunk: Uint8Array, time = 0): CanFrame[] {
    const bytes = this.#pending.length === 0 ? chunk : concat(this.#pending, chunk);
    let at = 0;
    if (!this.#greeted) {
      const known = Math.min(bytes.length, CANNELLONI_HELLO.length);
      for (let i = 0; i < known; i++) {
        if (bytes[i] !== CANNELLONI_HELLO[i]) throw new ProtocolError("not a cannelloni peer");
      }
      if (known === CANNELLONI_HELLO.length) {
        this.#greeted = true;
        at = known;
      }
    }
    const frames: CanFrame[] = [];
    while (this.#greeted) {
      const frame = readFrame(bytes, at, time);
      if (frame === undefined) break;
      at += 5 + (frame.fd ? 1 : 0) + frame.data.length;
      frames.push(frame);
    }
    this.#pending = bytes.slice(at);
    return frames;
  }
}

function readFrame(bytes: Uint8Array, at: number, time: number): CanFrame | undefined {
  if (at + 5 > bytes.length) return undefined;
  const raw = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
  const fd = (bytes[at + 4]! & FD_LENGTH_FLAG) !== 0;
  const length = bytes[at + 4]! & ~FD_LENGTH_FLAG;
  const error = (raw & CAN_ERR_FLAG) !== 0;
  const remote = !error && (raw & CAN_RTR_FLAG) !== 0;
  if (length > (fd ? MAX_FD_BYTES : MAX_CLASSIC_BYTES)) {
    throw new ProtocolError(`cannelloni frame of ${length} bytes in ${fd ? "FD" : "classic"} CAN`);
  }
  if (fd && (remote || error)) {
    throw new ProtocolError("cannelloni FD frame that is remote or error");
  }
  const start = at + 5 + (fd ? 1 : 0);
  const size = remote ? 0 : length;
  if (start + size > bytes.length) return undefined;
  const flags = fd ? bytes[at + 5]! : 0;
  const data = size === 0 ? NO_DATA : bytes.subarray(start, start + size);
  return linuxFrame(raw, flags, fd, length, data, time);
}
