/**
 * Groups one after the other in the order of their ids, though their streams overtake each other.
 *
 * @module
 */
import type { ObjectGap, ReceivedObject } from "../../moqt/receive/objects.ts";
import type { ReceivedGroup } from "../../moqt/receive/sinks.ts";

/** How long a group is waited for that others have overtaken, since the first of those; milliseconds. */
const PATIENCE_MS = 200;
/** Most groups that wait for one that was overtaken. */
const MAX_WAITING = 32;

/**
 * The objects of all groups. `expected` is the id of the first group, as far as one can tell; what is
 * missing of the first one was before the subscription, and is no gap.
 */
export async function* inOrder(
  groups: AsyncIterable<ReceivedGroup>,
  expected: number,
  patienceMs: number = PATIENCE_MS,
): AsyncGenerator<ReceivedObject | ObjectGap, void, undefined> {
  const source = groups[Symbol.asyncIterator]();
  const waiting = new Map<number, ReceivedGroup>();
  const patience = new Patience(source);
  let begun = false;
  /** When waiting for who was overtaken ends. */
  let until = Infinity;
  try {
    for (;;) {
      // An id at or below the expected one goes at once; one above it may have overtaken others.
      while (waiting.size < MAX_WAITING && !isNext(waiting, expected)) {
        const group = await patience.next(until - performance.now());
        if (group === undefined) break;
        if (waiting.size === 0) until = performance.now() + patienceMs;
        waiting.set(group.id, group);
      }
      if (waiting.size === 0) return;
      const id = Math.min(...waiting.keys());
      const group = waiting.get(id)!;
      waiting.delete(id);
      expected = Math.max(expected, id + 1);
      until = waiting.size === 0 ? Infinity : performance.now() + patienceMs;
      for await (const item of group.objects) {
        if (item.kind === "object") begun = true;
        else if (!begun) continue;
        yield item;
      }
    }
  } finally {
    for (const group of waiting.values()) group.abandon();
    await source.return?.();
  }
}

function isNext(waiting: ReadonlyMap<number, unknown>, expected: number): boolean {
  for (const id of waiting.keys()) if (id <= expected) return true;
  return false;
}

/** Takes groups, and loses patience where others wait already. */
class Patience {
  readonly #source: AsyncIterator<ReceivedGroup>;
  #pending: Promise<void> | undefined;
  #arrived: IteratorResult<ReceivedGroup> | undefined;
  #error: { error: unknown } | undefined;
  #wake = () => {};

  constructor(source: AsyncIterator<ReceivedGroup>) {
    this.#source = source;
  }

  /** The next group; undefined: the end, or none came in time. */
  async next(milliseconds: number): Promise<ReceivedGroup | undefined> {
    this.#pending ??= this.#source.next().then(
      (result) => void (this.#arrived = result),
      (error) => void (this.#error = { error }),
    ).then(() => this.#wake());
    await new Promise<void>((resolve) => {
      const timer = milliseconds < Infinity
        ? setTimeout(resolve, Math.max(0, milliseconds))
        : undefined;
      this.#wake = () => {
        clearTimeout(timer);
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
