/**
 * Waits, one after another, that one event from outside ends.
 *
 * `Promise.race` with a promise that outlasts the waits (a stop, a failure) would leave something of
 * every wait on it: a leak that grows with each picture or message.
 *
 * @module
 */

/** See the module. */
export class Interrupt {
  #interrupted: { reason: unknown } | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  /** Ends the wait under way and every later one with `reason`. The first call counts. */
  interrupt(reason: unknown): void {
    if (this.#interrupted !== undefined) return;
    this.#interrupted = { reason };
    this.#reject?.(reason);
    this.#reject = undefined;
  }

  /**
   * What `promise` settles with, or the reason of the interruption if that comes first. One wait at a
   * time. `promise` itself goes on: a rejection after the interruption is nobody's any more.
   */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#interrupted === undefined) this.#reject = reject;
      else reject(this.#interrupted.reason);
      promise.then(resolve, reject);
    });
  }
}
