/**
 * How long a fetch waits for publishers.
 *
 * @module
 */

/** How long each stretch is waited for where the subscriber does not say, in milliseconds; at most. */
const MOST_MS = 30_000;

/**
 * What is left of FILL_TIMEOUT, which is the time that publishers take in all, not the subscriber
 * (draft-20, section 10.2.8). Without one each object may take its time.
 */
export class FillBudget {
  readonly #isTotal: boolean;
  #left: number;

  /** Begins with what the subscriber says, in milliseconds. */
  constructor(fillTimeoutMs: number | undefined) {
    this.#isTotal = fillTimeoutMs !== undefined;
    this.#left = Math.min(fillTimeoutMs ?? MOST_MS, MOST_MS);
  }

  /** Whether nothing is left. */
  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** Waits for `work`, which is given when it is late, as `performance.now()`. */
  async wait<T>(work: (until: number) => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await work(began + this.#left);
    } finally {
      if (this.#isTotal) this.#left -= performance.now() - began;
    }
  }
}
