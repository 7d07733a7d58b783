/**
 * A track that this side sends to one subscriber.
 *
 * @module
 */
import type { Connection, SendStream } from "../../transport/connection.ts";
import { doneCode, type DoneName } from "../codes.ts";
import { encodeDatagram, type ObjectDatagram } from "../data/datagram.ts";
import { encodeSubgroupHeader, type SubgroupHeader } from "../data/subgroup.ts";
import { RequestError } from "../errors.ts";
import { hasDefaultPriority, hasRangeFilters, hasStateNotify, type Version } from "../versions.ts";
import { compareLocations, type Location } from "../wire/location.ts";
import type { GroupOrder, Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { TrackName } from "../wire/track_name.ts";
import type { Channel } from "../requests/channel.ts";
import { changedFilters, ObjectFilter } from "./object_filter.ts";
import { type OutgoingObject, SubgroupWriter } from "./subgroup_writer.ts";
import { ForwardWriter } from "../receive/forward.ts";

/** How a subgroup's stream begins. */
export interface SubgroupOptions {
  /** Which group. */
  group: number;
  /** Which subgroup; default 0. */
  subgroup?: number;
  /** The publisher's priority, 0 (first) to 255; default: the track's. */
  priority?: number;
  /** Whether objects may have properties; default true. */
  hasProperties?: boolean;
  /** Whether the last object before the end is the group's last; default false. */
  endOfGroup?: boolean;
  /** Whether the first object sent is the subgroup's first; default true. */
  firstObject?: boolean;
  /** Gives up waiting for the peer to allow a stream. */
  signal?: AbortSignal;
}

const DEFAULT_PRIORITY = 128;

/**
 * The order in which streams are sent: the subscriber's priority, then the publisher's, then the
 * group, as the subscription orders them (draft-18, section 7.2).
 */
export function sendOrderOf(
  subscriber: number,
  publisher: number,
  group: number,
  order: GroupOrder,
): number {
  const place = group % 0x8000;
  return (255 - subscriber) * 2 ** 23 + (255 - publisher) * 2 ** 15 +
    (order === "ascending" ? 0x7fff - place : place);
}

/** The shorter of two timeouts, where 0 and undefined mean none. */
function shorter(one = 0, other = 0): number | undefined {
  const both = one > 0 && other > 0 ? Math.min(one, other) : Math.max(one, other);
  return both > 0 ? both : undefined;
}

/** A subscription of the peer's, however it came about. */
export class Publication implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #version: Version;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #writers = new Set<SubgroupWriter | ForwardWriter>();
  readonly #forget: (publication: Publication) => void;
  readonly #listeners = new Set<(parameters: Parameters) => void>();
  #channel: Channel | undefined;
  #parameters: Parameters;
  #filter: ObjectFilter | undefined;
  #largest: Location | undefined;
  #now: () => Location | undefined = () => undefined;
  #start: Location = { group: 0, object: 0 };
  #streams = 0;
  #over = false;
  #datagrams: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #droppedDatagrams = 0;
  /** Which track. */
  readonly track: TrackName;
  /** The number that stands for the track. */
  readonly trackAlias: number;
  /** What is said of the track. */
  readonly properties: TrackProperties;

  /** Made by the session. */
  constructor(
    connection: Connection,
    version: Version,
    options: {
      track: TrackName;
      trackAlias: number;
      properties: TrackProperties;
      parameters: Parameters;
      largest?: Location;
      forget: (publication: Publication) => void;
    },
  ) {
    this.#connection = connection;
    this.#version = version;
    this.track = options.track;
    this.trackAlias = options.trackAlias;
    this.properties = options.properties;
    this.#parameters = options.parameters;
    this.#filter = ObjectFilter.of(options.parameters, options.properties);
    this.#largest = options.largest;
    this.#forget = options.forget;
    this.#ready.promise.catch(() => {});
    this.#locate();
  }

  /** Resolves once the subscriber agreed; rejects with a {@link RequestError} where it did not. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when it is over, from whichever side. Never rejects. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** What the subscriber asks for now. */
  get parameters(): Parameters {
    return this.#parameters;
  }

  /** The first location that the subscriber wants, by its filter. */
  get start(): Location {
    return this.#start;
  }

  /** The largest location when the subscription began, or its filter was changed. */
  get largest(): Location | undefined {
    return this.#largest;
  }

  /** The largest location now, where somebody tells it; else that of the beginning. */
  get largestNow(): Location | undefined {
    return this.#now() ?? this.#largest;
  }

  /** Says how the largest location is known from now on, which answers to updates tell. */
  follow(largest: () => Location | undefined): void {
    this.#now = largest;
  }

  /** The request's id. */
  get requestId(): number | undefined {
    return this.#channel?.requestId;
  }

  /** Datagrams that were too large for the path, or late. */
  get droppedDatagrams(): number {
    return this.#droppedDatagrams;
  }

  /** Calls back when the subscriber changes what it asks for. Returns the unsubscriber. */
  onUpdate(listener: (parameters: Parameters) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether the subscriber wants an object, by its filter and its wish to be sent objects at all. */
  wants(location: Location): boolean {
    if (this.#over || this.#parameters.forward === false) return false;
    const { filter } = this.#parameters;
    if (compareLocations(location, this.#start) < 0) return false;
    if (filter?.from !== "start" || filter.endGroup === undefined) return true;
    if (location.group < filter.endGroup) return true;
    return location.group === filter.endGroup &&
      (filter.endObject === undefined || location.object <= filter.endObject);
  }

  /** The subscriber's range filters; undefined: all objects pass. */
  get filter(): ObjectFilter | undefined {
    return this.#filter;
  }

  /** Filters refer to the largest location there was when they came. */
  #locate(): void {
    const { filter } = this.#parameters;
    const largest = this.#largest;
    if (filter?.from === "start") this.#start = filter.start;
    else if (filter === undefined || filter.from === "all" || largest === undefined) {
      this.#start = { group: 0, object: 0 };
    } else if (filter.from === "next-group") this.#start = { group: largest.group + 1, object: 0 };
    else if (filter.from === "groups-back") {
      this.#start = { group: Math.max(0, largest.group + 1 - filter.groups), object: 0 };
    } else this.#start = { group: largest.group, object: largest.object + 1 };
  }

  /** After how long an object that was not sent may be dropped; undefined: never. */
  get deliveryTimeoutMs(): number | undefined {
    return shorter(this.#parameters.deliveryTimeoutMs, this.properties.deliveryTimeoutMs);
  }

  /** How long after its end a subgroup may still be sent; undefined: for ever. */
  get subgroupTimeoutMs(): number | undefined {
    return shorter(this.#parameters.subgroupTimeoutMs, this.properties.subgroupTimeoutMs);
  }

  /** The priority of a header, told where the peer cannot know the track's. */
  #toldPriority(priority: number | undefined): { priority?: number } {
    const told = priority ??
      (hasDefaultPriority(this.#version) ? undefined : this.properties.defaultPriority);
    return told === undefined ? {} : { priority: told };
  }

  /** Opens a subgroup's stream; waits until the peer allows one. */
  async subgroup(options: SubgroupOptions): Promise<SubgroupWriter> {
    if (this.#over) throw new RequestError("uninterested", "the subscription is over");
    const { group, subgroup = 0, priority, hasProperties = true, endOfGroup = false } = options;
    const isFiltered = this.#filter !== undefined;
    const header = {
      trackAlias: this.trackAlias,
      group,
      subgroup,
      ...this.#toldPriority(priority),
      hasProperties,
      // The first and the last object that are sent need not be the group's.
      endOfGroup: endOfGroup && !isFiltered,
      firstObject: (options.firstObject ?? true) && !isFiltered,
    };
    const head = encodeSubgroupHeader(header, this.#version);
    const stream = await this.#stream(header, options.signal);
    const writer = new SubgroupWriter(stream, this.#version, {
      head,
      hasProperties,
      timeoutMs: () => this.deliveryTimeoutMs,
      endTimeoutMs: () => this.subgroupTimeoutMs,
      over: () => this.#writers.delete(writer),
      ...(hasRangeFilters(this.#version)
        ? {
          passes: (id, properties) =>
            this.#filter?.passes({
              subgroup,
              id,
              priority: this.#priorityOf(priority),
              properties,
            }) ??
              true,
        }
        : {}),
    });
    return this.#opened(writer);
  }

  #priorityOf(priority: number | undefined): number {
    return priority ?? this.properties.defaultPriority ?? DEFAULT_PRIORITY;
  }

  /**
   * Opens a subgroup's stream whose bytes come from elsewhere; waits until the peer allows one. What
   * is written to it must be of this draft, and begin with an object whose id is not a distance.
   */
  async forward(
    header: Omit<SubgroupHeader, "trackAlias">,
    signal?: AbortSignal,
  ): Promise<ForwardWriter> {
    if (this.#over) throw new RequestError("uninterested", "the subscription is over");
    const head = encodeSubgroupHeader({
      ...header,
      ...this.#toldPriority(header.priority),
      trackAlias: this.trackAlias,
    }, this.#version);
    const stream = await this.#stream(header, signal);
    const writer = new ForwardWriter(stream, this.#version, {
      head,
      over: () => this.#writers.delete(writer),
    });
    return this.#opened(writer);
  }

  /** The order in which a stream is sent among all of the session's, as things are now. */
  sendOrder(group: number, priority?: number): number {
    return sendOrderOf(
      this.#parameters.priority ?? DEFAULT_PRIORITY,
      this.#priorityOf(priority),
      group,
      this.#parameters.groupOrder ?? this.properties.groupOrder ?? "ascending",
    );
  }

  #stream(
    { group, priority }: { group: number; priority?: number },
    signal: AbortSignal | undefined,
  ): Promise<SendStream> {
    return this.#connection.createUnidirectionalStream({
      sendOrder: this.sendOrder(group, priority),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #opened<T extends SubgroupWriter | ForwardWriter>(writer: T): T {
    this.#streams++;
    if (this.#over) writer.reset("cancelled");
    else this.#writers.add(writer);
    return writer;
  }

  /**
   * Sends an object in a datagram: now, or not at all. False: it was dropped. One that the subscriber's
   * filter leaves out is passed over.
   */
  datagram(object: Omit<ObjectDatagram, "trackAlias">): boolean {
    const { id, properties } = object;
    const priority = this.#priorityOf(object.priority);
    if (this.#filter?.passes({ id, priority, properties }) === false) return true;
    const { trackAlias } = this;
    const told = hasDefaultPriority(this.#version)
      ? { ...object, trackAlias }
      : { ...object, trackAlias, ...this.#toldPriority(object.priority) };
    const bytes = encodeDatagram(told, this.#version);
    const { datagrams } = this.#connection;
    if (this.#over || bytes.length > datagrams.maxDatagramSize || this.#datagrams === undefined) {
      this.#droppedDatagrams++;
      return false;
    }
    this.#datagrams.write(bytes).catch(() => this.#droppedDatagrams++);
    return true;
  }

  /**
   * Tells that the subscription's state changed by itself, not by the subscriber's update, where the
   * draft has a message for that: since draft-20.
   */
  notify(changes: Pick<Parameters, "largest" | "forward" | "filter">): void {
    if (this.#over || !hasStateNotify(this.#version)) return;
    this.#channel?.send({ kind: "publish-state-notify", parameters: changes });
  }

  /** Says that nothing follows, and why. Streams that are open are reset. Idempotent. */
  done(reason: DoneName = "track-ended", message = ""): void {
    if (this.#over) return;
    for (const writer of [...this.#writers]) writer.reset("cancelled");
    const code = doneCode(reason, this.#version);
    this.#channel?.send({
      kind: "publish-done",
      requestId: this.#channel.requestId,
      code,
      streamCount: this.#streams,
      reason: message,
    });
    this.#channel?.finish();
    this.#end();
  }

  /** Says that nothing follows. */
  close(): Promise<void> {
    this.done();
    return Promise.resolve();
  }

  /** Says that nothing follows. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The request has a channel. For the session. */
  started(channel: Channel, datagrams: WritableStreamDefaultWriter<Uint8Array>): void {
    this.#channel = channel;
    this.#datagrams = datagrams;
    if (this.#over) channel.cancel();
  }

  /** The subscriber agreed. For the session. */
  established(parameters: Parameters = {}): void {
    if (parameters.filter !== undefined) this.#largest = this.largestNow;
    this.#change(parameters);
    this.#ready.resolve();
  }

  /** The subscriber changed what it asks for. For the session. */
  updated(parameters: Parameters, largest: Location | undefined): void {
    if (parameters.filter !== undefined) this.#largest = largest ?? this.#largest;
    this.#change(parameters);
  }

  #change(parameters: Parameters): void {
    // A new group is asked for once, each time.
    const { newGroup, ...lasting } = parameters;
    const { newGroup: _, ...before } = this.#parameters;
    this.#parameters = changedFilters({ ...before, ...lasting }, lasting);
    this.#filter = ObjectFilter.of(this.#parameters, this.properties);
    this.#locate();
    const told = newGroup === undefined ? this.#parameters : { ...this.#parameters, newGroup };
    for (const listener of this.#listeners) listener(told);
  }

  /** The request failed. For the session. */
  refused(error: unknown): void {
    this.#ready.reject(error);
    this.canceled();
  }

  /** The subscriber wants no more. For the session. */
  canceled(): void {
    if (this.#over) return;
    for (const writer of [...this.#writers]) writer.reset("cancelled");
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#ready.reject(new RequestError("uninterested", "the subscription is over"));
    this.#forget(this);
    this.#closed.resolve();
  }
}

export type { OutgoingObject, SubgroupWriter };
