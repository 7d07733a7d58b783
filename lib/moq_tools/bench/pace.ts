/**
 * Waiting that a benchmark does: for its pace, and so that timers and the network get their turn.
 *
 * @module
 */
import { giveTurn } from "../../transport/turns.ts";

/** Longest a loop goes on without letting anything else run, in milliseconds. */
const SLICE_MS = 4;

/** Steps between two looks at the clock, which costs more than sending an object does. */
const STEPS = 16;

/** The clock of a loop that waits for nothing: lets timers and the network have their turn now and then. */
export class Turns {
  #begun = performance.now();
  #steps = 0;
  /** What `performance.now()` said at most {@link STEPS} steps ago, or after the last wait. */
  now: number = this.#begun;

  /** Whether it is time to {@link give} a turn. */
  get due(): boolean {
    return this.now - this.#begun > SLICE_MS;
  }

  /** A step; whether it is time to {@link give} a turn. */
  step(): boolean {
    if (++this.#steps < STEPS) return false;
    this.look();
    return this.due;
  }

  /** Looks at the clock: what follows a wait. */
  look(): void {
    this.#steps = 0;
    this.now = performance.now();
  }

  /** Looks at the clock between two steps. */
  read(): void {
    this.now = performance.now();
  }

  /** Gives the turn away once. */
  async give(): Promise<void> {
    await giveTurn();
    this.look();
    this.#begun = this.now;
  }
}

/** Nobody changes it: it is waited for in vain. */
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
/** A timer of a millisecond or less takes two; waiting in vain for so short takes one. */
const SHORT_MS = 0.1;

/** Waits so many milliseconds, or until `signal` aborts. Never rejects. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    // The timer is set all the same: it is what keeps a process running.
    if (milliseconds <= 1) waitInVain().then(done);
  });
}

async function waitInVain(): Promise<void> {
  await Atomics.waitAsync(never, 0, 0, SHORT_MS).value;
}

/** Says how many objects are due by a rate that may change. */
export class Pace {
  #rate = 0;
  #since = performance.now();
  #done = 0;

  /** Objects due now that were not {@link taken}; Infinity where the rate is 0. `now` as by `performance.now()`. */
  due(rate: number, now: number): number {
    if (rate <= 0) return Infinity;
    if (rate !== this.#rate) {
      this.#rate = rate;
      this.#since = now;
      this.#done = 0;
    }
    return Math.floor((now - this.#since) * rate / 1000) + 1 - this.#done;
  }

  /** So many were sent. */
  taken(count: number): void {
    this.#done += count;
  }

  /** Milliseconds until the next is due. */
  get waitMs(): number {
    return Math.max(0, this.#since + this.#done * 1000 / this.#rate - performance.now());
  }
}
