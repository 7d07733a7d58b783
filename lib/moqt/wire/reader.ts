/**
 * Reads the fields of something whose bytes are all there: a control message, a datagram, a value.
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import { NEWEST, type Version } from "../versions.ts";
import { type IntegerForm, integersOf } from "./integers.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** A place in bytes, and the end it may read to. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #integers: IntegerForm;
  #offset = 0;
  /** The draft whose forms the fields have. */
  readonly version: Version;

  /** Reads all of `bytes`. */
  constructor(bytes: Uint8Array, version: Version = NEWEST) {
    this.version = version;
    this.#integers = integersOf(version);
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#end - this.#offset;
  }

  /** The next integer. Throws a violation where it is cut short. */
  integer(): number {
    const at = this.#integer();
    return this.#integers.read(this.#bytes, at);
  }

  /** The next integer, which may be above 2^53-1. */
  bigInteger(): bigint {
    const at = this.#integer();
    return this.#integers.readBig(this.#bytes, at);
  }

  /** The next integer: a number up to 2^53-1, above that a bigint. */
  wideInteger(): number | bigint {
    const first = this.left > 0 ? this.#bytes[this.#offset]! : 0;
    if (this.#integers.length(first) < 8) return this.integer();
    const value = this.bigInteger();
    return value > Number.MAX_SAFE_INTEGER ? value : Number(value);
  }

  #integer(): number {
    const at = this.#offset;
    const length = at < this.#end ? this.#integers.length(this.#bytes[at]!) : 1;
    this.#need(length);
    this.#offset += length;
    return at;
  }

  /** The next byte. */
  byte(): number {
    this.#need(1);
    return this.#bytes[this.#offset++]!;
  }

  /** The next `length` bytes: a view, not a copy. */
  bytes(length: number): Uint8Array {
    this.#need(length);
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }

  /** Bytes after their length, of which at most `limit` are taken. */
  sized(limit: number, what: string): Uint8Array {
    const length = this.integer();
    if (length > limit) throw violation(`${what} has ${length} bytes; at most ${limit} may be`);
    return this.bytes(length);
  }

  /** UTF-8 after its length in bytes. */
  text(limit: number, what: string): string {
    const bytes = this.sized(limit, what);
    try {
      return UTF8.decode(bytes);
    } catch (cause) {
      throw new MoqtViolation("protocol-violation", `${what} is not UTF-8`, { cause });
    }
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** Throws where anything is left. */
  end(what: string): void {
    if (this.left > 0) throw violation(`${what} is ${this.left} bytes longer than its fields`);
  }

  #need(length: number): void {
    if (this.left < length) throw violation("the fields are longer than what carries them");
  }
}
