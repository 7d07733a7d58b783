/**
 * A relay: sessions of publishers and subscribers, and the tracks between them.
 *
 * @module
 */
import type { Connection } from "../transport/connection.ts";
import { CLOSE_CODES } from "../moqt/codes.ts";
import { RequestError } from "../moqt/errors.ts";
import type { Version } from "../moqt/versions.ts";
import { formatTrackName, type TrackName } from "../moqt/wire/track_name.ts";
import { type Gatekeeper, OPEN_GATE } from "./access/access.ts";
import { type FetchCounters, FetchDesk } from "./past/fetch_desk.ts";
import { GroupCache } from "./live/group.ts";
import { negotiate } from "./lite/negotiate.ts";
import { LitePeer } from "./lite/peer.ts";
import type { OutletLimits } from "./live/outlet.ts";
import { type MemoryCounters, MemoryGuard, type MemoryGuardOptions } from "./memory_guard.ts";
import { Peer, type PeerHost, type SessionLimits } from "./peer.ts";
import { Offers } from "./offers.ts";
import { NamespaceRegistry } from "./registry.ts";
import type { RelaySession } from "./session.ts";
import { RelayTrack, type TrackCounters, type TrackHost } from "./live/track.ts";

/** How a relay is made. */
export interface RelayOptions {
  /**
   * Bytes that are held: groups, for who joins and for who is slow, and what is on its way to each
   * session (but groups have a quarter at least). Default 64 MiB.
   */
  cacheBytes?: number;
  /** Bytes that may be on their way to one session, beside those. Default {@link SEND_WINDOW}. */
  sessionBytes?: number;
  /** Who may do what. Default: everybody everything. */
  gate?: Gatekeeper;
  /** How long subscribers are kept while their publisher is away, in milliseconds. Default 10,000. */
  holdMs?: number;
  /** Limits of each subscriber. Default 8 MiB waiting, 2 s late. */
  outlet?: Partial<OutletLimits>;
  /** Limits of each session. */
  session?: Partial<SessionLimits>;
  /** Sessions at once. Default 1,000. */
  maxSessions?: number;
  /** Tracks at once. Default 10,000. */
  maxTracks?: number;
  /** What the process may take, and how that is known. Default: nobody looks. */
  memory?: Omit<MemoryGuardOptions, "shrink">;
}

/** A session, for people. */
export interface PeerInfo {
  /** Counts up. */
  readonly id: string;
  /** The draft of MoQT, or the name of moq-lite's. */
  readonly draft: Version | string;
  /** What it does: `publisher`, `subscriber`, `both`, `none`. */
  readonly role: string;
}

/** How somebody comes to a relay. */
export interface ServeOptions {
  /** Whether it is WebTransport, so that the URI is known before. Default false. */
  webTransport?: boolean;
  /** Path and query of the URI, where it is known before. */
  path?: string;
  /** Gives up. */
  signal?: AbortSignal;
  /** Told when the set-up is through. */
  onReady?: (peer: PeerInfo) => void;
}

/** Figures of a relay, all counters since it began. */
export interface RelayStats extends TrackCounters, FetchCounters, MemoryCounters {
  /** Sessions now. */
  sessions: number;
  /** Sessions there were. */
  sessionsTotal: number;
  /** Connections turned away: too many, or their set-up failed. */
  refusedSessions: number;
  /** Namespaces published now. */
  namespaces: number;
  /** Tracks known now. */
  tracks: number;
  /** Subscriptions served now. */
  subscriptions: number;
  /** Subscriptions at publishers now. */
  upstreams: number;
  /** Bytes held now. */
  cacheBytes: number;
  /** Groups held now. */
  cacheGroups: number;
  /** Groups let go to make room. */
  evictedGroups: number;
  /** Bytes that newest groups lost to make room. */
  trimmedBytes: number;
}

/** Bytes on their way to one client, beside those that wait here: so much each stopped one costs. */
export const SEND_WINDOW: number = 256 << 10;

const SESSION_LIMITS: SessionLimits = {
  maxNamespaces: 1000,
  maxWatches: 100,
  maxTracks: 1000,
  maxSubscriptions: 1000,
  maxFetches: 100,
};

const OUTLET_LIMITS: OutletLimits = { maxPendingBytes: 8 << 20, lateMs: 2000 };

/** How long publishers that went are waited for, in milliseconds. */
const HOLD_MS = 10_000;
/** How often the relay looks for what is late, in milliseconds. */
const TICK_MS = 100;
/** Codes of connections that get no session (draft-18, section 3.5). */
const [NO_ERROR, INTERNAL_ERROR] = [CLOSE_CODES["no-error"], CLOSE_CODES["internal-error"]];
/** How long sessions may take to go away by themselves, in milliseconds. */
const GOAWAY_MS = 1000;

/** A relay. Give it connections. */
export class Relay implements AsyncDisposable {
  readonly #cache: GroupCache;
  readonly #registry = new NamespaceRegistry();
  readonly #tracks = new Map<string, RelayTrack>();
  readonly #offers = new Offers(this.#registry);
  readonly #fetches: FetchDesk;
  readonly #sessions = new Set<RelaySession>();
  readonly #memory: MemoryGuard | undefined;
  readonly #trackHost: TrackHost;
  readonly #peerHost: PeerHost;
  readonly #cacheBytes: number;
  readonly #sessionBytes: number;
  readonly #maxSessions: number;
  readonly #maxTracks: number;
  readonly #tick: ReturnType<typeof setInterval>;
  readonly #counters = { objectsIn: 0, bytesIn: 0, bytesOut: 0, droppedGroups: 0 };
  #sessionsBegun = 0;
  #opening = 0;
  #refused = 0;
  /** Bytes that groups do without, because the process is too large. */
  #shrunkBytes = 0;
  #closing = false;

  /** Begins without sessions. */
  constructor(options: RelayOptions = {}) {
    this.#cacheBytes = options.cacheBytes ?? 64 << 20;
    this.#sessionBytes = options.sessionBytes ?? SEND_WINDOW;
    this.#cache = new GroupCache(this.#cacheBytes);
    this.#maxSessions = options.maxSessions ?? 1000;
    this.#maxTracks = options.maxTracks ?? 10_000;
    if (options.memory !== undefined) {
      this.#memory = new MemoryGuard({
        ...options.memory,
        shrink: (bytes) => {
          this.#shrunkBytes = bytes;
          this.#share();
        },
      });
    }
    this.#fetches = new FetchDesk({
      cache: this.#cache,
      holdMs: options.holdMs ?? HOLD_MS,
      knownTrack: (name) => this.#tracks.get(formatTrackName(name)),
      publishers: (name) => this.#registry.publishers(name.namespace),
    });
    this.#trackHost = {
      cache: this.#cache,
      limits: { ...OUTLET_LIMITS, ...options.outlet },
      holdMs: options.holdMs ?? HOLD_MS,
      counters: this.#counters,
      came: (bytes) => this.#memory?.came(bytes),
      publishers: (track) => this.#registry.publishers(track.namespace),
      anew: (track) => this.#fetches.anew(track.name),
      forget: (track) => this.#tracks.delete(formatTrackName(track.name)),
    };
    this.#peerHost = {
      limits: { ...SESSION_LIMITS, ...options.session },
      gate: options.gate ?? OPEN_GATE,
      registry: this.#registry,
      track: (name) => this.#track(name),
      knownTrack: (name) => this.#tracks.get(formatTrackName(name)),
      publishers: (name) => this.#registry.publishers(name.namespace),
      namespaceAdded: () => {
        for (const track of this.#tracks.values()) track.connect();
      },
      offers: this.#offers,
      fetches: this.#fetches,
    };
    this.#tick = setInterval(() => {
      const now = performance.now();
      this.#memory?.look(now);
      for (const track of this.#tracks.values()) track.tick(now);
    }, TICK_MS);
  }

  /** Figures now. */
  get stats(): RelayStats {
    let subscriptions = 0;
    let upstreams = 0;
    for (const track of this.#tracks.values()) {
      subscriptions += track.subscribers;
      upstreams += track.upstreams;
    }
    return {
      ...this.#counters,
      sessions: this.#sessions.size,
      sessionsTotal: this.#sessionsBegun,
      refusedSessions: this.#refused,
      namespaces: this.#registry.size,
      tracks: this.#tracks.size,
      subscriptions,
      upstreams,
      cacheBytes: this.#cache.bytes,
      cacheGroups: this.#cache.groups,
      evictedGroups: this.#cache.evictedGroups,
      trimmedBytes: this.#cache.trimmedBytes,
      ...this.#fetches.counters,
      ...(this.#memory?.counters ?? { memoryBytes: 0, memoryReliefs: 0, memoryHolds: 0 }),
    };
  }

  /**
   * Serves a connection whose protocol tells the draft, until it ends. Resolves with why it ended; never
   * rejects.
   */
  async serve(connection: Connection, options: ServeOptions = {}): Promise<string> {
    const isFull = this.#sessions.size + this.#opening >= this.#maxSessions;
    if (this.#closing || isFull) {
      this.#refused++;
      // Neither is final: who is told so comes again.
      const reason = this.#closing ? "the relay is closing" : "too many sessions";
      connection.close({ closeCode: this.#closing ? NO_ERROR : INTERNAL_ERROR, reason });
      return reason;
    }
    this.#opening++;
    let peer: Peer | LitePeer;
    let session: RelaySession;
    try {
      const { family, connection: own } = await negotiate(connection, options.signal);
      peer = family === "lite" ? new LitePeer(this.#peerHost) : new Peer(this.#peerHost);
      session = await peer.begin(own, {
        webTransport: options.webTransport ?? false,
        path: options.path,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      this.#refused++;
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#opening--;
    }
    this.#sessions.add(session);
    this.#share();
    const id = `${++this.#sessionsBegun}`;
    options.onReady?.({
      id,
      draft: session.version === "lite" ? (peer as LitePeer).draft : session.version,
      get role() {
        return peer.role;
      },
    });
    if (this.#closing) session.goaway({ timeoutMs: GOAWAY_MS });
    try {
      const { reason, closeCode } = await session.closed;
      return reason === "" ? `closed (${closeCode})` : reason;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#sessions.delete(session);
      this.#share();
    }
  }

  /** Leaves to groups what sessions do not need. */
  #share(): void {
    const left = this.#cacheBytes - this.#sessions.size * this.#sessionBytes;
    const least = this.#cacheBytes >> (this.#shrunkBytes > 0 ? 3 : 2);
    this.#cache.limit = Math.max(left - this.#shrunkBytes, least);
  }

  #track(name: TrackName): RelayTrack {
    const key = formatTrackName(name);
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    if (this.#tracks.size >= this.#maxTracks) {
      throw new RequestError("excessive-load", "there are too many tracks here");
    }
    const track = new RelayTrack(name, this.#trackHost);
    this.#tracks.set(key, track);
    return track;
  }

  /** Tells all that the relay goes away, gives them a second, and ends them. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    const sessions = [...this.#sessions];
    for (const session of sessions) session.goaway({ timeoutMs: GOAWAY_MS });
    const ended = Promise.all(sessions.map((session) => session.closed.catch(() => {})));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([
      ended,
      new Promise<void>((resolve) => timer = setTimeout(resolve, GOAWAY_MS)),
    ]);
    clearTimeout(timer);
    await Promise.all(sessions.map((session) => session.close("no-error", "the relay is closing")));
    clearInterval(this.#tick);
    this.#memory?.open();
    this.#fetches.close();
    for (const track of this.#tracks.values()) track.close();
    this.#tracks.clear();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
