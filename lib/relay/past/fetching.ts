/**
 * Objects of the past: what is here, and for the rest the publishers.
 *
 * @module
 */
import type { FetchItem } from "../../moqt/data/fetch.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { FetchAnswer } from "../../moqt/receive/fetch.ts";
import type { IncomingFetch } from "../../moqt/respond/incoming.ts";
import { hasFetchFlags, type Version } from "../../moqt/versions.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import type { TrackProperties } from "../../moqt/wire/properties.ts";
import { FillBudget } from "./fill_budget.ts";
import { type KnownTrack, segmentAt } from "./knowledge.ts";
import type { PullInfo } from "./pull.ts";
import type { NoItem, PullReader } from "./pull_reader.ts";
import {
  before,
  earlier,
  endFromWire,
  endToWire,
  groupStart,
  isEmpty,
  later,
  type Span,
} from "./span.ts";
import { Walk } from "./walk.ts";

const DEFAULT_PRIORITY = 128;

/** What a fetch needs to know, and can ask for. */
export interface FetchSource {
  /** What there is. */
  readonly known: KnownTrack;
  /** What is said of the track, as far as is known. */
  readonly properties: TrackProperties | undefined;
  /** Where what is published ends now; undefined: only publishers know. */
  readonly edge: Location | undefined;
  /** Where what is known to be published ends. */
  readonly reached: Location | undefined;
  /** Where the track ends for good; undefined: it may go on. */
  readonly trackEnd: Location | undefined;
  /** Whether there is somebody to ask. */
  readonly hasPublishers: boolean;
  /** Asks for a stretch. */
  pull(span: Span, order: GroupOrder, priority: number): PullReader;
}

/** Answers a fetch of a session that speaks `version`. Throws a `RequestError`. */
export async function answerFetch(
  source: FetchSource,
  request: IncomingFetch,
  version: Version,
): Promise<FetchAnswer> {
  const fetching = new Fetching(source, request);
  try {
    return await fetching.answer(version);
  } catch (error) {
    fetching.release();
    throw error;
  }
}

interface Begun {
  readonly span: Span;
  readonly order: GroupOrder;
  readonly reader: PullReader;
}

/** One fetch while it is answered. */
class Fetching {
  readonly #source: FetchSource;
  readonly #request: IncomingFetch;
  readonly #budget: FillBudget;
  readonly #order: GroupOrder;
  readonly #priority: number;
  /** What was begun to be asked for before objects are sent. */
  readonly #begun: Begun[] = [];
  #properties: TrackProperties | undefined;
  #endOfTrack = false;
  #to: Location;

  constructor(source: FetchSource, request: IncomingFetch) {
    const { fillTimeoutMs, groupOrder, priority } = request.parameters;
    this.#source = source;
    this.#request = request;
    this.#budget = new FillBudget(fillTimeoutMs);
    this.#order = groupOrder ?? "ascending";
    this.#priority = priority ?? DEFAULT_PRIORITY;
    this.#properties = source.properties;
    this.#to = request.end;
  }

  /** Answers a session that speaks `version`. */
  async answer(version: Version): Promise<FetchAnswer> {
    const { start: from, signal } = this.#request;
    signal.addEventListener("abort", () => this.release(), { once: true });
    const to = this.#to = await this.#end();
    if (compareLocations(from, to) >= 0) throw nothing();
    await this.#beginFirst({ from, to });
    const properties = this.#properties ?? {};
    const walk = new Walk({ from, to }, this.#order, {
      known: this.#source.known,
      pull: (wanted, order) => this.#pull(wanted, order),
      first: this.#first({ from, to }),
      budget: this.#budget,
      priority: properties.defaultPriority ?? DEFAULT_PRIORITY,
      tellsGaps: hasFetchFlags(version),
      signal,
    });
    const end = endToWire(to);
    return { end, endOfTrack: this.#endOfTrack, properties, items: this.#items(walk) };
  }

  async *#items(walk: Walk): AsyncGenerator<FetchItem, void, undefined> {
    try {
      yield* walk.items();
    } finally {
      this.release();
    }
  }

  /** Lets go of what was begun and is not read. */
  release(): void {
    for (const { reader } of this.#begun.splice(0)) reader.close();
  }

  /** Where the fetch ends: at most where what was published does. */
  async #end(): Promise<Location> {
    const { edge, trackEnd, reached, hasPublishers, known } = this.#source;
    const { start } = this.#request;
    const asked = endFromWire(this.#request.end);
    if (trackEnd !== undefined && compareLocations(asked, trackEnd) >= 0) {
      this.#endOfTrack = true;
      return trackEnd;
    }
    if (edge !== undefined) return earlier(asked, edge);
    if (reached !== undefined) {
      if (compareLocations(asked, reached) <= 0) return asked;
      if (!hasPublishers) return reached;
    }
    if (compareLocations(start, asked) >= 0) throw nothing();
    const tail = segmentAt(known, before(asked), { from: start, to: asked });
    // Whatever is known there was published.
    return tail.kind === "unknown" ? await this.#endOfTail(tail) : asked;
  }

  /** Asks for what is behind all that is known: the answer alone tells where that ends. */
  async #endOfTail({ from, to }: Span): Promise<Location> {
    const isAll = compareLocations(from, this.#request.start) === 0;
    const answer = await this.#begin({ from, to });
    if ("end" in answer) {
      // What is shared may end later.
      this.#endOfTrack = answer.endOfTrack && compareLocations(answer.end, to) <= 0;
      return earlier(answer.end, to);
    }
    // As far as is known here, there is nothing behind what is known here.
    const { reached } = this.#source;
    if (!isAll || reached !== undefined) return later(from, earlier(reached ?? from, to));
    throw refusalOf(answer);
  }

  /** Asks for the first stretch before agreeing, where nobody knows it: what refuses it refuses all. */
  async #beginFirst(span: Span): Promise<void> {
    if (this.#begun.length > 0) return;
    const isUp = this.#order === "ascending";
    const segment = segmentAt(this.#source.known, isUp ? span.from : before(span.to), span);
    if (segment.kind !== "unknown") return;
    const answer = await this.#begin(segment);
    if (!("end" in answer) && answer.kind !== "late") throw refusalOf(answer);
  }

  /** What was begun, where the fetch begins with it; less what is behind its end. */
  #first({ from, to }: Span): Span | undefined {
    const begun = this.#begun[0]?.span;
    if (begun === undefined) return undefined;
    const isAll = compareLocations(begun.from, from) === 0;
    if (this.#order === "ascending") {
      return isAll ? { from, to: earlier(begun.to, to) } : undefined;
    }
    // Of a group on whose beginning more is known, nothing: its objects ascend.
    const isWhole = isAll || begun.from.object === 0;
    const first = { from: isWhole ? begun.from : groupStart(begun.from.group + 1), to };
    return isEmpty(first) || compareLocations(begun.to, to) < 0 ? undefined : first;
  }

  async #begin({ from, to }: Span): Promise<PullInfo | NoItem> {
    if (this.#budget.isSpent) return { kind: "late" };
    const span = { from, to };
    const order = this.#order;
    const reader = this.#source.pull(span, order, this.#priority);
    const begun = { span, order, reader };
    this.#begun.push(begun);
    const answer = await this.#budget.wait((until) => reader.ready(until));
    this.#request.signal.throwIfAborted();
    if ("end" in answer) {
      this.#properties ??= answer.properties;
      return answer;
    }
    this.#drop(begun);
    reader.close();
    return answer;
  }

  /** Reads a stretch: what was begun, where that is the same. */
  #pull(span: Span, order: GroupOrder): PullReader {
    // What was known when it was begun may be lost by now, so that it is of less.
    const begun = this.#begun.find(({ span: { from, to } }) => {
      const offset = compareLocations(from, span.from);
      if (compareLocations(to, span.to) < 0) return false;
      if (this.#order === "ascending") return offset === 0;
      const isEnough = order === "descending" ? offset <= 0 : offset === 0;
      return isEnough && compareLocations(span.to, this.#to) === 0;
    });
    if (begun === undefined) return this.#source.pull(span, order, this.#priority);
    this.#drop(begun);
    return begun.reader;
  }

  #drop(begun: Begun): void {
    const index = this.#begun.indexOf(begun);
    if (index >= 0) this.#begun.splice(index, 1);
  }
}

function nothing(): RequestError {
  return new RequestError("invalid-range", "nothing was published from there on");
}

function refusalOf(answer: NoItem): unknown {
  return answer.kind === "failed"
    ? answer.error
    : new RequestError("timeout", "no publisher answered in time");
}
