/**
 * What a subscriber asks for, where its updates tell all of that again and may only narrow it: draft-14,
 * section 9.10.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { compareLocations, type Location } from "../wire/location.ts";
import type { Parameters } from "../wire/parameters.ts";

type Range = { start: Location; endGroup?: number };

/** One subscription's wish, as both sides know it. */
export class Wish {
  #parameters: Parameters;
  #largest: Location | undefined;

  /** Begins with what the subscription said. */
  constructor(parameters: Parameters, largest?: Location) {
    this.#parameters = parameters;
    this.#largest = largest;
  }

  /** The publisher told its largest location. */
  located(largest: Location | undefined): void {
    this.#largest = largest;
  }

  /** The subscriber said how it wants a track it was offered. */
  said(parameters: Parameters): void {
    this.#parameters = { ...this.#parameters, ...parameters };
  }

  /** All there is to say after a change. A `RangeError` for what would widen the subscription. */
  changed(changes: Parameters): Parameters {
    const now = this.#range(this.#parameters);
    const next = changes.filter === undefined ? now : this.#range(changes);
    if (widens(now, next)) throw new RangeError("this draft lets subscriptions be narrowed only");
    this.#parameters = {
      ...this.#parameters,
      ...changes,
      filter: { from: "start", ...next },
    };
    const { priority = 128, forward = true, deliveryTimeoutMs, filter } = this.#parameters;
    // What a subscription was asked for with, but an update has no field for, stays as it is.
    const { priority: _, forward: __, deliveryTimeoutMs: ___, filter: ____, ...others } = changes;
    return {
      priority,
      forward,
      filter: filter!,
      ...(deliveryTimeoutMs === undefined ? {} : { deliveryTimeoutMs }),
      ...others,
    };
  }

  /** The peer's change. Throws a violation where it widens the subscription. */
  heard(changes: Parameters): void {
    if (widens(this.#range(this.#parameters), this.#range(changes))) {
      throw violation("an update widens a subscription");
    }
    this.#parameters = { ...this.#parameters, ...changes };
  }

  #range({ filter = { from: "all" } }: Parameters): Range {
    const largest = this.#largest;
    const first = { group: 0, object: 0 };
    switch (filter.from) {
      case "start":
        return {
          start: filter.start,
          ...(filter.endGroup === undefined ? {} : { endGroup: filter.endGroup }),
        };
      case "next-group":
        return { start: largest === undefined ? first : { group: largest.group + 1, object: 0 } };
      case "largest-object":
        return {
          start: largest === undefined
            ? first
            : { group: largest.group, object: largest.object + 1 },
        };
      default:
        return { start: first };
    }
  }
}

function widens(now: Range, next: Range): boolean {
  if (compareLocations(next.start, now.start) < 0) return true;
  return now.endGroup !== undefined &&
    (next.endGroup === undefined || next.endGroup > now.endGroup);
}
