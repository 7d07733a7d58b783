/**
 * A track for any number of sessions: offered in each, sent to who subscribes, kept a while for who
 * fetches.
 *
 * @module
 */
import { RequestError } from "../../moqt/errors.ts";
import type { SessionUse } from "../../moqt/persistent.ts";
import type { IncomingSubscribe, RequestHandlers } from "../../moqt/respond/incoming.ts";
import type { Publication } from "../../moqt/publish/publication.ts";
import type { MoqtSession } from "../../moqt/session/session.ts";
import { TrackSource } from "../../moqt/publish/track_source.ts";
import type { Location } from "../../moqt/wire/location.ts";
import type { TrackProperties } from "../../moqt/wire/properties.ts";
import type { Token } from "../../moqt/wire/token.ts";
import { formatTrackName, hasPrefix, type TrackName } from "../../moqt/wire/track_name.ts";
import { TrackHistory } from "./history.ts";

/** How long a session's end is waited for when a request of it has ended, in milliseconds. */
const GRACE_MS = 100;

/** How a track is made known: by PUBLISH, by PUBLISH_NAMESPACE, or by both. */
export type OfferBy = "publish" | "namespace" | "both";

/** How a track is published. */
export interface PublisherOptions {
  /** Which. */
  track: TrackName;
  /** How it is made known. Default `namespace`. */
  offerBy?: OfferBy;
  /** Objects go in datagrams, not in streams. Default false. */
  datagrams?: boolean;
  /** The track's priority, 0 (first) to 255, and whatever else is said of it. */
  properties?: TrackProperties;
  /** What authorizes the offers. */
  tokens?: readonly Token[];
  /** Groups that are kept for FETCH. Default 16. */
  keepGroups?: number;
  /** Groups that may be late before they are cut off; see `TrackSource`. Default 1. */
  lateGroups?: number;
  /** Somebody subscribed, or does no more. */
  onSubscribers?(count: number): void;
}

/** Counters of a publisher. */
export interface PublisherStats {
  /** Objects published. */
  objects: number;
  /** Their bytes. */
  bytes: number;
  /** Subscribers now. */
  subscribers: number;
  /** Groups cut off for a slow subscriber, all added up. */
  resetGroups: number;
  /** Datagrams that did not fit, or had no path, all added up. */
  droppedDatagrams: number;
}

/** See the module. */
export class TrackPublisher {
  readonly #options: PublisherOptions;
  readonly #source: TrackSource;
  readonly #history: TrackHistory;
  readonly #publications = new Set<Publication>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #name: string;
  #waiting: (() => void)[] = [];
  #group = -1;
  #next = 0;
  #objects = 0;
  #bytes = 0;
  #droppedDatagrams = 0;

  /** Makes a track without subscribers. */
  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#name = formatTrackName(options.track);
    this.#source = new TrackSource({
      ...(options.properties === undefined ? {} : { properties: options.properties }),
      ...(options.lateGroups === undefined ? {} : { lateGroups: options.lateGroups }),
    });
    this.#history = new TrackHistory(options.keepGroups ?? 16);
  }

  /** Counters now. */
  get stats(): PublisherStats {
    return {
      objects: this.#objects,
      bytes: this.#bytes,
      subscribers: this.#publications.size,
      resetGroups: this.#source.resetGroups,
      droppedDatagrams: this.#droppedDatagrams,
    };
  }

  /** The largest location published. */
  get largest(): Location | undefined {
    return this.#next === 0 ? undefined : { group: this.#group, object: this.#next - 1 };
  }

  /** Begins a group, by default the one after the last. */
  startGroup(id: number = this.#group + 1): void {
    this.#group = this.#source.startGroup(id);
    this.#next = 0;
  }

  /** Publishes an object; who is slow loses groups. The payload must not change any more. */
  write(payload: Uint8Array): void {
    const id = this.#next;
    this.#objects++;
    this.#bytes += payload.length;
    this.#history.add({
      kind: "object",
      group: this.#group,
      ...(this.#options.datagrams === true ? {} : { subgroup: 0 }),
      id,
      priority: this.#options.properties?.defaultPriority ?? 128,
      payload,
    });
    if (this.#options.datagrams === true) this.#sendDatagrams(id, payload);
    else this.#source.write({ payload });
    this.#next = id + 1;
  }

  #sendDatagrams(id: number, payload: Uint8Array): void {
    const location = { group: this.#group, object: id };
    for (const publication of this.#publications) {
      if (!publication.wants(location)) continue;
      const sent = publication.datagram({
        group: this.#group,
        id,
        endOfGroup: false,
        status: "normal",
        payload,
      });
      if (!sent) this.#droppedDatagrams++;
    }
  }

  /** The group is complete. */
  endGroup(): void {
    if (this.#group >= 0) this.#source.endGroup();
  }

  /** Resolves when nothing waits for any subscriber. */
  async drained(): Promise<void> {
    await this.#source.drained();
  }

  /** Resolves once there is a subscriber. Rejects when the signal aborts. */
  subscribed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#publications.size > 0) return resolve();
      if (signal.aborted) return reject(signal.reason);
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
  }

  /**
   * Ends the track for everybody, once what waits for them is sent. Sessions go on for `lingerMs`:
   * transports do not tell when the peer has everything, and who closes at once may cut it short.
   */
  async end({ lingerMs, signal }: { lingerMs: number; signal: AbortSignal }): Promise<void> {
    this.#history.end();
    const left = [...this.#publications];
    await this.#source.end();
    for (const publication of left) publication.done("track-ended");
    if (left.length > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, lingerMs);
        signal.addEventListener("abort", end, { once: true });
      });
    }
    this.#ended.resolve();
  }

  /** What a session of the track does about requests. */
  handlers(session: Promise<MoqtSession>): RequestHandlers {
    const { track } = this.#options;
    return {
      subscribe: (request) => this.#accept(request),
      fetch: (request) => {
        this.#check(request.track);
        return this.#history.answer(request);
      },
      trackStatus: (request) => {
        this.#check(request.track);
        const { largest } = this;
        return largest === undefined ? {} : { largest };
      },
      subscribeNamespace: async (request) => {
        const feed = request.accept();
        if (!hasPrefix(track.namespace, request.prefix)) return;
        if (request.interest !== "publish") feed.add(track.namespace);
        if (request.interest !== "namespace") this.#publish(await session);
      },
    };
  }

  #check(track: TrackName): void {
    if (formatTrackName(track) === this.#name) return;
    throw new RequestError("does-not-exist", "no such track");
  }

  #accept(request: IncomingSubscribe): void {
    this.#check(request.track);
    const { properties } = this.#options;
    const { largest } = this;
    this.#attach(request.accept({
      ...(largest === undefined ? {} : { largest }),
      ...(properties === undefined ? {} : { properties }),
    }));
  }

  #attach(publication: Publication): void {
    this.#publications.add(publication);
    if (this.#options.datagrams !== true) this.#source.attach(publication);
    this.#changed();
    publication.closed.then(() => {
      this.#publications.delete(publication);
      this.#changed();
    });
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #changed(): void {
    this.#options.onSubscribers?.(this.#publications.size);
  }

  /** Offers the track in a session until that is over, or the track has ended. */
  async use({ dialled: { session }, signal, established }: SessionUse): Promise<void> {
    const { offerBy = "namespace", track, tokens } = this.#options;
    const parameters = tokens === undefined ? {} : { tokens };
    if (offerBy !== "publish") {
      const offer = session.publishNamespace(track.namespace, { parameters, signal });
      await offer.ready;
      offer.closed.then(() => {
        // A server that wants no more of the namespace is asked again in another session. Most often it
        // is the session that has ended, which then tells why.
        const timer = setTimeout(() => {
          if (!signal.aborted && !this.#over) session.close().catch(() => {});
        }, GRACE_MS);
        const ended = () => clearTimeout(timer);
        session.closed.then(ended, ended);
        signal.addEventListener("abort", ended, { once: true });
      });
    }
    if (offerBy !== "namespace") await this.#publish(session, signal).ready;
    established();
    await this.#untilEnd(signal);
  }

  #publish(session: MoqtSession, signal?: AbortSignal): Publication {
    const { track, properties, tokens } = this.#options;
    const { largest } = this;
    const publication = session.publish(track, {
      ...(properties === undefined ? {} : { properties }),
      ...(largest === undefined ? {} : { largest }),
      ...(tokens === undefined ? {} : { parameters: { tokens } }),
      ...(signal === undefined ? {} : { signal }),
    });
    // What is published until the answer counts for the filter in it.
    publication.follow(() => this.largest);
    publication.ready.then(() => this.#attach(publication), () => {});
    return publication;
  }

  #over = false;

  async #untilEnd(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    this.#ended.promise.then(() => {
      this.#over = true;
      resolve();
    });
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) resolve();
    await promise;
    signal.removeEventListener("abort", end);
  }
}
