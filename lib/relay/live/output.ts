/**
 * Bytes that are rewritten.
 *
 * @module
 */
import type { IntegerForm } from "../../moqt/wire/integers.ts";

/** Bytes that grow. */
export class Output {
  #bytes: Uint8Array;
  #length = 0;

  /** Has room for so many bytes before it grows. */
  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** Adds an integer. */
  integer(form: IntegerForm, value: number): void {
    this.#room(9);
    this.#length = form.write(this.#bytes, this.#length, value);
  }

  /** Adds bytes. */
  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The bytes. */
  finish(): Uint8Array {
    const unused = this.#bytes.length - this.#length;
    return unused > this.#length / 4
      ? this.#bytes.slice(0, this.#length)
      : this.#bytes.subarray(0, this.#length);
  }
}
