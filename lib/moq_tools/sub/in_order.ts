/**
 * Groups one after the other in the order of their ids, though their streams overtake each other.
 *
 * @module
 */
import type { ObjectGap, ReceivedObject } from "../../moqt/receive/objects.ts";
import { losePatience } from "../../moqt/receive/patience.ts";
import type { ReceivedGroup } from "../../moqt/receive/sinks.ts";

/** How long a group is waited for that others have overtaken, since the first of those; milliseconds. */
const PATIENCE_MS = 200;
/**
 * How long the rest of a group is waited for where another has begun, in milliseconds: not every
 * publisher ends what it has left.
 */
const REST_MS = 3_000;
/** Most groups that wait for one that was overtaken. */
const MAX_WAITING = 32;

/** How long is waited; milliseconds. */
export interface InOrderPatience {
  /** For a group that others have overtaken. Default 200. */
  groupMs?: number;
  /** For the rest of a group where another has begun. Default 3,000. */
  restMs?: number;
}

/**
 * The objects of all groups. `expected` is the id of the first group, as far as one can tell; what is
 * missing of the first one was before the subscription, and is no gap.
 */
export async function* inOrder(
  groups: AsyncIterable<ReceivedGroup>,
  expected: number,
  { groupMs = PATIENCE_MS, restMs = REST_MS }: InOrderPatience = {},
): AsyncGenerator<ReceivedObject | ObjectGap, void, undefined> {
  const source = new Source(groups[Symbol.asyncIterator]());
  const waiting = new Map<number, ReceivedGroup>();
  let begun = false;
  /** When waiting for who was overtaken ends. */
  let until = Infinity;
  try {
    for (;;) {
      // An id at or below the expected one goes at once; one above it may have overtaken others.
      while (waiting.size < MAX_WAITING && !isNext(waiting, expected)) {
        const group = await source.next(until - performance.now());
        if (group === undefined) break;
        if (waiting.size === 0) until = performance.now() + groupMs;
        waiting.set(group.id, group);
      }
      if (waiting.size === 0) return;
      const id = Math.min(...waiting.keys());
      const group = waiting.get(id)!;
      waiting.delete(id);
      expected = Math.max(expected, id + 1);
      const hasOther = () => waiting.size > 0 || source.hasNext;
      for await (const item of whole(group, hasOther, restMs)) {
        if (item.kind === "object") begun = true;
        else if (!begun) continue;
        yield item;
      }
      until = waiting.size === 0 ? Infinity : performance.now() + groupMs;
    }
  } finally {
    for (const group of waiting.values()) group.abandon();
    await source.end();
  }
}

function isNext(waiting: ReadonlyMap<number, unknown>, expected: number): boolean {
  for (const id of waiting.keys()) if (id <= expected) return true;
  return false;
}

/** A group's objects to its end; or until nothing of it came for so long where there is another. */
async function* whole(
  group: ReceivedGroup,
  hasOther: () => boolean,
  restMs: number,
): AsyncGenerator<ReceivedObject | ObjectGap, void, undefined> {
  let next = 0;
  let taken = 0;
  let isAsking = true;
  let isLeft = false;
  let calm = () => {};
  const watch = () => {
    const before = taken;
    calm = losePatience(() => {
      if (taken > before || !isAsking || !hasOther()) return watch();
      isLeft = true;
      group.abandon();
    }, restMs);
  };
  watch();
  try {
    for await (const item of group.objects) {
      taken++;
      next = (item.kind === "object" ? item.id : item.to ?? item.from) + 1;
      isAsking = false;
      yield item;
      isAsking = true;
    }
    if (isLeft) yield { kind: "gap", group: group.id, from: next };
  } finally {
    calm();
  }
}

/** Takes groups, and loses patience where others wait already. */
class Source {
  readonly #source: AsyncIterator<ReceivedGroup>;
  #pending: Promise<void> | undefined;
  #arrived: IteratorResult<ReceivedGroup> | undefined;
  #error: { error: unknown } | undefined;
  #wake = () => {};

  constructor(source: AsyncIterator<ReceivedGroup>) {
    this.#source = source;
  }

  /** Whether another group has begun, or no other will. */
  get hasNext(): boolean {
    this.#ask();
    return this.#arrived !== undefined;
  }

  /** Wants no more. */
  async end(): Promise<void> {
    await this.#source.return?.();
  }

  #ask(): void {
    this.#pending ??= this.#source.next().then(
      (result) => void (this.#arrived = result),
      (error) => void (this.#error = { error }),
    ).then(() => this.#wake());
  }

  /** The next group; undefined: the end, or none came in time. */
  async next(milliseconds: number): Promise<ReceivedGroup | undefined> {
    this.#ask();
    await new Promise<void>((resolve) => {
      const calm = milliseconds < Infinity
        ? losePatience(resolve, Math.max(0, milliseconds))
        : undefined;
      this.#wake = () => {
        calm?.();
        resolve();
      };
      if (this.#arrived !== undefined || this.#error !== undefined) this.#wake();
    });
    if (this.#error !== undefined) throw this.#error.error;
    const result = this.#arrived;
    if (result === undefined || result.done) return undefined;
    this.#arrived = this.#pending = undefined;
    return result.value;
  }
}
