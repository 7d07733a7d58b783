/**
 * WHATWG streams over those of the QUIC library. Data passes without a promise of ours where QUIC
 * takes or has it at once, and nothing is read ahead of the consumer.
 *
 * @module
 */
import type { QuicReceiveStream, QuicSendStream, QuicStreamPair } from "../../ffi/quic/mod.ts";
import type { BidirectionalStream, ReceiveStream, SendStream } from "./connection.ts";
import { streamErrorCode, transportError } from "./errors.ts";

/** Reads on demand only: what is not asked for stays in QUIC's window, and holds the peer back. */
const ON_DEMAND = { highWaterMark: 0 };

/** A sending half over QUIC. */
export class IrohSendStream extends WritableStream<Uint8Array> implements SendStream {
  readonly #stream: QuicSendStream;
  #sendOrder: number;

  /** Takes over a stream that was opened with `sendOrder`. */
  constructor(stream: QuicSendStream, sendOrder = 0) {
    super(new SendSink(stream));
    this.#stream = stream;
    this.#sendOrder = sendOrder;
  }

  /** The stream's priority. */
  get sendOrder(): number {
    return this.#sendOrder;
  }

  /** Changes the priority; an int32. */
  set sendOrder(order: number) {
    this.#sendOrder = order | 0;
    this.#stream.setPriority(this.#sendOrder);
  }
}

class SendSink implements UnderlyingSink<Uint8Array> {
  readonly #stream: QuicSendStream;
  #ended = false;
  #listening = false;

  constructor(stream: QuicSendStream) {
    this.#stream = stream;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#stream.watch((error) => {
      if (this.#ended) return;
      this.#ended = true;
      this.#stream.free();
      controller.error(transportError(error));
    });
  }

  write(
    chunk: Uint8Array,
    controller: WritableStreamDefaultController,
  ): void | Promise<void> {
    if (!(chunk instanceof Uint8Array)) {
      this.abort(undefined);
      throw new TypeError("a stream takes Uint8Array only");
    }
    try {
      const pending = this.#stream.write(chunk);
      if (pending === undefined) return;
      this.#listen(controller.signal);
      return pending.catch((error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The signal fires at once; the stream's own `abort` only after the pending write. */
  #listen(signal: AbortSignal): void {
    if (this.#listening) return;
    this.#listening = true;
    signal.addEventListener("abort", () => this.abort(signal.reason), { once: true });
  }

  #fail(error: unknown): never {
    this.#ended = true;
    this.#stream.free();
    throw transportError(error);
  }

  close(): void {
    this.#ended = true;
    try {
      this.#stream.finish();
    } catch (error) {
      throw transportError(error);
    }
  }

  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.reset(streamErrorCode(reason));
  }
}

class ReceiveSource implements UnderlyingDefaultSource<Uint8Array> {
  readonly #stream: QuicReceiveStream;

  constructor(stream: QuicReceiveStream) {
    this.#stream = stream;
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): void | Promise<void> {
    try {
      const chunk = this.#stream.read();
      if (!(chunk instanceof Promise)) return deliver(controller, chunk);
      return chunk.then((chunk) => deliver(controller, chunk), (error) => {
        throw transportError(error);
      });
    } catch (error) {
      throw transportError(error);
    }
  }

  cancel(reason: unknown): void {
    this.#stream.stop(streamErrorCode(reason));
  }
}

function deliver(
  controller: ReadableStreamDefaultController<Uint8Array>,
  chunk: Uint8Array | undefined,
): void {
  if (chunk === undefined) controller.close();
  else controller.enqueue(chunk);
}

/** A receiving half over QUIC. */
export function receiveStream(stream: QuicReceiveStream): ReceiveStream {
  return new ReadableStream(new ReceiveSource(stream), ON_DEMAND);
}

/** Both halves over QUIC. */
export function bidirectionalStream(pair: QuicStreamPair, sendOrder = 0): BidirectionalStream {
  return {
    readable: receiveStream(pair.receive),
    writable: new IrohSendStream(pair.send, sendOrder),
  };
}

/**
 * A stream of what `next` gives, asked for on demand. When `next` fails the stream ends, with the
 * error that `ending` resolves to, or in peace. Once canceled, it goes on to take and `refuse` things.
 */
export function incomingStream<Raw, T>(source: {
  next: () => Promise<Raw>;
  wrap: (raw: Raw) => T;
  refuse: (raw: Raw) => void;
  ending: () => Promise<Error | undefined>;
}): ReadableStream<T> {
  let canceled = false;
  const refuseFurther = async () => {
    try {
      for (;;) source.refuse(await source.next());
    } catch {
      // The connection has ended: nothing comes any more.
    }
  };
  return new ReadableStream<T>({
    async pull(controller) {
      let raw: Raw;
      try {
        raw = await source.next();
      } catch {
        const error = await source.ending();
        if (canceled) return;
        if (error !== undefined) throw error;
        return controller.close();
      }
      if (!canceled) return controller.enqueue(source.wrap(raw));
      source.refuse(raw);
    },
    cancel() {
      canceled = true;
      void refuseFurther();
    },
  }, ON_DEMAND);
}
