/**
 * A track as far as fetches are concerned.
 *
 * @module
 */
import type { IncomingFetch } from "../../moqt/respond/incoming.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import type { TrackProperties } from "../../moqt/wire/properties.ts";
import type { TrackName } from "../../moqt/wire/track_name.ts";
import type { FetchSource } from "./fetching.ts";
import type { GroupCache } from "../live/group.ts";
import { type KnownTrack, segmentAt } from "./knowledge.ts";
import { Past } from "./past.ts";
import { Pull, type PullHost, type PullInfo } from "./pull.ts";
import type { PullReader } from "./pull_reader.ts";
import type { RelaySession } from "../session.ts";
import { after, earlier, endFromWire, later, type Span } from "./span.ts";
import type { RelayTrack } from "../live/track.ts";

/** What it needs of the relay. */
export interface FetchedTrackHost {
  /** The memory that all groups share. */
  readonly cache: GroupCache;
  /** The track, where it is subscribed to. */
  live(): RelayTrack | undefined;
  /** Sessions that say they have the track's namespace, the best first. */
  publishers(): readonly RelaySession[];
  /** A publisher agreed to a fetch. */
  asked(session: RelaySession): void;
  /** All that was kept is let go. */
  emptied(): void;
}

/** What was fetched of a track, and is being fetched. */
export class FetchedTrack implements FetchSource, PullHost {
  readonly #host: FetchedTrackHost;
  readonly #pulls = new Set<Pull>();
  readonly #sources = new Set<RelaySession>();
  #properties: TrackProperties | undefined;
  #trackEnd: Location | undefined;
  /** Which track. */
  readonly track: TrackName;
  /** What is kept. */
  readonly past: Past;
  /** Fetches that are being answered. */
  users = 0;

  /** Begins without anything. */
  constructor(track: TrackName, host: FetchedTrackHost) {
    this.track = track;
    this.#host = host;
    this.past = new Past(host.cache, () => host.emptied());
  }

  /** Whether nothing would be lost with it. */
  get isUnused(): boolean {
    return this.users === 0 && this.#pulls.size === 0 && this.past.isEmpty;
  }

  /** What there is of it. */
  get known(): KnownTrack {
    return {
      holdings: this.#host.live()?.holdings,
      past: this.past,
      maxAgeMs: this.properties?.maxCacheDurationMs,
    };
  }

  /** What publishers say of it. */
  get properties(): TrackProperties | undefined {
    const live = this.#host.live();
    return live?.isLive === true ? live.properties : this.#properties ?? live?.properties;
  }

  /** Where what is published ends now, where all of it comes here. */
  get edge(): Location | undefined {
    const live = this.#host.live();
    if (live?.isLive !== true || !live.holdings.isCurrent || live.largest === undefined) {
      return undefined;
    }
    return after(live.largest);
  }

  /** Where what is known to be published ends. */
  get reached(): Location | undefined {
    const largest = this.#host.live()?.largest;
    const live = largest === undefined ? undefined : after(largest);
    const { end } = this.past;
    return live === undefined || end === undefined ? live ?? end : later(live, end);
  }

  /** Where it ends for good. */
  get trackEnd(): Location | undefined {
    return this.#trackEnd;
  }

  /** Whether there is somebody to ask. */
  get hasPublishers(): boolean {
    return this.publishers().length > 0;
  }

  /** Whether a fetch needs more than is here. */
  isMissing({ start, end }: IncomingFetch): boolean {
    const asked = endFromWire(end);
    const last = this.edge ?? this.trackEnd ?? (this.hasPublishers ? undefined : this.reached);
    const to = last === undefined ? asked : earlier(asked, last);
    for (let at = start; compareLocations(at, to) < 0;) {
      const segment = segmentAt(this.known, at, { from: at, to });
      if (segment.kind === "unknown") return true;
      at = segment.to;
    }
    return false;
  }

  /** Those who send the track, then those who have its namespace. */
  publishers(): RelaySession[] {
    const sources = this.#host.live()?.sources ?? [];
    return [...new Set([...sources, ...this.#host.publishers()])];
  }

  /** Asks for a stretch, or shares what is being asked for. */
  pull(span: Span, order: GroupOrder, priority: number): PullReader {
    for (const pull of this.#pulls) if (pull.suits(span, order)) return pull.read(priority);
    const pull = new Pull(this, span, order, priority);
    this.#pulls.add(pull);
    return pull.read(priority);
  }

  /** A pull is over. */
  over(pull: Pull): void {
    this.#pulls.delete(pull);
  }

  /** A publisher agreed. */
  agreed(session: RelaySession, { end, endOfTrack, properties }: PullInfo): void {
    // Who comes when all others are gone may have something else under the same names.
    if (this.#sources.size === 0) this.clear();
    this.#sources.add(session);
    this.#properties = properties;
    if (endOfTrack) this.#trackEnd = end;
    this.#host.asked(session);
  }

  /** Whether what comes before a location was published for certain. */
  isPublished(to: Location): boolean {
    const largest = this.#host.live()?.largest;
    const ends = [this.#trackEnd, largest === undefined ? undefined : after(largest)];
    return ends.some((end) => end !== undefined && compareLocations(to, end) <= 0);
  }

  /** A session is over. */
  gone(session: RelaySession): void {
    this.#sources.delete(session);
  }

  /** Lets go of what nobody is left of who gave it. */
  clearIfOrphaned(): void {
    if (this.#sources.size === 0) this.clear();
  }

  /** Lets everything go. */
  clear(): void {
    this.#trackEnd = undefined;
    this.#properties = undefined;
    this.past.clear();
  }
}
