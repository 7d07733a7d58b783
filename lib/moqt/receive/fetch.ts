/**
 * Objects of the past: asked for, and served.
 *
 * @module
 */
import { type Connection, type SendStream, TransportError } from "../../transport/connection.ts";
import { resetCode, type ResetName } from "../codes.ts";
import { encodeFetchHeader, FetchEncoder, type FetchItem } from "../data/fetch.ts";
import { RequestError, violation } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import { type FetchRange, isBefore } from "../messages/fetch.ts";
import type { Version } from "../versions.ts";
import type { Location } from "../wire/location.ts";
import type { GroupOrder, Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { Channel } from "../requests/channel.ts";
import { sendOrderOf } from "../publish/publication.ts";
import { BoundedQueue } from "../requests/queue.ts";

/** What the publisher said of a fetch. */
export interface FetchInfo {
  /** One after the last object; `object: 0` means the whole of `group`. */
  end: Location;
  /** Whether the track ends there. */
  endOfTrack: boolean;
  /** What the publisher says of the track. */
  properties: TrackProperties;
}

/** Objects that wait for the reader before the stream does, and their bytes. */
const MAX_ITEMS = 256;
const MAX_WAITING_BYTES = 1 << 20;

function sizeOf(item: FetchItem): number {
  return item.kind === "object" ? item.payload.length : 0;
}

/** A fetch of ours. Iterate it: objects in the order asked for, and gaps that the publisher told. */
export class Fetched implements AsyncIterable<FetchItem>, AsyncDisposable {
  readonly #ready = Promise.withResolvers<FetchInfo>();
  readonly #items = new BoundedQueue<FetchItem>(MAX_ITEMS, "block");
  readonly #range: FetchRange;
  readonly #abort = new AbortController();
  readonly #forget: (fetched: Fetched) => void;
  #channel: Channel | undefined;
  #over = false;
  #hasStream = false;
  #read = false;
  #waitingBytes = 0;
  #taken: (() => void) | undefined;
  /** The order of its groups. */
  readonly order: GroupOrder;

  /** Made by the session. */
  constructor(range: FetchRange, order: GroupOrder, forget: (fetched: Fetched) => void) {
    this.#range = range;
    this.order = order;
    this.#forget = forget;
    this.#ready.promise.catch(() => {});
  }

  /** Resolves once the publisher agreed; rejects with a {@link RequestError} where it did not. */
  get ready(): Promise<FetchInfo> {
    return this.#ready.promise;
  }

  /** Aborted when nothing is wanted any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The items, to the end; throws where the stream was cut off. Once. */
  [Symbol.asyncIterator](): AsyncGenerator<FetchItem, void, undefined> {
    if (this.#read) throw new TypeError("the fetch is iterated already");
    this.#read = true;
    return this.#iterate();
  }

  async *#iterate(): AsyncGenerator<FetchItem, void, undefined> {
    try {
      for await (const item of this.#items) {
        this.#waitingBytes -= sizeOf(item);
        this.#taken?.();
        yield item;
      }
    } finally {
      this.close();
    }
  }

  /** Wants no more of it. Idempotent. */
  close(): Promise<void> {
    this.#end(undefined, true);
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Changes the priority. A {@link RequestError} where the publisher refuses, or where the draft has no
   * updates of fetches.
   */
  async update(parameters: Pick<Parameters, "priority" | "tokens">): Promise<void> {
    await this.ready;
    const answer = await this.#channel!.update(parameters);
    if (answer.kind === "request-error") throw RequestError.received(answer);
  }

  /** The request was made. For the session. */
  started(channel: Channel): void {
    this.#channel = channel;
    if (this.#over) channel.cancel();
  }

  /** FETCH_OK came. For the session. */
  established({ end, endOfTrack, properties }: MessageOf<"fetch-ok">): void {
    if (this.#range.by === "range" && isBefore(end, this.#range.start)) {
      throw violation("FETCH_OK ends before the fetch starts");
    }
    this.#ready.resolve({ end, endOfTrack, properties });
  }

  /** The request failed. For the session. */
  refused(error: unknown): void {
    this.#ready.reject(error);
    this.#end(error, false);
  }

  /** Its stream began. A second one breaks the rules. For the session. */
  opened(): void {
    if (this.#hasStream) throw violation("a second stream for one fetch");
    this.#hasStream = true;
  }

  /** An item came; a promise: wait for it before the next. For the session. */
  item(item: FetchItem): Promise<void> | undefined {
    this.#items.push(item);
    this.#waitingBytes += sizeOf(item);
    return this.#hasRoom ? undefined : this.#room();
  }

  get #hasRoom(): boolean {
    return this.#over || (this.#items.hasRoom && this.#waitingBytes <= MAX_WAITING_BYTES);
  }

  async #room(): Promise<void> {
    while (!this.#hasRoom) await new Promise<void>((resolve) => this.#taken = resolve);
  }

  /** The stream ended; with an error where it was cut off. For the session. */
  ended(error?: unknown): void {
    if (error !== undefined) return this.#end(error, true);
    this.#items.end();
    // The answer may come after the objects.
    this.#ready.promise.then(() => this.#end(undefined, false), () => {});
  }

  #end(error: unknown, cancel: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const reason = error ?? new RequestError("internal-error", "the fetch is over");
    if (cancel) this.#channel?.cancel();
    else this.#channel?.finish();
    this.#forget(this);
    this.#ready.reject(reason);
    this.#abort.abort(reason);
    this.#items.end(error);
    this.#taken?.();
  }
}

/** What a fetch is answered with. */
export interface FetchAnswer {
  /** One after the last object; `object: 0` means the whole of `group`. */
  end: Location;
  /** Whether the track ends there. Default false. */
  endOfTrack?: boolean;
  /** What is said of the track. */
  properties?: TrackProperties;
  /** Objects and gaps in the order asked for. */
  items: AsyncIterable<FetchItem> | Iterable<FetchItem>;
}

/** Thrown while a fetch's items are given: cuts its stream off, and tells why. */
export class FetchCut extends Error {
  /** Says why, to the subscriber and to people. */
  constructor(readonly reset: ResetName, message: string) {
    super(message);
    this.name = "FetchCut";
  }
}

/** How a fetch's stream is sent. */
export interface FetchStreamOptions {
  /** The request it answers. */
  requestId: number;
  /** Priority and order. */
  parameters: Parameters;
  /** Aborted when nothing is wanted any more. */
  signal: AbortSignal;
  /** Told how the stream's priority is changed. */
  onStream?(setPriority: (priority: number) => void): void;
}

const FETCH_PRIORITY = 128;

/** Sends a fetch's stream. The subscriber's end of it aborts `signal`. */
export async function serveFetch(
  connection: Connection,
  version: Version,
  options: FetchStreamOptions & { items: FetchAnswer["items"] },
): Promise<void> {
  const { requestId, parameters, items, signal } = options;
  const stream = await openFetch(connection, options);
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  const cut = (code: ResetName) => {
    writer.abort(resetOf(code, version)).catch(() => {});
  };
  const stop = () => cut("cancelled");
  signal.addEventListener("abort", stop, { once: true });
  try {
    await writer.write(encodeFetchHeader(requestId, version));
    const encoder = new FetchEncoder(version, parameters.groupOrder ?? "ascending");
    for await (const item of items) {
      signal.throwIfAborted();
      await writer.write(encoder.encode(item));
    }
    await writer.close();
  } catch (error) {
    if (!signal.aborted) cut(error instanceof FetchCut ? error.reset : "internal-error");
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Tells by its reset that a fetch's stream has nothing: draft-20, section 5.1.3. Never rejects. */
export async function resetFetch(
  connection: Connection,
  version: Version,
  options: FetchStreamOptions,
): Promise<void> {
  try {
    const writer = (await openFetch(connection, options)).getWriter();
    writer.closed.catch(() => {});
    await writer.write(encodeFetchHeader(options.requestId, version));
    await writer.abort(resetOf("internal-error", version));
  } catch {
    // The connection, or the request, is over.
  }
}

async function openFetch(
  connection: Connection,
  { parameters, signal, onStream }: FetchStreamOptions,
): Promise<SendStream> {
  const orderOf = (priority: number) => sendOrderOf(priority, FETCH_PRIORITY, 0, "ascending");
  const sendOrder = orderOf(parameters.priority ?? FETCH_PRIORITY);
  const stream = await connection.createUnidirectionalStream({ sendOrder, signal });
  onStream?.((priority) => stream.sendOrder = orderOf(priority));
  return stream;
}

function resetOf(code: ResetName, version: Version): TransportError {
  return new TransportError(code, { streamErrorCode: resetCode(code, version) });
}
