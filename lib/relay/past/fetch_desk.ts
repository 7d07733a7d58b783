/**
 * Where fetches are answered, and what was fetched is kept, for all tracks of a relay.
 *
 * @module
 */
import type { FetchAnswer } from "../../moqt/receive/fetch.ts";
import type { IncomingFetch } from "../../moqt/respond/incoming.ts";
import type { Version } from "../../moqt/versions.ts";
import { formatTrackName, type TrackName } from "../../moqt/wire/track_name.ts";
import { FetchedTrack } from "./fetched_track.ts";
import { answerFetch } from "./fetching.ts";
import type { GroupCache } from "../live/group.ts";
import type { RelaySession } from "../session.ts";
import type { RelayTrack } from "../live/track.ts";

/** What the desk needs of the relay. */
export interface DeskHost {
  /** The memory that all groups share. */
  readonly cache: GroupCache;
  /** How long what a publisher gave is kept once it is gone, in milliseconds. */
  readonly holdMs: number;
  /** The track of a name, where it is subscribed to. */
  knownTrack(name: TrackName): RelayTrack | undefined;
  /** Sessions that say they have the track's namespace, the best first. */
  publishers(name: TrackName): readonly RelaySession[];
}

/** Counters of fetches. */
export interface FetchCounters {
  /** Fetches answered from what is here. */
  fetchesHeld: number;
  /** Fetches of which something was asked of publishers. */
  fetchesAsked: number;
  /** Fetches at publishers. */
  fetchesUpstream: number;
}

/** Answers fetches. */
export class FetchDesk {
  readonly #host: DeskHost;
  readonly #tracks = new Map<string, FetchedTrack>();
  readonly #followed = new WeakSet<RelaySession>();
  readonly #holds = new Set<ReturnType<typeof setTimeout>>();
  /** Counters since it began. */
  readonly counters: FetchCounters = { fetchesHeld: 0, fetchesAsked: 0, fetchesUpstream: 0 };

  /** Begins without anything. */
  constructor(host: DeskHost) {
    this.#host = host;
  }

  /** Answers a session that speaks `version`. Throws a `RequestError`. */
  async answer(request: IncomingFetch, version: Version): Promise<FetchAnswer> {
    const track = this.#track(request.track);
    track.users++;
    const leave = () => {
      track.users--;
      this.#forgetIfUnused(track);
    };
    request.signal.addEventListener("abort", leave, { once: true });
    if (track.isMissing(request)) this.counters.fetchesAsked++;
    else this.counters.fetchesHeld++;
    return await answerFetch(track, request, version);
  }

  #track(name: TrackName): FetchedTrack {
    const key = formatTrackName(name);
    const known = this.#tracks.get(key);
    if (known !== undefined) return known;
    const track: FetchedTrack = new FetchedTrack(name, {
      cache: this.#host.cache,
      live: () => this.#host.knownTrack(name),
      publishers: () => this.#host.publishers(name),
      asked: (session) => {
        this.counters.fetchesUpstream++;
        this.#follow(session);
      },
      emptied: () => this.#forgetIfUnused(track),
    });
    this.#tracks.set(key, track);
    return track;
  }

  #forgetIfUnused(track: FetchedTrack): void {
    const key = formatTrackName(track.track);
    if (track.isUnused && this.#tracks.get(key) === track) this.#tracks.delete(key);
  }

  /** What a publisher gave goes some time after it. */
  #follow(session: RelaySession): void {
    if (this.#followed.has(session)) return;
    this.#followed.add(session);
    const gone = () => {
      const hold = setTimeout(() => {
        this.#holds.delete(hold);
        for (const track of [...this.#tracks.values()]) track.clearIfOrphaned();
      }, this.#host.holdMs);
      this.#holds.add(hold);
      for (const track of this.#tracks.values()) track.gone(session);
    };
    session.closed.then(gone, gone);
  }

  /** A publisher began anew: what was fetched may be something else now. */
  anew(name: TrackName): void {
    this.#tracks.get(formatTrackName(name))?.clear();
  }

  /** Lets everything go. */
  close(): void {
    for (const hold of this.#holds) clearTimeout(hold);
    for (const track of [...this.#tracks.values()]) track.clear();
    this.#tracks.clear();
  }
}
