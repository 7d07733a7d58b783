/**
 * One session of the relay: its requests, within its limits and rights.
 *
 * @module
 */
import type { Connection } from "../transport/connection.ts";
import { MoqtViolation, RequestError } from "../moqt/errors.ts";
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
} from "../moqt/session/incoming.ts";
import type { FetchAnswer } from "../moqt/session/fetch.ts";
import { accept, type MoqtSession } from "../moqt/session/session.ts";
import type { Namespace, TrackName } from "../moqt/wire/track_name.ts";
import { type AccessGrant, type Action, allows, type Gatekeeper } from "./access.ts";
import type { FetchDesk } from "./fetch_desk.ts";
import type { NamespaceRegistry } from "./registry.ts";
import type { RelaySession } from "./session.ts";
import type { RelayTrack } from "./track.ts";

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
  /** A session offered a track. Returns what takes that back. */
  offered(session: MoqtSession, track: RelayTrack): () => void;
  /** A session wants to hear of tracks: those there are, are offered to it. */
  watched(session: MoqtSession, prefix: Namespace, forward: boolean): void;
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

/** The token in a path's query; undefined where there is none. */
function tokenOf(path: string): Uint8Array | undefined {
  const query = path.indexOf("?");
  if (query < 0) return undefined;
  const token = new URLSearchParams(path.slice(query)).get("token");
  return token === null ? undefined : new TextEncoder().encode(token);
}

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
  #grants: AccessGrant[] = [];
  #path = "/";
  #published = false;
  #subscribed = false;
  #expiry: ReturnType<typeof setTimeout> | undefined;

  /** Belongs to a relay. */
  constructor(host: PeerHost) {
    this.#host = host;
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
    if (options.path !== undefined) this.#path = options.path;
    const session = await accept(connection, {
      handlers: this.#handlers(),
      webTransport: options.webTransport,
      maxTokenCacheSize: 16 << 10,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      admit: async (setup, tokens) => {
        if (setup.path !== undefined) this.#path = setup.path;
        const inPath = tokenOf(this.#path);
        const shown = tokens.map(({ value }) => value);
        if (inPath !== undefined) shown.push(inPath);
        this.#path = this.#path.split("?", 1)[0]!;
        this.#grants = await Promise.all(shown.map((token) => this.#host.gate.admit(token)));
      },
    });
    this.#expire(session);
    return session;
  }

  /** A session that was let in for a time ends with it. */
  #expire(session: MoqtSession): void {
    if (this.#grants.length === 0) return;
    const ends = this.#grants.map(({ expiresAt = Infinity }) => expiresAt);
    const left = Math.max(...ends) - Date.now();
    if (left === Infinity) return;
    const wait = Math.min(Math.max(left, 0), MAX_TIMER_MS);
    this.#expiry = setTimeout(() => {
      if (left > MAX_TIMER_MS) this.#expire(session);
      else void session.close("expired-auth-token", "the token has expired");
    }, wait);
    const forget = () => clearTimeout(this.#expiry);
    session.closed.then(forget, forget);
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
    const { gate } = this.#host;
    const where = { path: this.#path, now: Date.now() };
    if (allows([...gate.everybody, ...this.#grants], action, namespace, where)) return session;
    for (const { value } of request.tokens) {
      const grant = await admitRequest(gate, value);
      if (allows([grant], action, namespace, where)) return session;
    }
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
    await track.use({ signal, rendezvousMs, parameters }, () => {
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
    signal.addEventListener("abort", this.#host.offered(session, track), { once: true });
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
    for (const session of this.#host.publishers(name)) {
      const standing = await session.trackStatus?.(name, { signal });
      if (standing === undefined) continue;
      const { parameters, properties } = standing;
      const { largest } = parameters;
      return {
        ...(largest === undefined ? {} : { largest }),
        ...(properties === undefined ? {} : { properties }),
      };
    }
    throw new RequestError("does-not-exist", "nobody publishes this track here");
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
    const feed = request.accept();
    const forward = parameters.forward !== false;
    const forget = this.#host.registry.watch({ session, prefix, interest, forward, feed });
    signal.addEventListener("abort", forget, { once: true });
    if (interest !== "namespace") this.#host.watched(session, prefix, forward);
  }
}

/** The longest time that timers can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** The longest that a subscriber is let wait for a publisher. */
const MAX_RENDEZVOUS_MS = 60_000;

/** A void token refuses the request, not the session. */
async function admitRequest(gate: Gatekeeper, token: Uint8Array): Promise<AccessGrant> {
  try {
    return await gate.admit(token);
  } catch (error) {
    if (!(error instanceof MoqtViolation)) throw error;
    const expired = error.closeName === "expired-auth-token";
    const name = expired ? "expired-auth-token" : "unauthorized";
    throw new RequestError(name, error.message, { cause: error });
  }
}
