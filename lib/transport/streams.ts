/**
 * WHATWG streams over a transport's halves. Data passes without a promise of ours where the transport
 * takes or has it at once, and nothing is read ahead of the consumer.
 *
 * @module
 */
import {
  type BidirectionalStream,
  type ReceiveStream,
  type SendStream,
  TransportError,
} from "./connection.ts";
import type { Halves, ReceiveHalf, SendHalf } from "./session.ts";
import { turn } from "./turns.ts";

/** Makes a transport's error one of ours. */
export type Translate = (error: unknown) => unknown;

/** Reads on demand only: what is not asked for stays in the transport's window, and holds the peer back. */
const ON_DEMAND = { highWaterMark: 0 };

/** The stream error code in the reason of an `abort` or a `cancel`; 0 where it holds none. */
export function streamErrorCode(reason: unknown): number {
  return reason instanceof TransportError ? reason.streamErrorCode ?? 0 : 0;
}

/** The sending half of a stream, as its user has it. */
export class HalfSendStream extends WritableStream<Uint8Array> implements SendStream {
  readonly #stream: SendHalf;
  #sendOrder: number;

  /** Takes over a half that was opened with `sendOrder`. */
  constructor(stream: SendHalf, translate: Translate, sendOrder = 0) {
    super(new SendSink(stream, translate));
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
  readonly #stream: SendHalf;
  readonly #translate: Translate;
  #ended = false;
  #listening = false;
  /** Why it has ended, where it was not by closing. */
  #reason: unknown;

  constructor(stream: SendHalf, translate: Translate) {
    this.#stream = stream;
    this.#translate = translate;
  }

  start(controller: WritableStreamDefaultController): void {
    this.#stream.watch((error) => {
      if (this.#ended) return;
      this.#ended = true;
      this.#reason = this.#translate(error);
      this.#stream.free();
      controller.error(this.#reason);
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
    throw this.#reason ??= this.#translate(error);
  }

  async close(): Promise<void> {
    this.#ended = true;
    try {
      await this.#stream.finish();
    } catch (error) {
      throw this.#translate(error);
    }
  }

  abort(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const code = streamErrorCode(reason);
    this.#reason = reason instanceof TransportError
      ? reason
      : new TransportError("the stream was aborted", { streamErrorCode: code, cause: reason });
    this.#stream.reset(code);
  }
}

class ReceiveSource implements UnderlyingDefaultSource<Uint8Array> {
  readonly #stream: ReceiveHalf;
  readonly #translate: Translate;

  constructor(stream: ReceiveHalf, translate: Translate) {
    this.#stream = stream;
    this.#translate = translate;
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): void | Promise<void> {
    try {
      const chunk = this.#stream.read();
      if (!(chunk instanceof Promise)) return deliver(controller, chunk);
      return chunk.then((chunk) => deliver(controller, chunk), (error) => {
        throw this.#translate(error);
      });
    } catch (error) {
      throw this.#translate(error);
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

/** The receiving half of a stream, as its user has it. */
export function receiveStream(half: ReceiveHalf, translate: Translate): ReceiveStream {
  return new ReadableStream(new ReceiveSource(half, translate), ON_DEMAND);
}

/** Both halves of a stream, as its user has them. */
export function bidirectionalStream(
  { send, receive }: Halves,
  translate: Translate,
  sendOrder = 0,
): BidirectionalStream {
  return {
    readable: receiveStream(receive, translate),
    writable: new HalfSendStream(send, translate, sendOrder),
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
      for (;;) {
        await turn();
        source.refuse(await source.next());
      }
    } catch {
      // The connection has ended: nothing comes any more.
    }
  };
  return new ReadableStream<T>({
    async pull(controller) {
      let raw: Raw;
      try {
        await turn();
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
