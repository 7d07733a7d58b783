/**
 * Which objects of a track a subscription wants: draft-16, section 5.1.2.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasEndGroupDelta, type Version } from "../versions.ts";
import { type Location, readLocation, writeLocation } from "./location.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** A subscription filter. */
export type SubscriptionFilter =
  /** From the group after the largest. */
  | { from: "next-group" }
  /** From the object after the largest. */
  | { from: "largest-object" }
  /** From `start`, to the end of `endGroup` where there is one. */
  | { from: "start"; start: Location; endGroup?: number };

const NEXT_GROUP = 0x1;
const LARGEST_OBJECT = 0x2;
const ABSOLUTE_START = 0x3;
const ABSOLUTE_RANGE = 0x4;

/** Reads a filter, which is all of `bytes`. */
export function decodeFilter(bytes: Uint8Array, version: Version): SubscriptionFilter {
  const reader = new Reader(bytes, version);
  const filter = readFilter(reader);
  reader.end("a subscription filter");
  return filter;
}

function readFilter(reader: Reader): SubscriptionFilter {
  const type = reader.integer();
  switch (type) {
    case NEXT_GROUP:
      return { from: "next-group" };
    case LARGEST_OBJECT:
      return { from: "largest-object" };
    case ABSOLUTE_START:
      return { from: "start", start: readLocation(reader) };
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

/** A filter's bytes. */
export function encodeFilter(
  filter: SubscriptionFilter,
  version: Version,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(version);
  if (filter.from === "next-group") return writer.integer(NEXT_GROUP).finish();
  if (filter.from === "largest-object") return writer.integer(LARGEST_OBJECT).finish();
  const { start, endGroup } = filter;
  writer.integer(endGroup === undefined ? ABSOLUTE_START : ABSOLUTE_RANGE);
  writeLocation(writer, start);
  if (endGroup === undefined) return writer.finish();
  if (endGroup < start.group) {
    throw new RangeError(`a filter ends at group ${endGroup}, before its start ${start.group}`);
  }
  return writer.integer(hasEndGroupDelta(version) ? endGroup - start.group : endGroup).finish();
}
