/**
 * Messages as bytes: a varint length (RFC 9000 §16) and as many bytes of UTF-8 JSON.
 *
 * @module
 */
import { decodeVarint, encodeVarint } from "../bytes/varint.ts";
import { ProtocolError } from "../errors.ts";
import type { ClientMessage, PipeAnswer, PipeMessage, ServerMessage } from "./messages.ts";

/** Longest message body in bytes. */
export const MAX_MESSAGE_BYTES = 65_536;

/** Encodes one message with its length in front. Throws `RangeError` when it is too long. */
export function encodeMessage(
  message: ClientMessage | ServerMessage | PipeMessage | PipeAnswer,
): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(message));
  if (body.length > MAX_MESSAGE_BYTES) {
    throw new RangeError(`control message of ${body.length} bytes, at most ${MAX_MESSAGE_BYTES}`);
  }
  const length = encodeVarint(body.length);
  const bytes = new Uint8Array(length.length + body.length);
  bytes.set(length);
  bytes.set(body, length.length);
  return bytes;
}

/** Cuts a byte stream into message bodies. Holds at most one message. */
export class MessageSplitter {
  #pending = new Uint8Array(0);

  /** Takes bytes as they came; gives the bodies that are now whole. Throws `ProtocolError`. */
  push(chunk: Uint8Array): Uint8Array[] {
    return this.#split(chunk, Infinity);
  }

  /** As {@link push}, for one message only: its body, and the bytes behind it; `undefined` while it is not whole. */
  first(chunk: Uint8Array): { body: Uint8Array; rest: Uint8Array } | undefined {
    const [body] = this.#split(chunk, 1);
    return body === undefined ? undefined : { body, rest: this.#pending };
  }

  #split(chunk: Uint8Array, most: number): Uint8Array[] {
    let data = chunk;
    if (this.#pending.length > 0) {
      data = new Uint8Array(this.#pending.length + chunk.length);
      data.set(this.#pending);
      data.set(chunk, this.#pending.length);
    }
    const bodies: Uint8Array[] = [];
    let at = 0;
    while (bodies.length < most) {
      const prefix = lengthAt(data, at);
      if (prefix === undefined) break;
      const length = prefix.value;
      if (length === 0) throw new ProtocolError("empty control message");
      if (length > MAX_MESSAGE_BYTES) {
        throw new ProtocolError(`control message of ${length} bytes, at most ${MAX_MESSAGE_BYTES}`);
      }
      const start = at + prefix.size;
      if (data.length < start + length) break;
      bodies.push(data.subarray(start, start + length));
      at = start + length;
    }
    this.#pending = data.slice(at);
    return bodies;
  }

  /** Whether the stream may end here: no message is cut off. */
  get atBoundary(): boolean {
    return this.#pending.length === 0;
  }
}

/** The length in front of a body. One beyond 2^53 is no length at all. */
function lengthAt(data: Uint8Array, at: number): ReturnType<typeof decodeVarint> {
  try {
    return decodeVarint(data, at);
  } catch (cause) {
    throw new ProtocolError("control message of absurd length", { cause });
  }
}
