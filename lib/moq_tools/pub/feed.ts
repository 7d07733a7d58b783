/**
 * Feeds a publisher: with what an input was cut into, or with a pattern, at a pace or as fast as
 * subscribers take it.
 *
 * @module
 */
import type { CutObject } from "./cut.ts";
import type { TrackPublisher } from "./publisher.ts";

/** How a publisher is fed. */
export interface FeedOptions {
  /** Objects a second; absent: as fast as they come and are taken. */
  rate?: number;
  /** Objects of a group, where the input does not say where groups begin. */
  groupSize: number;
  /** Id of the first group. Default 0. */
  firstGroup?: number;
  /** Objects after which it ends; absent: with the input. */
  count?: number;
  /** Whether nothing is published while nobody subscribes. */
  waits: boolean;
  /** Ends it. */
  signal: AbortSignal;
}

/** Bytes after which subscribers are waited for where there is no pace. */
const STEP_BYTES = 256 << 10;

/** Publishes everything, and ends the last group. Resolves early when the signal aborts. */
export async function feed(
  publisher: TrackPublisher,
  objects: AsyncIterable<CutObject>,
  options: FeedOptions,
): Promise<void> {
  const { rate, groupSize, firstGroup = 0, count = Infinity, waits, signal } = options;
  const pace = rate === undefined ? undefined : new Pace(1000 / rate, signal);
  let done = 0;
  let inGroup = 0;
  let waiting = 0;
  for await (const { payload, startsGroup } of objects) {
    if (done >= count || signal.aborted) break;
    if (waits && publisher.stats.subscribers === 0) {
      try {
        await publisher.subscribed(signal);
      } catch {
        break;
      }
      pace?.begin();
    }
    await pace?.next();
    if (startsGroup ?? inGroup >= groupSize) inGroup = 0;
    if (inGroup === 0) {
      if (done === 0) publisher.startGroup(firstGroup);
      else {
        if (pace === undefined) await publisher.drained();
        publisher.startGroup();
      }
    }
    publisher.write(payload);
    inGroup++;
    done++;
    waiting += payload.length;
    if (pace === undefined && waiting >= STEP_BYTES) {
      waiting = 0;
      await publisher.drained();
    }
  }
  publisher.endGroup();
}

/** Moments at equal distances; those that were missed follow at once. */
class Pace {
  readonly #intervalMs: number;
  readonly #signal: AbortSignal;
  #next = performance.now();

  constructor(intervalMs: number, signal: AbortSignal) {
    this.#intervalMs = intervalMs;
    this.#signal = signal;
  }

  begin(): void {
    this.#next = Math.max(this.#next, performance.now());
  }

  next(): Promise<void> | undefined {
    const wait = this.#next - performance.now();
    this.#next += this.#intervalMs;
    if (wait <= 0 || this.#signal.aborted) return undefined;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, wait);
      this.#signal.addEventListener("abort", end, { once: true });
    });
  }
}

/** A line of text an object, padded to `size` bytes: its number and the time it was made. */
export async function* pattern(size: number): AsyncGenerator<CutObject, void, undefined> {
  const encoder = new TextEncoder();
  for (let number = 0;; number++) {
    const text = `${number} ${new Date().toISOString()}`;
    // Generators that never wait would never let anybody else.
    if (number % 64 === 63) await new Promise((resolve) => setTimeout(resolve));
    yield { payload: encoder.encode(`${text.padEnd(size - 1)}\n`) };
  }
}
