/**
 * A track that this side receives.
 *
 * @module
 */
import { doneCodes, type DoneName, nameOf } from "../codes.ts";
import type { ObjectDatagram } from "../data/datagram.ts";
import type { MakeObject, SubgroupHeader, SubgroupParser } from "../data/subgroup.ts";
import { RequestError } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import type { Version } from "../versions.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { TrackName } from "../wire/track_name.ts";
import type { Channel } from "../requests/channel.ts";
import type { Fetched } from "./fetch.ts";
import { ForwardReceiver, type ForwardSink } from "./forward.ts";
import type { ObjectGap, ReceivedObject } from "./objects.ts";
import { losePatience } from "./patience.ts";
import { ArrivalSink, GroupSink, MAX_BATCH_OBJECTS } from "./sinks.ts";
import type { GroupPolicy, ReceivedGroup, Sink, SinkStats } from "./sinks.ts";

/** What the publisher said of a subscription. */
export interface SubscriptionInfo {
  /** The number that stands for the track. */
  trackAlias: number;
  /** Among others the largest location, and when the subscription expires. */
  parameters: Parameters;
  /** What the publisher says of the track. */
  properties: TrackProperties;
}

/** Why a subscription is over. */
export interface SubscriptionEnd {
  /** The draft's name; `closed`: this side ended it. */
  reason: DoneName | "closed";
  /** The publisher's words. */
  message: string;
}

/** How a subscription is received. */
export interface ReceiveOptions {
  /** How long an object that is missing is waited for before the gap is told, in ms; default 200. */
  gapTimeoutMs?: number;
  /**
   * How long streams that have not begun, or that nobody reads, are waited for after the publisher is
   * done, in milliseconds; default 1,000. What is being read is read to its end.
   */
  lingerMs?: number;
}

/** What did not reach a subscription's reader, and why. */
export interface SubscriptionStats extends SinkStats {
  /** Streams that the publisher, or a relay, reset: by a delivery timeout, or a policy of its own. */
  cutStreams: number;
}

/** Who takes a stream; undefined: nobody wants it. */
export type StreamTaker = SubgroupReceiver | ForwardReceiver | undefined;

/** Priority of streams that name none, on tracks that name none: draft-18, section 12.4. */
const DEFAULT_PRIORITY = 128;

/** A subscription of ours, however it came about. Iterate {@link objects} or {@link groups}. */
export class Subscription implements AsyncDisposable {
  readonly #version: Version;
  readonly #options: ReceiveOptions;
  readonly #ready = Promise.withResolvers<SubscriptionInfo>();
  readonly #over = Promise.withResolvers<SubscriptionEnd>();
  readonly #sink = Promise.withResolvers<Sink | ForwardSink>();
  readonly #forget: (subscription: Subscription) => void;
  readonly #abort = new AbortController();
  /** What ends the streams that are open. A signal would search all of them for each that goes. */
  readonly #stops = new Set<() => void>();
  #mode: Sink | undefined;
  #forward: ForwardSink | undefined;
  #channel: Channel | undefined;
  #info: SubscriptionInfo | undefined;
  #done: SubscriptionEnd | undefined;
  #finished = false;
  #streams = 0;
  #openStreams = 0;
  #expected: number | undefined;
  /** Datagrams that came before anybody read. */
  #unread = 0;
  /** Groups up to this one are not wanted; a promise: until it is known, streams wait. */
  #before: number | Promise<void> | undefined;
  #cutStreams = 0;
  #linger = () => {};
  /** Which track. */
  readonly track: TrackName;
  /** What was published before, where `parameters.fill` asked for it. */
  past: Fetched | undefined;

  /** Made by the session. */
  constructor(
    track: TrackName,
    version: Version,
    options: ReceiveOptions,
    forget: (subscription: Subscription) => void,
  ) {
    this.track = track;
    this.#version = version;
    this.#options = options;
    this.#forget = forget;
    this.#ready.promise.catch(() => {});
  }

  /** Resolves once the publisher agreed; rejects with a {@link RequestError} where it did not. */
  get ready(): Promise<SubscriptionInfo> {
    return this.#ready.promise;
  }

  /** Resolves when the subscription is over and all its objects came. Never rejects. */
  get closed(): Promise<SubscriptionEnd> {
    return this.#over.promise;
  }

  /** What the publisher said, once it did. */
  get info(): SubscriptionInfo | undefined {
    return this.#info;
  }

  /** Aborted when nothing is wanted any more; what gives up waiting for the publisher. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The request's id, once there is one; what joins a fetch to it. */
  get requestId(): number | undefined {
    return this.#channel?.requestId;
  }

  /** What the reader did not get. */
  get stats(): SubscriptionStats {
    const { droppedDatagrams, lateObjects, droppedGroups } = this.#mode?.stats ??
      { droppedDatagrams: 0, lateObjects: 0, droppedGroups: 0 };
    return {
      droppedDatagrams: droppedDatagrams + this.#unread,
      lateObjects,
      droppedGroups,
      cutStreams: this.#cutStreams,
    };
  }

  /** Every object as it arrives: lowest latency, no order between streams. */
  objects(): AsyncIterable<ReceivedObject> {
    return this.#arrivals().values();
  }

  /**
   * Every object as it arrives, as many at once as there are: for tracks with very many objects, as
   * nothing is waited for between two of a batch. Batches are never empty.
   *
   * `lend`: payloads and properties may be used until the next batch is asked for. Then their memory is
   * read into again, which spares the garbage collector most of its work; what is to be kept is copied.
   */
  batches({ lend = false }: { lend?: boolean } = {}): AsyncIterable<ReceivedObject[]> {
    return this.#arrivals(lend).batches();
  }

  #arrivals(lend = false): ArrivalSink {
    const sink = new ArrivalSink(lend);
    this.#use(sink);
    return sink;
  }

  /**
   * Groups as they begin, each with its objects in order and its gaps told. A slow reader gets `all` of
   * them, and the publisher is held back; or the `latest`, and groups that a newer one superseded are
   * given up ({@link stats} counts them): what live pictures are for.
   */
  groups(policy: GroupPolicy = "all"): AsyncIterable<ReceivedGroup> {
    const sink = new GroupSink(this.#options.gapTimeoutMs ?? 200, policy);
    this.#use(sink);
    return sink.groups;
  }

  /** Gives streams and datagrams to `sink` as they are, not taken apart: what a relay does. */
  forward(sink: ForwardSink): void {
    this.#unused();
    this.#forward = sink;
    if (this.#finished) sink.end();
    this.#sink.resolve(sink);
    this.#endIfComplete();
  }

  #unused(): void {
    if (this.#mode === undefined && this.#forward === undefined) return;
    throw new TypeError("the subscription is iterated already");
  }

  #use(sink: Sink): void {
    this.#unused();
    this.#mode = sink;
    if (this.#finished) sink.end();
    this.#sink.resolve(sink);
    this.#endIfComplete();
  }

  /** Changes the subscription. A {@link RequestError} where the publisher refuses. */
  async update(parameters: Parameters): Promise<Parameters> {
    await this.ready;
    const answer = await this.#channel!.update(parameters);
    if (answer.kind === "request-ok") return answer.parameters;
    throw RequestError.received(answer);
  }

  /** Wants no more objects. Idempotent. */
  close(): Promise<void> {
    this.#channel?.cancel();
    this.end({ reason: "closed", message: "" });
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The request was made. For the session. */
  started(channel: Channel): void {
    this.#channel = channel;
    if (this.#finished) channel.cancel();
  }

  /** The publisher agreed. For the session. */
  established(info: SubscriptionInfo): void {
    this.#info = info;
    this.#ready.resolve(info);
  }

  /**
   * Wants the groups after the largest one that the publisher had when it heard so. What it sent before
   * that is left. For the session.
   */
  beginsAfter(largest: Promise<number | undefined>): void {
    this.#before = largest.then((group) => {
      this.#before = group;
    });
  }

  /** The publisher says what changed by itself: draft-20, section 10.10. For the session. */
  notified(changes: Parameters): void {
    const info = this.#info;
    if (info === undefined) return;
    this.#info = { ...info, parameters: { ...info.parameters, ...changes } };
  }

  /** The request failed. For the session. */
  refused(error: unknown): void {
    this.#ready.reject(error);
    const message = error instanceof Error ? error.message : String(error);
    this.end({ reason: "internal-error", message });
  }

  /** PUBLISH_DONE came. For the session. */
  publishDone(message: MessageOf<"publish-done">): void {
    const reason = nameOf(doneCodes(this.#version), message.code) ?? "internal-error";
    this.#done = { reason, message: message.reason };
    this.#expected = message.streamCount;
    this.#channel?.finish();
    this.#endIfComplete();
  }

  /** Whoever is slow to read still gets what is on its way: time passes only while nothing is. */
  #endIfComplete(): void {
    this.#linger();
    const done = this.#done;
    if (done === undefined || this.#finished) return;
    const isRead = this.#mode !== undefined || this.#forward !== undefined;
    if (this.#openStreams > 0 && isRead) return;
    const isComplete = this.#openStreams === 0 && this.#streams >= (this.#expected ?? Infinity);
    if (isComplete) this.end(done);
    else this.#linger = losePatience(() => this.end(done), this.#options.lingerMs ?? 1000);
  }

  /** It is over, whatever still comes. For the session. */
  end(end: SubscriptionEnd): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#linger();
    this.#forget(this);
    const error = new RequestError("internal-error", `the subscription is over: ${end.reason}`);
    this.#abort.abort(error);
    for (const stop of this.#stops) stop();
    this.#stops.clear();
    this.#ready.reject(error);
    this.#mode?.end();
    this.#forward?.end();
    this.#sink.resolve(new ArrivalSink());
    this.#over.resolve(end);
  }

  /**
   * A subgroup's stream began; gives who takes it, once somebody reads; undefined: it is not wanted. For
   * the session.
   */
  opened(header: SubgroupHeader, limit: number): StreamTaker | Promise<StreamTaker> {
    this.#streams++;
    this.#openStreams++;
    this.#endIfComplete();
    if (this.#before instanceof Promise) {
      return this.#before.then(() => this.#sink.promise)
        .then((sink) => this.#receiver(header, limit, sink));
    }
    const sink = this.#mode ?? this.#forward;
    if (sink !== undefined) return this.#receiver(header, limit, sink);
    return this.#sink.promise.then((sink) => this.#receiver(header, limit, sink));
  }

  /** Whether a group came before those that are wanted, as far as is known. */
  #isBefore(group: number): boolean {
    return typeof this.#before === "number" && group <= this.#before;
  }

  #receiver(header: SubgroupHeader, limit: number, sink: Sink | ForwardSink): StreamTaker {
    const over = () => {
      this.#openStreams--;
      this.#endIfComplete();
    };
    if (this.#isBefore(header.group)) return void over();
    if (sink === this.#forward) {
      const { signal } = this.#abort;
      return new ForwardReceiver(header, this.#forward, {
        version: this.#version,
        limit,
        signal,
        over,
      });
    }
    const priority = header.priority ?? this.#info?.properties.defaultPriority ?? DEFAULT_PRIORITY;
    const { signal } = this.#abort;
    return new SubgroupReceiver(header, priority, sink as Sink, {
      isOver: () => signal.aborted,
      over,
      cut: () => this.#cutStreams++,
      onStop: (stop) => {
        this.#stops.add(stop);
        return () => this.#stops.delete(stop);
      },
    });
  }

  /** A datagram came. For the session. */
  datagram(object: ObjectDatagram): void {
    if (this.#before instanceof Promise || this.#isBefore(object.group)) return;
    if (this.#forward !== undefined) return this.#forward.datagram(object);
    if (this.#mode === undefined) {
      this.#unread++;
      return;
    }
    const { group, id, status, properties, payload } = object;
    const priority = object.priority ?? this.#info?.properties.defaultPriority ?? DEFAULT_PRIORITY;
    this.#mode.datagram({
      kind: "object",
      group,
      id,
      priority,
      status,
      ...(properties === undefined ? {} : { properties }),
      payload,
    }, object.endOfGroup);
  }
}

/** What one subgroup's stream needs of its subscription. */
export interface ReceiverHost {
  /** Whether nothing is wanted any more. */
  isOver(): boolean;
  /** The stream has ended. */
  over(): void;
  /** The stream was reset. */
  cut(): void;
  /** Calls `stop` when nothing is wanted any more. Returns what takes that back. */
  onStop(stop: () => void): () => void;
}

/** Takes one subgroup's objects. */
export class SubgroupReceiver {
  readonly #header: SubgroupHeader;
  readonly #priority: number;
  readonly #sink: Sink;
  readonly #host: ReceiverHost;
  #subgroup: number | undefined;
  #last: number | undefined;
  #forget = () => {};

  /** Made by its subscription. */
  constructor(header: SubgroupHeader, priority: number, sink: Sink, host: ReceiverHost) {
    this.#header = header;
    this.#priority = priority;
    this.#sink = sink;
    this.#host = host;
    if (header.subgroup !== "first-object") this.#subgroup = header.subgroup;
    sink.opened(header.group);
  }

  /** Whether nothing is wanted any more. */
  get isStopped(): boolean {
    return this.#host.isOver();
  }

  /** Calls `stop` when nothing is wanted any more, at once where that is so. */
  onStop(stop: () => void): void {
    if (this.isStopped) stop();
    else this.#forget = this.#host.onStop(stop);
  }

  /** Takes what a parser has; a promise: wait for it, then call again. */
  take(parser: SubgroupParser): Promise<void> | undefined {
    while (!this.isStopped) {
      const batch = parser.take(MAX_BATCH_OBJECTS, this.#make);
      if (batch.length === 0) return undefined;
      const wait = this.#sink.objects(batch);
      if (wait !== undefined) return wait;
    }
    return undefined;
  }

  /** No further objects lie in these bytes, which came from the transport. */
  spent(bytes: Uint8Array): void {
    this.#sink.spent?.(bytes);
  }

  readonly #make: MakeObject<ReceivedObject> = (id, status, properties, payload) => {
    const subgroup = this.#subgroup ??= id;
    if (status === "normal") this.#last = id;
    const { group } = this.#header;
    const priority = this.#priority;
    return properties === undefined
      ? { kind: "object", group, subgroup, priority, id, status, payload }
      : { kind: "object", group, subgroup, priority, id, status, properties, payload };
  };

  /** The stream ended: with FIN, or it was reset. */
  ended(whole: boolean): void {
    const last = whole && this.#header.endOfGroup ? this.#last : undefined;
    this.#forget();
    if (!whole && !this.isStopped) this.#host.cut();
    this.#sink.ended(this.#header.group, whole, last);
    this.#host.over();
  }
}

export type { GroupPolicy, ObjectGap, ReceivedGroup, ReceivedObject };
