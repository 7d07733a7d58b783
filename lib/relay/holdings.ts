/**
 * What the relay holds of one track.
 *
 * @module
 */
import type { ObjectDatagram } from "../moqt/data/datagram.ts";
import type { SubgroupPiece } from "../moqt/data/scan.ts";
import type { SubgroupHeader } from "../moqt/data/subgroup.ts";
import type { Location } from "../moqt/wire/location.ts";
import type { Framing } from "./framing.ts";
import { ENTRY_OVERHEAD, Group, type GroupCache, type GroupOwner } from "./group.ts";
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

/** The groups of a track. */
export class Holdings {
  readonly #owner: GroupOwner;
  readonly #cache: GroupCache;
  readonly #groups = new Map<number, Group>();
  #newest: Group | undefined;
  #largest: Location | undefined;
  /**
   * From this group on all that was published is here, but for what groups say themselves; undefined:
   * the first group that comes will tell.
   */
  #coveredFrom: number | undefined = Infinity;

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

  /** A publisher began to send, after what it says is the largest location. */
  begin(largest: Location | undefined): void {
    const before = this.#largest;
    const same = largest !== undefined && before !== undefined &&
      largest.group === before.group && largest.object === before.object;
    if (!same) this.#coveredFrom = largest === undefined ? 0 : largest.group + 1;
    if (largest !== undefined) this.#reached(largest.group, largest.object);
  }

  /** A publisher began to send again, or ceased to, without leaving. */
  resume(sends: boolean, largest: Location | undefined): void {
    if (!sends) this.#coveredFrom = Infinity;
    else if (largest === undefined) this.#coveredFrom = undefined;
    else this.begin(largest);
  }

  #reached(group: number, object: number): void {
    const largest = this.#largest;
    if (
      largest === undefined || group > largest.group ||
      (group === largest.group && object > largest.object)
    ) this.#largest = { group, object };
  }

  /** The groups from `first` to `last` in order, where all that was published of them is here. */
  covered(first: number, last: number): Group[] | undefined {
    if (this.#coveredFrom === undefined || first < this.#coveredFrom) return undefined;
    const groups: Group[] = [];
    for (const group of this.#groups.values()) {
      if (group.id < first || group.id > last) continue;
      if (group.damaged) return undefined;
      groups.push(group);
    }
    for (const group of groups) this.#cache.touch(group);
    return groups.sort((a, b) => a.id - b.id);
  }

  #group(id: number): Group {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group = new Group(this.#owner, id);
    this.#groups.set(id, group);
    this.#coveredFrom ??= id + 1;
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
    if (this.#groups.get(group.id) === group) this.#groups.delete(group.id);
    if (this.#newest === group) this.#newest = undefined;
    if (this.#coveredFrom !== undefined && group.id >= this.#coveredFrom) {
      this.#coveredFrom = group.id + 1;
    }
  }

  /** Lets everything go, and what is known of it. */
  clear(): void {
    const covered = this.#coveredFrom;
    for (const group of [...this.#groups.values()]) this.#cache.drop(group);
    this.#groups.clear();
    this.#newest = undefined;
    this.#largest = undefined;
    this.#coveredFrom = covered;
  }
}

/** A small piece of a large buffer would keep all of that. */
function compact(piece: SubgroupPiece): SubgroupPiece {
  const { bytes } = piece;
  return bytes.length * 2 >= bytes.buffer.byteLength ? piece : { ...piece, bytes: bytes.slice() };
}
