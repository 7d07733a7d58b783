/**
 * A session of moq-lite over a connection.
 *
 * @module
 */
import { UnsupportedError } from "../../errors.ts";
import {
  type BidirectionalStream,
  type CloseInfo,
  type Connection,
  type ReceiveStream,
  TransportError,
} from "../../transport/connection.ts";
import { CLOSE_CODES, type CloseName } from "../codes.ts";
import { MoqtViolation, violation } from "../errors.ts";
import { LiteAnnouncements } from "./announcements.ts";
import type { LiteBroadcast } from "./broadcast.ts";
import type { LiteHandlers } from "./incoming.ts";
import { LiteStreamError, resetReason } from "./errors.ts";
import { ANNOUNCE_STREAM, encodeAnnouncePlease } from "./messages/announce.ts";
import { decodeGroup, GROUP_STREAM, MAX_GROUP_BYTES } from "./messages/group.ts";
import { decodeSessionInfo, MAX_SESSION_INFO_BYTES } from "./messages/session_info.ts";
import type { LiteSetupOptions } from "./messages/setup.ts";
import { decodeSubscribeOk, encodeSubscribe } from "./messages/subscribe.ts";
import { MAX_SUBSCRIBE_OK_BYTES, SUBSCRIBE_STREAM } from "./messages/subscribe.ts";
import { litePath } from "./path.ts";
import { type LiteOffer, Publisher } from "./publisher.ts";
import { LiteResponder } from "./responder.ts";
import { type Begun, closeOf, CONTROL_ORDER, setUpClient, setUpServer } from "./setup.ts";
import { StreamInput } from "./stream_input.ts";
import { type LiteSubscribeOptions, LiteSubscription } from "./subscription.ts";
import { isLiteProtocol, type LiteVersion } from "./versions.ts";

/** How a session is begun. */
export interface LiteSessionOptions {
  /** Name and version of the program, which the peer is told. Default `xoq`. */
  implementation?: string;
  /** How long the set-up may take, in milliseconds. Default 10,000. */
  setupTimeoutMs?: number;
  /** Answers the peer; absent: with what {@link LiteSession.publish} was given. */
  handlers?: LiteHandlers;
  /** A server's: told what the client said before it is answered. Throws to send it away. */
  admit?: (setup: LiteSetupOptions) => void | Promise<void>;
  /** Gives up. */
  signal?: AbortSignal;
}

/** Most bytes of a close reason. */
const MAX_CLOSE_REASON = 1000;

/**
 * Begins a session as the client, over a connection with the protocol `moql`, or a WebTransport session
 * with none.
 */
export function connectLite(
  connection: Connection,
  options: LiteSessionOptions = {},
): Promise<LiteSession> {
  return LiteSession.begin(connection, setUpClient, options);
}

/** Begins a session as the server. */
export function acceptLite(
  connection: Connection,
  options: LiteSessionOptions = {},
): Promise<LiteSession> {
  return LiteSession.begin(connection, setUpServer, options);
}

/** A session. Both sides may publish and subscribe. */
export class LiteSession implements AsyncDisposable {
  readonly #connection: Connection;
  /** Absent where handlers answer the peer. */
  readonly #publisher: Publisher | undefined;
  readonly #responder: LiteResponder;
  readonly #subscriptions = new Map<number, LiteSubscription>();
  readonly #announcements = new Set<LiteAnnouncements>();
  readonly #closed = Promise.withResolvers<CloseInfo>();
  #begun: Begun | undefined;
  #bitrate: bigint | undefined;
  #nextId = 0;
  #over = false;
  #reason: unknown;

  private constructor(connection: Connection, handlers: LiteHandlers | undefined) {
    this.#connection = connection;
    if (handlers === undefined) this.#publisher = new Publisher();
    this.#responder = new LiteResponder(connection, handlers ?? this.#publisher!);
    this.#closed.promise.catch(() => {});
    connection.closed.then((info) => this.#end(undefined, info), (error) => this.#end(error));
  }

  /** Begins a session; {@link connectLite} and {@link acceptLite} are easier to read. */
  static async begin(
    connection: Connection,
    setUp: (connection: Connection, options: LiteSessionOptions) => Promise<Begun>,
    options: LiteSessionOptions,
  ): Promise<LiteSession> {
    options.signal?.throwIfAborted();
    if (!isLiteProtocol(connection.protocol)) {
      connection.close({ closeCode: CLOSE_CODES["version-negotiation-failed"], reason: "" });
      throw new UnsupportedError(
        `moq-lite-02 is not spoken as ${JSON.stringify(connection.protocol)}`,
      );
    }
    const session = new LiteSession(connection, options.handlers);
    const late = setTimeout(() => {
      session.#fail(new MoqtViolation("control-message-timeout", "no set-up came in time"));
    }, options.setupTimeoutMs ?? 10_000);
    const give = () => session.#fail(options.signal!.reason);
    options.signal?.addEventListener("abort", give, { once: true });
    try {
      session.#begun = await setUp(connection, options);
      if (session.#over) throw session.#reason;
    } catch (error) {
      const reason = await closeOf(connection, error);
      session.#fail(reason);
      throw session.#reason ?? reason;
    } finally {
      clearTimeout(late);
      options.signal?.removeEventListener("abort", give);
    }
    session.#run(session.#begun);
    return session;
  }

  #run({ input }: Begun): void {
    const fail = (error: unknown) => this.#fail(error);
    this.#readInfo(input).catch(fail);
    this.#acceptRequests().catch(fail);
    this.#acceptGroups().catch(fail);
  }

  /** The draft that is spoken. */
  get version(): LiteVersion {
    return this.#begun!.version;
  }

  /** The name that the peer gives itself. */
  get peerImplementation(): string | undefined {
    return this.#begun!.implementation;
  }

  /** The bit rate that the peer estimates, in bits per second; undefined: it did not say. */
  get peerBitrate(): bigint | undefined {
    return this.#bitrate;
  }

  /** Resolves when the session was closed, by either side; rejects where the connection was lost. */
  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  /**
   * Tells the peer of a broadcast. A `TypeError` where one of that path is told already, or the session
   * has handlers.
   */
  publish(path: string, broadcast: LiteBroadcast): LiteOffer {
    if (this.#publisher === undefined) {
      throw new TypeError("the session's handlers answer the peer: broadcasts would not be found");
    }
    return this.#publisher.add(path, broadcast);
  }

  /** Wants to hear of broadcasts below a prefix. Returns at once. */
  announced(prefix = "", options: { signal?: AbortSignal } = {}): LiteAnnouncements {
    const path = litePath(prefix);
    const announcements = new LiteAnnouncements(path, () => {
      this.#announcements.delete(announcements);
    });
    this.#announcements.add(announcements);
    this.#ask(announcements, encodeAnnouncePlease(path), async (input) => {
      await announcements.read(input);
    }, options.signal);
    return announcements;
  }

  /** Wants a track, from the newest group on. Returns at once; `ready` resolves when it was agreed. */
  subscribe(
    broadcast: string,
    track: string,
    options: LiteSubscribeOptions = {},
  ): LiteSubscription {
    const { priority = 0, signal } = options;
    const id = this.#nextId;
    const path = litePath(broadcast);
    const message = encodeSubscribe({ id, broadcast: path, track, priority });
    this.#nextId++;
    const subscription = new LiteSubscription(path, track, options, () => {
      this.#subscriptions.delete(id);
    });
    this.#subscriptions.set(id, subscription);
    this.#ask(subscription, message, async (input) => {
      const body = await input.next((buffer) =>
        buffer.sized(MAX_SUBSCRIBE_OK_BYTES, "SUBSCRIBE_OK")
      );
      if (body === undefined) {
        throw new LiteStreamError("not-found", "the subscription was refused");
      }
      decodeSubscribeOk(body, this.version);
      subscription.established();
      const more = await input.next((buffer) => buffer.length > 0 ? true : undefined);
      if (more !== undefined) throw violation("something follows SUBSCRIBE_OK");
      subscription.finished();
    }, signal);
    return subscription;
  }

  /** Opens a stream with a request, and reads what is answered. */
  #ask(
    asked: Pick<LiteSubscription, "ready" | "started" | "end">,
    message: Uint8Array,
    read: (input: StreamInput) => Promise<void>,
    signal: AbortSignal | undefined,
  ): void {
    if (this.#over) return asked.end(this.#reason ?? new LiteStreamError("session-closed", ENDED));
    if (signal?.aborted) return asked.end(signal.reason);
    const opening = new AbortController();
    let cancel = (reason: TransportError) => opening.abort(reason);
    const give = () => {
      cancel(resetReason("cancelled"));
      asked.end(signal!.reason);
    };
    signal?.addEventListener("abort", give, { once: true });
    const granted = () => signal?.removeEventListener("abort", give);
    asked.ready.then(granted, granted);
    const run = async () => {
      asked.started((name) => cancel(resetReason(name)));
      const stream = await this.#connection.createBidirectionalStream({
        sendOrder: CONTROL_ORDER,
        signal: opening.signal,
      });
      const input = new StreamInput(stream.readable);
      const writer = stream.writable.getWriter();
      writer.closed.catch(() => {});
      cancel = (reason) => {
        writer.abort(reason).catch(() => {});
        input.stop("cancelled");
      };
      if (opening.signal.aborted) return cancel(opening.signal.reason);
      await writer.write(message);
      await read(input);
      // The peer said all: so do we.
      writer.close().catch(() => {});
    };
    run().catch((error) => {
      cancel(resetReason("cancelled"));
      asked.end(error);
      if (error instanceof MoqtViolation) this.#fail(error);
    });
  }

  async #readInfo(input: StreamInput): Promise<void> {
    while (true) {
      const body = await input.next((buffer) =>
        buffer.sized(MAX_SESSION_INFO_BYTES, "SESSION_INFO")
      );
      if (body === undefined) return void this.close();
      this.#bitrate = decodeSessionInfo(body);
    }
  }

  async #acceptRequests(): Promise<void> {
    const streams = this.#connection.incomingBidirectionalStreams;
    for await (const stream of streams.values({ preventCancel: true })) {
      this.#request(stream).catch((error) => {
        if (error instanceof MoqtViolation) this.#fail(error);
      });
    }
  }

  async #request(stream: BidirectionalStream): Promise<void> {
    const input = new StreamInput(stream.readable);
    const type = await input.next((buffer) => buffer.integer());
    stream.writable.sendOrder = CONTROL_ORDER;
    if (type === ANNOUNCE_STREAM) await this.#responder.announce(stream, input);
    else if (type === SUBSCRIBE_STREAM) {
      await this.#responder.subscribe(stream, input, this.version);
    } else if (type === 0) throw violation("a second stream of the session");
    else {
      // What is not known is refused and hurts nobody: that is how extensions are found.
      stream.writable.abort(resetReason("internal-error")).catch(() => {});
      input.stop("internal-error");
    }
  }

  async #acceptGroups(): Promise<void> {
    const streams = this.#connection.incomingUnidirectionalStreams;
    for await (const stream of streams.values({ preventCancel: true })) {
      this.#group(stream).catch((error) => {
        // Streams that are cut off concern only their group.
        if (error instanceof MoqtViolation) this.#fail(error);
      });
    }
  }

  async #group(stream: ReceiveStream): Promise<void> {
    const input = new StreamInput(stream);
    const type = await input.next((buffer) => buffer.integer());
    if (type === undefined) return;
    if (type !== GROUP_STREAM) return input.stop("internal-error");
    const body = await input.next((buffer) => buffer.sized(MAX_GROUP_BYTES, "GROUP"));
    if (body === undefined) throw violation("a group's stream ends without its header");
    const { subscribe, sequence } = decodeGroup(body);
    const subscription = this.#subscriptions.get(subscribe);
    if (subscription === undefined) return input.stop("cancelled");
    await subscription.receive(sequence, input);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#reason = error;
    // The connection's own end tells more.
    if (error instanceof TransportError && error.source === "session") return this.#end(error);
    const name: CloseName = error instanceof MoqtViolation
      ? error.closeName
      : error instanceof UnsupportedError
      ? "version-negotiation-failed"
      : "internal-error";
    const reason = error instanceof Error ? error.message : String(error);
    const closeCode = CLOSE_CODES[name];
    this.#connection.close({ closeCode, reason: reason.slice(0, MAX_CLOSE_REASON) });
    this.#end(error);
  }

  #end(error: unknown, info: CloseInfo = { closeCode: 0, reason: "" }): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason ??= error;
    this.#responder.end();
    const ended = error ?? new LiteStreamError("session-closed", ENDED);
    for (const asked of [...this.#subscriptions.values(), ...this.#announcements]) asked.end(ended);
    if (error === undefined) this.#closed.resolve(info);
    else this.#closed.reject(error);
  }

  /**
   * Ends the session at once; await what is published (`broadcast.end()`) before, where it is to arrive.
   * Idempotent.
   */
  close(info: Partial<CloseInfo> = {}): Promise<void> {
    this.#connection.close({ closeCode: CLOSE_CODES["no-error"], reason: "", ...info });
    this.#end(undefined, { closeCode: 0, reason: "", ...info });
    return Promise.resolve();
  }

  /** Ends the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const ENDED = "the session is over";
