/**
 * Groups as the relay holds them, and the memory that all of them share.
 *
 * @module
 */
import type { ObjectDatagram } from "../../moqt/data/datagram.ts";
import type { StreamLog } from "./stream_log.ts";

/** What keeping an empty group, stream or datagram costs, roughly. */
export const ENTRY_OVERHEAD = 1500;

/** Whose group it is. */
export interface GroupOwner {
  /** The newest group, which is kept as long as others can go. */
  readonly newest: Group | undefined;
  /** Whether objects still come. */
  readonly isLive: boolean;
  /** A group is let go. */
  evicted(group: Group): void;
}

/** One group of a track. */
export class Group {
  /** Its streams, in the order they came. */
  readonly logs: StreamLog[] = [];
  /** Its datagrams, in the order they came. */
  readonly datagrams: ObjectDatagram[] = [];
  /** What it costs in memory, in bytes. */
  bytes = 0;
  /** Whether something of it was lost, here or before. */
  damaged = false;
  /** Whether it was let go. */
  evicted = false;
  /** When it began to come, as `performance.now()`. */
  readonly since: number = performance.now();
  /** When a newer group began, as `performance.now()`; undefined: it is the newest. */
  supersededAt: number | undefined;

  /** Begins empty. */
  constructor(readonly owner: GroupOwner, readonly id: number) {}
}

/**
 * All groups of all tracks within a bound. Policy: the least recently used whole group goes first, a
 * live track's newest one only when nothing else is left, and then its oldest bytes first.
 */
export class GroupCache {
  readonly #groups = new Set<Group>();
  #bytes = 0;
  #evictedGroups = 0;
  #trimmedBytes = 0;
  #limit: number;

  /** Holds up to `limit` bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Most bytes. */
  get limit(): number {
    return this.#limit;
  }

  /** Changes the bound, and lets go of what is above it. */
  set limit(limit: number) {
    this.#limit = limit;
    if (this.#bytes > limit) this.#makeRoom();
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Groups held. */
  get groups(): number {
    return this.#groups.size;
  }

  /** Groups that were let go to make room. */
  get evictedGroups(): number {
    return this.#evictedGroups;
  }

  /** Bytes that newest groups lost at their beginning, to make room. */
  get trimmedBytes(): number {
    return this.#trimmedBytes;
  }

  /** A group has so many bytes more; a new one begins to be held. */
  add(group: Group, bytes: number): void {
    if (group.evicted) return;
    if (group.bytes === 0) this.#groups.add(group);
    group.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes > this.limit) this.#makeRoom();
  }

  /** A group was used, so others go before it. */
  touch(group: Group): void {
    if (this.#groups.delete(group)) this.#groups.add(group);
  }

  /** Lets a group go. */
  drop(group: Group): void {
    if (!this.#groups.delete(group)) return;
    group.evicted = true;
    this.#bytes -= group.bytes;
    for (const log of group.logs) log.trim(Infinity);
    group.owner.evicted(group);
  }

  #makeRoom(): void {
    for (const group of this.#groups) {
      if (this.#bytes <= this.limit) return;
      if (group.owner.isLive && group.owner.newest === group) continue;
      this.#evictedGroups++;
      this.drop(group);
    }
    // An eighth at once, so that not every piece that comes makes room anew.
    while (this.#bytes > this.limit && this.#trimLargest(this.limit >> 3));
  }

  #trimLargest(bytes: number): boolean {
    let largest: Group | undefined;
    for (const group of this.#groups) {
      if (largest === undefined || group.bytes > largest.bytes) largest = group;
    }
    if (largest === undefined) return false;
    largest.damaged = true;
    let freed = 0;
    for (const log of largest.logs) {
      if (freed < bytes) freed += log.trim(bytes - freed);
    }
    this.#trimmedBytes += freed;
    largest.bytes -= freed;
    this.#bytes -= freed;
    if (freed === 0) this.drop(largest);
    return true;
  }
}
