/**
 * A track's live objects, sent to every subscriber; who is slow loses whole old groups, and nobody
 * else notices.
 *
 * @module
 */
import type { Location } from "../wire/location.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { IncomingSubscribe } from "./incoming.ts";
import type { OutgoingObject, Publication, SubgroupWriter } from "./publication.ts";

/** How a track is sent. */
export interface TrackSourceOptions {
  /** What is said of the track. */
  properties?: TrackProperties;
  /** Groups older than the newest that may still be on their way to a subscriber. Default 1. */
  lateGroups?: number;
  /** Bytes that may wait for one subscriber before its newest group is cut off. Default 16 MiB. */
  maxPendingBytes?: number;
}

/** An object's bytes, and what goes with them. */
export type LiveObject = Pick<OutgoingObject, "payload" | "properties">;

/** A track that is published live. */
export class TrackSource {
  readonly #options: TrackSourceOptions;
  readonly #senders = new Set<Sender>();
  #largest: Location | undefined;
  #group = -1;
  #next = 0;
  /** Whether the group may grow. */
  #open = false;
  #resetGroups = 0;
  #waiting: (() => void)[] = [];

  /** Makes a track without subscribers. */
  constructor(options: TrackSourceOptions = {}) {
    this.#options = options;
  }

  /** The largest location published; undefined: none was. */
  get largest(): Location | undefined {
    return this.#largest;
  }

  /** Subscribers now. */
  get subscribers(): number {
    return this.#senders.size;
  }

  /** Groups cut off for some subscriber, all added up. */
  get resetGroups(): number {
    return this.#resetGroups;
  }

  /** Accepts a subscriber: a `subscribe` handler for one track. */
  accept(request: IncomingSubscribe): Publication {
    const { properties } = this.#options;
    const publication = request.accept({
      ...(this.#largest === undefined ? {} : { largest: this.#largest }),
      ...(properties === undefined ? {} : { properties }),
    });
    this.attach(publication);
    return publication;
  }

  /**
   * Sends to a subscriber from the next group on, until its subscription is over; from the next object
   * on where it asked to go on from the largest one.
   */
  attach(publication: Publication): void {
    const sender = new Sender(publication, this.#options, {
      reset: () => this.#resetGroups++,
      drained: () => this.#drained(),
    });
    this.#senders.add(sender);
    if (this.#open && publication.parameters.filter?.from === "largest-object") {
      sender.startGroup(this.#group, this.#next === 0);
    }
    publication.closed.then(() => {
      this.#senders.delete(sender);
      sender.stop();
      this.#drained();
    });
  }

  /** Begins a group and ends the one before; its id is above those before. Returns the id. */
  startGroup(id: number = this.#group + 1): number {
    if (id <= this.#group) throw new RangeError(`group ${id} does not come after ${this.#group}`);
    this.endGroup();
    this.#group = id;
    this.#next = 0;
    this.#open = true;
    for (const sender of this.#senders) sender.startGroup(id);
    return id;
  }

  /**
   * Adds an object to the group. Never waits: who is slow loses groups. The payload must not change
   * any more. Returns the object's id.
   */
  write(object: LiveObject): number {
    if (this.#group < 0) throw new TypeError("no group was begun");
    const id = this.#next++;
    this.#largest = { group: this.#group, object: id };
    for (const sender of this.#senders) sender.write(this.#group, { ...object, id });
    return id;
  }

  /** The group is complete. */
  endGroup(): void {
    this.#open = false;
    for (const sender of this.#senders) sender.endGroup(this.#group);
  }

  /** Resolves when nothing waits for any subscriber: a publisher who awaits it loses no group. */
  async drained(): Promise<void> {
    while ([...this.#senders].some((sender) => sender.pendingBytes > 0)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #drained(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Ends the track for all subscribers, once what waits for them is sent. */
  async end(): Promise<void> {
    this.endGroup();
    await Promise.all([...this.#senders].map(async (sender) => {
      await sender.finished();
      sender.publication.done("track-ended");
    }));
  }
}

/** The way of a track to one subscriber. */
class Sender {
  readonly publication: Publication;
  readonly #lateGroups: number;
  readonly #maxPendingBytes: number;
  readonly #events: { reset(): void; drained(): void };
  readonly #groups = new Map<number, GroupSender>();
  pendingBytes = 0;

  constructor(
    publication: Publication,
    options: TrackSourceOptions,
    events: { reset(): void; drained(): void },
  ) {
    this.publication = publication;
    this.#lateGroups = options.lateGroups ?? 1;
    this.#maxPendingBytes = options.maxPendingBytes ?? 16 << 20;
    this.#events = events;
  }

  startGroup(id: number, whole = true): void {
    this.#groups.set(id, new GroupSender(id, this, whole));
    const open = [...this.#groups.values()];
    for (const late of open.slice(0, Math.max(0, open.length - 1 - this.#lateGroups))) {
      this.#cut(late);
    }
  }

  write(group: number, object: OutgoingObject): void {
    const location = { group, object: object.id! };
    const sender = this.#groups.get(group);
    if (sender === undefined || !this.publication.wants(location)) return;
    if (this.pendingBytes + object.payload.length > this.#maxPendingBytes) return this.#cut(sender);
    sender.push(object);
  }

  endGroup(group: number): void {
    this.#groups.get(group)?.end();
  }

  #cut(group: GroupSender): void {
    if (group.cut()) this.#events.reset();
    this.over(group);
  }

  sent(bytes: number): void {
    this.pendingBytes -= bytes;
    if (this.pendingBytes === 0) this.#events.drained();
  }

  over(group: GroupSender): void {
    if (this.#groups.get(group.id) === group) this.#groups.delete(group.id);
  }

  stop(): void {
    for (const group of [...this.#groups.values()]) group.cut();
    this.#groups.clear();
  }

  async finished(): Promise<void> {
    await Promise.all([...this.#groups.values()].map((group) => group.finished));
  }
}

/** One group's way to one subscriber. */
class GroupSender {
  readonly #sender: Sender;
  readonly #queue: OutgoingObject[] = [];
  readonly #finished = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  #writer: SubgroupWriter | undefined;
  #ended = false;
  #over = false;
  #running = false;
  readonly #whole: boolean;
  readonly id: number;

  constructor(id: number, sender: Sender, whole: boolean) {
    this.id = id;
    this.#whole = whole;
    this.#sender = sender;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  push(object: OutgoingObject): void {
    if (this.#over) return;
    this.#sender.pendingBytes += object.payload.length;
    this.#queue.push(object);
    this.#run();
  }

  end(): void {
    this.#ended = true;
    this.#run();
  }

  /** Gives the group up; true where something of it was still to be sent. */
  cut(): boolean {
    if (this.#over) return false;
    const begun = this.#writer !== undefined || this.#queue.length > 0;
    this.#writer?.reset("delivery-timeout");
    this.#abort.abort();
    this.#finish();
    return begun;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const bytes = this.#queue.splice(0).reduce((sum, { payload }) => sum + payload.length, 0);
    if (bytes > 0) this.#sender.sent(bytes);
    this.#sender.over(this);
    this.#finished.resolve();
  }

  #run(): void {
    if (this.#running || this.#over) return;
    this.#running = true;
    this.#pump().catch(() => this.#finish());
  }

  async #pump(): Promise<void> {
    const queue = this.#queue;
    while (queue.length > 0) {
      const writer = this.#writer ??= await this.#sender.publication.subgroup({
        group: this.id,
        endOfGroup: true,
        firstObject: this.#whole,
        signal: this.#abort.signal,
      });
      if (this.#over) return writer.reset("delivery-timeout");
      const count = writer.tryWriteMany(queue);
      await (count === 0 ? writer.ready : writer.flushed);
      if (this.#over) return;
      let bytes = 0;
      for (const { payload } of queue.splice(0, count)) bytes += payload.length;
      this.#sender.sent(bytes);
    }
    // At once, so that what is pushed next begins anew.
    this.#running = false;
    if (!this.#ended) return;
    await this.#writer?.close();
    this.#finish();
  }
}
