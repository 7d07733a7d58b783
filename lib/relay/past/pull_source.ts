/**
 * What publishers give of a fetch, one after another where one fails.
 *
 * @module
 */
import type { FetchItem } from "../../moqt/data/fetch.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { Fetched } from "../../moqt/receive/fetch.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import type { TrackName } from "../../moqt/wire/track_name.ts";
import { Keeper } from "./keeping.ts";
import type { Past } from "./past.ts";
import type { PullInfo } from "./pull.ts";
import type { RelaySession } from "../session.ts";
import { after, earlier, endFromWire, endToWire, groupStart, isEmpty } from "./span.ts";
import { later, type Span } from "./span.ts";

/** What a source needs. */
export interface PullSourceHost {
  /** Which track. */
  readonly track: TrackName;
  /** Where what comes is kept. */
  readonly past: Past;
  /** Who may have it, the best first. */
  publishers(): Iterable<RelaySession>;
  /** A publisher agreed. */
  agreed(session: RelaySession, info: PullInfo): void;
  /** Whether what comes before a location is known to have been published. */
  isPublished(to: Location): boolean;
}

interface Part {
  readonly span: Span;
  readonly order: GroupOrder;
}

/** The items of one fetch, which are kept as they are read. */
export class PullSource {
  readonly #host: PullSourceHost;
  readonly #ready = Promise.withResolvers<PullInfo>();
  readonly #keeper: Keeper;
  #parts: Part[];
  #last: Location | undefined;
  #fetched: Fetched | undefined;
  #stopped = false;
  #priority: number;

  /** Asks nobody before it is read. */
  constructor(host: PullSourceHost, span: Span, order: GroupOrder, priority: number) {
    this.#host = host;
    this.#priority = priority;
    this.#parts = [{ span, order }];
    this.#keeper = new Keeper(host.past, span, order, (to) => host.isPublished(to));
    this.#ready.promise.catch(() => {});
  }

  /** Resolves once a publisher agreed; rejects where none does. */
  get ready(): Promise<PullInfo> {
    return this.#ready.promise;
  }

  /** The items. Once. */
  async *items(): AsyncGenerator<FetchItem, void, undefined> {
    let refusal: unknown;
    try {
      for (const session of this.#host.publishers()) {
        try {
          while (this.#parts.length > 0 && !this.#stopped) {
            yield* this.#ask(session, this.#parts[0]!);
            this.#parts.shift();
            this.#last = undefined;
          }
          if (!this.#stopped) this.#keeper.end();
          return;
        } catch (error) {
          if (this.#stopped) return;
          refusal = error;
          this.#rest();
        }
      }
      throw refusal ?? new RequestError("does-not-exist", "nobody publishes this track here");
    } catch (error) {
      this.#ready.reject(error);
      throw error;
    } finally {
      this.stop();
    }
  }

  async *#ask(session: RelaySession, part: Part): AsyncGenerator<FetchItem, void, undefined> {
    const { span, order } = part;
    const fetched = session.fetch?.(
      { track: this.#host.track, start: span.from, end: endToWire(span.to) },
      { parameters: { groupOrder: order, priority: this.#priority } },
    );
    if (fetched === undefined) {
      throw new RequestError("not-supported", "the publisher has no objects of the past");
    }
    this.#fetched = fetched;
    try {
      const { end: told, endOfTrack, properties } = await fetched.ready;
      if (this.#stopped) return;
      const end = earlier(span.to, endFromWire(told));
      const info = { end, endOfTrack, properties };
      this.#host.agreed(session, info);
      this.#ready.resolve(info);
      this.#keeper.limit(end);
      // The part that is asked for is never empty: a fetch does not end before it starts.
      this.#parts = this.#parts.map((part) => cut(part, end)).filter(({ span }) => !isEmpty(span));
      for await (const item of fetched) {
        this.#check(item, part);
        // Who gives more than was asked for has given all of that.
        if (item.kind === "object" && isBehind(item, part)) break;
        this.#last = { group: item.group, object: item.id };
        if (item.kind === "object") this.#keeper.object(item);
        else this.#keeper.gap(item);
        yield item;
      }
    } finally {
      this.#fetched = undefined;
      void fetched.close();
    }
  }

  /** Throws where an item does not come after the last one: it would be sent on as it is. */
  #check(item: FetchItem, { span, order }: Part): void {
    const location = { group: item.group, object: item.id };
    const last = this.#last;
    const follows = last === undefined ||
      (order === "ascending" || item.group === last.group
        ? compareLocations(last, location) < 0
        : item.group < last.group);
    const isEarly = order === "ascending"
      ? compareLocations(location, span.from) < 0
      : compareLocations(location, span.to) >= 0;
    if (follows && (item.kind === "gap" || !isEarly)) return;
    throw new RequestError("malformed-track", "the publisher's objects are not what was asked for");
  }

  /** What is left of what was asked for when a publisher failed. */
  #rest(): void {
    const last = this.#last;
    const [part, ...others] = this.#parts;
    this.#last = undefined;
    if (part === undefined || last === undefined) return;
    const { span, order } = part;
    const next = after(last);
    const parts: Part[] = order === "ascending" ? [{ span: { ...span, from: next }, order }] : [
      {
        span: { from: next, to: earlier(groupStart(last.group + 1), span.to) },
        order: "ascending",
      },
      { span: { ...span, to: later(groupStart(last.group), span.from) }, order },
    ];
    this.#parts = [...parts, ...others].filter(({ span }) => !isEmpty(span));
  }

  /** Somebody wants it with a higher priority. */
  hurry(priority: number): void {
    this.#priority = priority;
    // Not all drafts have this.
    this.#fetched?.update({ priority }).catch(() => {});
  }

  /** Nothing more is wanted. Idempotent. */
  stop(): void {
    this.#stopped = true;
    void this.#fetched?.close();
    this.#ready.reject(new RequestError("uninterested", "nobody wants the fetch any more"));
  }
}

function cut({ span, order }: Part, end: Location): Part {
  return { span: { ...span, to: earlier(span.to, end) }, order };
}

/** Whether an object is behind all of what was asked for, in its order. */
function isBehind({ group, id }: FetchItem, { span, order }: Part): boolean {
  return order === "ascending"
    ? compareLocations({ group, object: id }, span.to) >= 0
    : group < span.from.group;
}
