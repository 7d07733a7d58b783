/**
 * The way of a live track to one subscriber: a queue and a stream for each subgroup of each group that
 * is still being sent.
 *
 * @module
 */
import type { OutgoingObject, Publication, SubgroupWriter } from "./publication.ts";
import type { TrackSourceOptions } from "./track_source.ts";

/** What an object that waits takes beside its payload, about. */
const OBJECT_BYTES = 64;

function costOf({ payload }: OutgoingObject): number {
  return payload.length + OBJECT_BYTES;
}

/** What a sender tells its track. */
export interface SenderEvents {
  /** A group was cut off. */
  reset(): void;
  /** Nothing waits any more. */
  drained(): void;
}

/** Sends a track to one subscriber. */
export class TrackSender {
  readonly #lateGroups: number;
  readonly #maxPendingBytes: number;
  readonly #isSplit: boolean;
  readonly #events: SenderEvents;
  readonly #groups = new Map<number, GroupSender>();
  /** The subscriber. */
  readonly publication: Publication;
  /** What waits, about. */
  pendingBytes = 0;

  /** Sends nothing yet. */
  constructor(publication: Publication, options: TrackSourceOptions, events: SenderEvents) {
    this.publication = publication;
    this.#lateGroups = options.lateGroups ?? 1;
    this.#maxPendingBytes = options.maxPendingBytes ?? 16 << 20;
    this.#isSplit = (options.subgroups ?? 1) > 1;
    this.#events = events;
  }

  /** A group begins, of which the subscriber gets the `whole`, or what is still to come. */
  startGroup(id: number, whole = true): void {
    this.#groups.set(id, new GroupSender(id, this, { whole, isSplit: this.#isSplit }));
    const open = [...this.#groups.values()];
    for (const late of open.slice(0, Math.max(0, open.length - 1 - this.#lateGroups))) {
      this.#cut(late);
    }
  }

  /** Adds an object to a subgroup, if the subscriber wants it. */
  write(group: number, object: OutgoingObject, subgroup: number): void {
    const location = { group, object: object.id! };
    const sender = this.#groups.get(group);
    if (sender === undefined) return;
    if (!this.publication.wants(location)) return sender.skip(subgroup);
    if (this.pendingBytes + costOf(object) > this.#maxPendingBytes) return this.#cut(sender);
    sender.push(object, subgroup);
  }

  /** Whether its subscriber wants no group from `group` on. */
  endsBefore(group: number): boolean {
    const { filter } = this.publication.parameters;
    return filter?.from === "start" && filter.endGroup !== undefined && filter.endGroup < group;
  }

  /** A group is complete: it has so many objects. */
  endGroup(group: number, objects: number): void {
    this.#groups.get(group)?.end(objects);
  }

  #cut(group: GroupSender): void {
    if (group.cut()) this.#events.reset();
  }

  /** So much waits in addition. For its groups. */
  waits(bytes: number): void {
    this.pendingBytes += bytes;
  }

  /** So much does not wait any more. For its groups. */
  sent(bytes: number): void {
    this.pendingBytes -= bytes;
    if (this.pendingBytes === 0) this.#events.drained();
  }

  /** A group is over. For its groups. */
  over(group: number): void {
    this.#groups.delete(group);
  }

  /** Cuts everything off. */
  stop(): void {
    for (const group of [...this.#groups.values()]) group.cut();
  }

  /** Resolves when all groups are sent, or cut off. */
  async finished(): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.finished));
  }
}

/** One group's way to one subscriber. */
class GroupSender {
  readonly #sender: TrackSender;
  readonly #options: { whole: boolean; isSplit: boolean };
  readonly #lanes = new Map<number, Lane>();
  readonly #finished = Promise.withResolvers<void>();
  /** Subgroups whose first objects the subscriber did not want. */
  readonly #skipped = new Set<number>();
  #ended = false;
  #over = false;
  readonly id: number;

  constructor(id: number, sender: TrackSender, options: { whole: boolean; isSplit: boolean }) {
    this.id = id;
    this.#sender = sender;
    this.#options = options;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  push(object: OutgoingObject, subgroup: number): void {
    if (!this.#over) this.#lane(subgroup).push(object);
  }

  /** An object of a subgroup is not wanted. */
  skip(subgroup: number): void {
    if (!this.#lanes.has(subgroup)) this.#skipped.add(subgroup);
  }

  #lane(subgroup: number): Lane {
    const known = this.#lanes.get(subgroup);
    if (known !== undefined) return known;
    const { whole, isSplit } = this.#options;
    const lane = new Lane((signal) =>
      this.#sender.publication.subgroup({
        group: this.id,
        subgroup,
        // Of several, nobody knows yet which one has the last object.
        endOfGroup: !isSplit,
        firstObject: whole && !this.#skipped.has(subgroup),
        signal,
      }), {
      waits: (bytes) => this.#sender.waits(bytes),
      sent: (bytes) => this.#sender.sent(bytes),
      over: () => this.#laneOver(),
    });
    this.#lanes.set(subgroup, lane);
    return lane;
  }

  end(objects: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#options.isSplit && this.#lanes.size > 0) {
      const payload = new Uint8Array(0);
      this.#lane(0).push({ id: objects, status: "end-of-group", payload });
    }
    for (const lane of this.#lanes.values()) lane.end();
    this.#laneOver();
  }

  /** Gives the group up; true where something of it was still to be sent. */
  cut(): boolean {
    if (this.#over) return false;
    let begun = false;
    for (const lane of this.#lanes.values()) begun = lane.cut() || begun;
    this.#finish();
    return begun;
  }

  #laneOver(): void {
    if (!this.#ended || [...this.#lanes.values()].some((lane) => !lane.isOver)) return;
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sender.over(this.id);
    this.#finished.resolve();
  }
}

/** One subgroup's queue and stream. */
class Lane {
  readonly #open: (signal: AbortSignal) => Promise<SubgroupWriter>;
  readonly #events: { waits(bytes: number): void; sent(bytes: number): void; over(): void };
  readonly #queue: OutgoingObject[] = [];
  readonly #abort = new AbortController();
  #writer: SubgroupWriter | undefined;
  #ended = false;
  #running = false;
  /** Whether it is sent to its end, or cut off. */
  isOver = false;

  constructor(
    open: (signal: AbortSignal) => Promise<SubgroupWriter>,
    events: { waits(bytes: number): void; sent(bytes: number): void; over(): void },
  ) {
    this.#open = open;
    this.#events = events;
  }

  push(object: OutgoingObject): void {
    if (this.isOver) return;
    this.#events.waits(costOf(object));
    this.#queue.push(object);
    this.#run();
  }

  end(): void {
    this.#ended = true;
    this.#run();
  }

  /** Gives it up; true where something of it was still to be sent. */
  cut(): boolean {
    if (this.isOver) return false;
    const begun = this.#writer !== undefined || this.#queue.length > 0;
    this.#writer?.reset("delivery-timeout");
    this.#abort.abort();
    this.#finish();
    return begun;
  }

  #finish(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#forget(this.#queue.length);
    this.#events.over();
  }

  #forget(count: number): void {
    let bytes = 0;
    for (const object of this.#queue.splice(0, count)) bytes += costOf(object);
    if (bytes > 0) this.#events.sent(bytes);
  }

  #run(): void {
    if (this.#running || this.isOver) return;
    this.#running = true;
    this.#pump().catch(() => this.#finish());
  }

  async #pump(): Promise<void> {
    const queue = this.#queue;
    while (queue.length > 0) {
      const writer = this.#writer ??= await this.#open(this.#abort.signal);
      if (this.isOver) return writer.reset("delivery-timeout");
      const count = writer.tryWriteMany(queue);
      await (count === 0 ? writer.ready : writer.flushed);
      if (this.isOver) return;
      this.#forget(count);
    }
    // At once, so that what is pushed next begins anew.
    this.#running = false;
    if (!this.#ended) return;
    await this.#writer?.close();
    this.#finish();
  }
}
