/**
 * Keeps what comes of a fetch.
 *
 * @module
 */
import type { FetchGap, FetchObject } from "../../moqt/data/fetch.ts";
import type { Location } from "../../moqt/wire/location.ts";
import type { GroupOrder } from "../../moqt/wire/parameters.ts";
import type { Past, PastRun } from "./past.ts";
import { after, earlier, groupStart, later, type Span } from "./span.ts";

/** Adds one fetch's items to what is kept, with what their order tells of locations without objects. */
export class Keeper {
  readonly #past: Past;
  readonly #from: Location;
  readonly #order: GroupOrder;
  readonly #isPublished: (to: Location) => boolean;
  #to: Location;
  #run: PastRun | undefined;
  /** A group that is not kept further: it is too large, or there is no room. */
  #refused: number | undefined;
  /** What is known of the current group, ascending of the track, reaches to here from the last object. */
  #at: Location;
  /** Descending: the current group. */
  #group: number | undefined;
  /** Descending: where what is known of the current group ends once all of it came. */
  #ceiling: Location | undefined;

  /**
   * Begins before the first item of a stretch. `isPublished` says whether objects there may be behind
   * the last one of a fetch are known to have been published before it.
   */
  constructor(
    past: Past,
    { from, to }: Span,
    order: GroupOrder,
    isPublished: (to: Location) => boolean,
  ) {
    this.#past = past;
    this.#from = from;
    this.#to = to;
    this.#order = order;
    this.#isPublished = isPublished;
    this.#at = from;
  }

  /** The publisher says where the fetch ends. */
  limit(end: Location): void {
    this.#to = earlier(this.#to, end);
  }

  /** An object came. */
  object(object: FetchObject): void {
    const { group, id } = object;
    if (this.#order === "descending") this.#descend(group);
    if (this.#run?.evicted === true && this.#run.id === group) this.#refused = group;
    const to = after({ group, object: id });
    if (this.#refused === group) this.#run = undefined;
    else this.#keep(object, to);
    this.#at = to;
  }

  #keep(object: FetchObject, to: Location): void {
    const { group, payload } = object;
    let run = this.#run;
    if (run?.id !== group || !this.#past.extend(run, to)) {
      run = this.#past.begin({ from: this.#at, to }, group);
    }
    this.#run = run;
    if (run === undefined) return;
    // A small payload of a large chunk would keep all of that.
    const isMost = payload.length * 2 >= payload.buffer.byteLength;
    if (this.#past.add(run, isMost ? object : { ...object, payload: payload.slice() })) return;
    this.#refused = group;
    this.#run = undefined;
  }

  #descend(group: number): void {
    if (group === this.#group) return;
    this.#complete();
    const start = later(groupStart(group), this.#from);
    this.#at = this.#group === undefined && this.#at.group === group
      ? later(start, this.#at)
      : start;
    this.#group = group;
  }

  /** Descending: a lower group follows, so that there is nothing more in this one. */
  #complete(): void {
    if (this.#group === undefined) return;
    const ceiling = this.#ceiling;
    if (ceiling === undefined) this.#finish();
    else if (this.#run !== undefined) this.#past.extend(this.#run, ceiling);
    this.#ceiling = groupStart(this.#group);
    this.#run = undefined;
  }

  /** The publisher told a stretch without objects, or one that nobody knows. */
  gap({ known, group, id }: FetchGap): void {
    const end = after({ group, object: id });
    if (this.#order === "ascending") {
      if (known) this.#extend(end);
      this.#run = undefined;
      this.#at = end;
    } else if (!known) {
      this.#run = undefined;
      const isWhole = end.group > group;
      this.#ceiling = groupStart(isWhole ? group : group + 1);
      this.#group = isWhole ? undefined : group;
      this.#at = end;
    }
  }

  /** The last object of the track that the fetch is of was in the run. */
  #finish(): void {
    if (this.#isPublished(this.#to)) this.#extend(this.#to);
    else if (this.#run !== undefined) this.#run.told = this.#to;
  }

  #extend(to: Location): void {
    const run = this.#run;
    if (run !== undefined && !run.evicted) this.#past.extend(run, to);
    else this.#past.begin({ from: this.#at, to }, this.#at.group);
  }

  /** All came. */
  end(): void {
    if (this.#order === "ascending") return this.#finish();
    if (this.#group === undefined) {
      const top = this.#ceiling ?? (this.#isPublished(this.#to) ? this.#to : this.#from);
      this.#past.begin({ from: this.#from, to: top }, this.#from.group);
      return;
    }
    const lowest = groupStart(this.#group);
    this.#complete();
    this.#past.begin({ from: this.#from, to: lowest }, this.#from.group);
  }
}
