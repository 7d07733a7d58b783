/**
 * A browser's streams as ours: errors carry their codes both ways.
 *
 * @module
 */
import {
  type BidirectionalStream,
  type ReceiveStream,
  type SendStream,
  TransportError,
} from "./connection.ts";

/** The browser's own class of errors with a code; no other is read. */
type NativeError = new (...args: unknown[]) => Error;

/** An error of ours as one whose code the browser sends. */
function toNative(reason: unknown): unknown {
  const { WebTransportError: Native } = globalThis as { WebTransportError?: NativeError };
  const code = reason instanceof TransportError ? reason.streamErrorCode : undefined;
  if (Native === undefined || code === undefined || code === null) return reason;
  const { message } = reason as TransportError;
  try {
    return new Native(message, { streamErrorCode: code });
  } catch {
    // Chromium takes all in one object, as drafts of the specification had it.
    return new Native({ message, streamErrorCode: code });
  }
}

/** A browser's error as one of ours. */
function fromNative(error: unknown): unknown {
  if (error instanceof TransportError || !(error instanceof Error)) return error;
  const { source, streamErrorCode } = error as { source?: string; streamErrorCode?: number | null };
  return new TransportError(error.message, {
    source: source === "session" ? "session" : "stream",
    ...(source === "session" ? { failure: "closed" } : { streamErrorCode: streamErrorCode ?? 0 }),
    cause: error,
  });
}

async function translated<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw fromNative(error);
  }
}

/** The sending half. */
export function browserSendStream(native: WritableStream<Uint8Array>): SendStream {
  const writer = native.getWriter();
  const stream = new WritableStream<Uint8Array>({
    start(controller) {
      writer.closed.catch((error) => controller.error(fromNative(error)));
      // The sink's own `abort` waits for a write that is pending; a reset must not.
      controller.signal.addEventListener("abort", () => {
        writer.abort(toNative(controller.signal.reason)).catch(() => {});
      });
    },
    write: (chunk) => translated(writer.write(chunk)),
    close: () => translated(writer.close()),
  });
  const ordered = native as { sendOrder?: number };
  return Object.defineProperty(stream, "sendOrder", {
    get: () => ordered.sendOrder ?? 0,
    set: (order: number) => void (ordered.sendOrder = order),
  }) as SendStream;
}

/** The receiving half. */
export function browserReceiveStream(native: ReadableStream<Uint8Array>): ReceiveStream {
  const reader = native.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await translated(reader.read());
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(toNative(reason)),
  }, { highWaterMark: 0 });
}

/** Both halves. */
export function browserStream(native: unknown): BidirectionalStream {
  const { readable, writable } = native as {
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
  };
  return { readable: browserReceiveStream(readable), writable: browserSendStream(writable) };
}
