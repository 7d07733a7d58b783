/**
 * Reads what the peer asks for, and has it answered.
 *
 * @module
 */
import type { BidirectionalStream, Connection } from "../../transport/connection.ts";
import { MoqtViolation } from "../errors.ts";
import { LiteStreamError, resetReason } from "./errors.ts";
import { LiteFeed } from "./feed.ts";
import type { LiteHandlers } from "./incoming.ts";
import { decodeAnnouncePlease, MAX_ANNOUNCE_BYTES } from "./messages/announce.ts";
import {
  decodeSubscribe,
  decodeSubscribeUpdate,
  encodeSubscribeOk,
  MAX_SUBSCRIBE_BYTES,
  MAX_SUBSCRIBE_UPDATE_BYTES,
} from "./messages/subscribe.ts";
import { LitePublication } from "./publication.ts";
import type { StreamInput } from "./stream_input.ts";
import type { LiteResetName, LiteVersion } from "./versions.ts";

/** The answering side of a session. */
export class LiteResponder {
  readonly #connection: Connection;
  readonly #handlers: LiteHandlers;
  readonly #ids = new Set<number>();
  readonly #open = new Set<AbortController>();
  #ended = false;

  /** Answers by `handlers`. */
  constructor(connection: Connection, handlers: LiteHandlers) {
    this.#connection = connection;
    this.#handlers = handlers;
  }

  /** The peer wants to hear of broadcasts. Resolves when it does no more. Throws a violation. */
  async announce(stream: BidirectionalStream, input: StreamInput): Promise<void> {
    const body = await input.next((buffer) => buffer.sized(MAX_ANNOUNCE_BYTES, "ANNOUNCE_PLEASE"));
    if (body === undefined) return;
    const prefix = decodeAnnouncePlease(body);
    const feed = new LiteFeed(prefix, stream.writable, input);
    const abort = this.#begin();
    const { signal } = abort;
    const ended = untilEnd(input).then(() => abort.abort());
    let accepted = false;
    try {
      await this.#handlers.announce({
        prefix,
        signal,
        accept: () => {
          accepted = true;
          return feed;
        },
      });
      if (!accepted) feed.refuse("not-found");
    } catch (error) {
      feed.refuse(nameOf(error));
    }
    await ended;
    this.#open.delete(abort);
    feed.close();
  }

  /** The peer wants a track. Resolves when the subscription is over. Throws a violation. */
  async subscribe(
    stream: BidirectionalStream,
    input: StreamInput,
    version: LiteVersion,
  ): Promise<void> {
    const body = await input.next((buffer) => buffer.sized(MAX_SUBSCRIBE_BYTES, "SUBSCRIBE"));
    if (body === undefined) return;
    const request = decodeSubscribe(body);
    const { id, broadcast, track, priority } = request;
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => {});
    const refuse = (why: LiteResetName) => {
      writer.abort(resetReason(why)).catch(() => {});
      input.stop(why);
    };
    // A second subscription of the same id could not be told from the first.
    if (this.#ids.has(id)) return refuse("malformed-track");
    this.#ids.add(id);
    const abort = this.#begin();
    const { signal } = abort;
    let publication: LitePublication | undefined;
    let now = priority;
    const ended = this.#updates(input, (priority) => {
      now = priority;
      publication?.updated(priority);
    }).finally(() => abort.abort());
    // Awaited below, after the handler.
    ended.catch(() => {});
    try {
      await this.#handlers.subscribe({
        broadcast,
        track,
        get priority() {
          return now;
        },
        signal,
        accept: () => {
          if (publication !== undefined) throw new TypeError("the request is answered already");
          signal.throwIfAborted();
          publication = new LitePublication(this.#connection, { ...request, priority: now }, {
            stream,
            writer,
            input,
            abort,
          });
          writer.write(encodeSubscribeOk(version, priority)).catch(() => {});
          return publication;
        },
      });
      if (publication === undefined) refuse("not-found");
    } catch (error) {
      if (publication === undefined) refuse(nameOf(error));
      else (publication as LitePublication).reset(nameOf(error));
    }
    try {
      await ended;
    } finally {
      this.#open.delete(abort);
      this.#ids.delete(id);
      writer.close().catch(() => {});
    }
  }

  /** Reads what the subscriber changes, to the end, or until it is cut off. Throws a violation. */
  async #updates(input: StreamInput, changed: (priority: number) => void): Promise<void> {
    try {
      while (true) {
        const body = await input.next((buffer) =>
          buffer.sized(MAX_SUBSCRIBE_UPDATE_BYTES, "SUBSCRIBE_UPDATE")
        );
        if (body === undefined) return;
        changed(decodeSubscribeUpdate(body));
      }
    } catch (error) {
      // Cut off: that is an end, too.
      if (error instanceof MoqtViolation) throw error;
    }
  }

  #begin(): AbortController {
    const abort = new AbortController();
    if (this.#ended) abort.abort();
    else this.#open.add(abort);
    return abort;
  }

  /** The session is over. */
  end(): void {
    this.#ended = true;
    for (const abort of this.#open) abort.abort();
    this.#open.clear();
  }
}

function nameOf(error: unknown): LiteResetName {
  return error instanceof LiteStreamError ? error.reset ?? "not-found" : "internal-error";
}

/** Reads to the end, or until it is cut off by either side. Nothing but the end may come. */
async function untilEnd(input: StreamInput): Promise<void> {
  try {
    while (await input.more()) {
      if (input.buffer.length > 0) return input.stop("internal-error");
    }
  } catch {
    // Cut off: that is an end, too.
  }
}
