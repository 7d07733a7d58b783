/**
 * Finds the frames in a group's bytes without taking them apart: what a relay needs to know of what it
 * passes on. Frames are counted from 0, as objects have ids.
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import type { SubgroupPiece } from "../data/scan.ts";
import { integersOf } from "../wire/integers.ts";
import { LiteStreamError } from "./errors.ts";
import { MAX_FRAME_BYTES } from "./messages/group.ts";

const NONE = new Uint8Array(0);
const INTEGERS = integersOf(16);

/** Cuts one group's bytes, behind its header, into pieces as they come. */
export class GroupScanner {
  readonly #limit: number;
  #held: Uint8Array = NONE;
  #frames = 0;
  /** Bytes of the last frame that are still to come. */
  #left = 0;

  /** Frames of more than `limit` bytes are refused. */
  constructor(limit: number = MAX_FRAME_BYTES) {
    this.#limit = limit;
  }

  /** Whether the stream may end here: between two frames. */
  get between(): boolean {
    return this.#left === 0 && this.#held.length === 0;
  }

  /**
   * The next bytes as a piece; a frame's size that is not all there is kept for the next one. Undefined
   * where nothing else came. Throws a {@link LiteStreamError} where a frame is too large.
   */
  push(chunk: Uint8Array): SubgroupPiece | undefined {
    const bytes = this.#held.length === 0 ? chunk : concat(this.#held, chunk);
    const end = bytes.length;
    let at = Math.min(this.#left, end);
    this.#left -= at;
    const start = at;
    const first = this.#frames;
    while (at < end) {
      const head = at + INTEGERS.length(bytes[at]!);
      if (head > end) break;
      const size = INTEGERS.read(bytes, at);
      if (size > this.#limit) {
        throw new LiteStreamError(
          "frame-too-large",
          `a frame has ${size} bytes; at most ${this.#limit} may be`,
        );
      }
      this.#frames++;
      at = Math.min(head + size, end);
      this.#left = head + size - at;
    }
    this.#held = at === end ? NONE : bytes.subarray(at);
    if (at === 0) return undefined;
    const objects = this.#frames - first;
    return {
      bytes: at === end ? bytes : bytes.subarray(0, at),
      start: objects === 0 ? at : start,
      firstId: objects === 0 ? -1 : first,
      lastId: this.#frames - 1,
      objects,
    };
  }
}
