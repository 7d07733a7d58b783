/**
 * What the peer's fetches are of, and what came before its subscriptions: draft-16, section 9.16;
 * draft-20, sections 5.1.2 and 5.1.3.
 *
 * @module
 */
import type { FetchItem } from "../data/fetch.ts";
import { RequestError, violation } from "../errors.ts";
import type { MessageOf } from "../messages/control.ts";
import { type FetchRange, isBefore } from "../messages/fetch.ts";
import { hasParametersForFields } from "../versions.ts";
import type { SubscriptionFilter } from "../wire/filter.ts";
import type { Location } from "../wire/location.ts";
import type { FillParameters, Parameters } from "../wire/parameters.ts";
import { formatTrackName, type TrackName } from "../wire/track_name.ts";
import {
  type FetchAnswer,
  type FetchStreamOptions,
  resetFetch,
  serveFetch,
} from "../receive/fetch.ts";
import type { ChannelHandler } from "../requests/channel.ts";
import { changedFilters, ObjectFilter } from "../publish/object_filter.ts";
import { type OpenRequest, unsupported } from "./open_request.ts";
import type { Publication } from "../publish/publication.ts";
import type { ResponderHost } from "./responder_host.ts";
import type { TokenValue } from "../requests/tokens.ts";

/** Objects of a track, from one to before another; `end.object` 0: the whole of `end.group`. */
export interface TrackRange {
  /** Which track. */
  track: TrackName;
  /** The first object. */
  start: Location;
  /** One after the last object. */
  end: Location;
}

/** Serves fetches, by the host's publications and handlers. */
export class FetchServer {
  readonly #host: ResponderHost;
  /** Subscriptions that were not answered yet, which fetches may join already. */
  readonly #unanswered = new Map<number, Promise<void>>();

  /** Works for a responder. */
  constructor(host: ResponderHost) {
    this.#host = host;
  }

  /** A subscription waits for its answer, and fetches that join it with it. Call when it is there. */
  awaitAnswer(requestId: number, signal: AbortSignal): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unanswered.set(requestId, promise);
    const answered = () => {
      this.#unanswered.delete(requestId);
      resolve();
    };
    // A refusal aborts the request, too.
    signal.addEventListener("abort", answered, { once: true });
    return answered;
  }

  /** Answers a fetch, and sends its objects. */
  serve(message: MessageOf<"fetch">, open: OpenRequest): Partial<ChannelHandler> {
    const { channel, abort } = open;
    const { parameters } = message;
    const { requestId } = channel;
    let setPriority: ((priority: number) => void) | undefined;
    open.run(async () => {
      const { signal } = abort;
      const range = await this.#range(message, open.common);
      if (this.#host.handlers.fetch === undefined) unsupported();
      const answer = await this.#host.handlers.fetch({ ...range, parameters, ...open.common });
      if (isBefore(answer.end, range.start)) {
        throw new RequestError("invalid-range", "nothing was published from there on");
      }
      open.claim();
      const { connection, version } = this.#host;
      const { groupOrder = "ascending" } = parameters;
      channel.send({
        kind: "fetch-ok",
        requestId,
        endOfTrack: answer.endOfTrack ?? false,
        end: answer.end,
        parameters: hasParametersForFields(version) ? {} : { groupOrder },
        properties: parameters.includeProperties === false ? {} : answer.properties ?? {},
      });
      const filter = ObjectFilter.of(parameters, answer.properties);
      const items = filter === undefined ? answer.items : filtered(answer.items, filter);
      const onStream = (set: (priority: number) => void) => setPriority = set;
      try {
        await serveFetch(connection, version, { requestId, parameters, items, signal, onStream });
      } finally {
        channel.finish();
        abort.abort();
      }
    });
    return {
      update: (updateId, { priority }) => {
        if (priority !== undefined) {
          parameters.priority = priority;
          setPriority?.(priority);
        }
        channel.send({ kind: "request-ok", requestId: updateId, parameters: {} });
      },
    };
  }

  /** What a fetch is of. Rejects with a `RequestError`, or a violation. */
  async #range(
    { range }: MessageOf<"fetch">,
    request: OpenRequest["common"],
  ): Promise<TrackRange> {
    switch (range.by) {
      case "range":
        return { track: range.track, start: range.start, end: range.end };
      case "filter":
        return await this.#toLargest(range, request);
      default:
        await this.#unanswered.get(range.joiningRequestId);
        return this.#joined(range);
    }
  }

  /** Joining fetches end where their subscription began. */
  #joined(
    range: FetchRange & { by: "relative-join" | "absolute-join" },
  ): TrackRange {
    const publication = this.#host.publications.get(range.joiningRequestId);
    if (publication === undefined) {
      throw new RequestError("invalid-joining-request-id", "no subscription has that request id");
    }
    if (publication.parameters.filter?.from !== "largest-object") {
      throw violation("a fetch joins a subscription that does not begin at the largest object");
    }
    const { track, largest } = publication;
    if (largest === undefined) {
      throw new RequestError("invalid-range", "nothing was published yet");
    }
    const group = range.by === "relative-join"
      ? Math.max(0, largest.group - range.groups)
      : range.group;
    const start = { group, object: 0 };
    const end = { group: largest.group, object: largest.object + 1 };
    if (isBefore(end, start)) {
      throw new RequestError("invalid-range", "it starts after the largest");
    }
    return { track, start, end };
  }

  async #toLargest(
    { track, filter }: FetchRange & { by: "filter" },
    request: OpenRequest["common"],
  ): Promise<TrackRange> {
    const status = await this.#host.handlers.trackStatus?.({ track, parameters: {}, ...request });
    const largest = status?.largest ?? this.#largestSent(track);
    const range = largest === undefined ? undefined : filteredRange(filter, largest);
    if (range === undefined) {
      throw new RequestError("invalid-range", "the track has no such objects");
    }
    return { track, ...range };
  }

  #largestSent(track: TrackName): Location | undefined {
    const name = formatTrackName(track);
    for (const publication of this.#host.publications.values()) {
      if (formatTrackName(publication.track) === name) return publication.largestNow;
    }
    return undefined;
  }

  /**
   * Sends what came before a subscription, where it asks for that, under the id of the request that
   * did. What cannot be given is told by the stream's reset. Never rejects.
   */
  async fill(
    publication: Publication,
    fill: FillParameters,
    { requestId, tokens }: { requestId: number; tokens: readonly TokenValue[] },
  ): Promise<void> {
    const { largestNow: largest, track } = publication;
    const filter = fill.filter ?? publication.parameters.filter ?? { from: "all" };
    const range = largest === undefined ? undefined : filteredRange(filter, largest);
    if (range === undefined) return;
    const over = new AbortController();
    publication.closed.then(() => over.abort());
    const { signal } = over;
    const { connection, version, handlers } = this.#host;
    const { filter: _, ...asked } = fill;
    const priority = asked.priority ?? publication.parameters.priority;
    const parameters: Parameters = { ...asked, ...(priority === undefined ? {} : { priority }) };
    const stream: FetchStreamOptions = { requestId, parameters, signal };
    try {
      if (handlers.fetch === undefined) throw new RequestError("not-supported", "no fetches here");
      const { items, properties } = await handlers.fetch({
        track,
        ...range,
        parameters,
        tokens,
        signal,
        // What precedes a subscription moves with it.
        goaway: () => {},
      });
      // The subscription's filters, but where the fill has some of the kind.
      const ranges = changedFilters(publication.parameters, asked);
      const filter = ObjectFilter.of(ranges, properties ?? publication.properties);
      const passed = filter === undefined ? items : filtered(items, filter);
      await serveFetch(connection, version, { ...stream, items: passed });
    } catch {
      if (!signal.aborted) await resetFetch(connection, version, stream);
    } finally {
      // Its handler is told that nothing more is wanted, though the subscription goes on.
      over.abort();
    }
  }
}

/** The items that pass range filters. What they leave out is not told. */
async function* filtered(
  items: FetchAnswer["items"],
  filter: ObjectFilter,
): AsyncGenerator<FetchItem, void, undefined> {
  for await (const item of items) {
    if (item.kind === "gap" || filter.passes(item)) yield item;
  }
}

/** The objects of a filter up to the largest; undefined: none. */
export function filteredRange(
  filter: SubscriptionFilter,
  largest: Location,
): { start: Location; end: Location } | undefined {
  const last = { group: largest.group, object: largest.object + 1 };
  const start = startOf(filter, largest);
  const end = filter.from === "start" ? endOf(filter, last) : last;
  return isBefore(end, start) ? undefined : { start, end };
}

function startOf(filter: SubscriptionFilter, largest: Location): Location {
  switch (filter.from) {
    case "all":
      return { group: 0, object: 0 };
    case "next-group":
      return { group: largest.group + 1, object: 0 };
    case "groups-back":
      return { group: Math.max(0, largest.group + 1 - filter.groups), object: 0 };
    case "largest-object":
      return { group: largest.group, object: largest.object + 1 };
    case "start":
      return filter.start;
  }
}

/** The end a filter names, at most the largest object's. */
function endOf(filter: SubscriptionFilter & { from: "start" }, last: Location): Location {
  const { endGroup, endObject } = filter;
  if (endGroup === undefined || endGroup > last.group) return last;
  if (endGroup < last.group) {
    return { group: endGroup, object: endObject === undefined ? 0 : endObject + 1 };
  }
  return endObject === undefined || endObject >= last.object
    ? last
    : { group: endGroup, object: endObject + 1 };
}
