/**
 * One subscriber of a track. What it is sent is read from the logs that all share; who is slow loses
 * whole old groups, and nobody else notices.
 *
 * @module
 */
import type { DoneName } from "../../moqt/codes.ts";
import type { ObjectDatagram } from "../../moqt/data/datagram.ts";
import type { Location } from "../../moqt/wire/location.ts";
import type { Parameters } from "../../moqt/wire/parameters.ts";
import { Cursor } from "./cursor.ts";
import type { Group } from "./group.ts";
import { ObjectPicker } from "./object_picker.ts";
import type { RelayPublication, RelaySession } from "../session.ts";
import type { StreamLog } from "./stream_log.ts";

/** Limits of a subscriber. */
export interface OutletLimits {
  /** Bytes that may wait for it; then its oldest groups are cut off. */
  maxPendingBytes: number;
  /**
   * How long an old group may still be on its way after a newer one began, in milliseconds; the time in
   * which the publisher was held back does not count.
   */
  lateMs: number;
}

/** What a subscriber's track is told. */
export interface OutletEvents {
  /** Bytes were taken by the transport. */
  sent(outlet: Outlet, bytes: number): void;
  /** Most bytes that may wait for the subscriber now. */
  boundOf(outlet: Outlet): number;
  /** A group was cut off for this subscriber. */
  dropped(outlet: Outlet): void;
  /** Keeping a stream for this subscriber costs so many bytes more. */
  cost(group: Group, bytes: number): void;
  /** What the subscriber asks for has changed. */
  changed(outlet: Outlet, parameters: Parameters): void;
  /** The subscription is over. */
  closed(outlet: Outlet): void;
}

const DEFAULT_PRIORITY = 128;

/** What a stream on its way costs beside its bytes, roughly: it counts as waiting. */
const STREAM_COST = 1000;
/** What it takes of the memory that all share, roughly, as long as it is on its way. */
export const CURSOR_COST = 3000;

/** When a track has ended, a subscriber that takes nothing for so long is done, in milliseconds. */
const END_STALL_MS = 5_000;

/** How long after a group behind a filter's end its subscription is over, in milliseconds. */
const PAST_END_MS = 300;

/** A subscriber. */
export class Outlet {
  #pastEndMs: number | undefined;
  /** What is on its way, by group, in the order groups began. */
  readonly #cursors = new Map<number, Set<Cursor>>();
  readonly #limits: OutletLimits;
  readonly #events: OutletEvents;
  #start: Location;
  /** How long groups are late already, in milliseconds. */
  readonly #late = new Map<number, number>();
  #ending: { reason: DoneName; stillMs: number } | undefined;
  #over = false;
  #pending = 0;
  #forwards: boolean;
  #filter: Parameters["filter"];
  /** What objects are sent with. */
  readonly publication: RelayPublication;
  /** The subscriber's session. */
  readonly session: RelaySession;

  /** Sends to a publication whose subscriber agreed. */
  constructor(
    publication: RelayPublication,
    session: RelaySession,
    limits: OutletLimits,
    events: OutletEvents,
  ) {
    this.publication = publication;
    this.session = session;
    this.#limits = limits;
    this.#events = events;
    this.#forwards = publication.parameters.forward !== false;
    this.#filter = publication.parameters.filter;
    this.#start = this.#startOf(publication.largest);
    publication.onUpdate((parameters) => this.#updated(parameters));
    publication.closed.then(() => this.#close());
  }

  /** Bytes that wait to be sent. */
  get pendingBytes(): number {
    return this.#pending;
  }

  /** Most bytes that may wait. */
  get maxPendingBytes(): number {
    return this.#limits.maxPendingBytes;
  }

  /** Whether it wants to be sent objects. */
  get forwards(): boolean {
    return this.#forwards && !this.#over && this.#ending === undefined;
  }

  /** Whether nothing is on its way. */
  get isIdle(): boolean {
    return this.#cursors.size === 0;
  }

  /** Without a filter a subscription begins where it was made. */
  #startOf(largest: Location | undefined): Location {
    if (this.#filter !== undefined || largest === undefined) return this.publication.start;
    return { group: largest.group, object: largest.object + 1 };
  }

  #updated(parameters: Parameters): void {
    if (parameters.filter !== this.#filter) {
      this.#pastEndMs = undefined;
      this.#filter = parameters.filter;
      this.#start = this.#startOf(this.publication.largest);
    }
    const forwards = parameters.forward !== false;
    const stopped = this.#forwards && !forwards;
    this.#forwards = forwards;
    for (const [group, cursors] of [...this.#cursors]) {
      for (const cursor of [...cursors]) {
        if (stopped || !this.#wantsGroup(group)) cursor.cut("cancelled");
        else cursor.reorder();
      }
    }
    this.#events.changed(this, parameters);
  }

  #wantsGroup(group: number): boolean {
    if (group < this.#start.group) return false;
    const filter = this.#filter;
    return filter?.from !== "start" || filter.endGroup === undefined || group <= filter.endGroup;
  }

  /** Sends what is held already of what it wants. */
  begin(groups: Iterable<Group>): void {
    const ids = [...groups].filter((group) => this.#wantsGroup(group.id));
    ids.sort((a, b) => a.id - b.id);
    for (const group of ids) for (const log of group.logs) this.offer(group, log);
  }

  /** Whether the subscriber's filter ends before a group. */
  #endsBefore(group: number): boolean {
    const filter = this.#filter;
    return filter?.from === "start" && filter.endGroup !== undefined && filter.endGroup < group;
  }

  /** A stream of a group began. */
  offer(group: Group, log: StreamLog): void {
    if (this.#endsBefore(group.id)) this.#pastEndMs ??= 0;
    if (!this.forwards || !this.#wantsGroup(group.id)) return;
    const own = log.as(this.session.version, (bytes) => this.#events.cost(group, bytes));
    if (own === undefined) return;
    const from = group.id === this.#start.group ? this.#start.object : 0;
    if (from === 0 && own.first > 0) return;
    if (from > 0 && own.state !== "open" && !own.reaches(from)) return;
    // The first reader's cost is part of the stream's own.
    const cost = own.readers > 0 ? CURSOR_COST : 0;
    const cursor = new Cursor(
      this.publication,
      group,
      own,
      from,
      {
        waiting: (bytes) => this.#grew(bytes),
        sent: (bytes) => this.#sent(bytes),
        over: (cursor) => this.#ended(cursor),
      },
      this.#picker(own, from),
      cost,
    );
    const others = this.#cursors.get(group.id);
    if (others === undefined) this.#cursors.set(group.id, new Set([cursor]));
    else others.add(cursor);
    this.#grew(STREAM_COST);
    this.#events.cost(group, cursor.cost);
    cursor.run();
  }

  /** What leaves objects out of a stream; undefined: nothing needs to. */
  #picker({ header, version, subgroup }: StreamLog, from: number): ObjectPicker | undefined {
    const { publication } = this;
    const filter = this.#filter;
    const end = filter?.from === "start" && filter.endGroup === header.group
      ? filter.endObject
      : undefined;
    if (version === "lite" || (publication.filter === undefined && end === undefined)) {
      return undefined;
    }
    const priority = header.priority ?? publication.properties?.defaultPriority ?? DEFAULT_PRIORITY;
    let first: number | undefined;
    return new ObjectPicker(version, header.hasProperties, (id, properties) => {
      first ??= subgroup ?? id;
      return id >= from && (end === undefined || id <= end) &&
        publication.filter?.passes({ subgroup: first, id, priority, properties }) !== false;
    });
  }

  /** A datagram came. */
  datagram(object: ObjectDatagram): void {
    const { group, id } = object;
    if (!this.forwards || !this.#wantsGroup(group)) return;
    if (group === this.#start.group && id < this.#start.object) return;
    const filter = this.#filter;
    const isLast = filter?.from === "start" && group === filter.endGroup;
    if (isLast && id > (filter.endObject ?? Infinity)) return;
    this.publication.datagram(object);
  }

  #grew(bytes: number): void {
    this.#pending += bytes;
    // Cursors that are being cut give their bytes back here, and are not to be cut once more.
    if (bytes <= 0 || this.#pending <= this.#limits.maxPendingBytes) return;
    const bound = this.#events.boundOf(this);
    for (const group of this.#cursors.keys()) {
      if (this.#pending <= bound) return;
      this.#drop(group);
    }
  }

  #sent(bytes: number): void {
    this.#pending -= bytes;
    if (this.#ending !== undefined) this.#ending.stillMs = 0;
    this.#events.sent(this, bytes);
  }

  #drop(group: number): void {
    this.#events.dropped(this);
    for (const cursor of [...this.#cursors.get(group) ?? []]) cursor.cut("too-far-behind");
  }

  #ended(cursor: Cursor): void {
    const { id } = cursor.group;
    const cursors = this.#cursors.get(id);
    cursors?.delete(cursor);
    if (cursors?.size === 0) {
      this.#cursors.delete(id);
      this.#late.delete(id);
    }
    this.#grew(-STREAM_COST);
    this.#events.cost(cursor.group, -cursor.cost);
    if (cursor.wasTrimmed) this.#events.dropped(this);
    this.#events.sent(this, 0);
    this.#finishIfIdle();
  }

  /**
   * Looks after what is late, each time so much time has passed in which the publisher was not held
   * back. What waits when the track has ended is not late, as nothing newer comes; then it may only not
   * stand still.
   */
  tick(activeMs: number): void {
    const { lateMs } = this.#limits;
    if (this.#pastEndMs !== undefined) {
      // Streams of the groups before may be on their way still.
      this.#pastEndMs += activeMs;
      if (this.#pastEndMs > PAST_END_MS) this.finish("subscription-ended");
    }
    if (this.#ending !== undefined) {
      this.#ending.stillMs += activeMs;
      if (this.#ending.stillMs > END_STALL_MS) this.publication.done(this.#ending.reason);
      return;
    }
    const timeout = Math.min(lateMs, this.publication.deliveryTimeoutMs ?? lateMs);
    for (const [id, cursors] of this.#cursors) {
      let waits = false;
      for (const { group, pendingBytes } of cursors) {
        waits ||= pendingBytes > 0 && group.supersededAt !== undefined;
      }
      if (!waits) continue;
      const late = (this.#late.get(id) ?? 0) + activeMs;
      this.#late.set(id, late);
      if (late > timeout) this.#drop(id);
    }
  }

  /** Nothing follows; what waits is still sent. */
  finish(reason: DoneName): void {
    this.#ending ??= { reason, stillMs: 0 };
    this.#finishIfIdle();
  }

  #finishIfIdle(): void {
    if (this.#ending !== undefined && this.isIdle) this.publication.done(this.#ending.reason);
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    for (const cursors of [...this.#cursors.values()]) {
      for (const cursor of [...cursors]) cursor.cut("cancelled");
    }
    this.#events.closed(this);
  }
}
