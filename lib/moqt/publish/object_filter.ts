/**
 * Range filters at work: which objects and tracks pass them. Draft-20, section 5.1.4.
 *
 * @module
 */
import { RequestError } from "../errors.ts";
import type { KeyValue } from "../wire/key_values.ts";
import type { RangeFilters } from "../wire/parameters.ts";
import { type TrackProperties, trackPropertyPairs } from "../wire/properties.ts";
import type { RangeFilter } from "../wire/range_filter.ts";
import { NEWEST } from "../versions.ts";

/** What a filter looks at, by the parameter that says it. */
const KINDS = [
  "subgroupRanges",
  "objectRanges",
  "priorityRanges",
  "objectPropertyRanges",
  "trackPropertyRanges",
] as const;

/** One of them. */
type Kind = typeof KINDS[number];

/** What of an object filters look at. */
export interface FilteredObject {
  /** Its subgroup; absent: it goes in a datagram. */
  subgroup?: number | undefined;
  /** Its id. */
  id: number;
  /** The publisher's priority. */
  priority: number;
  /** Its properties. */
  properties?: readonly KeyValue[] | undefined;
}

interface Condition {
  readonly kind: Kind;
  readonly filter: RangeFilter;
}

/** Most ranges in the filters of one of the peer's requests, where it is not said otherwise. */
export const MAX_FILTER_RANGES = 64;

/** The largest value of all kinds but priorities. */
const MAX_VALUE = (1n << 64n) - 1n;
const MAX_PRIORITY = 255n;

/** Ranges in all filters. */
function countRanges(filters: RangeFilters): number {
  let count = 0;
  for (const kind of KINDS) {
    for (const { ranges } of filters[kind] ?? []) count += ranges.length;
  }
  return count;
}

/**
 * Throws a `RequestError` for filters that a request is refused with: values beyond their fields,
 * properties that are no integers, a filter that is there twice, more than `limit` ranges.
 */
export function checkRangeFilters(filters: RangeFilters, limit: number): void {
  const seen = new Set<string>();
  for (const kind of KINDS) {
    const most = kind === "priorityRanges" ? MAX_PRIORITY : MAX_VALUE;
    for (const { set, property, ranges } of filters[kind] ?? []) {
      const key = `${kind} ${set} ${property}`;
      if (seen.has(key)) throw invalid(`the filter ${key} is there twice`);
      seen.add(key);
      if (property !== undefined && property % 2 !== 0) {
        throw invalid(`property ${property} is no integer`);
      }
      for (const { start, end = start } of ranges) {
        if (start > most || end > most) throw invalid(`a value of ${kind} is above ${most}`);
      }
    }
  }
  const count = countRanges(filters);
  if (seen.size > 0 && limit === 0) throw invalid("there are no range filters in this session");
  if (count > limit) throw invalid(`${count} ranges are too many: ${limit} may be`);
}

function invalid(message: string): RequestError {
  return new RequestError("invalid-filter", message);
}

/** The filters after an update: those of each kind are replaced, no filters of a kind end them. */
export function changedFilters<T extends RangeFilters>(current: T, changes: RangeFilters): T {
  const changed: T = { ...current };
  for (const kind of KINDS) {
    const filters = changes[kind];
    if (filters === undefined) continue;
    if (filters.length === 0) delete changed[kind];
    else changed[kind] = filters;
  }
  return changed;
}

/** The filters of a request: those of a set must all pass, of the sets one. */
export class ObjectFilter {
  readonly #sets: readonly (readonly Condition[])[];

  private constructor(sets: readonly (readonly Condition[])[]) {
    this.#sets = sets;
  }

  /** Of a request for a track that has `properties`; undefined: everything passes. */
  static of(filters: RangeFilters, properties: TrackProperties = {}): ObjectFilter | undefined {
    const sets = new Map<number, Condition[]>();
    for (const kind of KINDS) {
      for (const filter of filters[kind] ?? []) {
        const set = sets.get(filter.set) ?? [];
        sets.set(filter.set, set);
        set.push({ kind, filter });
      }
    }
    if (sets.size === 0) return undefined;
    const pairs = trackPropertyPairs(properties, NEWEST);
    const left: Condition[][] = [];
    for (const set of sets.values()) {
      const ofTrack = set.filter(({ kind }) => kind === "trackPropertyRanges");
      if (ofTrack.some(({ filter }) => !hasProperty(filter, pairs))) continue;
      left.push(set.filter(({ kind }) => kind !== "trackPropertyRanges"));
    }
    return left.some((set) => set.length === 0) ? undefined : new ObjectFilter(left);
  }

  /** Whether no object can pass. */
  get isClosed(): boolean {
    return this.#sets.length === 0;
  }

  /** Whether an object passes. */
  passes(object: FilteredObject): boolean {
    return this.#sets.some((set) => set.every((condition) => holds(condition, object)));
  }
}

function holds({ kind, filter }: Condition, object: FilteredObject): boolean {
  switch (kind) {
    case "subgroupRanges":
      return object.subgroup !== undefined && isWithin(filter, BigInt(object.subgroup));
    case "objectRanges":
      return isWithin(filter, BigInt(object.id));
    case "priorityRanges":
      return isWithin(filter, BigInt(object.priority));
    default:
      return hasProperty(filter, object.properties ?? []);
  }
}

function hasProperty(filter: RangeFilter, pairs: readonly KeyValue[]): boolean {
  const value = pairs.find(({ type }) => type === filter.property)?.value;
  return typeof value === "bigint" && isWithin(filter, value);
}

function isWithin({ ranges }: RangeFilter, value: bigint): boolean {
  return ranges.some(({ start, end }) => start <= value && (end === undefined || value <= end));
}
