/**
 * Turns for timers and other input, where data comes so fast that nothing is ever waited for: promises
 * that are settled go before them, one after the other, without an end.
 *
 * @module
 */
import { giveTurn } from "../../transport/turns.ts";

/** How long work goes on without giving anything else a turn, in milliseconds. */
const SLICE_MS = 8;
/** Steps between two looks at the clock. */
const STEPS = 16;

/** Says when work that waits for nothing is to give a turn. */
export class Turns {
  #since = performance.now();
  #steps = 0;
  #pending: Promise<void> | undefined;

  /** A step was done; a promise: it is time, wait for it. */
  step(): Promise<void> | undefined {
    if (this.#pending !== undefined) return this.#pending;
    if (++this.#steps < STEPS) return undefined;
    this.#steps = 0;
    if (performance.now() - this.#since < SLICE_MS) return undefined;
    return this.#pending = giveTurn().then(() => {
      this.#pending = undefined;
      this.#since = performance.now();
    });
  }
}
