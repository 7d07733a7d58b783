/**
 * What was fetched of a track, and is kept for who fetches it next.
 *
 * @module
 */
import type { FetchObject } from "../../moqt/data/fetch.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import { ENTRY_OVERHEAD, Group, type GroupCache, type GroupOwner } from "../live/group.ts";
import { earlier, includes, later, type Span } from "./span.ts";

/** What keeping an object costs beside its payload, roughly. */
const OBJECT_OVERHEAD = 300;

/**
 * A stretch of which everything is known: its objects, all of one group, and that there are no others.
 */
export class PastRun extends Group implements Span {
  /** By their ids. */
  readonly objects: FetchObject[] = [];
  /** Where it begins. */
  from: Location;
  /** Where it ends; grows while more comes. */
  to: Location;
  /** Nothing is before that either, once something is known to have been published behind it. */
  told: Location | undefined;

  /** Begins without objects. */
  constructor(owner: GroupOwner, { from, to }: Span, group: number = from.group) {
    super(owner, group);
    this.from = from;
    this.to = to;
  }

  /** The place of the first object with an id of at least `id`. */
  placeOf(id: number): number {
    let low = 0;
    let high = this.objects.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.objects[middle]!.id < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What is kept of one track. Its runs do not overlap. */
export class Past implements GroupOwner {
  readonly #cache: GroupCache;
  /** In the order of their locations. */
  readonly #runs: PastRun[] = [];
  readonly #emptied: () => void;
  /** Live groups are held elsewhere. */
  readonly newest: undefined;
  /** Nothing comes here by itself. */
  readonly isLive = false;

  /** Begins empty, within the memory of `cache`; `emptied` is told when all was let go. */
  constructor(cache: GroupCache, emptied: () => void) {
    this.#cache = cache;
    this.#emptied = emptied;
  }

  /** Whether nothing is kept. */
  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** The location behind all that is kept; undefined: nothing is. */
  get end(): Location | undefined {
    return this.#runs.at(-1)?.to;
  }

  /** Whether something is known of what is at a location or behind it. */
  #isBehind(location: Location): boolean {
    const { end } = this;
    return end !== undefined && compareLocations(location, end) < 0;
  }

  /** How many runs begin at or before a location. */
  #count(location: Location): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareLocations(this.#runs[middle]!.from, location) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * What is known at a location, if it came after `oldest` (as `performance.now()`). A run that is used
   * goes later than others; one that is too old goes now.
   */
  find(location: Location, oldest = -Infinity): PastRun | undefined {
    const run = this.#runs[this.#count(location) - 1];
    if (run?.told !== undefined && this.#isBehind(run.told)) {
      this.extend(run, run.told);
      run.told = undefined;
    }
    if (run === undefined || !includes(run, location)) return undefined;
    if (run.since < oldest) {
      this.#cache.drop(run);
      return undefined;
    }
    this.#cache.touch(run);
    return run;
  }

  /** What is between the known stretches around a location that is in none of them. */
  around(location: Location, within: Span): Span {
    const count = this.#count(location);
    const [previous, next] = [this.#runs[count - 1], this.#runs[count]];
    return {
      from: previous === undefined ? within.from : later(within.from, previous.to),
      to: next === undefined ? within.to : earlier(within.to, next.from),
    };
  }

  /** Begins to keep a stretch of a group, less what is known already; undefined: all of it is. */
  begin(span: Span, group: number): PastRun | undefined {
    const count = this.#count(span.to);
    const previous = this.#runs[count - 1];
    const from = previous === undefined ? span.from : later(span.from, previous.to);
    if (compareLocations(from, span.to) >= 0) return undefined;
    const run = new PastRun(this, { from, to: span.to }, group);
    this.#runs.splice(count, 0, run);
    this.#cache.add(run, ENTRY_OVERHEAD);
    return run.evicted ? undefined : run;
  }

  /** Adds an object behind those of a run; false where it cannot be kept. */
  add(run: PastRun, object: FetchObject): boolean {
    if (run.evicted) return false;
    run.objects.push(object);
    const cost = object.payload.buffer.byteLength + OBJECT_OVERHEAD;
    // One group is not to drive everything else out.
    if (run.bytes + cost > this.#cache.limit / 4) this.#cache.drop(run);
    else this.#cache.add(run, cost);
    return !run.evicted;
  }

  /** Says that a run goes on to a location, at most to where the next one begins; false: not to it. */
  extend(run: PastRun, to: Location): boolean {
    if (run.evicted) return false;
    const next = this.#runs[this.#count(run.from)];
    run.to = later(run.to, next === undefined ? to : earlier(to, next.from));
    return compareLocations(run.to, to) >= 0;
  }

  /** A run was let go. */
  evicted(run: Group): void {
    const index = this.#runs.indexOf(run as PastRun);
    if (index >= 0) this.#runs.splice(index, 1);
    // Who reads it notices by this, and does not keep what was let go.
    (run as PastRun).objects.length = 0;
    if (this.isEmpty) this.#emptied();
  }

  /** Lets everything go. */
  clear(): void {
    for (const run of [...this.#runs]) this.#cache.drop(run);
  }
}
