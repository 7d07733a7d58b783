/**
 * A track on its way to one subscriber.
 *
 * @module
 */
import type { BidirectionalStream, Connection, SendStream } from "../../transport/connection.ts";
import { resetReason } from "./errors.ts";
import { encodeGroup } from "./messages/group.ts";
import type { LiteSubscribe } from "./messages/subscribe.ts";
import type { StreamInput } from "./stream_input.ts";
import type { LiteResetName } from "./versions.ts";

/** After all groups: an int32. */
const LAST = -0x8000_0000;

/** A subscription of the peer's that was agreed on. */
export class LitePublication {
  readonly #connection: Connection;
  readonly #stream: BidirectionalStream;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #input: StreamInput;
  readonly #id: number;
  readonly #abort: AbortController;
  readonly #listeners = new Set<(priority: number) => void>();
  #priority: number;

  /** Made by its session. */
  constructor(
    connection: Connection,
    request: LiteSubscribe,
    options: {
      stream: BidirectionalStream;
      writer: WritableStreamDefaultWriter<Uint8Array>;
      input: StreamInput;
      abort: AbortController;
    },
  ) {
    this.#connection = connection;
    this.#id = request.id;
    this.#priority = request.priority;
    this.#stream = options.stream;
    this.#writer = options.writer;
    this.#input = options.input;
    this.#abort = options.abort;
  }

  /** 0 to 255; higher ones go first. What is changed holds for the groups that begin from then on. */
  get priority(): number {
    return this.#priority;
  }

  /** Calls back when the subscriber changes the priority. Returns the unsubscriber. */
  onUpdate(listener: (priority: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The subscriber changed the priority. For the session. */
  updated(priority: number): void {
    this.#priority = priority;
    for (const listener of this.#listeners) listener(priority);
  }

  /** Aborted when it is over, from whichever side. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Opens a group's stream; `head` goes in front of its frames. Waits until the peer allows one. */
  async group(
    sequence: number,
    options: { signal?: AbortSignal; sendOrder?: number } = {},
  ): Promise<{ stream: SendStream; head: Uint8Array }> {
    const { sendOrder = sendOrderOf(this.priority, sequence), signal } = options;
    const stream = await this.#connection.createUnidirectionalStream({
      sendOrder,
      ...(signal === undefined ? {} : { signal }),
    });
    return { stream, head: encodeGroup({ subscribe: this.#id, sequence }) };
  }

  /** Says that no group follows, behind those that are on their way. Idempotent. */
  finish(): void {
    if (this.signal.aborted) return;
    // Behind the last group, not before it.
    this.#stream.writable.sendOrder = LAST;
    this.#writer.close().catch(() => {});
    this.#input.stop("cancelled");
    this.#abort.abort();
  }

  /** Cuts the subscription off. Groups' streams are their openers'. Idempotent. */
  reset(name: LiteResetName): void {
    if (this.signal.aborted) return;
    this.#writer.abort(resetReason(name)).catch(() => {});
    this.#input.stop(name);
    this.#abort.abort();
  }
}

/** Higher priorities go first, then newer groups: an int32. */
export function sendOrderOf(priority: number, sequence: number): number {
  return priority * 0x80_0000 + sequence % 0x80_0000;
}
