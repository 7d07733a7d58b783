/**
 * The last bytes a port said, for those who begin to watch.
 *
 * @module
 */

/** A ring of bytes. Policy: the oldest make room. */
export class Scrollback {
  readonly #ring: Uint8Array;
  #at = 0;
  #filled = 0;

  /** Keeps at most `capacity` bytes; 0 keeps none. */
  constructor(capacity: number) {
    this.#ring = new Uint8Array(capacity);
  }

  /** Appends bytes. */
  push(bytes: Uint8Array): void {
    const size = this.#ring.length;
    const kept = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes;
    const first = Math.min(kept.length, size - this.#at);
    this.#ring.set(kept.subarray(0, first), this.#at);
    this.#ring.set(kept.subarray(first), 0);
    if (size > 0) this.#at = (this.#at + kept.length) % size;
    this.#filled = Math.min(this.#filled + kept.length, size);
  }

  /** What is kept, oldest first, in a buffer of its own. */
  snapshot(): Uint8Array {
    const size = this.#ring.length;
    const bytes = new Uint8Array(this.#filled);
    const start = size === 0 ? 0 : (this.#at - this.#filled + size) % size;
    const first = Math.min(this.#filled, size - start);
    bytes.set(this.#ring.subarray(start, start + first));
    bytes.set(this.#ring.subarray(0, this.#filled - first), first);
    return bytes;
  }
}
