/**
 * Reads the bit strings of video headers, most significant bit first.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** A cursor over bits. Reading past the end throws `ProtocolError`. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #bit = 0;

  /**
   * Begins at the first bit.
   *
   * @param bytes what to read.
   * @param what what it is, for error messages: `"H.264 sequence parameter set"`.
   */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** `u(n)`, `f(n)`: an unsigned number of 0 to 32 bits. */
  bits(count: number): number {
    if (this.#bit + count > this.#bytes.length * 8) {
      throw new ProtocolError(`${this.#what}: cut short`);
    }
    let value = 0;
    for (let left = count; left > 0;) {
      const room = 8 - (this.#bit & 7);
      const take = Math.min(room, left);
      const byte = this.#bytes[this.#bit >> 3]!;
      value = value * 2 ** take + ((byte >> (room - take)) & ((1 << take) - 1));
      this.#bit += take;
      left -= take;
    }
    return value;
  }

  /** One bit. */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** Passes over any number of bits. */
  skip(count: number): void {
    if (this.#bit + count > this.#bytes.length * 8) {
      throw new ProtocolError(`${this.#what}: cut short`);
    }
    this.#bit += count;
  }

  /** `ue(v)`, an unsigned Exp-Golomb code (ITU-T H.264 9.1); AV1's `uvlc()` is the same up to 2^32-2. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      if (++zeros > 31) throw new ProtocolError(`${this.#what}: an Exp-Golomb code is too long`);
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** `se(v)`, a signed Exp-Golomb code (ITU-T H.264 9.1.1). */
  se(): number {
    const code = this.ue();
    return code & 1 ? (code + 1) / 2 : -code / 2;
  }

  /** The error for a value the specification forbids, or that is beyond what is meant to be read. */
  error(detail: string): ProtocolError {
    return new ProtocolError(`${this.#what}: ${detail}`);
  }
}
