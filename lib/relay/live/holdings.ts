/**
 * What the relay holds of one track.
 *
 * @module
 */
import type { ObjectDatagram } from "../../moqt/data/datagram.ts";
import type { SubgroupPiece } from "../../moqt/data/scan.ts";
import type { SubgroupHeader } from "../../moqt/data/subgroup.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import { Coverage } from "../past/coverage.ts";
import type { Framing } from "./framing.ts";
import { ENTRY_OVERHEAD, Group, type GroupCache, type GroupOwner } from "./group.ts";
import { SortedIds } from "../past/sorted_ids.ts";
import { after, before, earlier, groupStart, LAST_ID, later, type Span } from "../past/span.ts";
import { StreamLog } from "./stream_log.ts";

/** A stream that is being received. */
export interface Held {
  /** Its group. */
  readonly group: Group;
  /** Its bytes. */
  readonly log: StreamLog;
  /** Adds what came. */
  append(piece: SubgroupPiece): void;
  /** It ended. */
  end(whole: boolean): void;
}

/** A stretch that is known: the objects of one group, or that there are none. */
export interface HeldSpan extends Span {
  /** Whose objects; absent: there are none. */
  readonly group?: Group;
}

/** The groups of a track. */
export class Holdings {
  readonly #owner: GroupOwner;
  readonly #cache: GroupCache;
  readonly #groups = new Map<number, Group>();
  #newest: Group | undefined;
  #largest: Location | undefined;
  readonly #ids = new SortedIds();
  readonly #coverage = new Coverage();

  /** Begins empty. */
  constructor(owner: GroupOwner, cache: GroupCache) {
    this.#owner = owner;
    this.#cache = cache;
  }

  /** The groups, in the order they came. */
  get groups(): Iterable<Group> {
    return this.#groups.values();
  }

  /** The group with the largest id. */
  get newest(): Group | undefined {
    return this.#newest;
  }

  /** The largest location known. */
  get largest(): Location | undefined {
    return this.#largest;
  }

  /** Whether all that is published now comes here. */
  get isCurrent(): boolean {
    return this.#coverage.isCurrent;
  }

  /** A publisher began to send, after what it says is the largest location. */
  begin(largest: Location | undefined): void {
    const before = this.#largest;
    const same = largest !== undefined && before !== undefined &&
      largest.group === before.group && largest.object === before.object;
    if (!same) this.#coverage.begin(largest === undefined ? groupStart(0) : after(largest));
    if (largest !== undefined) this.#reached(largest.group, largest.object);
  }

  /** A publisher began to send again, or ceased to, without leaving. */
  resume(sends: boolean, largest: Location | undefined): void {
    if (!sends) this.#coverage.end();
    else if (largest === undefined) this.#coverage.beginWithNext();
    else this.begin(largest);
  }

  #reached(group: number, object: number): void {
    const largest = this.#largest;
    if (
      largest === undefined || group > largest.group ||
      (group === largest.group && object > largest.object)
    ) this.#largest = { group, object };
  }

  /**
   * What is known around a location, but for groups that began to come before `oldest` (as
   * `performance.now()`); undefined: nothing is. A group that is used goes later than others.
   */
  at(location: Location, oldest = -Infinity): HeldSpan | undefined {
    const [start, edge] = [this.#start, this.#edge];
    if (start === undefined || !this.#coverage.includes(location)) return undefined;
    if (compareLocations(location, edge) >= 0) return undefined;
    const id = location.group;
    const group = this.#groups.get(id);
    const from = later(start, groupStart(id));
    if (from.group > id || from.object > location.object) return undefined;
    if (group !== undefined) {
      if (group.damaged || group.since < oldest) return undefined;
      this.#cache.touch(group);
      return { from, to: earlier(groupStart(id + 1), edge), group };
    }
    const lost = this.#coverage.lostAround(id);
    const below = Math.max(this.#ids.below(id) ?? -1, lost.below ?? -1);
    const above = Math.min(this.#ids.above(id) ?? LAST_ID, lost.above ?? LAST_ID);
    return { from: later(start, groupStart(below + 1)), to: earlier(groupStart(above), edge) };
  }

  /** The stretch of which nothing is known, around a location of which `at` knows nothing. */
  unknownAround(location: Location, within: Span, oldest = -Infinity): Span {
    const [start, edge] = [this.#start, this.#edge];
    if (start === undefined || compareLocations(start, edge) >= 0) return within;
    const isUnknown = (id: number) => {
      const group = this.#groups.get(id);
      return this.#coverage.isLost(id) || group?.damaged === true ||
        (group !== undefined && group.since < oldest);
    };
    const newest = before(edge).group;
    const isBehind = compareLocations(location, edge) >= 0;
    if (isBehind && !isUnknown(newest)) return { from: later(edge, within.from), to: within.to };
    if (!isBehind && !isUnknown(location.group)) {
      return { from: within.from, to: earlier(start, within.to) };
    }
    let first = Math.min(location.group, newest);
    while (first > start.group && isUnknown(first - 1)) first--;
    let last = location.group;
    while (last < newest && isUnknown(last + 1)) last++;
    return {
      from: first > start.group ? later(groupStart(first), within.from) : within.from,
      to: last < newest ? earlier(groupStart(last + 1), within.to) : within.to,
    };
  }

  /** Behind it nothing is known. */
  get #edge(): Location {
    return this.#largest === undefined ? groupStart(0) : after(this.#largest);
  }

  /** From where on all is known but for lost groups: the first group may have come from its middle on. */
  get #start(): Location | undefined {
    const { from } = this.#coverage;
    if (from === undefined || from.object === 0) return from;
    const first = firstId(this.#groups.get(from.group));
    return first === undefined
      ? groupStart(from.group + 1)
      : { group: from.group, object: Math.max(from.object, first) };
  }

  #group(id: number): Group {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group = new Group(this.#owner, id);
    this.#groups.set(id, group);
    this.#ids.add(id);
    this.#coverage.came(id);
    const newest = this.#newest;
    if (newest === undefined || id > newest.id) {
      this.#newest = group;
      if (newest !== undefined) newest.supersededAt = performance.now();
    } else group.supersededAt = performance.now();
    this.#cache.add(group, ENTRY_OVERHEAD);
    return group;
  }

  /**
   * A stream began; `stop` ends it when its group is let go. Where there are `many` publishers, undefined
   * for a subgroup that another one sends already.
   */
  open(
    { trackAlias: _, ...header }: SubgroupHeader,
    version: Framing,
    { stop, many }: { stop: () => void; many: boolean },
  ): Held | undefined {
    const group = this.#group(header.group);
    const same = (log: StreamLog) =>
      log.subgroup === header.subgroup && log.state !== "cut" && log.header.firstObject !== false;
    if (many && group.logs.some(same)) return undefined;
    const log = new StreamLog(header, version);
    group.logs.push(log);
    this.#cache.add(group, ENTRY_OVERHEAD);
    return {
      group,
      log,
      append: (piece) => {
        if (group.evicted) return stop();
        if (piece.lastId >= 0) this.#reached(group.id, piece.lastId);
        this.#cache.add(group, log.append(compact(piece)));
      },
      end: (whole) => {
        if (!whole) group.damaged = true;
        log.end(whole);
      },
    };
  }

  /** A datagram came; false where there are `many` publishers, and another one sent it already. */
  datagram(object: ObjectDatagram, many: boolean): boolean {
    const group = this.#group(object.group);
    if (many && group.datagrams.some(({ id }) => id === object.id)) return false;
    const payload = object.payload.slice();
    group.datagrams.push({ ...object, payload });
    this.#reached(object.group, object.id);
    this.#cache.add(group, payload.length + ENTRY_OVERHEAD);
    return true;
  }

  /** A group was let go. */
  evicted(group: Group): void {
    if (this.#groups.get(group.id) === group) {
      this.#groups.delete(group.id);
      this.#ids.delete(group.id);
    }
    if (this.#newest === group) this.#newest = undefined;
    const covered = this.#coverage.from?.group ?? 0;
    this.#coverage.lose(group.id, this.#ids.above(covered - 1));
  }

  /** Lets everything go, and what is known of it. */
  clear(): void {
    const covered = this.#coverage.from;
    for (const group of [...this.#groups.values()]) this.#cache.drop(group);
    this.#groups.clear();
    this.#ids.clear();
    this.#newest = undefined;
    this.#largest = undefined;
    if (covered !== undefined) this.#coverage.begin(covered);
  }
}

/** The smallest id of a group's objects that came; undefined: none is known. */
function firstId(group: Group | undefined): number | undefined {
  if (group === undefined) return undefined;
  let first: number | undefined;
  for (const log of group.logs) {
    let place = log.first;
    while (place < log.length && log.at(place)!.objects === 0) place++;
    const id = log.at(place)?.firstId;
    if (id !== undefined) first = Math.min(first ?? id, id);
  }
  for (const { id } of group.datagrams) first = Math.min(first ?? id, id);
  return first;
}

/** A small piece of a large buffer would keep all of that. */
function compact(piece: SubgroupPiece): SubgroupPiece {
  const { bytes } = piece;
  return bytes.length * 2 >= bytes.buffer.byteLength ? piece : { ...piece, bytes: bytes.slice() };
}
