/**
 * What in-memory sessions wait on.
 *
 * @module
 */

/** Values for one reader. Bounded ones drop the oldest. */
export class AsyncQueue<T> {
  readonly #limit: number;
  readonly #values: T[] = [];
  #waiting: PromiseWithResolvers<T> | undefined;
  #error: unknown;
  #dropped = 0;

  /** Makes a queue that keeps up to `limit` values. */
  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  /** Values dropped because nobody took them in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a value; after the end it is dropped. */
  push(value: T): void {
    if (this.#error !== undefined) return;
    if (this.#waiting !== undefined) {
      this.#waiting.resolve(value);
      this.#waiting = undefined;
      return;
    }
    this.#values.push(value);
    if (this.#values.length <= this.#limit) return;
    this.#values.shift();
    this.#dropped++;
  }

  /** The next value, at once where there is one. Rejects at the end. One reader at a time. */
  next(): T | Promise<T> {
    if (this.#values.length > 0) return this.#values.shift()!;
    if (this.#error !== undefined) return Promise.reject(this.#error);
    this.#waiting ??= Promise.withResolvers<T>();
    return this.#waiting.promise;
  }

  /** Nothing follows. */
  end(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

/** So many of something at once. */
export class Credit {
  #left: number;
  #error: unknown;
  readonly #waiting = new Set<() => void>();

  /** Begins with `count`. */
  constructor(count: number) {
    this.#left = count;
  }

  /** Takes one; waits for it. */
  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    while (this.#left === 0 && this.#error === undefined) await this.#wait(signal);
    if (this.#error !== undefined) throw this.#error;
    this.#left--;
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const abort = () => {
        this.#waiting.delete(wake);
        reject(signal!.reason);
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Gives one back. */
  give(): void {
    this.#left++;
    const [first] = this.#waiting;
    first?.();
  }

  /** Who waits fails. */
  end(error: unknown): void {
    this.#error ??= error;
    for (const wake of this.#waiting) wake();
  }
}
