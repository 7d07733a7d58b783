/**
 * The items of one fetch, put together from what is here and what publishers are asked for.
 *
 * @module
 */
import type { FetchItem } from "../../moqt/data/fetch.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import type { FillBudget } from "./fill_budget.ts";
import { GapTeller } from "./gap_teller.ts";
import { readGroup } from "./held_reader.ts";
import { type KnownTrack, type Segment, segmentAt } from "./knowledge.ts";
import type { PastRun } from "./past.ts";
import type { PullReader } from "./pull_reader.ts";
import { after, before, earlier, groupStart, LAST_ID, later, type Span } from "./span.ts";

/** How a fetch is put together. */
export interface WalkOptions {
  /** What is known of the track. */
  known: KnownTrack;
  /** Asks publishers for a stretch. */
  pull(span: Span, order: GroupOrder): PullReader;
  /** The beginning of the fetch in its order, of whole groups, where that is being asked for already. */
  first?: Span | undefined;
  /** How long publishers are waited for. */
  budget: FillBudget;
  /** The priority of objects whose streams name none. */
  priority: number;
  /** Whether the subscriber can be told what nobody knows; otherwise the fetch is cut off there. */
  tellsGaps: boolean;
  /** Gives up. */
  signal: AbortSignal;
}

/** Items of a stretch; returns where what follows begins, or, where groups descend, ends. */
type Items = AsyncGenerator<FetchItem, Location, undefined>;

/** Goes through a track, from one stretch to the next, as they are when it comes there. */
export class Walk {
  readonly #options: WalkOptions;
  readonly #span: Span;
  readonly #order: GroupOrder;
  readonly #gaps: GapTeller;
  /** A publisher refused, or failed: nobody is asked for the rest. */
  #failed = false;

  /** Begins nowhere yet. */
  constructor(span: Span, order: GroupOrder, options: WalkOptions) {
    this.#span = span;
    this.#order = order;
    this.#options = options;
    this.#gaps = new GapTeller(span, order, options.tellsGaps);
  }

  /** The items. Once. */
  async *items(): AsyncGenerator<FetchItem, void, undefined> {
    for await (const item of this.#walk()) {
      yield item;
      this.#gaps.told(item);
    }
  }

  async *#walk(): Items {
    const { first } = this.#options;
    const { from, to } = this.#span;
    const isUp = this.#order === "ascending";
    const at = first === undefined
      ? endOf({ from: to, to: from }, this.#order)
      : yield* this.#pull(first, this.#order);
    return yield* isUp ? this.#ascend({ from: at, to }) : this.#descend(at);
  }

  async *#ascend({ from, to }: Span): Items {
    let at = from;
    while (compareLocations(at, to) < 0) {
      this.#options.signal.throwIfAborted();
      const segment = segmentAt(this.#options.known, at, { from: at, to });
      if (segment.kind === "group") at = yield* this.#group(segment);
      else if (segment.kind === "run") at = yield* this.#run(segment, segment.run);
      else if (segment.kind === "unknown") at = yield* this.#pull(segment, "ascending");
      else at = segment.to;
    }
    return to;
  }

  async *#descend(to: Location): Items {
    const { from } = this.#span;
    let end = to;
    while (compareLocations(from, end) < 0) {
      this.#options.signal.throwIfAborted();
      const top = before(end);
      const start = later(from, groupStart(top.group));
      const segment = segmentAt(this.#options.known, top, { from, to: end });
      // What begins below the group on top is of several groups.
      if (compareLocations(segment.from, start) < 0) {
        end = yield* this.#descendThrough(segment, end);
      } else {
        yield* this.#ascend({ from: start, to: end });
        end = start;
      }
    }
    return from;
  }

  async *#descendThrough(segment: Segment, end: Location): Items {
    const { from } = segment;
    const isLowest = compareLocations(from, this.#span.from) === 0;
    const floor = isLowest || from.object === 0 ? from : groupStart(from.group + 1);
    if (segment.kind === "unknown") {
      return yield* this.#pull({ from: floor, to: end }, "descending");
    }
    if (segment.kind !== "run") return floor;
    const { id } = segment.run;
    const top = before(end).group;
    if (top > id) return later(floor, groupStart(id + 1));
    if (top < id) return floor;
    const start = later(floor, groupStart(id));
    yield* this.#ascend({ from: start, to: end });
    return start;
  }

  async *#group({ from, to, group }: Segment & { kind: "group" }): Items {
    const { priority, signal } = this.#options;
    let at = from;
    const objects = readGroup(group, {
      from: from.object,
      to: to.group > from.group ? Infinity : to.object,
      priority,
      signal,
    });
    for (;;) {
      const { done, value } = await objects.next();
      // What was lost meanwhile is looked for elsewhere.
      if (done === true) return value ? to : at;
      yield value;
      at = after({ group: value.group, object: value.id });
    }
  }

  async *#run({ from, to }: Span, run: PastRun): Items {
    let at = from;
    const first = run.id > from.group ? 0 : run.id < from.group ? Infinity : from.object;
    for (let place = run.placeOf(first); place < run.objects.length; place++) {
      const object = run.objects[place]!;
      const location = { group: object.group, object: object.id };
      if (compareLocations(location, to) >= 0) break;
      yield object;
      at = after(location);
    }
    return run.evicted ? at : to;
  }

  /** What publishers give of a stretch. */
  async *#pull(span: Span, order: GroupOrder): Items {
    const { signal, budget } = this.#options;
    const isLate = budget.isSpent;
    if (isLate || this.#failed) {
      yield* this.#unknown(span, order, undefined, isLate);
      return endOf(span, order);
    }
    const reader = this.#options.pull(span, order);
    const stop = () => reader.close();
    signal.addEventListener("abort", stop, { once: true });
    let last: Location | undefined;
    try {
      for (;;) {
        const item = await budget.wait((until) => reader.next(until));
        signal.throwIfAborted();
        if (item.kind === "object" || item.kind === "gap") {
          // What is shared may be of more.
          const location = { group: item.group, object: item.id };
          const isBehind = order === "ascending"
            ? compareLocations(location, span.to) >= 0
            : item.group < span.from.group;
          if (item.kind === "gap" && !item.known) {
            const end = isBehind ? lastOf(span, order) : location;
            yield* this.#gaps.unknown(next(span, order, last), end, item.timedOut === true);
          } else if (item.kind === "object" && !isBehind) {
            if (compareLocations(location, span.from) >= 0) yield item;
          }
          if (isBehind) return endOf(span, order);
          last = location;
        } else if (item.kind === "lost") return yield* this.#again(span, order, last);
        else {
          if (item.kind !== "end") {
            this.#failed ||= item.kind === "failed";
            yield* this.#unknown(span, order, last, item.kind === "late");
          }
          return endOf(span, order);
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
      reader.close();
    }
  }

  /** What follows is to be looked for again; where groups descend, the rest of one first. */
  async *#again(span: Span, order: GroupOrder, last: Location | undefined): Items {
    if (last === undefined) return order === "ascending" ? span.from : span.to;
    if (order === "ascending") return after(last);
    yield* this.#ascend({
      from: after(last),
      to: earlier(groupStart(last.group + 1), span.to),
    });
    return later(groupStart(last.group), span.from);
  }

  *#unknown(span: Span, order: GroupOrder, last: Location | undefined, timedOut: boolean) {
    const [from, end] = [next(span, order, last), lastOf(span, order)];
    const isOver = order === "ascending" || from.group === end.group
      ? compareLocations(from, end) > 0
      : from.group < end.group;
    if (!isOver) yield* this.#gaps.unknown(from, end, timedOut);
  }
}

/** Where a stretch is over, in its order. */
function endOf({ from, to }: Span, order: GroupOrder): Location {
  return order === "ascending" ? to : from;
}

/** The last location of a stretch, in its order. */
function lastOf({ from, to }: Span, order: GroupOrder): Location {
  if (order === "ascending") return before(to);
  const isOneGroup = before(to).group === from.group;
  return isOneGroup ? before(to) : { group: from.group, object: LAST_ID };
}

/** The first location behind the last one of a stretch that came, in its order. */
function next({ from, to }: Span, order: GroupOrder, last: Location | undefined): Location {
  if (order === "ascending") return last === undefined ? from : after(last);
  if (last === undefined) return later(groupStart(before(to).group), from);
  return last.object >= LAST_ID ? groupStart(last.group - 1) : after(last);
}
