/**
 * How long to wait before trying again.
 *
 * @module
 */

/** First wait, in milliseconds. */
const FIRST_MS = 100;
/** Longest wait, in milliseconds: a server that is back is found again within this. */
const LONGEST_MS = 2_000;

/** Waits that double from 0.1 s to 2 s, each shortened at random by up to a quarter so that clients don't march in step. */
export class Backoff {
  #nextMs = FIRST_MS;

  /** Begins anew, after a success that lasted. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }

  /** Waits. Resolves early when the signal aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const ms = this.#nextMs * (1 - Math.random() / 4);
    this.#nextMs = Math.min(this.#nextMs * 2, LONGEST_MS);
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const end = () => resolve();
    signal.addEventListener("abort", end, { once: true });
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
