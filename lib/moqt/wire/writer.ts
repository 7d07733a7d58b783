/**
 * Writes fields one after another.
 *
 * @module
 */
import { NEWEST, type Version } from "../versions.ts";
import { type IntegerForm, integersOf } from "./integers.ts";

const UTF8 = new TextEncoder();

/** Bytes that grow. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  readonly #integers: IntegerForm;
  /** The draft whose forms the fields get. */
  readonly version: Version;

  /** Begins empty, with room for `capacity` bytes. */
  constructor(version: Version = NEWEST, capacity = 64) {
    this.version = version;
    this.#integers = integersOf(version);
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that fit before more memory is taken. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Writes an integer as short as can be. A `RangeError` where the form has no such. */
  integer(value: number | bigint): this {
    if (typeof value === "bigint") {
      const number = Number(value);
      if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) return this.integer(number);
      if (value < 0n || value > this.#integers.max) {
        throw new RangeError(`${value} is not an integer of 0 to ${this.#integers.max}`);
      }
      this.#room(9);
      this.#length = this.#integers.writeBig(this.#bytes, this.#length, value);
      return this;
    }
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${value} is not an integer of 0 to 2^53-1`);
    }
    this.#room(9);
    this.#length = this.#integers.write(this.#bytes, this.#length, value);
    return this;
  }

  /** Writes a byte. */
  byte(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 255) {
      throw new RangeError(`${value} is not a byte`);
    }
    this.#room(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Writes bytes as they are. */
  bytes(value: Uint8Array): this {
    this.#room(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  /** Writes bytes after their length. A `RangeError` where they are more than `limit`. */
  sized(value: Uint8Array, limit: number, what: string): this {
    if (value.length > limit) {
      throw new RangeError(`${what} has ${value.length} bytes; at most ${limit} may be`);
    }
    return this.integer(value.length).bytes(value);
  }

  /** Writes UTF-8 after its length in bytes. */
  text(value: string, limit: number, what: string): this {
    return this.sized(UTF8.encode(value), limit, what);
  }

  /** Begins again, in the same memory: what {@link finish} gave is overwritten. */
  clear(): void {
    this.#length = 0;
  }

  /** What was written: a view. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    // By doubling alone, so that writers with a bound end up with the same sizes.
    let capacity = Math.max(1, this.#bytes.length);
    while (capacity < needed) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
