/**
 * One pipe to a remote port, while it lasts.
 *
 * @module
 */
import type { Attachment, RemoteControl, RemotePipeRequest } from "../remote.ts";
import { CLOSE } from "../transport/close_codes.ts";
import { type BidirectionalStream, TransportError } from "../transport/connection.ts";
import { XOQ_SERIAL_PROTOCOL } from "./direct.ts";
import { endOfPipe } from "./pipe_end.ts";

/** See the module. */
export class Link {
  /** What the server answered. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** Whether it is XoQ's raw stream. */
  readonly direct: boolean;
  /** Resolves with why it ended. */
  readonly ended: Promise<Error>;
  /** Bytes received. */
  received = 0;
  /** Bytes sent. */
  sent = 0;
  /** Bytes up to this position in the input are old, and dropped. */
  dropUntil = 0;
  /** Set while the server is asked up to where: nothing is given out meanwhile. */
  flushing: Promise<unknown> | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #end: (error: Error) => void;
  #over = false;

  /** Takes the stream over; it ends with the signal. */
  constructor(
    stream: BidirectionalStream,
    answer: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    direct = false,
  ) {
    this.answer = answer;
    this.direct = direct;
    this.#reader = stream.readable.getReader();
    this.#writer = stream.writable.getWriter();
    const { promise, resolve } = Promise.withResolvers<Error>();
    this.ended = promise;
    const abort = () => {
      const { reason } = signal;
      const end = new TransportError("detached", { streamErrorCode: CLOSE.done });
      // A port that is closed has had its last bytes sent; one that was lost has nobody to tell.
      this.#writer.close().catch(() => {});
      this.#reader.cancel(end).catch(() => {});
      this.#end(reason instanceof Error ? reason : new Error(String(reason)));
    };
    this.#end = (error) => {
      this.#over = true;
      signal.removeEventListener("abort", abort);
      resolve(error);
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    // The server ends a pipe by both halves: this one is noticed though nobody reads.
    this.#writer.closed.then(
      () => {},
      (error) => this.#end(endOfPipe(error)),
    );
  }

  /** The next bytes; `undefined` when the link has ended. */
  async read(): Promise<Uint8Array | undefined> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) {
          if (!this.#over) this.#end(endOfPipe(new Error("the server ended the pipe")));
          return undefined;
        }
        this.received += value.length;
        if (this.flushing !== undefined) await this.flushing;
        const old = value.length - (this.received - this.dropUntil);
        if (old <= 0) return value;
        if (old < value.length) return value.subarray(old);
      }
    } catch (error) {
      if (!this.#over) this.#end(endOfPipe(error));
      return undefined;
    }
  }

  /** Says that nothing more follows, and waits for the server's end of the stream. */
  async finish(signal: AbortSignal): Promise<void> {
    this.#writer.close().catch(() => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    const abort = () => resolve();
    signal.addEventListener("abort", abort, { once: true });
    await Promise.race([this.ended, promise]);
    signal.removeEventListener("abort", abort);
  }

  /** Sends bytes; `false` when the link has ended. */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#over) return false;
    try {
      this.sent += bytes.length;
      await this.#writer.write(bytes);
      return true;
    } catch {
      this.sent -= bytes.length;
      return false;
    }
  }
}

/** Opens a pipe on `xoq/1`. Throws what the server refused with. */
export async function openPipeLink(
  control: RemoteControl,
  request: RemotePipeRequest,
  signal: AbortSignal,
): Promise<Link> {
  const { answer, stream } = await control.openPipe(request, signal);
  return new Link(stream, answer, signal);
}

/**
 * Opens XoQ's raw stream. It exists for the server once something was written on it, so nothing
 * arrives before the first write: that is how XoQ has it.
 */
export async function openDirectLink(attachment: Attachment, signal: AbortSignal): Promise<Link> {
  const connection = await attachment.connect(XOQ_SERIAL_PROTOCOL, signal);
  const stream = await connection.createBidirectionalStream({ signal });
  const link = new Link(stream, {}, signal, true);
  void link.ended.then(() => connection.close({ closeCode: CLOSE.done }));
  return link;
}
