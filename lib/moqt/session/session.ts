/**
 * A MoQT session over a connection.
 *
 * @module
 */
import { type CloseInfo, type Connection, TransportError } from "../../transport/connection.ts";
import { UnsupportedError } from "../../errors.ts";
import { CLOSE_CODES, type CloseName } from "../codes.ts";
import { MAX_PAYLOAD_BYTES } from "../data/object.ts";
import { MoqtViolation, RequestError, violation } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import type { FetchRange } from "../messages/fetch.ts";
import type { NamespaceInterest } from "../messages/namespace.ts";
import type { SetupOptions } from "../messages/setup.ts";
import { hasRequestStreams, hasSubscribeTracks, type Version, versionOf } from "../versions.ts";
import type { Location } from "../wire/location.ts";
import type { Namespace, TrackName } from "../wire/track_name.ts";
import { TrackAliases } from "../receive/aliases.ts";
import {
  type AnswerHandler,
  ask,
  type Asked,
  checkMandatory,
  ENDED,
  unexpected,
} from "../requests/ask.ts";
import type { Channel, RequestMessage, Signals } from "../requests/channel.ts";
import { DataStreams } from "../receive/data_streams.ts";
import type { Fetched } from "../receive/fetch.ts";
import { type JoinFrom, joinRange } from "../receive/join.ts";
import type {
  AskOptions,
  GoingAway,
  PublishOptions,
  RequestOptions,
  SessionOptions,
  SubscribeOptions,
} from "./options.ts";
import { NamespaceOffer, NamespaceWatch } from "../requests/namespaces.ts";
import { checkRangeFilters, MAX_FILTER_RANGES } from "../publish/object_filter.ts";
import { OneStreamSignals } from "../requests/one_stream.ts";
import { Past } from "../receive/past.ts";
import { publishParameters } from "../publish/publish_parameters.ts";
import type { Publication } from "../publish/publication.ts";
import type { Role } from "../requests/request_ids.ts";
import { RequestStreamSignals } from "../requests/request_streams.ts";
import { Responder } from "../respond/responder.ts";
import { askFetch } from "./fetch.ts";
import { checkSetup, ownSetup } from "./setup.ts";
import { askStatus, type TrackStanding } from "./status.ts";
import { type ReceiveOptions, Subscription } from "../receive/subscription.ts";
import { TokenCache } from "../requests/tokens.ts";

/** Most bytes of a close reason. */
const MAX_CLOSE_REASON = 1000;

/** Begins a session as the client. The connection's protocol tells the draft. */
export function connect(
  connection: Connection,
  options: SessionOptions = {},
): Promise<MoqtSession> {
  return MoqtSession.begin(connection, "client", options);
}

/** Begins a session as the server. The connection's protocol tells the draft. */
export function accept(
  connection: Connection,
  options: SessionOptions = {},
): Promise<MoqtSession> {
  return MoqtSession.begin(connection, "server", options);
}

/** A session. Both sides may publish and subscribe. */
export class MoqtSession implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #role: Role;
  readonly #signals: Signals;
  readonly #responder: Responder;
  readonly #aliases = new TrackAliases();
  readonly #tokens: TokenCache;
  readonly #publications = new Map<number, Publication>();
  readonly #fetches = new Map<number, Fetched>();
  readonly #endings = new Set<() => void>();
  readonly #closed = Promise.withResolvers<CloseInfo>();
  readonly #goingAway = Promise.withResolvers<GoingAway>();
  readonly #datagrams: WritableStreamDefaultWriter<Uint8Array>;
  #peer: SetupOptions = {};
  #nextAlias = 1;
  #isGoingAway = false;
  /** Until the peer is let in. */
  #admitted: PromiseWithResolvers<void> | undefined;
  #peerIsGoingAway = false;
  #goawayTimer: ReturnType<typeof setTimeout> | undefined;
  #over = false;
  /** The draft that is spoken. */
  readonly version: Version;

  private constructor(
    connection: Connection,
    version: Version,
    role: Role,
    options: SessionOptions,
  ) {
    this.#connection = connection;
    this.version = version;
    this.#role = role;
    this.#tokens = new TokenCache(options.maxTokenCacheSize ?? 0);
    this.#datagrams = connection.datagrams.writable.getWriter();
    this.#datagrams.closed.catch(() => {});
    this.#closed.promise.catch(() => {});
    const fail = (error: unknown) => this.#fail(error);
    const owner = {
      request: (message: RequestMessage, channel: Channel) =>
        this.#responder.request(message, channel),
      goaway: (message: MessageOf<"goaway">) => this.#heardGoaway(message),
      fail,
    };
    const streams = new RequestStreamSignals(connection, { version, role, owner });
    this.#signals = hasRequestStreams(version) ? streams : new OneStreamSignals(connection, {
      version,
      role,
      owner,
      maxRequests: options.maxRequests ?? 128,
    });
    const isGoingAway = () => this.#isGoingAway;
    const admitted = () => this.#admitted?.promise;
    if (options.admit !== undefined) this.#admitted = Promise.withResolvers();
    this.#responder = new Responder({
      connection,
      role,
      version,
      handlers: options.handlers ?? {},
      maxFilterRanges: options.maxFilterRanges ?? MAX_FILTER_RANGES,
      tokens: this.#tokens,
      aliases: this.#aliases,
      publications: this.#publications,
      datagrams: this.#datagrams,
      nextAlias: () => this.#nextAlias++,
      fail,
      onEnd: (end) => this.#onEnd(end),
      get admitted() {
        return admitted();
      },
      get isGoingAway() {
        return isGoingAway();
      },
    });
    new DataStreams(connection, version, {
      subscription: (alias) => this.#aliases.wait(alias),
      knownSubscription: (alias) => this.#aliases.get(alias),
      fetched: (requestId) => this.#fetches.get(requestId),
      control: (stream, first) => streams.control(stream, first),
      fail,
    }, options.maxObjectBytes ?? MAX_PAYLOAD_BYTES).start();
    connection.closed.then((info) => this.#end(undefined, info), (error) => this.#end(error));
  }

  /** Begins a session; {@link connect} and {@link accept} are easier to read. */
  static async begin(
    connection: Connection,
    role: Role,
    options: SessionOptions,
  ): Promise<MoqtSession> {
    options.signal?.throwIfAborted();
    const version = versionOf(connection.protocol);
    if (version === undefined || options.versions?.includes(version) === false) {
      connection.close({ closeCode: CLOSE_CODES["version-negotiation-failed"], reason: "" });
      throw new UnsupportedError(`MoQT is not spoken as ${JSON.stringify(connection.protocol)}`);
    }
    const session = new MoqtSession(connection, version, role, options);
    const timeoutMs = options.setupTimeoutMs ?? 10_000;
    const late = setTimeout(() => {
      session.#fail(new MoqtViolation("control-message-timeout", "no set-up came in time"));
    }, timeoutMs);
    const give = () => session.#fail(options.signal!.reason);
    options.signal?.addEventListener("abort", give, { once: true });
    try {
      await session.#start(options);
    } catch (error) {
      session.#fail(error);
      throw session.#reason ?? error;
    } finally {
      clearTimeout(late);
      options.signal?.removeEventListener("abort", give);
    }
    return session;
  }

  #reason: unknown;

  async #start(options: SessionOptions): Promise<void> {
    const peer = await this.#signals.start(ownSetup(options, this.#role, this.version));
    checkSetup(peer, this.#role, options.webTransport === true);
    const values = this.#tokens.resolve(peer.tokens, this.#role === "server");
    this.#peer = peer;
    await options.admit?.(peer, values);
    this.#admitted?.resolve();
    this.#admitted = undefined;
  }

  /** What the peer said of itself. */
  get peer(): SetupOptions {
    return this.#peer;
  }

  /** Resolves when the session was closed, by either side; rejects where the connection was lost. */
  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  /** Resolves when the peer goes away: begin a session elsewhere, then close this one. */
  get goingAway(): Promise<GoingAway> {
    return this.#goingAway.promise;
  }

  /**
   * Wants a track's new objects; with `parameters.fill` (since draft-20) also those before, which are
   * its `past`. Returns at once; `ready` resolves when the publisher agreed.
   */
  subscribe(track: TrackName, options: SubscribeOptions = {}): Subscription {
    const { parameters = {} } = options;
    const { fill } = parameters;
    const subscription = this.#subscription(track, options);
    const past = fill === undefined
      ? undefined
      : new Past(this.#fetches, track, { ...parameters, fill });
    const asked = past === undefined ? subscription : past.with(subscription);
    this.#aliases.asking(subscription.ready);
    this.#ask(asked, { kind: "subscribe", requestId: 0, track, parameters }, {
      message: (message) => {
        if (message.kind === "publish-done") return subscription.publishDone(message);
        if (message.kind === "publish-state-notify") {
          return subscription.notified(message.parameters);
        }
        if (message.kind !== "subscribe-ok") throw unexpected(message, "SUBSCRIBE");
        const { trackAlias, parameters, properties } = message;
        checkMandatory(properties, this.version);
        this.#aliases.set(trackAlias, subscription);
        const info = { trackAlias, parameters, properties };
        past?.established(info);
        subscription.established(info);
      },
      canceled: () => subscription.end({ reason: "internal-error", message: "canceled" }),
    }, options);
    return subscription;
  }

  #subscription(track: TrackName, options: ReceiveOptions): Subscription {
    const forget = this.#onEnd(() => {
      subscription.end({ reason: "internal-error", message: "the session is over" });
    });
    const subscription = new Subscription(track, this.version, options, (it) => {
      forget();
      this.#aliases.forget(it);
    });
    return subscription;
  }

  /** Offers a track to the peer. Returns at once; objects may be sent before `ready`. */
  publish(track: TrackName, options: PublishOptions = {}): Publication {
    const { properties = {}, largest } = options;
    const { wanted, told: parameters } = publishParameters(options, this.version);
    const publication = this.#responder.publication(undefined, {
      track,
      parameters: wanted,
      properties,
      ...(largest === undefined ? {} : { largest }),
    });
    const { trackAlias } = publication;
    const asked: Asked = {
      started: (channel) => {
        this.#publications.set(channel.requestId, publication);
        publication.started(channel, this.#datagrams);
        published = channel;
      },
      refused: (error) => publication.refused(error),
    };
    let published: Channel | undefined;
    this.#ask(asked, {
      kind: "publish",
      requestId: 0,
      track,
      trackAlias,
      parameters: { ...parameters, ...(largest === undefined ? {} : { largest }) },
      properties,
    }, {
      message: (message) => {
        if (message.kind !== "publish-ok") throw unexpected(message, "PUBLISH");
        publication.established(message.parameters);
      },
      update: (updateId, changes) => {
        this.#responder.updatePublished(published!, updateId, changes, publication);
      },
      canceled: () => publication.canceled(),
    }, options);
    return publication;
  }

  /** Wants objects of the past. `end` is one after the last; `object: 0` means the whole group. */
  fetch(
    range: { track: TrackName; start: Location; end: Location },
    options: RequestOptions = {},
  ): Fetched {
    return this.#fetch({ by: "range", ...range }, options);
  }

  /**
   * Wants what comes before a subscription: from so many groups before its largest, or from a group.
   * The subscription must have the filter `largest-object`; both together miss nothing.
   */
  join(
    subscription: Subscription,
    from: JoinFrom,
    options: RequestOptions = {},
  ): Fetched {
    return this.#fetch(joinRange(subscription, from, this.version), options);
  }

  #fetch(range: FetchRange, options: RequestOptions): Fetched {
    return askFetch(range, options.parameters ?? {}, {
      version: this.version,
      fetches: this.#fetches,
      ask: (asked, message, handler) => this.#ask(asked, message, handler, options),
      onEnd: (end) => this.#onEnd(end),
    });
  }

  /** Asks how a track stands. */
  trackStatus(track: TrackName, options: RequestOptions = {}): Promise<TrackStanding> {
    const { parameters = {} } = options;
    return askStatus({ kind: "track-status", requestId: 0, track, parameters }, {
      ask: (asked, message, handler) => this.#ask(asked, message, handler, options),
      onEnd: (end) => this.#onEnd(end),
    });
  }

  /** Tells the peer of a namespace that has tracks. */
  publishNamespace(namespace: Namespace, options: RequestOptions = {}): NamespaceOffer {
    const offer = new NamespaceOffer(namespace);
    this.#untilEnd(offer.closed, () => offer.canceled());
    const parameters = options.parameters ?? {};
    this.#ask(offer, { kind: "publish-namespace", requestId: 0, namespace, parameters }, {
      message: (message) => {
        if (message.kind !== "request-ok") throw unexpected(message, "PUBLISH_NAMESPACE");
        offer.established();
      },
      canceled: () => offer.canceled(),
    }, options);
    return offer;
  }

  /**
   * Wants to hear of namespaces below a prefix, or of tracks, which come as PUBLISH. Where the draft
   * asks for them apart, `both` is two requests: ask twice.
   */
  subscribeNamespace(
    prefix: Namespace,
    interest: NamespaceInterest = "namespace",
    options: RequestOptions = {},
  ): NamespaceWatch {
    if (interest === "both" && hasSubscribeTracks(this.version)) {
      throw new TypeError(`draft ${this.version} asks for namespaces and tracks apart: ask twice`);
    }
    const watch = new NamespaceWatch(prefix);
    const forget = this.#onEnd(() => watch.canceled());
    const parameters = options.parameters ?? {};
    const message: RequestMessage = interest === "publish" && hasSubscribeTracks(this.version)
      ? { kind: "subscribe-tracks", requestId: 0, prefix, parameters }
      : { kind: "subscribe-namespace", requestId: 0, prefix, interest, parameters };
    this.#ask(watch, message, {
      message: (message) => {
        if (message.kind === "request-ok") watch.established();
        else watch.heard(message);
      },
      canceled: () => {
        forget();
        watch.canceled();
      },
    }, options);
    return watch;
  }

  /** Says that this side goes away; after `timeoutMs` it closes the session. Once. */
  goaway({ uri = "", timeoutMs = 10_000 }: { uri?: string; timeoutMs?: number } = {}): void {
    if (this.#isGoingAway || this.#over) return;
    if (this.#role === "client" && uri !== "") {
      throw new TypeError("clients cannot tell servers where to go");
    }
    this.#isGoingAway = true;
    this.#signals.goaway(uri, timeoutMs);
    this.#goawayTimer = setTimeout(() => this.#close("goaway-timeout", ""), timeoutMs);
  }

  #heardGoaway({ uri, timeoutMs = 0, requestId }: MessageOf<"goaway">): void {
    if (this.#role === "server" && uri !== "") throw violation("a client's GOAWAY has a URI");
    if (requestId !== undefined && requestId % 2 !== (this.#role === "client" ? 0 : 1)) {
      throw new MoqtViolation("invalid-request-id", "GOAWAY names a request of its sender");
    }
    this.#peerIsGoingAway = true;
    this.#goingAway.resolve({ uri, timeoutMs });
  }

  /** Closes the session, and says why. Idempotent. */
  close(reason: CloseName = "no-error", message = ""): Promise<void> {
    this.#close(reason, message);
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #ask(
    asked: Asked,
    message: RequestMessage,
    handler: AnswerHandler,
    { signal, onGoaway }: AskOptions,
  ): void {
    if (this.#peerIsGoingAway || this.#over) {
      const why = this.#over ? ENDED : "the peer is going away";
      return asked.refused(new RequestError("going-away", why));
    }
    try {
      checkRangeFilters(message.parameters, this.#peer.maxFilterRanges ?? 0);
    } catch (error) {
      return asked.refused(error);
    }
    const moved = ({ uri, timeoutMs = 0 }: MessageOf<"goaway">) => {
      if (this.#role === "server" && uri !== "") throw violation("a client's GOAWAY has a URI");
      onGoaway?.({ uri, timeoutMs });
    };
    ask(this.#signals, asked, message, {
      ...handler,
      message: (heard) => heard.kind === "goaway" ? moved(heard) : handler.message(heard),
    }, { version: this.version, signal });
  }

  #onEnd(end: () => void): () => void {
    this.#endings.add(end);
    return () => this.#endings.delete(end);
  }

  #untilEnd(over: Promise<unknown>, end: () => void): void {
    const forget = this.#onEnd(end);
    over.then(forget, forget);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    if (error instanceof MoqtViolation) this.#close(error.closeName, error.message, error);
    else if (error instanceof TransportError) {
      // Who closed the session, and why, is what the connection itself tells.
      if (error.source === "session") return;
      this.#fail(violation("the control stream was cut off"));
    } else {
      const message = error instanceof Error ? error.message : String(error);
      this.#close("internal-error", message, error);
    }
  }

  #close(name: CloseName, message: string, error?: unknown): void {
    if (this.#over) return;
    const closeCode = CLOSE_CODES[name];
    const reason = message.slice(0, MAX_CLOSE_REASON / 4);
    this.#connection.close({ closeCode, reason });
    this.#end(error, { closeCode, reason });
  }

  #end(error: unknown, info?: CloseInfo): void {
    if (this.#over) return;
    this.#over = true;
    this.#reason = error;
    clearTimeout(this.#goawayTimer);
    this.#signals.end(error ?? new TransportError(ENDED, { source: "session", failure: "closed" }));
    for (const end of [...this.#endings]) end();
    this.#endings.clear();
    this.#aliases.clear();
    if (info === undefined) this.#closed.reject(error);
    else this.#closed.resolve(info);
  }
}
