/**
 * From where on all that a publisher sends of a track is known here.
 *
 * @module
 */
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import { groupStart } from "./span.ts";

/** Groups that are told apart as lost; with more, all before the last of them are. */
const MAX_LOST = 1000;

/** What is covered, but for what is not held any more. */
export class Coverage {
  #from: Location | "next" | undefined;
  readonly #lost = new Set<number>();

  /** Whether all that is published now comes here. */
  get isCurrent(): boolean {
    return typeof this.#from === "object";
  }

  /** Where it begins; undefined: nothing is covered. */
  get from(): Location | undefined {
    return typeof this.#from === "object" ? this.#from : undefined;
  }

  /** Nothing is covered from now on. */
  end(): void {
    this.#from = undefined;
    this.#lost.clear();
  }

  /** All is covered behind the first group that comes. */
  beginWithNext(): void {
    this.#from = "next";
    this.#lost.clear();
  }

  /** All is covered from a location on. */
  begin(from: Location): void {
    this.#from = from;
    this.#lost.clear();
  }

  /** A group came. */
  came(group: number): void {
    if (this.#from === "next") this.#from = groupStart(group + 1);
  }

  /** A group is not held any more; `first` is the first one of those covered that still is. */
  lose(group: number, first: number | undefined): void {
    const { from } = this;
    if (from === undefined || group < from.group) return;
    this.#lost.add(group);
    if (first !== undefined && first < group && this.#lost.size <= MAX_LOST) return;
    // What is lost before all that is held need not be told apart.
    const last = this.#lost.size > MAX_LOST ? Math.max(...this.#lost) : group;
    for (const lost of this.#lost) if (lost <= last) this.#lost.delete(lost);
    this.#from = groupStart(last + 1);
  }

  /** Whether a group is known to be incomplete here. */
  isLost(group: number): boolean {
    return this.#lost.has(group);
  }

  /** The nearest lost groups around one that is not. */
  lostAround(group: number): { below: number | undefined; above: number | undefined } {
    let below: number | undefined;
    let above: number | undefined;
    for (const lost of this.#lost) {
      if (lost < group) below = Math.max(below ?? lost, lost);
      else above = Math.min(above ?? lost, lost);
    }
    return { below, above };
  }

  /** Whether it reaches to a location. */
  includes(location: Location): boolean {
    const { from } = this;
    return from !== undefined && compareLocations(from, location) <= 0 &&
      !this.#lost.has(location.group);
  }
}
