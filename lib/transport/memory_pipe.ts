/**
 * One direction of a stream in memory, with QUIC's semantics: a window that makes writes wait, reset
 * and stop that knock out what is pending, and a wire that can be cut.
 *
 * @module
 */
import { TransportError } from "./connection.ts";
import type { ReceiveHalf, SendHalf } from "./session.ts";

/** What a pipe tells its session. */
export interface PipeEvents {
  /** Once: the peer learns of the stream. */
  announced?: () => void;
  /** Once: the sending end is through. */
  senderEnded: () => void;
  /** Once: the receiving end is through. */
  receiverEnded: () => void;
  /** Bytes have crossed. */
  carried: (bytes: number) => void;
}

/** A stream's direction, with its two ends. */
export class MemoryPipe {
  /** Where bytes go in. */
  readonly sender: MemorySender;
  /** Where they come out. */
  readonly receiver: MemoryReceiver;
  #cut = false;
  #announced = false;
  readonly #events: PipeEvents;

  /** Makes a pipe that holds up to `window` bytes nobody has read. */
  constructor(window: number, events: PipeEvents) {
    this.#events = events;
    this.sender = new MemorySender(this, window, events);
    this.receiver = new MemoryReceiver(this, events);
  }

  /** From now on nothing arrives, in either direction. */
  cut(): void {
    this.#cut = true;
  }

  /** Whether what one end does still reaches the other. */
  get whole(): boolean {
    return !this.#cut;
  }

  /** The first sign of the stream reaches the peer. */
  announce(): void {
    if (this.#announced || this.#cut) return;
    this.#announced = true;
    this.#events.announced?.();
  }
}

/** The sending end. */
export class MemorySender implements SendHalf {
  readonly #pipe: MemoryPipe;
  readonly #events: PipeEvents;
  #room: number;
  #over = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #onStop: ((error: unknown) => void) | undefined;

  /** Made by its pipe. */
  constructor(pipe: MemoryPipe, window: number, events: PipeEvents) {
    this.#pipe = pipe;
    this.#room = window;
    this.#events = events;
  }

  /** Takes all of `data`, as there is room. */
  write(data: Uint8Array): void | Promise<void> {
    const rest = this.#take(data);
    if (rest.byteLength > 0) return this.#writeRest(rest);
  }

  async #writeRest(rest: Uint8Array): Promise<void> {
    while (rest.byteLength > 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
      rest = this.#take(rest);
    }
  }

  /** Takes what fits, and gives the rest. */
  #take(data: Uint8Array): Uint8Array {
    this.#assertOpen();
    this.#pipe.announce();
    const part = data.slice(0, this.#room);
    this.#room -= part.byteLength;
    // What goes into a wire that is cut takes room for ever.
    if (part.byteLength > 0 && this.#pipe.whole) {
      this.#events.carried(part.byteLength);
      this.#pipe.receiver.arrive(part);
    }
    return data.subarray(part.byteLength);
  }

  #assertOpen(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#over) throw ended();
  }

  /** The receiver has read, or dropped, so many bytes. */
  credit(bytes: number): void {
    if (!this.#pipe.whole) return;
    this.#room += bytes;
    this.#wake?.();
  }

  /** The receiver wants no more, or the session has ended. */
  fail(error: unknown): void {
    if (this.#over || this.#error !== undefined) return;
    this.#error = error;
    this.#wake?.();
    this.#onStop?.(error);
  }

  /** Says that nothing follows. */
  finish(): void {
    this.#assertOpen();
    this.#pipe.announce();
    if (this.#pipe.whole) this.#pipe.receiver.finish();
    this.#end();
  }

  /** Drops what was not read. */
  reset(code: number): void {
    if (this.#over) return;
    this.#error ??= ended();
    this.#pipe.announce();
    if (this.#pipe.whole) this.#pipe.receiver.reset(code);
    this.#wake?.();
    this.#end();
  }

  /** All streams of a wire without congestion go at once. */
  setPriority(): void {}

  /** Calls back when the peer stops the stream, or the session ends. */
  watch(onStop: (error: unknown) => void): void {
    this.#onStop = onStop;
    if (this.#error !== undefined && !this.#over) onStop(this.#error);
  }

  /** Lets the half go: one that was not ended is reset. */
  free(): void {
    if (this.#error === undefined) return this.reset(0);
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#onStop = undefined;
    this.#events.senderEnded();
  }
}

/** The receiving end. */
export class MemoryReceiver implements ReceiveHalf {
  readonly #pipe: MemoryPipe;
  readonly #events: PipeEvents;
  #chunks: Uint8Array[] = [];
  #finished = false;
  #over = false;
  #error: unknown;
  #wake: (() => void) | undefined;

  /** Made by its pipe. */
  constructor(pipe: MemoryPipe, events: PipeEvents) {
    this.#pipe = pipe;
    this.#events = events;
  }

  /** Bytes come. */
  arrive(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#chunks.push(chunk);
    this.#wake?.();
  }

  /** The sender has finished. */
  finish(): void {
    this.#finished = true;
    this.#wake?.();
  }

  /** The sender has reset the stream: what was not read is dropped, as by QUIC. */
  reset(code: number): void {
    this.#drop();
    this.fail(peerEnded("reset the stream", code));
  }

  /** The stream, or its session, has ended: known after what has arrived is read. */
  fail(error: unknown): void {
    this.#error ??= error;
    this.#wake?.();
  }

  #drop(): void {
    const bytes = this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    this.#chunks = [];
    this.#pipe.sender.credit(bytes);
  }

  /** What has arrived. */
  read(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#pipe.sender.credit(chunk.byteLength);
      return chunk;
    }
    if (this.#finished) return this.#end();
    if (this.#error !== undefined) {
      this.#end();
      throw this.#error;
    }
    return new Promise<void>((resolve) => this.#wake = resolve).then(() => {
      this.#wake = undefined;
      return this.read();
    });
  }

  /** Wants no more. */
  stop(code: number): void {
    if (this.#over) return;
    this.#error = ended();
    this.#chunks = [];
    const told = this.#pipe.whole && !this.#finished;
    this.#finished = false;
    this.#wake?.();
    this.#end();
    if (told) this.#pipe.sender.fail(peerEnded("stopped reading the stream", code));
  }

  #end(): undefined {
    if (this.#over) return;
    this.#over = true;
    this.#events.receiverEnded();
  }
}

function ended(): TransportError {
  return new TransportError("the stream has ended on this side");
}

function peerEnded(what: string, code: number): TransportError {
  return new TransportError(`the peer ${what} with code ${code}`, { streamErrorCode: code });
}
