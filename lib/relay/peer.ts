/**
 * One session of the relay: its requests, within its limits and rights.
 *
 * @module
 */
import type { Connection } from "../transport/connection.ts";
import { RequestError } from "../moqt/errors.ts";
import type {
  IncomingFetch,
  IncomingNamespace,
  IncomingNamespaceWatch,
  IncomingPublish,
  IncomingRequest,
  IncomingSubscribe,
  IncomingTrackStatus,
  RequestHandlers,
  SubscribeAnswer,
} from "../moqt/respond/incoming.ts";
import type { FetchAnswer } from "../moqt/receive/fetch.ts";
import { changedFilters } from "../moqt/publish/object_filter.ts";
import { accept, type MoqtSession } from "../moqt/session/session.ts";
import type { Namespace, TrackName } from "../moqt/wire/track_name.ts";
import type { Action, Gatekeeper } from "./access/access.ts";
import type { FetchDesk } from "./past/fetch_desk.ts";
import type { Offers } from "./offers.ts";
import type { NamespaceRegistry, Watch } from "./registry.ts";
import { SessionRights } from "./access/rights.ts";
import type { RelaySession } from "./session.ts";
import type { RelayTrack } from "./live/track.ts";

/** Limits of one session. */
export interface SessionLimits {
  /** Namespaces it may publish. */
  maxNamespaces: number;
  /** Namespace and track subscriptions it may have. */
  maxWatches: number;
  /** Tracks it may offer. */
  maxTracks: number;
  /** Tracks it may subscribe to. */
  maxSubscriptions: number;
  /** Fetches it may have under way. */
  maxFetches: number;
}

/** What a session needs of the relay. */
export interface PeerHost {
  /** Its limits. */
  readonly limits: SessionLimits;
  /** Who judges tokens. */
  readonly gate: Gatekeeper;
  /** Whom namespaces are told to. */
  readonly registry: NamespaceRegistry;
  /** The track of a name; made where it is not there. Throws a `RequestError` where there are too many. */
  track(name: TrackName): RelayTrack;
  /** The track of a name that is there. */
  knownTrack(name: TrackName): RelayTrack | undefined;
  /** Sessions that say they have the track's namespace. */
  publishers(name: TrackName): readonly RelaySession[];
  /** A namespace is there, so tracks in it may have a publisher now. */
  namespaceAdded(): void;
  /** Whom offered tracks are passed on to. */
  readonly offers: Offers;
  /** Who answers fetches. */
  readonly fetches: FetchDesk;
}

/** How a session came. */
export interface PeerOptions {
  /** Whether its URI told the path. */
  webTransport: boolean;
  /** Path and query of its URI, where known. */
  path: string | undefined;
  /** Gives up the set-up. */
  signal?: AbortSignal;
}

/** What is limited. */
type Counted = "namespaces" | "watches" | "tracks" | "subscriptions" | "fetches";

/** A session. */
export class Peer {
  readonly #host: PeerHost;
  readonly #counts: Record<Counted, number> = {
    namespaces: 0,
    watches: 0,
    tracks: 0,
    subscriptions: 0,
    fetches: 0,
  };
  /** Requests may come together with the set-up, whose tokens decide about them. */
  readonly #begun = Promise.withResolvers<MoqtSession>();
  readonly #rights: SessionRights;
  #published = false;
  #subscribed = false;

  /** Belongs to a relay. */
  constructor(host: PeerHost) {
    this.#host = host;
    this.#rights = new SessionRights(host.gate);
    this.#begun.promise.catch(() => {});
  }

  /** What it does: for people. */
  get role(): string {
    if (this.#published) return this.#subscribed ? "both" : "publisher";
    return this.#subscribed ? "subscriber" : "none";
  }

  /** Begins. Rejects where the set-up fails. */
  async begin(connection: Connection, options: PeerOptions): Promise<MoqtSession> {
    try {
      const session = await this.#begin(connection, options);
      this.#begun.resolve(session);
      return session;
    } catch (error) {
      this.#begun.reject(error);
      throw error;
    }
  }

  async #begin(connection: Connection, options: PeerOptions): Promise<MoqtSession> {
    const session = await accept(connection, {
      handlers: this.#handlers(),
      webTransport: options.webTransport,
      maxTokenCacheSize: 16 << 10,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      admit: async (setup, tokens) => {
        const path = setup.path ?? options.path ?? "/";
        await this.#rights.admit(path, tokens.map(({ value }) => value));
      },
    });
    this.#rights.onExpiry(
      () => void session.close("expired-auth-token", "the token has expired"),
      session.closed,
    );
    return session;
  }

  #handlers(): RequestHandlers {
    return {
      subscribe: (request) => this.#subscribe(request),
      publish: (request) => this.#publish(request),
      fetch: (request) => this.#fetch(request),
      trackStatus: (request) => this.#trackStatus(request),
      publishNamespace: (request) => this.#publishNamespace(request),
      subscribeNamespace: (request) => this.#subscribeNamespace(request),
    };
  }

  /** The session, once it may do this. Throws a `RequestError` where it may not. */
  async #check(
    request: IncomingRequest,
    action: Action,
    namespace: Namespace,
  ): Promise<MoqtSession> {
    const session = await this.#begun.promise;
    const tokens = request.tokens.map(({ value }) => value);
    if (await this.#rights.allowsWith(action, namespace, tokens)) return session;
    throw new RequestError("unauthorized", `no token shown here lets you ${action} this`);
  }

  /** Takes one of `kind` until `signal` is aborted. Throws a `RequestError` where there are too many. */
  #count(kind: Counted, limit: number, signal: AbortSignal): void {
    if (this.#counts[kind] >= limit) {
      throw new RequestError("excessive-load", `a session may have ${limit} ${kind} here`);
    }
    signal.throwIfAborted();
    this.#counts[kind]++;
    signal.addEventListener("abort", () => this.#counts[kind]--, { once: true });
  }

  async #subscribe(request: IncomingSubscribe): Promise<void> {
    const { track: name, parameters, signal } = request;
    const session = await this.#check(request, "subscribe", name.namespace);
    this.#count("subscriptions", this.#host.limits.maxSubscriptions, signal);
    const track = this.#host.track(name);
    const rendezvousMs = Math.min(parameters.rendezvousTimeoutMs ?? 0, MAX_RENDEZVOUS_MS);
    await track.use({ session, signal, rendezvousMs, parameters }, () => {
      const { largest, properties } = track;
      const publication = request.accept({
        properties,
        ...(largest === undefined ? {} : { largest }),
      });
      this.#subscribed = true;
      track.attach(track.outlet(publication, session));
    });
  }

  async #publish(request: IncomingPublish): Promise<void> {
    const { track: name, signal } = request;
    const session = await this.#check(request, "publish", name.namespace);
    this.#count("tracks", this.#host.limits.maxTracks, signal);
    const track = this.#host.track(name);
    const forward = track.isWanted;
    const subscription = request.accept({ forward });
    this.#published = true;
    track.offered(session, subscription, forward);
    // By then the track has the properties that are passed on with it.
    await subscription.ready;
    if (signal.aborted) return;
    signal.addEventListener("abort", this.#host.offers.offer(session, track), { once: true });
  }

  async #fetch(request: IncomingFetch): Promise<FetchAnswer> {
    const { track: name, signal } = request;
    const session = await this.#check(request, "subscribe", name.namespace);
    this.#count("fetches", this.#host.limits.maxFetches, signal);
    return await this.#host.fetches.answer(request, session.version);
  }

  async #trackStatus(request: IncomingTrackStatus): Promise<SubscribeAnswer> {
    const { track: name, signal } = request;
    await this.#check(request, "subscribe", name.namespace);
    const track = this.#host.knownTrack(name);
    if (track?.isLive === true) {
      const { largest, properties } = track;
      return { properties, ...(largest === undefined ? {} : { largest }) };
    }
    let refusal: unknown;
    for (const session of this.#host.publishers(name)) {
      try {
        const standing = await session.trackStatus?.(name, { signal });
        if (standing === undefined) continue;
        const { parameters: { largest }, properties } = standing;
        return {
          ...(largest === undefined ? {} : { largest }),
          ...(properties === undefined ? {} : { properties }),
        };
      } catch (error) {
        // Another publisher may know.
        signal.throwIfAborted();
        refusal = error;
      }
    }
    throw refusal ?? new RequestError("does-not-exist", "nobody publishes this track here");
  }

  async #publishNamespace(request: IncomingNamespace): Promise<void> {
    const { namespace, signal } = request;
    const session = await this.#check(request, "publish", namespace);
    this.#count("namespaces", this.#host.limits.maxNamespaces, signal);
    this.#published = true;
    const remove = this.#host.registry.add(session, namespace);
    signal.addEventListener("abort", remove, { once: true });
    // After the answer, so that nobody is asked for tracks before its namespace was taken.
    queueMicrotask(() => this.#host.namespaceAdded());
  }

  async #subscribeNamespace(request: IncomingNamespaceWatch): Promise<void> {
    const { prefix, interest, parameters, signal } = request;
    const session = await this.#check(request, "subscribe", prefix);
    this.#count("watches", this.#host.limits.maxWatches, signal);
    this.#subscribed = true;
    const { registry, offers } = this.#host;
    const feed = request.accept();
    const watch: Watch = { session, prefix, interest, parameters, feed };
    signal.addEventListener("abort", registry.watch(watch), { once: true });
    offers.watched(watch);
    feed.onUpdate(({ prefix = watch.prefix, tokens: _, ...changes }) => {
      watch.parameters = changedFilters({ ...watch.parameters, ...changes }, changes);
      this.#check(request, "subscribe", prefix).then(() => {
        if (!signal.aborted) registry.moved(watch, prefix);
        offers.watched(watch);
      }, () => feed.close());
    });
  }
}

/** The longest that a subscriber is let wait for a publisher. */
const MAX_RENDEZVOUS_MS = 60_000;
