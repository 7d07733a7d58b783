/**
 * A track's live objects, sent to every subscriber; who is slow loses whole old groups, and nobody
 * else notices.
 *
 * @module
 */
import type { DoneName } from "../codes.ts";
import type { Location } from "../wire/location.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { IncomingSubscribe } from "../respond/incoming.ts";
import type { OutgoingObject, Publication } from "./publication.ts";
import { TrackSender } from "./track_sender.ts";

/** How a track is sent. */
export interface TrackSourceOptions {
  /** What is said of the track. */
  properties?: TrackProperties;
  /** Groups older than the newest that may still be on their way to a subscriber. Default 1. */
  lateGroups?: number;
  /** Bytes that may wait for one subscriber before its newest group is cut off. Default 16 MiB. */
  maxPendingBytes?: number;
  /** Subgroups of each group, each a stream: what does not depend on each other. Default 1. */
  subgroups?: number;
}

/** An object's bytes, and what goes with them. */
export interface LiveObject extends Pick<OutgoingObject, "payload" | "properties"> {
  /** Which of the track's subgroups it goes to; default 0. */
  subgroup?: number;
}

/** A track that is published live. */
export class TrackSource {
  readonly #options: TrackSourceOptions;
  readonly #senders = new Set<TrackSender>();
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
   * on where its filter says where to begin, and that is not the next group.
   */
  attach(publication: Publication): void {
    const sender = new TrackSender(publication, this.#options, {
      reset: () => this.#resetGroups++,
      drained: () => this.#drained(),
    });
    this.#senders.add(sender);
    publication.follow(() => this.#largest);
    const { filter } = publication.parameters;
    const places = filter !== undefined && filter.from !== "all";
    if (this.#open && places && publication.wants({ group: this.#group, object: this.#next })) {
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
    for (const sender of [...this.#senders]) {
      if (sender.endsBefore(id)) this.#finish(sender, "subscription-ended");
      else sender.startGroup(id);
    }
    return id;
  }

  /**
   * Adds an object to the group. Never waits: who is slow loses groups. The payload must not change
   * any more. Returns the object's id.
   */
  write(object: LiveObject): number {
    if (this.#group < 0) throw new TypeError("no group was begun");
    const { subgroup = 0, ...rest } = object;
    const { subgroups = 1 } = this.#options;
    if (!Number.isInteger(subgroup) || subgroup < 0 || subgroup >= subgroups) {
      throw new RangeError(`the track has no subgroup ${subgroup}, but ${subgroups} of them`);
    }
    const id = this.#next++;
    this.#largest = { group: this.#group, object: id };
    for (const sender of this.#senders) sender.write(this.#group, { ...rest, id }, subgroup);
    return id;
  }

  /** The group is complete. */
  endGroup(): void {
    this.#open = false;
    for (const sender of this.#senders) sender.endGroup(this.#group, this.#next);
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

  /**
   * Ends the track for all subscribers, once what waits for them is sent. Resolves `lingerMs` later
   * (default 0) where there were any: transports do not tell when the peer has everything, and who closes
   * the session at once cuts off what is still on its way.
   */
  async end({ lingerMs = 0 }: { lingerMs?: number } = {}): Promise<void> {
    this.endGroup();
    const senders = [...this.#senders];
    await Promise.all(senders.map((sender) => this.#finish(sender, "track-ended")));
    if (senders.length === 0 || lingerMs === 0) return;
    await new Promise((resolve) => setTimeout(resolve, lingerMs));
  }

  /** Ends a subscription once what waits for it is sent. */
  async #finish(sender: TrackSender, reason: DoneName): Promise<void> {
    await sender.finished();
    sender.publication.done(reason);
  }
}
