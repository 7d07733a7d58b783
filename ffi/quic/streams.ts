/**
 * QUIC streams of the library.
 *
 * @module
 */
import { PENDING } from "./error.ts";
import { HandleOwner } from "./handle.ts";
import { quicLibrary } from "./library.ts";
import { check, lastError, operationQueue } from "./queue.ts";

/** Most bytes one read gives. */
const READ_BYTES = 65_536;
/** From so many bytes on, a read hands its buffer out instead of a copy. */
const HAND_OUT_BYTES = READ_BYTES / 2;

/** Bytes are read into this and copied out to the size they have. */
let scratch = new Uint8Array(READ_BYTES);

/** Where memory comes from when the one before was handed out: buffers of exactly 64 KiB. */
let spare: () => ArrayBuffer | undefined = () => undefined;

/** Has reads use spare memory of 64 KiB where `take` gives some. */
export function useSpareMemory(take: () => ArrayBuffer | undefined): void {
  spare = take;
}

/** The sending half of a stream. Not to be used by two writers at the same time. */
export class QuicSendStream extends HandleOwner {
  readonly #symbols = quicLibrary().symbols;
  readonly #queue = operationQueue();
  #order: number;

  /** Takes over a handle of a stream that was opened with a priority. */
  constructor(handle: number, priority = 0) {
    super(handle);
    this.#order = priority;
  }

  /**
   * Hands `data` to QUIC: at once and without a promise while the send window has room. Rejects, or
   * throws, with a {@link QuicError}; `stream-ended` after a {@link reset} from this side.
   */
  write(data: Uint8Array): void | Promise<void> {
    const op = this.#queue.next;
    const taken = this.#write(data, op);
    if (taken === data.byteLength) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let rest = data.subarray(taken);
    const turn = this.#queue.turn();
    const wait = (op: number) => this.#queue.holdWriter(op, { order: this.#order, turn, again });
    const again = () => {
      try {
        const op = this.#queue.next;
        rest = rest.subarray(this.#write(rest, op));
        if (rest.byteLength === 0) return resolve();
        wait(op);
      } catch (error) {
        reject(error);
      }
    };
    wait(op);
    return promise;
  }

  #write(data: Uint8Array, op: number): number {
    const taken = this.#symbols.xoq_quic_stream_write(
      this.handle,
      data as Uint8Array<ArrayBuffer>,
      data.byteLength,
      op,
    );
    return taken < 0 ? check("stream_write", taken) : taken;
  }

  /** Says that nothing follows, and frees the handle. */
  finish(): void {
    try {
      check("stream_finish", this.#symbols.xoq_quic_stream_finish(this.handle));
    } finally {
      this.free();
    }
  }

  /** Drops what was not sent and tells the peer `code`; a pending write fails. Frees the handle. */
  reset(code: number): void {
    if (this.freed) return;
    this.#symbols.xoq_quic_stream_reset(this.handle, code);
    this.free();
  }

  /** Streams of higher priority are sent first; an int32. */
  setPriority(priority: number): void {
    this.#order = priority;
    if (!this.freed) this.#symbols.xoq_quic_stream_priority(this.handle, priority);
  }

  /**
   * Calls `onStop` with the {@link QuicError} when the peer stops the stream or the connection ends
   * while this side has not ended it.
   */
  watch(onStop: (error: Error) => void): void {
    if (this.freed) return;
    const op = this.#queue.next;
    const status = this.#symbols.xoq_quic_stream_stopped(this.handle, op);
    if (status === PENDING) {
      this.#queue.hold(op, () => this.watch(onStop));
    } else if (status < 0) {
      onStop(lastError("stream_stopped", status));
    }
  }
}

/** The receiving half of a stream. */
export class QuicReceiveStream extends HandleOwner {
  readonly #symbols = quicLibrary().symbols;
  readonly #queue = operationQueue();
  /**
   * What has arrived, up to 64 KiB, in a buffer of its own; `undefined` at the end. At once and
   * without a promise when there is something. Throws, or rejects, with a {@link QuicError}.
   */
  read(): Uint8Array<ArrayBuffer> | undefined | Promise<Uint8Array<ArrayBuffer> | undefined> {
    const op = this.#queue.next;
    const count = this.#symbols.xoq_quic_stream_read(this.handle, scratch, READ_BYTES, op);
    if (count !== PENDING) return this.#taken(count);
    const { promise, resolve, reject } = Promise.withResolvers<
      Uint8Array<ArrayBuffer> | undefined
    >();
    const again = () => {
      try {
        const op = this.#queue.next;
        const count = this.#symbols.xoq_quic_stream_read(this.handle, scratch, READ_BYTES, op);
        if (count === PENDING) return this.#queue.hold(op, again);
        resolve(this.#taken(count));
      } catch (error) {
        reject(error);
      }
    };
    this.#queue.hold(op, again);
    return promise;
  }

  #taken(count: number): Uint8Array<ArrayBuffer> | undefined {
    if (count <= 0) {
      const error = count < 0 ? lastError("stream_read", count) : undefined;
      this.free();
      if (error !== undefined) throw error;
      return undefined;
    }
    if (count < HAND_OUT_BYTES) return scratch.slice(0, count);
    const chunk = scratch.subarray(0, count);
    scratch = new Uint8Array(spare() ?? new ArrayBuffer(READ_BYTES));
    return chunk;
  }

  /** Wants no more and tells the peer `code`; a pending read fails. Frees the handle. */
  stop(code: number): void {
    if (this.freed) return;
    this.#symbols.xoq_quic_stream_stop(this.handle, code);
    this.free();
  }
}
