/**
 * Bytes as they come, and fields taken from their front once they are there.
 *
 * @module
 */
import { decodeVarint } from "../../bytes/varint.ts";
import { MoqtViolation, violation } from "../errors.ts";

const NOTHING = new Uint8Array(0);

/** Chunks in order. What was taken is not kept, and what lies in one chunk is not copied. */
export class PushBuffer {
  #chunks: Uint8Array[] = [];
  #length = 0;
  /** The size of a body that is not all there. */
  #size: number | undefined;

  /** Bytes that were not taken. */
  get length(): number {
    return this.#length;
  }

  /** Whether no message was begun. */
  get between(): boolean {
    return this.#size === undefined && this.#length === 0;
  }

  /** Adds bytes, which must not change any more. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** The next integer; undefined: more bytes are needed. Throws a violation above 2^53-1. */
  integer(): number | undefined {
    const first = this.#chunks[0];
    if (first === undefined) return undefined;
    const length = 1 << (first[0]! >> 6);
    if (this.#length < length) return undefined;
    const bytes = first.length >= length ? first : this.#copy(length);
    try {
      const { value } = decodeVarint(bytes)!;
      this.#drop(length);
      return value;
    } catch (cause) {
      throw new MoqtViolation("internal-error", "an integer is above 2^53-1", { cause });
    }
  }

  /** The next `length` bytes; undefined: not all are there. */
  bytes(length: number): Uint8Array | undefined {
    if (length === 0) return NOTHING;
    if (this.#length < length) return undefined;
    const bytes = this.#front(length);
    this.#drop(length);
    return bytes;
  }

  /** All bytes that were not taken: a view where they lie in one chunk. */
  rest(): Uint8Array {
    return this.bytes(this.#length) ?? NOTHING;
  }

  /** The next `length` bytes, which stay; undefined: not all are there. */
  peek(length: number): Uint8Array | undefined {
    return this.#length < length ? undefined : this.#front(length);
  }

  #front(length: number): Uint8Array {
    const first = this.#chunks[0]!;
    return first.length >= length ? first.subarray(0, length) : this.#copy(length);
  }

  /** Bytes after their size; undefined: not all are there. Throws a violation where they are too many. */
  sized(limit: number, what: string): Uint8Array | undefined {
    this.#size ??= this.integer();
    if (this.#size === undefined) return undefined;
    if (this.#size > limit) {
      throw violation(`${what} has ${this.#size} bytes; at most ${limit} may be`);
    }
    const bytes = this.bytes(this.#size);
    if (bytes !== undefined) this.#size = undefined;
    return bytes;
  }

  #copy(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#chunks) {
      const part = chunk.subarray(0, length - at);
      bytes.set(part, at);
      at += part.length;
      if (at === length) break;
    }
    return bytes;
  }

  #drop(length: number): void {
    this.#length -= length;
    let left = length;
    let whole = 0;
    while (left > 0 && left >= this.#chunks[whole]!.length) left -= this.#chunks[whole++]!.length;
    if (whole > 0) this.#chunks.splice(0, whole);
    if (left > 0) this.#chunks[0] = this.#chunks[0]!.subarray(left);
  }
}
