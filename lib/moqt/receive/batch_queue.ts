/**
 * A bounded queue between one writer and one reader, whose values come several at once: what costs
 * something is done once for all of them.
 *
 * @module
 */

/** Batches of values for one reader. Where it is full its writer waits ({@link room}). */
export class BatchQueue<T> {
  readonly #limit: number;
  #batches: T[][] = [];
  #size = 0;
  #ended = false;
  #reader: (() => void) | undefined;
  #writers: (() => void)[] = [];
  readonly #release: ((memory: Uint8Array) => void) | undefined;
  /** Memory whose values are all queued, or were taken. */
  #spent: Uint8Array[] = [];
  /** Memory whose values the reader has. */
  #lent: Uint8Array[] = [];

  /**
   * Has room while fewer than `limit` values wait; a batch is taken whole. `release` gets what was
   * {@link spent} once the reader asks for more.
   */
  constructor(limit: number, release?: (memory: Uint8Array) => void) {
    this.#limit = limit;
    this.#release = release;
  }

  /** Whether a batch is taken without waiting. */
  get hasRoom(): boolean {
    return this.#size < this.#limit || this.#ended;
  }

  /** Adds values, not none; after the end they are dropped. */
  push(batch: T[]): void {
    if (this.#ended) return;
    this.#batches.push(batch);
    this.#size += batch.length;
    this.#reader?.();
  }

  /** No value that is pushed from now on lies in this memory. */
  spent(memory: Uint8Array): void {
    if (this.#release !== undefined && !this.#ended) this.#spent.push(memory);
  }

  /** Resolves once there is room. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#writers.push(resolve));
  }

  /** Nothing follows; the reader gets what is there. */
  end(): void {
    this.#ended = true;
    this.#reader?.();
    this.#letWrite();
  }

  /** Nothing is read any more. */
  abandon(): void {
    this.#batches = [];
    this.#size = 0;
    this.end();
  }

  #letWrite(): void {
    for (const writer of this.#writers.splice(0)) writer();
  }

  #reuse(): void {
    for (const memory of this.#lent) this.#release!(memory);
    this.#lent = [];
  }

  /** All that waits, as one batch; undefined: the end. What the last one lies in is reused. */
  async take(): Promise<T[] | undefined> {
    this.#reuse();
    while (this.#batches.length === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => this.#reader = resolve);
      this.#reader = undefined;
    }
    const batches = this.#batches;
    this.#batches = [];
    this.#size = 0;
    this.#lent = this.#spent;
    this.#spent = [];
    this.#letWrite();
    return batches.length === 1 ? batches[0] : batches.flat();
  }

  /** The values, as many at once as there are, to the end. */
  async *batches(): AsyncGenerator<T[], void, undefined> {
    try {
      for (let batch = await this.take(); batch !== undefined; batch = await this.take()) {
        yield batch;
      }
    } finally {
      this.abandon();
    }
  }

  /** The values one by one, to the end. */
  values(): AsyncIterableIterator<T> {
    return new Values(this);
  }
}

/** Values of a queue one by one; nothing is waited for where one is there. */
class Values<T> implements AsyncIterableIterator<T> {
  readonly #queue: BatchQueue<T>;
  #batch: readonly T[] = [];
  #at = 0;
  #over = false;
  /** The call that waits for the next batch; further ones come after it. */
  #pending: Promise<unknown> | undefined;

  constructor(queue: BatchQueue<T>) {
    this.#queue = queue;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#pending === undefined) return this.#next();
    return this.#hold(this.#pending.then(() => this.#next()));
  }

  #hold(next: Promise<IteratorResult<T, undefined>>): Promise<IteratorResult<T, undefined>> {
    this.#pending = next;
    next.then(() => {
      if (this.#pending === next) this.#pending = undefined;
    });
    return next;
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#at < this.#batch.length) {
      return Promise.resolve({ done: false, value: this.#batch[this.#at++]! });
    }
    if (this.#over) return Promise.resolve({ done: true, value: undefined });
    return this.#hold(this.#more());
  }

  async #more(): Promise<IteratorResult<T, undefined>> {
    const batch = await this.#queue.take();
    if (batch === undefined || this.#over) {
      this.#over = true;
      return { done: true, value: undefined };
    }
    this.#batch = batch;
    this.#at = 1;
    return { done: false, value: batch[0]! };
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#over = true;
    this.#batch = [];
    this.#queue.abandon();
    return Promise.resolve({ done: true, value: undefined });
  }
}
