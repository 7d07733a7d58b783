/**
 * Finds the objects in a subgroup stream's bytes without taking them apart: what a relay needs to know
 * of what it forwards. Draft-18, section 11.4.2; draft-16, section 10.4.2.
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import { violation } from "../errors.ts";
import type { Version } from "../versions.ts";
import { type IntegerForm, integersOf } from "../wire/integers.ts";
import { checkPayloadLength, checkPropertiesLength, MAX_PAYLOAD_BYTES } from "./object.ts";

/**
 * Bytes of a subgroup stream, after its header. No object's head is cut in two by its end, so that the
 * bytes from `start` on can be read without those before them; payloads may be cut.
 */
export interface SubgroupPiece {
  /** The bytes. */
  readonly bytes: Uint8Array;
  /** Where the first object begins that begins here; `bytes.length`: none does. */
  readonly start: number;
  /** That object's id; -1: none begins here. */
  readonly firstId: number;
  /** The last object that begins at or before the end of the piece; -1: none. */
  readonly lastId: number;
  /** How many objects begin here. */
  readonly objects: number;
}

const NONE = new Uint8Array(0);
const SHORT = -1;

/** Cuts one stream's bytes into pieces as they come. */
export class SubgroupScanner {
  readonly #integers: IntegerForm;
  readonly #hasProperties: boolean;
  readonly #limit: number;
  #held: Uint8Array = NONE;
  #before = -1;
  /** Bytes of the last object's payload that are still to come. */
  #left = 0;
  #over = false;
  #at = 0;

  /** Begins after the header; objects of more than `limit` bytes are violations. */
  constructor(version: Version, hasProperties: boolean, limit: number = MAX_PAYLOAD_BYTES) {
    this.#integers = integersOf(version);
    this.#hasProperties = hasProperties;
    this.#limit = limit;
  }

  /** Whether the stream may end here: between two objects. */
  get between(): boolean {
    return this.#left === 0 && this.#held.length === 0;
  }

  /**
   * The next bytes as a piece; an object's head that is not all there is kept for the next one.
   * Undefined where nothing else came. Throws a violation.
   */
  push(chunk: Uint8Array): SubgroupPiece | undefined {
    const bytes = this.#held.length === 0 ? chunk : concat(this.#held, chunk);
    const end = bytes.length;
    let at = Math.min(this.#left, end);
    this.#left -= at;
    const start = at;
    let firstId = -1;
    let objects = 0;
    while (at < end) {
      const id = this.#head(bytes, at);
      if (id === SHORT) break;
      if (objects++ === 0) firstId = id;
      this.#before = id;
      const rest = end - this.#at;
      if (this.#left >= rest) {
        this.#left -= rest;
        at = end;
      } else {
        at = this.#at + this.#left;
        this.#left = 0;
      }
    }
    this.#held = at === end ? NONE : bytes.subarray(at);
    if (at === 0) return undefined;
    return {
      bytes: at === end ? bytes : bytes.subarray(0, at),
      start: objects === 0 ? at : start,
      firstId,
      lastId: this.#before,
      objects,
    };
  }

  /** Reads a head, and leaves its end in `#at` and the payload's length in `#left`. */
  #head(bytes: Uint8Array, from: number): number {
    this.#at = from;
    const delta = this.#integer(bytes);
    if (delta === SHORT) return SHORT;
    if (this.#over) throw violation("an object follows the end of its group");
    const id = this.#before + 1 + delta;
    if (id > Number.MAX_SAFE_INTEGER) throw violation("object ids add up to more than 2^53-1");
    if (this.#hasProperties) {
      const length = this.#integer(bytes);
      if (length === SHORT) return SHORT;
      checkPropertiesLength(length);
      this.#at += length;
      if (this.#at > bytes.length) return SHORT;
    }
    const length = this.#integer(bytes);
    if (length === SHORT) return SHORT;
    checkPayloadLength(length, this.#limit);
    if (length === 0) {
      const status = this.#integer(bytes);
      if (status === SHORT) return SHORT;
      this.#over = status === END_OF_GROUP || status === END_OF_TRACK;
    }
    this.#left = length;
    return id;
  }

  #integer(bytes: Uint8Array): number {
    const at = this.#at;
    if (at >= bytes.length) return SHORT;
    const end = at + this.#integers.length(bytes[at]!);
    if (end > bytes.length) return SHORT;
    this.#at = end;
    return this.#integers.read(bytes, at);
  }
}

const END_OF_GROUP = 0x3;
const END_OF_TRACK = 0x4;
