/**
 * What is known of a track here, be it that it came or that it was fetched.
 *
 * @module
 */
import type { Location } from "../../moqt/wire/location.ts";
import type { Group } from "../live/group.ts";
import type { Holdings } from "../live/holdings.ts";
import type { Past, PastRun } from "./past.ts";
import { overlap, type Span } from "./span.ts";

/** A stretch, and where its objects are. */
export type Segment =
  & Span
  & (
    /** In a group that came. */
    | { readonly kind: "group"; readonly group: Group }
    /** In what was fetched. */
    | { readonly kind: "run"; readonly run: PastRun }
    /** Nowhere: there are none. */
    | { readonly kind: "none" }
    /** Nobody here knows. */
    | { readonly kind: "unknown" }
  );

/** What there is of a track. */
export interface KnownTrack {
  /** What came, where the track is subscribed to. */
  readonly holdings: Holdings | undefined;
  /** What was fetched. */
  readonly past: Past;
  /** How long objects may be served after they came, in milliseconds; undefined: for ever. */
  readonly maxAgeMs: number | undefined;
}

/** The stretch around a location, within another one. */
export function segmentAt(
  { holdings, past, maxAgeMs }: KnownTrack,
  location: Location,
  within: Span,
): Segment {
  const oldest = maxAgeMs === undefined ? -Infinity : performance.now() - maxAgeMs;
  const held = holdings?.at(location, oldest);
  if (held !== undefined) {
    const { group } = held;
    const span = overlap(held, within);
    return group === undefined ? { ...span, kind: "none" } : { ...span, kind: "group", group };
  }
  const run = past.find(location, oldest);
  if (run !== undefined) return { ...overlap(run, within), kind: "run", run };
  const unfetched = past.around(location, within);
  const unknown = holdings?.unknownAround(location, within, oldest) ?? within;
  return { ...overlap(unfetched, unknown), kind: "unknown" };
}
