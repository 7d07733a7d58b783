/**
 * A cursor over bytes that are all there. For streams that come in pieces see the push parsers.
 *
 * @module
 */

/** The bytes ended before what was to be read. */
export class ShortInputError extends RangeError {
  /** Tells the class by name. */
  override readonly name = "ShortInputError";
}

/** Reads from the front; throws {@link ShortInputError} rather than read past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  /** Reads `bytes` in place: what `take` gives are views. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  /** One byte. */
  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** Two bytes, big endian. */
  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  /** Four bytes, big endian. */
  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  #advance(length: number): number {
    const at = this.#offset;
    if (length > this.remaining) {
      throw new ShortInputError(`${length} bytes wanted at ${at}, ${this.remaining} left`);
    }
    this.#offset += length;
    return at;
  }
}
