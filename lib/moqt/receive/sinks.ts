/**
 * Where a subscription's objects go: to who wants them as they arrive, or group by group.
 *
 * @module
 */
import { recycle } from "../../transport/read_memory.ts";
import { GroupAssembler } from "./assembler.ts";
import { BatchQueue } from "./batch_queue.ts";
import type { ObjectGap, ReceivedObject } from "./objects.ts";
import { losePatience } from "./patience.ts";
import { BoundedQueue } from "../requests/queue.ts";

/** What a reader did not get. */
export interface SinkStats {
  /** Datagrams that came while the reader was far behind. */
  droppedDatagrams: number;
  /** Objects that came too late or twice. */
  lateObjects: number;
  /** Groups that were given up, whole or from where the reader was, because a newer one had begun. */
  droppedGroups: number;
}

/** Takes what comes. */
export interface Sink {
  /** Counters. */
  readonly stats: SinkStats;
  /** A stream of a group began. */
  opened(group: number): void;
  /** Objects of one stream, not none, from now on the sink's; a promise: wait for it before the next. */
  objects(batch: ReceivedObject[]): Promise<void> | undefined;
  /** No further objects lie in this memory, which was read from the transport. */
  spent?(memory: Uint8Array): void;
  /** A stream of a group ended. */
  ended(group: number, whole: boolean, last?: number): void;
  /** A datagram's object. */
  datagram(object: ReceivedObject, endOfGroup: boolean): void;
  /** Nothing follows. */
  end(): void;
}

/** Objects that wait for the reader; then streams wait, and datagrams are dropped. */
const MAX_OBJECTS = 256;
/** Most objects of one batch. */
export const MAX_BATCH_OBJECTS = 256;
/** Bytes of one group that wait for the reader before its streams do. */
const MAX_GROUP_BYTES = 8 << 20;
/** Groups that wait for the reader before their streams do. */
const MAX_GROUPS = 64;
/** Groups of datagrams alone that wait for the reader; those of further ones are dropped. */
const MAX_DATAGRAM_GROUPS = 2 * MAX_GROUPS;

/** Objects in the order of their arrival. */
export class ArrivalSink implements Sink {
  readonly #queue: BatchQueue<ReceivedObject>;
  #droppedDatagrams = 0;

  /** `lend`: the memory of objects is used again once the next are asked for. */
  constructor(lend = false) {
    this.#queue = new BatchQueue(MAX_OBJECTS, lend ? recycle : undefined);
  }

  /** The objects; marks of groups' and tracks' ends among them. */
  values(): AsyncIterableIterator<ReceivedObject> {
    return this.#queue.values();
  }

  /** The same, as many at once as there are. */
  batches(): AsyncIterableIterator<ReceivedObject[]> {
    return this.#queue.batches();
  }

  /** Counters. */
  get stats(): SinkStats {
    return { droppedDatagrams: this.#droppedDatagrams, lateObjects: 0, droppedGroups: 0 };
  }

  /** Nothing to do. */
  opened(): void {}

  /** Queues objects. */
  objects(batch: ReceivedObject[]): Promise<void> | undefined {
    this.#queue.push(batch);
    return this.#queue.hasRoom ? undefined : this.#queue.room();
  }

  /** Memory to use again. */
  spent(memory: Uint8Array): void {
    this.#queue.spent(memory);
  }

  /** Nothing to do. */
  ended(): void {}

  /** Queues an object, or drops it where the reader is slow. */
  datagram(object: ReceivedObject): void {
    if (this.#queue.hasRoom) this.#queue.push([object]);
    else this.#droppedDatagrams++;
  }

  /** Nothing follows. */
  end(): void {
    this.#queue.end();
  }
}

/** A group of a track. */
export interface ReceivedGroup {
  /** The group's id. */
  readonly id: number;
  /** Its objects in order; what is missing is told as a gap. */
  readonly objects: AsyncIterable<ReceivedObject | ObjectGap>;
  /** Objects that came too late or twice. */
  readonly late: number;
  /** Wants no more of it. */
  abandon(): void;
}

/**
 * Which groups a reader gets that is slow: `all` of them, while the publisher is held back, or the
 * `latest`, while groups that a newer one superseded are given up.
 */
export type GroupPolicy = "all" | "latest";

/** Objects group by group. */
export class GroupSink implements Sink {
  readonly #patienceMs: number;
  readonly #policy: GroupPolicy;
  readonly #queue: BoundedQueue<ReceivedGroup>;
  readonly #open = new Map<number, GroupAssembler>();
  readonly #closing = new Map<number, () => void>();
  #newest = -1;
  /** Groups up to here were given up. */
  #closedUpTo = -1;
  #late = 0;
  #droppedGroups = 0;
  #ended = false;
  /** Streams that wait until the reader has come to their group. */
  #blocked: (() => void)[] = [];

  /** Gaps are told after `patienceMs`. */
  constructor(patienceMs: number, policy: GroupPolicy = "all") {
    this.#patienceMs = patienceMs;
    this.#policy = policy;
    this.#queue = policy === "all"
      ? new BoundedQueue(MAX_GROUPS, "block")
      : new BoundedQueue(1, "drop-oldest", (group) => {
        this.#droppedGroups++;
        group.abandon();
      });
  }

  /** The groups as they begin. */
  get groups(): AsyncIterable<ReceivedGroup> {
    return this.#queue;
  }

  /** Counters. */
  get stats(): SinkStats {
    let late = this.#late;
    for (const group of this.#open.values()) late += group.late;
    return { droppedDatagrams: 0, lateObjects: late, droppedGroups: this.#droppedGroups };
  }

  #group(id: number): GroupAssembler | undefined {
    const known = this.#open.get(id);
    if (known !== undefined || this.#ended || id <= this.#closedUpTo) return known;
    if (this.#policy === "latest" && id < this.#newest) return undefined;
    const group = new GroupAssembler(id, this.#patienceMs, () => this.#unblock());
    this.#open.set(id, group);
    this.#queue.push({
      id,
      objects: group,
      get late() {
        return group.late;
      },
      abandon: () => group.abandon(),
    });
    if (id > this.#newest) {
      for (const older of this.#open.keys()) if (older < id) this.#closeLater(older);
      this.#newest = id;
    } else this.#closeLater(id);
    return group;
  }

  /** A newer group began; streams of this one may still be on their way. */
  #closeLater(id: number): void {
    if (this.#closing.has(id)) return;
    this.#closing.set(id, losePatience(() => this.#close(id), this.#patienceMs));
  }

  #close(id: number): void {
    const group = this.#open.get(id);
    this.#closing.get(id)?.();
    this.#closing.delete(id);
    if (group === undefined) return;
    group.close();
    if (this.#policy === "latest" && id < this.#newest && group.giveUp()) this.#droppedGroups++;
    if (!group.hasStreams) {
      this.#open.delete(id);
      this.#late += group.late;
      this.#closedUpTo = Math.max(this.#closedUpTo, id);
    }
  }

  /** A stream of a group began. */
  opened(id: number): void {
    this.#group(id)?.opened();
  }

  /** Gives objects to their group. */
  objects(batch: ReceivedObject[]): Promise<void> | undefined {
    const group = this.#group(batch[0]!.group);
    if (group === undefined) {
      this.#late += batch.length;
      return undefined;
    }
    for (const object of batch) group.add(object);
    if (!group.isRead && !this.#queue.hasRoom) return this.#turnOf(group);
    return group.bytes < MAX_GROUP_BYTES ? undefined : group.room(MAX_GROUP_BYTES);
  }

  /** Resolves when the reader has come to a group, or close. */
  async #turnOf(group: GroupAssembler): Promise<void> {
    while (!group.isRead && !this.#queue.hasRoom) {
      if (this.#blocked.length === 0) this.#queue.room().then(() => this.#unblock());
      await new Promise<void>((resolve) => this.#blocked.push(resolve));
    }
  }

  #unblock(): void {
    for (const resolve of this.#blocked.splice(0)) resolve();
  }

  /** A stream of a group ended. */
  ended(id: number, whole: boolean, last?: number): void {
    const group = this.#open.get(id);
    group?.ended(whole, last);
    if (group?.isClosed === true) this.#close(id);
  }

  /** Gives an object to its group, or drops it where the reader is slow. */
  datagram(object: ReceivedObject, endOfGroup: boolean): void {
    const isRoom = this.#queue.size < MAX_DATAGRAM_GROUPS || this.#open.has(object.group);
    const group = isRoom ? this.#group(object.group) : undefined;
    if (group === undefined || group.bytes >= MAX_GROUP_BYTES) {
      this.#late++;
      return;
    }
    group.add(object);
    if (endOfGroup) group.add({ ...object, id: object.id + 1, status: "end-of-group" });
  }

  /** Nothing follows. */
  end(): void {
    this.#ended = true;
    for (const stay of this.#closing.values()) stay();
    this.#closing.clear();
    for (const group of this.#open.values()) group.finish();
    this.#open.clear();
    this.#queue.end();
    this.#unblock();
  }
}
