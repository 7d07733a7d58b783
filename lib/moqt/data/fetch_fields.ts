/**
 * Objects on fetch streams where each says all of itself: draft-14, section 10.4.4.
 *
 * @module
 */
import type { Version } from "../versions.ts";
import { encodeKeyValues, type KeyValue } from "../wire/key_values.ts";
import { Writer } from "../wire/writer.ts";
import { type ByteFeed, SHORT } from "./feed.ts";
import type { FetchItem } from "./fetch.ts";
import { checkPayloadLength, checkPropertiesLength, decodeProperties } from "./object.ts";
import { isNonExistent, MAX_PROPERTIES_BYTES, statusCode, statusOf } from "./object.ts";

const EMPTY = new Uint8Array(0);

/** An item's bytes; none for gaps, which are what is between two objects. */
export function encodeFetchFields(item: FetchItem, version: Version): Uint8Array<ArrayBuffer> {
  if (item.kind === "gap") return new Uint8Array(0);
  const { group, id, subgroup = id, priority, properties, payload } = item;
  const writer = new Writer(version, 48 + payload.length)
    .integer(group).integer(subgroup).integer(id).byte(priority);
  const bytes = properties === undefined ? EMPTY : encodeKeyValues(properties, version);
  writer.sized(bytes, MAX_PROPERTIES_BYTES, "an object's properties").integer(payload.length);
  if (payload.length === 0) return writer.integer(statusCode("normal")).finish();
  return writer.bytes(payload).finish();
}

/**
 * Reads what comes before a payload, and its length; undefined while that is not all there. Objects
 * that do not exist, or mark an end, are gaps.
 */
export function readFetchFields(
  feed: ByteFeed,
  version: Version,
  limit: number,
): { item: FetchItem; length: number } | undefined {
  const group = feed.integer();
  const subgroup = group === SHORT ? SHORT : feed.integer();
  const id = subgroup === SHORT ? SHORT : feed.integer();
  const priority = id === SHORT ? SHORT : feed.byte();
  const propertiesLength = priority === SHORT ? SHORT : feed.integer();
  if (propertiesLength === SHORT) return undefined;
  checkPropertiesLength(propertiesLength);
  const bytes = feed.bytes(propertiesLength);
  const length = bytes === undefined ? SHORT : feed.integer();
  if (bytes === undefined || length === SHORT) return undefined;
  checkPayloadLength(length, limit);
  if (length === 0) {
    const code = feed.integer();
    if (code === SHORT) return undefined;
    if (isNonExistent(code, version) || statusOf(code) !== "normal") {
      return { item: { kind: "gap", known: true, group, id }, length };
    }
  }
  const properties: KeyValue[] | undefined = bytes.length === 0
    ? undefined
    : decodeProperties(bytes, version);
  return {
    item: {
      kind: "object",
      group,
      subgroup,
      id,
      priority,
      ...(properties === undefined ? {} : { properties }),
      payload: EMPTY,
    },
    length,
  };
}
