/**
 * A stream that is read message by message.
 *
 * @module
 */
import type { ReceiveStream } from "../../transport/connection.ts";
import { violation } from "../errors.ts";
import type { LiteResetName } from "./versions.ts";
import { resetReason } from "./errors.ts";
import { PushBuffer } from "./push_buffer.ts";

/** Reads a stream; one reader. */
export class StreamInput {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** What was read and not taken. */
  readonly buffer: PushBuffer = new PushBuffer();

  /** Takes the stream over. */
  constructor(stream: ReceiveStream) {
    this.#reader = stream.getReader();
    this.#reader.closed.catch(() => {});
  }

  /**
   * What `take` finds, once the bytes are there; undefined at the end of the stream. Throws a violation
   * where that comes inside a message, the transport's error where the stream was cut off.
   */
  async next<T>(take: (buffer: PushBuffer) => T | undefined): Promise<T | undefined> {
    while (true) {
      const value = take(this.buffer);
      if (value !== undefined) return value;
      if (await this.more()) continue;
      if (!this.buffer.between) throw violation("a stream ends inside a message");
      return undefined;
    }
  }

  /** Reads once; false at the end of the stream. */
  async more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    this.buffer.push(value);
    return true;
  }

  /** The next bytes as they come, for who reads no messages any more; undefined at the end. */
  async chunk(): Promise<Uint8Array | undefined> {
    return (await this.#reader.read()).value;
  }

  /** Wants no more of it. Idempotent. */
  stop(name: LiteResetName): void {
    this.#reader.cancel(resetReason(name)).catch(() => {});
  }
}
