/**
 * A track as the relay knows it: who publishes it, what is held of it, who is sent it.
 *
 * @module
 */
import type { DoneName } from "../../moqt/codes.ts";
import type { ObjectDatagram } from "../../moqt/data/datagram.ts";
import type { SubgroupHeader } from "../../moqt/data/subgroup.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { ForwardStream } from "../../moqt/receive/forward.ts";
import type { SubscriptionEnd } from "../../moqt/receive/subscription.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { Parameters } from "../../moqt/wire/parameters.ts";
import type { TrackProperties } from "../../moqt/wire/properties.ts";
import type { TrackName } from "../../moqt/wire/track_name.ts";
import { Group, type GroupCache, type GroupOwner } from "./group.ts";
import { Holdings } from "./holdings.ts";
import { CURSOR_COST, Outlet, type OutletLimits } from "./outlet.ts";
import { Pressure } from "./pressure.ts";
import type { RelaySession, RelaySubscription } from "../session.ts";
import { hasGroupRequests, Upstream, type UpstreamEvents } from "./upstream.ts";
import { Waiters } from "./waiters.ts";
import { GroupRequests, priorityFor } from "./wish.ts";

/** What a track needs of the relay. */
export interface TrackHost {
  /** The memory all tracks share. */
  readonly cache: GroupCache;
  /** Limits of each subscriber. */
  readonly limits: OutletLimits;
  /** How long subscribers are kept while there is no publisher, in milliseconds. */
  readonly holdMs: number;
  /** Counters. */
  readonly counters: TrackCounters;
  /** Something came, of so many bytes; a promise: wait for it before more is read. */
  came(bytes: number): Promise<void> | undefined;
  /** Sessions that say they have the track's namespace, the best first. */
  publishers(track: TrackName): readonly RelaySession[];
  /** A publisher of the track began anew. */
  anew(track: RelayTrack): void;
  /** Nothing is known of the track any more. */
  forget(track: RelayTrack): void;
}

/** Counters of all tracks. */
export interface TrackCounters {
  /** Objects that came on streams and in datagrams. */
  objectsIn: number;
  /** Bytes of streams and datagrams that came. */
  bytesIn: number;
  /** Bytes of streams that were sent. */
  bytesOut: number;
  /** Groups cut off for some subscriber because it was slow. */
  droppedGroups: number;
}

/** How long after a refusal a publisher is asked again, in milliseconds: at first, at most. */
const RETRY_MS = [100, 1000] as const;

/** Ends that the publisher means for good. */
const FINAL: ReadonlySet<string> = new Set<DoneName>([
  "track-ended",
  "subscription-ended",
  "unauthorized",
  "malformed-track",
]);

/** A track. */
export class RelayTrack implements GroupOwner, UpstreamEvents {
  readonly #host: TrackHost;
  readonly #upstreams = new Map<RelaySession, Upstream>();
  readonly #outlets = new Set<Outlet>();
  readonly #waiters = new Waiters();
  readonly #pressure = new Pressure();
  #lastTick = performance.now();
  #lastHeldMs = 0;
  readonly #holdings: Holdings;
  #properties: TrackProperties = {};
  #hold: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryMs: number = RETRY_MS[0];
  /** Subscribers of before, and what the publisher that came back knows, until its first group came. */
  #return: { outlets: Set<Outlet>; largest: Location | undefined } | undefined;
  /** Settled once the publisher was last told whether to send objects, and agreed. */
  #steered: Promise<void> = Promise.resolve();
  /** What requests that need a publisher say. */
  readonly #asking = new Set<{ session: RelaySession | undefined; parameters: Parameters }>();
  readonly #groupRequests = new GroupRequests();
  /** Its full name. */
  readonly name: TrackName;

  /** Begins without anybody. */
  constructor(name: TrackName, host: TrackHost) {
    this.name = name;
    this.#host = host;
    this.#holdings = new Holdings(this, host.cache);
  }

  /** What is held of it. */
  get holdings(): Holdings {
    return this.#holdings;
  }

  /** The newest group. */
  get newest(): Group | undefined {
    return this.#holdings.newest;
  }

  /** Whether a publisher is there. */
  get isLive(): boolean {
    return this.#first !== undefined;
  }

  /** The publisher that is there longest. */
  get #first(): Upstream | undefined {
    for (const upstream of this.#upstreams.values()) if (upstream.isReady) return upstream;
    return undefined;
  }

  /** What the publisher says of it. */
  get properties(): TrackProperties {
    return this.#properties;
  }

  /** Subscribers now. */
  get subscribers(): number {
    return this.#outlets.size;
  }

  /** Whether a session is sent it, or asks for it. */
  serves(session: RelaySession): boolean {
    for (const asking of this.#asking) if (asking.session === session) return true;
    for (const outlet of this.#outlets) if (outlet.session === session) return true;
    return false;
  }

  /** Upstream subscriptions, those being asked for included. */
  get upstreams(): number {
    return this.#upstreams.size;
  }

  /** Sessions that send it. */
  get sources(): RelaySession[] {
    return [...this.#upstreams.values()].filter((it) => it.isReady).map(({ session }) => session);
  }

  /**
   * Does `work` once there is a publisher, waited for up to `rendezvousMs` where none is there. Throws a
   * `RequestError`.
   */
  async use<T>(
    options: {
      signal: AbortSignal;
      rendezvousMs: number;
      session?: RelaySession;
      parameters?: Parameters;
    },
    work: () => T,
  ): Promise<T> {
    const asking = { session: options.session, parameters: options.parameters ?? {} };
    this.#asking.add(asking);
    try {
      if (!this.isLive) {
        const waiting = this.#waiters.wait(options);
        this.connect();
        if (this.#upstreams.size === 0) this.#waiters.fail(missing());
        await waiting;
      }
      this.#steer();
      await this.#steered;
      options.signal.throwIfAborted();
      if (!this.isLive) throw missing();
      this.#requestGroup(asking.parameters.newGroup);
      return work();
    } finally {
      this.#asking.delete(asking);
      this.#release();
    }
  }

  /** Asks all publishers that there are and that were not asked yet. */
  connect(): void {
    if (this.#outlets.size === 0 && this.#asking.size === 0) return;
    const sessions = this.#host.publishers(this.name).filter((it) => !this.#upstreams.has(it));
    if (sessions.length === 0) return;
    const newGroup = this.#takeGroupRequest();
    const priority = this.#priority;
    for (const session of sessions) {
      const parameters = {
        filter: { from: "largest-object" },
        priority,
        ...(newGroup !== undefined && hasGroupRequests(session.version) ? { newGroup } : {}),
      } as const;
      const subscription = session.subscribe(this.name, { parameters });
      this.#add(session, subscription, { isOffered: false, forward: true, priority });
    }
  }

  /** The new group that is asked for and that no publisher heard of; after that it is one of them. */
  #takeGroupRequest(): number | undefined {
    const requests = [...this.#asking].flatMap(({ parameters: { newGroup } }) => newGroup ?? []);
    for (const asking of this.#asking) {
      const { newGroup: _, ...parameters } = asking.parameters;
      asking.parameters = parameters;
    }
    if (requests.length === 0) return undefined;
    const newGroup = Math.max(...requests);
    return this.#groupRequests.isNews(newGroup, this.largest?.group) ? newGroup : undefined;
  }

  get #priority(): number {
    return priorityFor([...this.#asking].map(({ parameters }) => parameters), this.#outlets);
  }

  /** A subscriber asks for a new group. */
  #requestGroup(newGroup: number | undefined): void {
    if (newGroup === undefined || this.#properties.dynamicGroups !== true) return;
    if (!this.#groupRequests.isNews(newGroup, this.largest?.group)) return;
    for (const upstream of this.#upstreams.values()) upstream.requestGroup(newGroup);
  }

  /** A publisher offered the track, and was told whether to send objects (`forward`). */
  offered(session: RelaySession, subscription: RelaySubscription, forward: boolean): void {
    this.#upstreams.get(session)?.close();
    this.#add(session, subscription, { isOffered: true, forward });
  }

  #add(
    session: RelaySession,
    subscription: RelaySubscription,
    options: { isOffered: boolean; forward: boolean; priority?: number },
  ): void {
    clearTimeout(this.#hold);
    this.#upstreams.set(session, new Upstream(session, subscription, this, options));
  }

  /** Whether objects are wanted now. */
  get isWanted(): boolean {
    if (this.#asking.size > 0) return true;
    for (const outlet of this.#outlets) if (outlet.forwards) return true;
    return false;
  }

  /** The publisher agreed. */
  established(upstream: Upstream): void {
    const others = [...this.#upstreams.values()].some((it) => it !== upstream && it.isReady);
    this.#properties = upstream.properties;
    this.#return = undefined;
    if (!others) {
      this.#continue(upstream);
      this.#groupRequests.located(upstream.largest?.group);
    }
    this.#retryMs = RETRY_MS[0];
    this.#waiters.succeed();
    this.#steer();
  }

  /** The track goes on with a publisher, which may have begun anew. */
  #continue({ largest }: Upstream): void {
    const ours = this.#holdings.largest;
    // Whoever knows less than what was published has begun anew, or will show otherwise.
    if (
      ours !== undefined && (largest === undefined || compareLocations(largest, ours) < 0)
    ) {
      this.#host.anew(this);
      if (this.#outlets.size === 0) this.#holdings.clear();
      else this.#return = { outlets: new Set(this.#outlets), largest };
    }
    this.#holdings.begin(largest);
  }

  /** The publisher refused. */
  refused(upstream: Upstream, error: unknown): void {
    this.#remove(upstream);
    if (this.#upstreams.size > 0) return;
    this.#waiters.fail(error instanceof RequestError ? error : missing());
    if (this.#outlets.size > 0) this.#retryLater();
    this.#release();
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS[1]);
  }

  /** A publisher's subscription is over. */
  ended(upstream: Upstream, end: SubscriptionEnd): void {
    this.#remove(upstream);
    const next = this.#first;
    if (next !== undefined) {
      const { newestGroup = -1 } = next;
      const caughtUp = newestGroup >= (this.#holdings.largest?.group ?? -1);
      if (!caughtUp) this.#continue(next);
      return;
    }
    const { reason } = end;
    if (FINAL.has(reason)) return this.#finish(reason as DoneName);
    this.connect();
    this.#holdOn();
  }

  #remove(upstream: Upstream): void {
    if (this.#upstreams.get(upstream.session) === upstream) {
      this.#upstreams.delete(upstream.session);
    }
    if (!this.isLive) this.#pressure.open();
  }

  /** Subscribers stay for a while, since publishers come back. */
  #holdOn(): void {
    clearTimeout(this.#hold);
    if (this.isLive) return;
    this.#hold = setTimeout(() => {
      if (this.isLive) return;
      this.#finish("going-away");
      this.#forgetIfUnused();
    }, this.#host.holdMs);
  }

  #finish(reason: DoneName): void {
    for (const outlet of [...this.#outlets]) outlet.finish(reason);
    this.#holdOn();
  }

  /** Sends to a subscriber from now on. */
  attach(outlet: Outlet): void {
    outlet.publication.follow(() => this.largest);
    this.#outlets.add(outlet);
    this.#pressure.joined(outlet);
    // Before a publisher that came back has shown what it has, what is held may be another's.
    if (this.#return === undefined) outlet.begin(this.#holdings.groups);
    this.#steer();
  }

  /** Makes a subscriber of a publication that its session agreed on. */
  outlet(publication: Outlet["publication"], session: RelaySession): Outlet {
    const { counters, cache, limits } = this.#host;
    return new Outlet(publication, session, limits, {
      sent: (outlet, bytes) => {
        counters.bytesOut += bytes;
        this.#pressure.sent(outlet);
      },
      boundOf: (outlet) => this.#pressure.boundOf(outlet),
      dropped: () => counters.droppedGroups++,
      cost: (group, bytes) => cache.add(group, bytes),
      changed: (_, { newGroup }) => {
        this.#requestGroup(newGroup);
        this.#steer();
      },
      closed: (outlet) => {
        this.#outlets.delete(outlet);
        this.#pressure.left(outlet);
        this.#steer();
        this.#release();
      },
    });
  }

  /** Publishers send objects as long as somebody wants them. */
  #steer(): void {
    const wanted = this.isWanted;
    const priority = this.#priority;
    for (const upstream of [...this.#upstreams.values()]) {
      if (wanted) upstream.setPriority(priority);
      if (!wanted && !upstream.isOffered && this.#outlets.size === 0) continue;
      const changed = upstream.setForward(wanted);
      if (changed === undefined) continue;
      this.#steered = changed.then(
        (largest) => this.#holdings.resume(wanted, largest),
        () => {
          upstream.close();
          this.#remove(upstream);
        },
      );
    }
  }

  /** Leaves publishers whom nobody listens to. */
  #release(): void {
    if (this.#outlets.size > 0 || this.#asking.size > 0) return;
    clearTimeout(this.#retry);
    for (const [session, upstream] of this.#upstreams) {
      if (upstream.isOffered) continue;
      this.#upstreams.delete(session);
      upstream.close();
    }
    if (!this.isLive) this.#holdOn();
  }

  #forgetIfUnused(): void {
    if (this.#upstreams.size > 0 || this.#outlets.size > 0 || this.#asking.size > 0) return;
    this.close();
    this.#host.forget(this);
  }

  /** Lets go of all that is held, and of everybody. */
  close(): void {
    clearTimeout(this.#hold);
    clearTimeout(this.#retry);
    this.#waiters.fail(missing());
    for (const upstream of this.#upstreams.values()) upstream.close();
    this.#upstreams.clear();
    this.#holdings.clear();
    this.#pressure.open();
  }

  /** A group was let go. */
  evicted(group: Group): void {
    this.#holdings.evicted(group);
  }

  /** A stream began. */
  opened(
    upstream: Upstream,
    header: SubgroupHeader,
    stop: () => void,
  ): ForwardStream | undefined {
    if (!this.#takes(upstream, header.group)) return undefined;
    const many = this.#upstreams.size > 1;
    const held = this.#holdings.open(header, upstream.version, { stop, many });
    if (held === undefined) return undefined;
    for (const outlet of this.#outlets) outlet.offer(held.group, held.log);
    this.#host.came(this.#outlets.size * CURSOR_COST);
    const { counters } = this.#host;
    return {
      piece: (piece) => {
        counters.objectsIn += piece.objects;
        counters.bytesIn += piece.bytes.length;
        held.append(piece);
        return this.#host.came(piece.bytes.length) ?? this.#pressure.wait(piece.bytes.length);
      },
      ended: (whole) => held.end(whole),
    };
  }

  /** A datagram came. */
  datagram(upstream: Upstream, object: ObjectDatagram): void {
    if (!this.#takes(upstream, object.group)) return;
    const { counters } = this.#host;
    counters.objectsIn++;
    counters.bytesIn += object.payload.length;
    if (!this.#holdings.datagram(object, this.#upstreams.size > 1)) return;
    for (const outlet of this.#outlets) outlet.datagram(object);
  }

  /**
   * Whether a group is taken from a publisher: not old ones of one that is there besides another, whom
   * it may be going to replace after a new beginning. Where one came back and gives old ids to new
   * objects, locations mean something else now: those who subscribed before are told that theirs are
   * over, and ask again.
   */
  #takes(upstream: Upstream, group: number): boolean {
    const { largest } = this.#holdings;
    const isOld = largest !== undefined && group <= largest.group;
    if (upstream !== this.#first && isOld && group < largest.group) return false;
    upstream.newestGroup = Math.max(upstream.newestGroup ?? group, group);
    const back = this.#return;
    this.#return = undefined;
    if (back === undefined || !isOld) return true;
    for (const { publication } of back.outlets) {
      publication.done("going-away", "the publisher began anew: subscribe again");
    }
    this.#host.anew(this);
    this.#holdings.clear();
    return true;
  }

  /** Looks after what is late. */
  tick(now: number): void {
    this.#pressure.tick(now, () => this.#isShared);
    const held = this.#pressure.heldMs(now);
    const activeMs = Math.max(0, now - this.#lastTick - (held - this.#lastHeldMs));
    this.#lastTick = now;
    this.#lastHeldMs = held;
    for (const outlet of [...this.#outlets]) outlet.tick(activeMs);
  }

  /** Whether a publisher has other tracks, too, whose streams would wait together with this one's. */
  get #isShared(): boolean {
    for (const { isShared } of this.#upstreams.values()) if (isShared) return true;
    return false;
  }

  /** The largest location published, as far as is known. */
  get largest(): Location | undefined {
    return this.#return === undefined ? this.#holdings.largest : this.#return.largest;
  }
}

function missing(): RequestError {
  return new RequestError("does-not-exist", "nobody publishes this track here");
}
