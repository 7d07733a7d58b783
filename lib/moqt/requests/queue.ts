/**
 * A bounded queue between one writer and one reader.
 *
 * @module
 */

/** What happens where the queue is full: its writer waits, or the oldest go. */
export type QueuePolicy = "block" | "drop-oldest";

/** Values for one reader. */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  readonly #limit: number;
  readonly #policy: QueuePolicy;
  readonly #onDrop: ((value: T) => void) | undefined;
  #end: { error?: unknown } | undefined;
  #reader: (() => void) | undefined;
  readonly #writers = new Set<() => void>();
  #dropped = 0;

  /** Holds up to `limit` values; `onDrop` is told of each that is dropped. */
  constructor(limit: number, policy: QueuePolicy, onDrop?: (value: T) => void) {
    this.#onDrop = onDrop;
    this.#limit = limit;
    this.#policy = policy;
  }

  /** Values that were dropped because the reader was slow. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Values that wait. */
  get size(): number {
    return this.#values.length;
  }

  /** Whether a value fits without waiting. */
  get hasRoom(): boolean {
    return this.#values.length < this.#limit || this.#end !== undefined;
  }

  /** Adds a value; after the end it is dropped. */
  push(value: T): void {
    if (this.#end !== undefined) return;
    this.#values.push(value);
    if (this.#policy === "drop-oldest" && this.#values.length > this.#limit) {
      const [oldest] = this.#values.splice(0, 1);
      this.#dropped++;
      this.#onDrop?.(oldest!);
    }
    this.#reader?.();
  }

  /** Resolves once a value fits; what writers await under `block`. */
  async room(): Promise<void> {
    while (!this.hasRoom) {
      await new Promise<void>((resolve) => this.#writers.add(resolve));
    }
  }

  /** Nothing follows; the reader gets what is there, then the end, or `error`. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#reader?.();
    this.#release();
  }

  /** Nothing is read any more. */
  abandon(): void {
    this.#values.length = 0;
    this.end();
  }

  #release(): void {
    const writers = [...this.#writers];
    this.#writers.clear();
    for (const writer of writers) writer();
  }

  /** The values, to the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      while (true) {
        if (this.#values.length > 0) {
          const value = this.#values.shift()!;
          this.#release();
          yield value;
          continue;
        }
        if (this.#end !== undefined) {
          if ("error" in this.#end) throw this.#end.error;
          return;
        }
        await new Promise<void>((resolve) => this.#reader = resolve);
        this.#reader = undefined;
      }
    } finally {
      this.abandon();
    }
  }
}
