/**
 * A group's unidirectional stream: its type, a header, then frames, each a size and as many bytes.
 * FIN says that the group is whole. moq-lite-02, section "Group".
 *
 * @module
 */
import { encodeVarint, varintSize, writeVarint } from "../../../bytes/varint.ts";
import { LiteStreamError } from "../errors.ts";
import { PushBuffer } from "../push_buffer.ts";
import { liteWriter, sized, wholly } from "./wire.ts";

/** The type of the stream. */
export const GROUP_STREAM = 0;
/** Most bytes of a header. */
export const MAX_GROUP_BYTES = 32;
/** Most bytes of a frame, where nothing else was said. */
export const MAX_FRAME_BYTES = 64 << 20;

/** Whose stream it is. */
export interface LiteGroupHeader {
  /** The subscription's id. */
  subscribe: number;
  /** Which group of the track. */
  sequence: number;
}

/** Writes the stream's type and the header. */
export function encodeGroup({ subscribe, sequence }: LiteGroupHeader): Uint8Array<ArrayBuffer> {
  return sized(liteWriter().integer(subscribe).integer(sequence), GROUP_STREAM);
}

/** Reads the header. Throws a violation. */
export function decodeGroup(body: Uint8Array): LiteGroupHeader {
  return wholly(body, "GROUP", (reader) => ({
    subscribe: reader.integer(),
    sequence: reader.integer(),
  }));
}

/** Writes a frame: one copy of the payload. */
export function encodeFrame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  if (payload.length === 0) return encodeVarint(0);
  const frame = new Uint8Array(varintSize(payload.length) + payload.length);
  frame.set(payload, writeVarint(frame, 0, payload.length));
  return frame;
}

/** Takes a group's stream apart, from its header on. */
export class GroupParser {
  readonly #buffer: PushBuffer;
  readonly #maxFrameBytes: number;
  #size: number | undefined;

  /** Goes on with what a buffer holds. Frames of more than `maxFrameBytes` are refused. */
  constructor(buffer: PushBuffer = new PushBuffer(), maxFrameBytes: number = MAX_FRAME_BYTES) {
    this.#buffer = buffer;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Adds bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    this.#buffer.push(bytes);
  }

  /** Whether nothing of a further frame was read. */
  get between(): boolean {
    return this.#size === undefined && this.#buffer.length === 0;
  }

  /** The header; undefined: more bytes are needed. Throws a violation. */
  header(): LiteGroupHeader | undefined {
    const body = this.#buffer.sized(MAX_GROUP_BYTES, "GROUP");
    return body === undefined ? undefined : decodeGroup(body);
  }

  /** The next frame's payload; undefined: more bytes are needed. Throws where it is too large. */
  next(): Uint8Array | undefined {
    this.#size ??= this.#buffer.integer();
    if (this.#size === undefined) return undefined;
    if (this.#size > this.#maxFrameBytes) {
      throw new LiteStreamError(
        "frame-too-large",
        `a frame has ${this.#size} bytes; at most ${this.#maxFrameBytes} may be`,
      );
    }
    const payload = this.#buffer.bytes(this.#size);
    if (payload !== undefined) this.#size = undefined;
    return payload;
  }
}
