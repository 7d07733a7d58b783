/**
 * Streams of bytes cut into objects.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";

/** An object to be, and whether it begins a group. */
export interface CutObject {
  /** Its bytes, its own. */
  payload: Uint8Array;
  /** Whether a group begins with it; undefined: whoever counts decides. */
  startsGroup?: boolean;
}

/** Most bytes of a line, a box or a chunk: what an object may have. */
export const MAX_OBJECT_BYTES = 16 << 20;

const NEWLINE = 0x0a;

/** Bytes that are gathered until a piece is whole. */
export class Gatherer {
  #bytes: Uint8Array = new Uint8Array(0);

  /** Bytes that are there. */
  get length(): number {
    return this.#bytes.length;
  }

  /** What is there: a view, good until the next call. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Adds bytes. Throws `UsageError` where more gather than an object may have. */
  push(chunk: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + chunk.length);
    joined.set(this.#bytes);
    joined.set(chunk, this.#bytes.length);
    this.#bytes = joined;
    if (joined.length > MAX_OBJECT_BYTES + chunk.length) {
      throw new UsageError(`more than ${MAX_OBJECT_BYTES >> 20} MiB make one object`, {
        hint: "cut the input otherwise: --split lines, bytes or fmp4",
      });
    }
  }

  /** Takes the first bytes out: a copy. */
  take(length: number): Uint8Array {
    const taken = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }
}

/** An object a line, its end included; what is left at the end is one, too. */
export async function* cutLines(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<CutObject, void, undefined> {
  const gatherer = new Gatherer();
  let searched = 0;
  for await (const chunk of input) {
    gatherer.push(chunk);
    for (;;) {
      const end = gatherer.bytes.indexOf(NEWLINE, searched);
      if (end < 0) break;
      yield { payload: gatherer.take(end + 1) };
      searched = 0;
    }
    searched = gatherer.length;
  }
  if (gatherer.length > 0) yield { payload: gatherer.take(gatherer.length) };
}

/** Objects of `size` bytes; the last may be shorter. */
export async function* cutBytes(
  input: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<CutObject, void, undefined> {
  const gatherer = new Gatherer();
  for await (const chunk of input) {
    gatherer.push(chunk);
    while (gatherer.length >= size) yield { payload: gatherer.take(size) };
  }
  if (gatherer.length > 0) yield { payload: gatherer.take(gatherer.length) };
}
