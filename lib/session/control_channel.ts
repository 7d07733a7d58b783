/**
 * One end of an `xoq/1` control stream: messages out with backpressure bounded by a small queue,
 * messages in as an async iterable.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { BidirectionalStream } from "../transport/connection.ts";
import { encodeMessage, MessageSplitter } from "./framing.ts";
import type { ClientMessage, ServerMessage } from "./messages.ts";

/**
 * Most messages waiting for a peer that does not read. Policy: close — a peer that lets this many
 * pile up is broken, and every message is worth something, so none is dropped silently.
 */
export const MAX_UNSENT_MESSAGES = 256;

/** A control stream, typed by which side it is. */
export class ControlChannel<
  Out extends ClientMessage | ServerMessage,
  In extends ClientMessage | ServerMessage,
> {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #readable: ReadableStream<Uint8Array>;
  readonly #parse: (body: Uint8Array) => In | undefined;
  readonly #onOverflow: () => void;
  #unsent = 0;

  /**
   * Takes a stream over.
   * @param parse decodes a body; `undefined` for types to ignore.
   * @param onOverflow called once more than {@link MAX_UNSENT_MESSAGES} wait: close the connection.
   */
  constructor(
    stream: BidirectionalStream,
    parse: (body: Uint8Array) => In | undefined,
    onOverflow: () => void,
  ) {
    this.#writer = stream.writable.getWriter();
    // The connection's end reports failures; a writer left alone must not reject unhandled.
    this.#writer.closed.catch(() => {});
    this.#readable = stream.readable;
    this.#parse = parse;
    this.#onOverflow = onOverflow;
  }

  /** Queues a message; resolves once the transport took it. Never rejects: the connection's end tells. */
  async send(message: Out): Promise<void> {
    if (this.#unsent >= MAX_UNSENT_MESSAGES) {
      this.#onOverflow();
      return;
    }
    this.#unsent++;
    try {
      await this.#writer.write(encodeMessage(message));
    } catch {
      // The stream or the connection ended; whoever owns the connection learns it there.
    } finally {
      this.#unsent--;
    }
  }

  /** Ends our side of the stream (FIN). */
  async finish(): Promise<void> {
    await this.#writer.close().catch(() => {});
  }

  /** Messages as they come, until the peer ends the stream. Throws `ProtocolError`, `TransportError`. */
  async *messages(): AsyncGenerator<In, void, void> {
    const splitter = new MessageSplitter();
    for await (const chunk of this.#readable) {
      for (const body of splitter.push(chunk)) {
        const message = this.#parse(body);
        if (message !== undefined) yield message;
      }
    }
    if (!splitter.atBoundary) throw new ProtocolError("control stream ended inside a message");
  }
}
