/**
 * Who reads a fetch that others may read, too.
 *
 * @module
 */
import type { FetchItem } from "../../moqt/data/fetch.ts";
import type { Pull, PullInfo } from "./pull.ts";

/** What a read ends with, where no item came. */
export type NoItem =
  /** All came. */
  | { kind: "end" }
  /** The next item was let go, as this reader is slower than another one. */
  | { kind: "lost" }
  /** Nothing came in time. */
  | { kind: "late" }
  /** The fetch failed. */
  | { kind: "failed"; error: unknown };

/** A reader. */
export class PullReader {
  readonly #pull: Pull;
  #wake: (() => void) | undefined;
  #closed = false;
  /** The number of its next item. */
  place: number;

  /** Made by the pull. */
  constructor(pull: Pull, place: number) {
    this.#pull = pull;
    this.place = place;
  }

  /** What the publisher says, waited for up to a time (as `performance.now()`). */
  async ready(until: number): Promise<PullInfo | NoItem> {
    this.#pull.advance();
    let settled: PullInfo | NoItem | undefined;
    const settle = (value: PullInfo | NoItem) => {
      settled = value;
      this.wake();
    };
    this.#pull.ready.then(settle, (error) => settle({ kind: "failed", error }));
    while (settled === undefined && !this.#closed) {
      if (!await this.#wait(until)) return { kind: "late" };
    }
    return settled ?? { kind: "end" };
  }

  /** The next item, waited for up to a time (as `performance.now()`). */
  async next(until: number): Promise<FetchItem | NoItem> {
    while (!this.#closed) {
      const item = this.#pull.item(this.place);
      if (item === "lost") return { kind: "lost" };
      if (item !== undefined) {
        this.place++;
        this.#pull.taken();
        return item;
      }
      const { end } = this.#pull;
      if (end !== undefined) {
        return "error" in end ? { kind: "failed", error: end.error } : { kind: "end" };
      }
      this.#pull.advance();
      if (!await this.#wait(until)) return { kind: "late" };
    }
    return { kind: "end" };
  }

  /** Waits until it is woken; false: not in time. */
  #wait(until: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (inTime: boolean) => {
        clearTimeout(late);
        this.#wake = undefined;
        resolve(inTime);
      };
      const left = Math.min(until - performance.now(), MAX_TIMER_MS);
      const late = setTimeout(() => done(false), Math.max(0, left));
      this.#wake = () => done(true);
    });
  }

  /** Something may have come. For the pull. */
  wake(): void {
    this.#wake?.();
  }

  /** Reads no more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.wake();
    this.#pull.left(this);
  }
}

/** The longest time that timers can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;
