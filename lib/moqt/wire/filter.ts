/**
 * Which objects of a track a subscription wants: draft-14, section 9.7; draft-16, section 5.1.2.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasEndGroupDelta, hasLocationFilters } from "../versions.ts";
import { MAX_VALUE_BYTES } from "./key_values.ts";
import { isFirst, type Location, readLocation, writeLocation } from "./location.ts";
import { checkEnd, readLocationFilter, writeLocationFilter } from "./location_filter.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** A subscription filter. */
export type SubscriptionFilter =
  /** All that is published from now on. */
  | { from: "all" }
  /** From the group after the largest. */
  | { from: "next-group" }
  /** From the object after the largest. */
  | { from: "largest-object" }
  /** From so many groups before the next one: 1 is the current one. Since draft-20. */
  | { from: "groups-back"; groups: number }
  /**
   * From `start`, to the end of `endGroup` where there is one, or to its object `endObject` (with it)
   * since draft-20.
   */
  | { from: "start"; start: Location; endGroup?: number; endObject?: number };

const NEXT_GROUP = 0x1;
const LARGEST_OBJECT = 0x2;
const ABSOLUTE_START = 0x3;
const ABSOLUTE_RANGE = 0x4;

/** Reads a filter that is a parameter's value. */
export function readFilterValue(reader: Reader): SubscriptionFilter {
  if (hasLocationFilters(reader.version)) return readLocationFilter(reader);
  const inner = new Reader(reader.sized(MAX_VALUE_BYTES, "a subscription filter"), reader.version);
  const filter = readFilter(inner);
  inner.end("a subscription filter");
  return filter;
}

/** Writes a filter as a parameter's value. */
export function writeFilterValue(writer: Writer, filter: SubscriptionFilter): void {
  if (hasLocationFilters(writer.version)) return writeLocationFilter(writer, filter);
  const inner = new Writer(writer.version);
  writeFilter(inner, filter);
  writer.sized(inner.finish(), MAX_VALUE_BYTES, "a subscription filter");
}

/** Reads a filter's type and the fields that this names. */
export function readFilter(reader: Reader): SubscriptionFilter {
  const type = reader.integer();
  switch (type) {
    case NEXT_GROUP:
      return { from: "next-group" };
    case LARGEST_OBJECT:
      return { from: "largest-object" };
    case ABSOLUTE_START: {
      const start = readLocation(reader);
      return isFirst(start) ? { from: "all" } : { from: "start", start };
    }
    case ABSOLUTE_RANGE: {
      const start = readLocation(reader);
      const end = reader.integer();
      const endGroup = hasEndGroupDelta(reader.version) ? start.group + end : end;
      if (!Number.isSafeInteger(endGroup)) throw violation("a filter ends beyond all groups");
      if (endGroup < start.group) {
        throw violation(`a filter ends at group ${endGroup}, before its start ${start.group}`);
      }
      return { from: "start", start, endGroup };
    }
    default:
      throw violation(`${type} is no filter type`);
  }
}

/** Writes a filter's type and fields. A `TypeError` where the draft cannot say it. */
export function writeFilter(writer: Writer, filter: SubscriptionFilter): void {
  switch (filter.from) {
    case "next-group":
      writer.integer(NEXT_GROUP);
      return;
    case "largest-object":
      writer.integer(LARGEST_OBJECT);
      return;
    case "all":
      return writeLocation(writer.integer(ABSOLUTE_START), { group: 0, object: 0 });
    case "groups-back":
      throw new TypeError(`draft ${writer.version} cannot ask for groups before the largest`);
    case "start": {
      const { start, endGroup, endObject } = filter;
      if (endObject !== undefined) {
        throw new TypeError(`draft ${writer.version} has no filter that ends at an object`);
      }
      writer.integer(endGroup === undefined ? ABSOLUTE_START : ABSOLUTE_RANGE);
      writeLocation(writer, start);
      if (endGroup === undefined) return;
      checkEnd(start, endGroup);
      writer.integer(hasEndGroupDelta(writer.version) ? endGroup - start.group : endGroup);
    }
  }
}
