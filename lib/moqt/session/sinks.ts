/**
 * Where a subscription's objects go: to who wants them as they arrive, or group by group.
 *
 * @module
 */
import { recycle } from "../../transport/read_memory.ts";
import { GroupAssembler } from "./assembler.ts";
import { BatchQueue } from "./batch_queue.ts";
import type { ObjectGap, ReceivedObject } from "./objects.ts";
import { BoundedQueue } from "./queue.ts";

/** Takes what comes. */
export interface Sink {
  /** Counters. */
  readonly stats: { droppedDatagrams: number; lateObjects: number };
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
/** Groups that wait for the reader; the oldest go. */
const MAX_GROUPS = 64;

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
  get stats(): { droppedDatagrams: number; lateObjects: number } {
    return { droppedDatagrams: this.#droppedDatagrams, lateObjects: 0 };
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

/** Objects group by group. */
export class GroupSink implements Sink {
  readonly #patienceMs: number;
  readonly #queue = new BoundedQueue<ReceivedGroup>(
    MAX_GROUPS,
    "drop-oldest",
    (group) => group.abandon(),
  );
  readonly #open = new Map<number, GroupAssembler>();
  readonly #closing = new Map<number, ReturnType<typeof setTimeout>>();
  #newest = -1;
  /** Groups up to here were given up. */
  #closedUpTo = -1;
  #late = 0;
  #ended = false;

  /** Gaps are told after `patienceMs`. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** The groups as they begin. */
  get groups(): AsyncIterable<ReceivedGroup> {
    return this.#queue;
  }

  /** Counters. */
  get stats(): { droppedDatagrams: number; lateObjects: number } {
    let late = this.#late;
    for (const group of this.#open.values()) late += group.late;
    return { droppedDatagrams: 0, lateObjects: late };
  }

  #group(id: number): GroupAssembler | undefined {
    const known = this.#open.get(id);
    if (known !== undefined || this.#ended || id <= this.#closedUpTo) return known;
    const group = new GroupAssembler(id, this.#patienceMs);
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
    this.#closing.set(id, setTimeout(() => this.#close(id), this.#patienceMs));
  }

  #close(id: number): void {
    const group = this.#open.get(id);
    clearTimeout(this.#closing.get(id));
    this.#closing.delete(id);
    if (group === undefined) return;
    group.close();
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
    return group.bytes < MAX_GROUP_BYTES ? undefined : group.room(MAX_GROUP_BYTES);
  }

  /** A stream of a group ended. */
  ended(id: number, whole: boolean, last?: number): void {
    const group = this.#open.get(id);
    group?.ended(whole, last);
    if (group?.isClosed === true) this.#close(id);
  }

  /** Gives an object to its group, or drops it where the reader is slow. */
  datagram(object: ReceivedObject, endOfGroup: boolean): void {
    const group = this.#group(object.group);
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
    for (const timer of this.#closing.values()) clearTimeout(timer);
    this.#closing.clear();
    for (const group of this.#open.values()) group.finish();
    this.#open.clear();
    this.#queue.end();
  }
}
