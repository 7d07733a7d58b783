/**
 * A group that is received.
 *
 * @module
 */
import { LiteStreamError } from "./errors.ts";
import type { LiteResetName } from "./versions.ts";

/** Bytes that wait for the reader; then the stream does. */
const MAX_WAITING_BYTES = 4 << 20;
/** Frames that wait for the reader; then the stream does. */
const MAX_WAITING_FRAMES = 1024;

/**
 * A group's frames in order. Ends where the group is whole; throws a {@link LiteStreamError} where the
 * publisher cut it off. One reader; who leaves it wants no more of it.
 */
export class LiteGroup implements AsyncIterable<Uint8Array> {
  readonly #frames: Uint8Array[] = [];
  readonly #stop: (name: LiteResetName) => void;
  #bytes = 0;
  #end: { error?: unknown } | undefined;
  #reader: (() => void) | undefined;
  #writer: (() => void) | undefined;
  /** Which group of the track. */
  readonly sequence: number;

  /** Made by its subscription. */
  constructor(sequence: number, stop: (name: LiteResetName) => void) {
    this.sequence = sequence;
    this.#stop = stop;
  }

  /** Whether no more frames are received. */
  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Wants no more of it. Idempotent. */
  abandon(name: LiteResetName = "cancelled", error?: unknown): void {
    if (this.#end !== undefined) return;
    this.end(error ?? new LiteStreamError(name, "the group was let go"));
    this.#stop(name);
  }

  /** A frame came. For the subscription. */
  push(frame: Uint8Array): void {
    if (this.#end !== undefined) return;
    this.#frames.push(frame);
    this.#bytes += frame.length;
    this.#reader?.();
  }

  /** Whether more frames may come without waiting. For the subscription. */
  get hasRoom(): boolean {
    return this.#end !== undefined ||
      this.#bytes < MAX_WAITING_BYTES && this.#frames.length < MAX_WAITING_FRAMES;
  }

  /** Resolves once the reader made room. For the subscription. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#writer = resolve);
  }

  /** Nothing follows, and why. For the subscription. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#reader?.();
    this.#writer?.();
  }

  /** The frames. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      while (true) {
        const frame = this.#frames.shift();
        if (frame !== undefined) {
          this.#bytes -= frame.length;
          if (this.hasRoom) this.#writer?.();
          yield frame;
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
      this.#frames.length = 0;
      this.abandon();
    }
  }
}
