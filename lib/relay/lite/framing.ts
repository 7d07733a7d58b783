/**
 * Frames of moq-lite made objects of MoQT, and back: a broadcast's path is the namespace, a group's
 * sequence its id, and its frames are the objects of subgroup 0, numbered from 0.
 *
 * @module
 */
import type { SubgroupPiece } from "../../moqt/data/scan.ts";
import type { Version } from "../../moqt/versions.ts";
import { type IntegerForm, integersOf } from "../../moqt/wire/integers.ts";
import type { PieceRewriter } from "../live/framing.ts";
import { Output } from "../live/output.ts";

/** A draft of MoQT whose integers are those of moq-lite: QUIC's. */
export const LITE_INTEGERS: IntegerForm = integersOf(16);

const NORMAL = 0;

/** Makes objects, without properties, of frames. */
export class LiteToDraft implements PieceRewriter {
  readonly #to: IntegerForm;
  /** All drafts can tell frames. */
  readonly failed = false;

  /** Rewrites for a draft. */
  constructor(to: Version) {
    this.#to = integersOf(to);
  }

  /** The next piece as the draft frames it. */
  push(piece: SubgroupPiece): SubgroupPiece {
    const { bytes, start, firstId, lastId, objects } = piece;
    const out = new Output(bytes.length + objects * 12);
    out.bytes(bytes.subarray(0, start));
    for (let at = start; at < bytes.length;) {
      const length = LITE_INTEGERS.read(bytes, at);
      at += LITE_INTEGERS.length(bytes[at]!);
      // Ids are distances from those before, less one.
      out.integer(this.#to, 0);
      out.integer(this.#to, length);
      if (length === 0) out.integer(this.#to, NORMAL);
      const end = Math.min(at + length, bytes.length);
      out.bytes(bytes.subarray(at, end));
      at = end;
    }
    return { bytes: out.finish(), start, firstId, lastId, objects };
  }
}

/**
 * Makes frames of objects: of their payloads, as frames have neither properties nor ids. Fails where a
 * stream does not begin with the group's first object, since what it lacks could not be told.
 */
export class DraftToLite implements PieceRewriter {
  readonly #from: IntegerForm;
  readonly #hasProperties: boolean;
  #at = 0;
  #failed = false;
  #begun = false;
  #frames = 0;

  /** Rewrites from a draft. */
  constructor(from: Version, hasProperties: boolean) {
    this.#from = integersOf(from);
    this.#hasProperties = hasProperties;
  }

  /** Whether the stream began with another object than the group's first. */
  get failed(): boolean {
    return this.#failed;
  }

  /** The next piece as frames; undefined where nothing is left of it. */
  push(piece: SubgroupPiece): SubgroupPiece | undefined {
    if (!this.#begun && piece.objects > 0) {
      this.#begun = true;
      this.#failed = piece.firstId !== 0;
    }
    if (this.#failed) return undefined;
    const { bytes, start } = piece;
    const out = new Output(bytes.length + 8);
    out.bytes(bytes.subarray(0, start));
    const before = this.#frames;
    for (this.#at = start; this.#at < bytes.length;) {
      this.#integer(bytes);
      if (this.#hasProperties) {
        const length = this.#integer(bytes);
        this.#at += length;
      }
      const length = this.#integer(bytes);
      if (length === 0 && this.#integer(bytes) !== NORMAL) continue;
      out.integer(LITE_INTEGERS, length);
      const end = Math.min(this.#at + length, bytes.length);
      out.bytes(bytes.subarray(this.#at, end));
      this.#at = end;
      this.#frames++;
    }
    const made = out.finish();
    if (made.length === 0) return undefined;
    const objects = this.#frames - before;
    return {
      bytes: made,
      start: objects === 0 ? made.length : start,
      firstId: objects === 0 ? -1 : before,
      lastId: this.#frames - 1,
      objects,
    };
  }

  #integer(bytes: Uint8Array): number {
    const at = this.#at;
    this.#at += this.#from.length(bytes[at]!);
    return this.#from.read(bytes, at);
  }
}
