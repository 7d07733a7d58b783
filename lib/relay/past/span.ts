/**
 * Stretches of a track, from one location to before another.
 *
 * @module
 */
import { compareLocations, type Location } from "../../moqt/wire/location.ts";

/** From a location to before another one. `to.object` 0: to the end of the group before. */
export interface Span {
  /** The first location. */
  readonly from: Location;
  /** The first location behind it. */
  readonly to: Location;
}

/** The last object id that can be handled, which stands for a group's end. */
export const LAST_ID: number = Number.MAX_SAFE_INTEGER;

/** Where a group begins. */
export function groupStart(group: number): Location {
  return { group, object: 0 };
}

/** The location behind an object; behind a group's last one: where the next group begins. */
export function after({ group, object }: Location): Location {
  return object >= LAST_ID ? groupStart(group + 1) : { group, object: object + 1 };
}

/** The last location before another one that is not the track's first. */
export function before({ group, object }: Location): Location {
  return object > 0 ? { group, object: object - 1 } : { group: group - 1, object: LAST_ID };
}

/** The earlier one. */
export function earlier(a: Location, b: Location): Location {
  return compareLocations(a, b) <= 0 ? a : b;
}

/** The later one. */
export function later(a: Location, b: Location): Location {
  return compareLocations(a, b) >= 0 ? a : b;
}

/** Whether there is nothing from `from` to before `to`. */
export function isEmpty({ from, to }: Span): boolean {
  return compareLocations(from, to) >= 0;
}

/** Whether a location lies in it. */
export function includes({ from, to }: Span, location: Location): boolean {
  return compareLocations(from, location) <= 0 && compareLocations(location, to) < 0;
}

/** What is of one in the other, too. */
export function overlap(a: Span, b: Span): Span {
  return { from: later(a.from, b.from), to: earlier(a.to, b.to) };
}

/** An end as fetches tell it, where `object: 0` means the whole of `group`, as a location behind. */
export function endFromWire({ group, object }: Location): Location {
  return object === 0 ? groupStart(group + 1) : { group, object };
}

/** A location behind something, as fetches tell it. */
export function endToWire({ group, object }: Location): Location {
  return object === 0 ? groupStart(group - 1) : { group, object };
}
