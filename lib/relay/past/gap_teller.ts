/**
 * Tells a subscriber what of its fetch nobody knows.
 *
 * @module
 */
import type { FetchGap, FetchItem } from "../../moqt/data/fetch.ts";
import { FetchCut } from "../../moqt/receive/fetch.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import { after, before, earlier, LAST_ID, type Span } from "./span.ts";

/** Knows what the subscriber was told, and makes the gaps that follow. */
export class GapTeller {
  readonly #span: Span;
  readonly #order: GroupOrder;
  readonly #tellsGaps: boolean;
  #told: Location | undefined;

  /** Begins before the first item of a fetch; with `tellsGaps` false the draft has no gaps. */
  constructor(span: Span, order: GroupOrder, tellsGaps: boolean) {
    this.#span = span;
    this.#order = order;
    this.#tellsGaps = tellsGaps;
  }

  /** An item was told. */
  told({ group, id }: FetchItem): void {
    this.#told = { group, object: id };
  }

  /**
   * The gaps of a stretch that nobody knows, from a location to another one, with that, in the fetch's
   * order. Throws a {@link FetchCut} where the draft cannot tell it.
   */
  unknown(from: Location, last: Location, timedOut: boolean): FetchGap[] {
    if (!this.#tellsGaps) {
      throw new FetchCut("unknown-object-status", "what follows is not known here");
    }
    const gaps: FetchGap[] = [];
    const empty = this.#order === "ascending" ? this.#emptyBefore(from) : this.#emptyAbove(from);
    if (empty !== undefined) {
      gaps.push({ kind: "gap", known: true, group: empty.group, id: empty.object });
    }
    const gap: FetchGap = { kind: "gap", known: false, group: last.group, id: last.object };
    gaps.push(timedOut ? { ...gap, timedOut } : gap);
    return gaps;
  }

  /** The end of what is known to be empty before a location. */
  #emptyBefore(from: Location): Location | undefined {
    const begin = this.#told === undefined ? this.#span.from : after(this.#told);
    return compareLocations(begin, from) < 0 ? before(from) : undefined;
  }

  /** The same, where groups descend. */
  #emptyAbove(from: Location): Location | undefined {
    const told = this.#told;
    if (from.object > 0) {
      const end = { group: from.group, object: from.object - 1 };
      return told !== undefined && compareLocations(told, end) === 0 ? undefined : end;
    }
    const top = before(this.#span.to);
    const end = earlier({ group: from.group + 1, object: LAST_ID }, top);
    if (told === undefined) return from.group < top.group ? end : undefined;
    return told.group > from.group && compareLocations(told, end) !== 0 ? end : undefined;
  }
}
