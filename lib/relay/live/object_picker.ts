/**
 * Objects picked out of a stream's bytes for one subscriber.
 *
 * @module
 */
import type { SubgroupPiece } from "../../moqt/data/scan.ts";
import type { Version } from "../../moqt/versions.ts";
import { type IntegerForm, integersOf } from "../../moqt/wire/integers.ts";
import { type KeyValue, readKeyValues } from "../../moqt/wire/key_values.ts";
import { Reader } from "../../moqt/wire/reader.ts";
import { Output } from "./output.ts";

/** Says of an object whether it is to be sent. */
export type Picks = (id: number, properties: readonly KeyValue[]) => boolean;

/** What the head of an object may become longer by: the distance from the one before. */
const HEAD_GROWTH = 9;

/** Leaves objects out of one stream's pieces, in order; it may begin with any of them. */
export class ObjectPicker {
  readonly #version: Version;
  readonly #integers: IntegerForm;
  readonly #hasProperties: boolean;
  readonly #picks: Picks;
  #at = 0;
  #written = -1;
  /** Whether the object that goes on in the next piece is sent. */
  #isPicked = false;

  /** Picks of a stream in a draft's form. */
  constructor(version: Version, hasProperties: boolean, picks: Picks) {
    this.#version = version;
    this.#integers = integersOf(version);
    this.#hasProperties = hasProperties;
    this.#picks = picks;
  }

  /** The bytes that are left of a piece; undefined: none. */
  pick({ bytes, start, firstId, objects }: SubgroupPiece): Uint8Array | undefined {
    const out = new Output(bytes.length + HEAD_GROWTH);
    if (this.#isPicked) out.bytes(bytes.subarray(0, start));
    let id = firstId;
    this.#at = start;
    for (let count = 0; count < objects; count++) {
      const delta = this.#integer(bytes);
      if (count > 0) id += 1 + delta;
      const rest = this.#at;
      const properties = this.#properties(bytes);
      const length = this.#integer(bytes);
      if (length === 0) this.#integer(bytes);
      const end = Math.min(this.#at + length, bytes.length);
      this.#isPicked = this.#picks(id, properties);
      if (this.#isPicked) {
        out.integer(this.#integers, id - this.#written - 1);
        this.#written = id;
        out.bytes(bytes.subarray(rest, end));
      }
      this.#at = end;
    }
    const picked = out.finish();
    return picked.length === 0 ? undefined : picked;
  }

  #integer(bytes: Uint8Array): number {
    const at = this.#at;
    this.#at += this.#integers.length(bytes[at]!);
    return this.#integers.read(bytes, at);
  }

  #properties(bytes: Uint8Array): readonly KeyValue[] {
    if (!this.#hasProperties) return [];
    const length = this.#integer(bytes);
    const view = bytes.subarray(this.#at, this.#at += length);
    return length === 0 ? [] : readKeyValues(new Reader(view, this.#version));
  }
}
