/**
 * The bytes of a stream as they come, read field by field. A read gives nothing while it is short;
 * whoever read several fields then goes back to where the first began.
 *
 * @module
 */
import type { Version } from "../versions.ts";
import { type IntegerForm, integersOf } from "../wire/integers.ts";

/** What a number is while its bytes are not all there. */
export const SHORT: number = -1;

const NONE = new Uint8Array(0);

/** Unread bytes, and a place in them. */
export class ByteFeed {
  readonly #integers: IntegerForm;
  #bytes: Uint8Array = NONE;
  /** How far was read; set it back to read again. */
  offset = 0;

  /** Begins empty. */
  constructor(version: Version) {
    this.#integers = integersOf(version);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.offset;
  }

  /** Adds bytes, which from now on are the feed's; those read are let go. */
  push(bytes: Uint8Array): void {
    if (this.left === 0) this.#bytes = bytes;
    else {
      const joined = new Uint8Array(this.left + bytes.length);
      joined.set(this.#bytes.subarray(this.offset));
      joined.set(bytes, this.left);
      this.#bytes = joined;
    }
    this.offset = 0;
  }

  /** The next integer, or {@link SHORT}. */
  integer(): number {
    const at = this.offset;
    if (at >= this.#bytes.length) return SHORT;
    const length = this.#integers.length(this.#bytes[at]!);
    if (at + length > this.#bytes.length) return SHORT;
    this.offset = at + length;
    return this.#integers.read(this.#bytes, at);
  }

  /** The next byte, or {@link SHORT}. */
  byte(): number {
    return this.left === 0 ? SHORT : this.#bytes[this.offset++]!;
  }

  /** The next bytes: a view; undefined while they are not all there. */
  bytes(length: number): Uint8Array | undefined {
    if (this.left < length) return undefined;
    this.offset += length;
    return this.#bytes.subarray(this.offset - length, this.offset);
  }

  /** Up to so many bytes of what is there: a view. */
  upTo(length: number): Uint8Array {
    return this.bytes(Math.min(length, this.left))!;
  }
}

/** Gathers one payload, which may come in many chunks, copying only where it does. */
export class PayloadGatherer {
  #target: Uint8Array | undefined;
  #filled = 0;

  /** The payload of `length` bytes; undefined while it is not all there. */
  take(feed: ByteFeed, length: number): Uint8Array | undefined {
    if (this.#target === undefined) {
      const whole = feed.bytes(length);
      if (whole !== undefined) return whole;
      this.#target = new Uint8Array(length);
      this.#filled = 0;
    }
    const part = feed.upTo(length - this.#filled);
    this.#target.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled < length) return undefined;
    const target = this.#target;
    this.#target = undefined;
    return target;
  }
}
