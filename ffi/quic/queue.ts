/**
 * The Deno side of the completion queue: numbers for operations, one waiting thread, batches.
 *
 * The thread waits only while an operation is pending, so that a process with nothing under way ends
 * by itself.
 *
 * @module
 */
import { PENDING, QuicError } from "./error.ts";
import { quicLibrary } from "./library.ts";

/** Gets an operation's outcome: 0 or a negative status, and two values. */
export type Settle = (status: number, value: number, extra: number, op: number) => void;

/** What an operation gives: handles. */
export interface Outcome {
  /** First handle. */
  readonly value: number;
  /** Second handle, or 0. */
  readonly extra: number;
}

/** A write that goes on when there is room. */
export interface Waiter {
  /** Streams of a higher order go first. */
  readonly order: number;
  /** Which of the same order came first. */
  readonly turn: number;
  /** Goes on with it. */
  again(): void;
}

/** Bytes of one completion: u32 op, i32 status, f64 value, f64 extra. */
const COMPLETION_BYTES = 24;
/** Completions taken with one call. */
const BATCH = 256;
/** Batches taken before timers and other I/O get their turn. */
const TURNS = 8;

const decoder = new TextDecoder();

/** Operations of this isolate. */
export class OperationQueue {
  readonly #symbols = quicLibrary().symbols;
  readonly #batch = new Uint8Array(BATCH * COMPLETION_BYTES);
  readonly #fields = new DataView(this.#batch.buffer);
  readonly #out = new Float64Array(new ArrayBuffer(16));
  readonly #settles: (Settle | undefined)[] = [];
  readonly #free: number[] = [];
  /** Writes that the batch in hand says there is room for. */
  readonly #writers: Waiter[] = [];
  #turns = 0;
  #pending = 0;
  #running = false;
  /** The queue's handle. */
  readonly handle: number;

  /** Makes a queue in the library. */
  constructor() {
    check("queue_new", this.#symbols.xoq_quic_queue_new(this.#out));
    this.handle = this.#out[0]!;
  }

  /** Where calls put what finished at once; overwritten by the next call. */
  get out(): Float64Array<ArrayBuffer> {
    return this.#out;
  }

  /** A number for the next operation; it is taken only by {@link hold}. */
  get next(): number {
    return this.#free.at(-1) ?? this.#settles.length;
  }

  /** Takes the number `op`, which was {@link next}, until its completion came. */
  hold(op: number, settle: Settle): void {
    if (this.#free.length > 0) this.#free.pop();
    this.#settles[op] = settle;
    this.#pending++;
    if (!this.#running) this.#run();
  }

  /** Takes a turn: who takes one earlier goes first among writers of the same order. */
  turn(): number {
    return this.#turns++;
  }

  /**
   * As {@link hold}, for a write. QUIC wakes all who wait for room in a connection's send window at
   * once, and in no useful order; whoever comes first takes it all. So they go on by order and turn.
   */
  holdWriter(op: number, waiter: Waiter): void {
    this.hold(op, () => this.#writers.push(waiter));
  }

  /**
   * Runs an operation whose outcome is handles. `call` gets the operation's number. Aborting `signal`
   * cancels it; an outcome that came all the same goes to `dispose`.
   */
  run(
    operation: string,
    call: (op: number) => number,
    signal?: AbortSignal,
    dispose?: (outcome: Outcome) => void,
  ): Promise<Outcome> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const op = this.next;
    const status = call(op);
    if (status !== PENDING) {
      if (status < 0) return Promise.reject(lastError(operation, status));
      return Promise.resolve({ value: this.#out[0]!, extra: this.#out[1]! });
    }
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const cancel = () => {
      this.#symbols.xoq_quic_cancel(this.handle, op);
      reject(signal!.reason);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    this.hold(op, (status, value, extra) => {
      signal?.removeEventListener("abort", cancel);
      if (status < 0) return reject(this.failure(operation, op, status, value, extra));
      if (signal?.aborted) return dispose?.({ value, extra });
      resolve({ value, extra });
    });
    return promise;
  }

  /** The error of a completion with a negative status. */
  failure(operation: string, op: number, status: number, value: number, extra: number): QuicError {
    if (extra === 0) return new QuicError(operation, status, value);
    const text = new Uint8Array(extra);
    this.#symbols.xoq_quic_queue_text(this.handle, op, text, extra);
    return new QuicError(operation, status, value, decoder.decode(text));
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending > 0) {
      // What the settled promises start may complete meanwhile: a few turns spare the thread.
      for (let turn = 0; turn < TURNS && this.#drain() > 0; turn++) await undefined;
      if (this.#pending > 0) await this.#symbols.xoq_quic_queue_wait(this.handle);
    }
    this.#running = false;
  }

  #drain(): number {
    const count = this.#symbols.xoq_quic_queue_take(this.handle, this.#batch, BATCH);
    for (let i = 0; i < count; i++) {
      const at = i * COMPLETION_BYTES;
      const op = this.#fields.getUint32(at, true);
      const settle = this.#settles[op];
      this.#settles[op] = undefined;
      this.#free.push(op);
      this.#pending--;
      settle?.(
        this.#fields.getInt32(at + 4, true),
        this.#fields.getFloat64(at + 8, true),
        this.#fields.getFloat64(at + 16, true),
        op,
      );
    }
    this.#goOn();
    return count;
  }

  #goOn(): void {
    const writers = this.#writers;
    if (writers.length === 0) return;
    if (writers.length > 1) writers.sort((a, b) => b.order - a.order || a.turn - b.turn);
    for (const { again } of writers.splice(0)) again();
  }
}

let shared: OperationQueue | undefined;

/** The isolate's queue, made when first needed. */
export function operationQueue(): OperationQueue {
  return shared ??= new OperationQueue();
}

const errorCode = new Float64Array(new ArrayBuffer(8));
const errorText = new Uint8Array(new ArrayBuffer(1024));

/** The error of the call that just answered `status` on this thread. */
export function lastError(operation: string, status: number): QuicError {
  const length = quicLibrary().symbols.xoq_quic_error(errorCode, errorText, errorText.length);
  const text = decoder.decode(errorText.subarray(0, Math.min(length, errorText.length)));
  return new QuicError(operation, status, errorCode[0], text);
}

/** Throws the error of a call with a negative answer, and gives others back. */
export function check(operation: string, status: number): number {
  if (status < 0) throw lastError(operation, status);
  return status;
}

/** Reads a text from a call that copies it and answers its length in bytes. */
export function readText(
  operation: string,
  copy: (into: Uint8Array<ArrayBuffer>, length: number) => number,
): string {
  for (let room = 1024;;) {
    const into = new Uint8Array(room);
    const length = check(operation, copy(into, room));
    if (length <= room) return decoder.decode(into.subarray(0, length));
    room = length;
  }
}
