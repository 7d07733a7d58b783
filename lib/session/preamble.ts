/**
 * The one message at the head of a byte pipe (docs/xoq-1.md): read it, and give the stream back so
 * that only bytes follow.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { ReceiveStream } from "../transport/connection.ts";
import { MessageSplitter } from "./framing.ts";

/** The message, and the stream behind it. */
export interface Preamble {
  /** The message's body. */
  body: Uint8Array;
  /** What follows it: the given stream itself where nothing of it was read ahead. */
  readable: ReceiveStream;
}

/**
 * Reads one message from the head of a stream. Throws `ProtocolError` when the stream ends first or
 * holds no message; the stream's own errors pass. After an error the stream is cancelled.
 */
export async function readPreamble(
  readable: ReceiveStream,
  signal: AbortSignal,
): Promise<Preamble> {
  const reader = readable.getReader();
  const abort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", abort, { once: true });
  try {
    const splitter = new MessageSplitter();
    for (;;) {
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) throw new ProtocolError("the stream ended before its first message");
      const found = splitter.first(value);
      if (found === undefined) continue;
      reader.releaseLock();
      const { body, rest } = found;
      return { body, readable: rest.length === 0 ? readable : withHead(rest, readable) };
    }
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A stream that begins with bytes already read. */
function withHead(head: Uint8Array, readable: ReceiveStream): ReceiveStream {
  const reader = readable.getReader();
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(head),
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
