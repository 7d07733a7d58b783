/**
 * `setTimeout` by hand, for code whose time is injected: nothing sleeps.
 *
 * @module
 */

interface Timer {
  at: number;
  run: () => void;
}

/** Takes the place of `setTimeout` and `clearTimeout` until disposed. */
export class FakeTime implements Disposable {
  /** Milliseconds since the beginning. */
  now = 0;
  readonly #timers = new Map<number, Timer>();
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  #next = 1;

  /** Takes over. */
  constructor() {
    globalThis.setTimeout = ((run: () => void, ms = 0) => {
      this.#timers.set(this.#next, { at: this.now + ms, run });
      return this.#next++;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((id?: number) => {
      if (id !== undefined) this.#timers.delete(id);
    }) as typeof clearTimeout;
  }

  /** Lets time pass, and runs what is due on the way. */
  tick(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      let due: [number, Timer] | undefined;
      for (const entry of this.#timers) {
        if (entry[1].at <= end && (due === undefined || entry[1].at < due[1].at)) due = entry;
      }
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].run();
    }
    this.now = end;
  }

  /** Gives the real ones back. */
  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#real.setTimeout;
    globalThis.clearTimeout = this.#real.clearTimeout;
  }
}
