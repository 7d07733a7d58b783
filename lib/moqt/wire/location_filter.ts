/**
 * Location filters: draft-20, section 5.1.2, where the number of fields tells what they are, and
 * draft-22, section 9.20, where a type does.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasFilterTypes } from "../versions.ts";
import type { SubscriptionFilter } from "./filter.ts";
import { MAX_VALUE_BYTES } from "./key_values.ts";
import { isFirst, type Location } from "./location.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

const NONE = 0x0;
const RELATIVE_START = 0x1;
const ABSOLUTE_START = 0x2;
const ABSOLUTE_GROUP_END = 0x3;
const ABSOLUTE_RANGE = 0x4;
const NEXT_OBJECT = 0x5;

/** The fields of each type; draft-20 tells all types but the last by it. */
const FIELDS: readonly number[] = [0, 1, 2, 3, 4, 0];

/** Reads a filter that is a parameter's value. */
export function readLocationFilter(reader: Reader): SubscriptionFilter {
  if (hasFilterTypes(reader.version)) {
    const type = reader.integer();
    const count = FIELDS[type];
    if (count === undefined) throw violation(`${type} is no location filter type`);
    return filterOf(type, fieldsOfWire(Array.from({ length: count }, () => reader.bigInteger())));
  }
  const inner = new Reader(reader.sized(MAX_VALUE_BYTES, "a location filter"), reader.version);
  const values: bigint[] = [];
  while (inner.left > 0) values.push(inner.bigInteger());
  const fields = fieldsOfWire(values);
  if (fields.length > ABSOLUTE_RANGE) {
    throw violation(`a location filter has ${fields.length} fields; 0 to 4 may be`);
  }
  const isNextObject = fields.length === ABSOLUTE_START && fields[0] === 0 && fields[1] === 0;
  return filterOf(isNextObject ? NEXT_OBJECT : fields.length, fields);
}

/** The largest group id there is. */
const MAX_ID = (1n << 64n) - 1n;

/** The fields; what is beyond all that can be handled here is the largest that can. */
function fieldsOfWire(values: readonly bigint[]): number[] {
  const [group = 0n, , delta = 0n] = values;
  if (group + delta > MAX_ID) throw violation("a filter ends beyond all groups");
  return values.map((value) =>
    value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value)
  );
}

function filterOf(type: number, fields: readonly number[]): SubscriptionFilter {
  const [group = 0, object = 0, delta = 0, endObject = 0] = fields;
  const start = { group, object };
  const endGroup = Math.min(group + delta, Number.MAX_SAFE_INTEGER);
  switch (type) {
    case NONE:
      return { from: "all" };
    case RELATIVE_START:
      return group === 0 ? { from: "next-group" } : { from: "groups-back", groups: group };
    case ABSOLUTE_START:
      return isFirst(start) ? { from: "all" } : { from: "start", start };
    case ABSOLUTE_GROUP_END:
      return { from: "start", start, endGroup };
    case NEXT_OBJECT:
      return { from: "largest-object" };
    default:
      if (delta === 0 && endObject < object) throw violation("a filter ends before its start");
      // Beyond all groups that can be handled here, objects are not told apart.
      if (group + delta > Number.MAX_SAFE_INTEGER) return { from: "start", start, endGroup };
      return { from: "start", start, endGroup, endObject };
  }
}

/** Writes a filter as a parameter's value. */
export function writeLocationFilter(writer: Writer, filter: SubscriptionFilter): void {
  const { type, fields } = fieldsOf(filter);
  if (hasFilterTypes(writer.version)) {
    writer.integer(type);
    for (const field of fields) writer.integer(field);
    return;
  }
  const inner = new Writer(writer.version);
  const [group, object] = fields;
  // Two zeros are the next object's; all from {0, 0} on is what no filter says, too.
  const written = type === NEXT_OBJECT
    ? [0, 0]
    : type === ABSOLUTE_START && group === 0 && object === 0
    ? []
    : fields;
  for (const field of written) inner.integer(field);
  writer.sized(inner.finish(), MAX_VALUE_BYTES, "a location filter");
}

function fieldsOf(filter: SubscriptionFilter): { type: number; fields: readonly number[] } {
  switch (filter.from) {
    case "all":
      return { type: NONE, fields: [] };
    case "next-group":
      return { type: RELATIVE_START, fields: [0] };
    case "largest-object":
      return { type: NEXT_OBJECT, fields: [] };
    case "groups-back":
      return { type: RELATIVE_START, fields: [filter.groups] };
    case "start": {
      const { start, endGroup, endObject } = filter;
      if (endGroup === undefined) {
        if (endObject !== undefined) throw new TypeError("a filter ends at an object of no group");
        return { type: ABSOLUTE_START, fields: [start.group, start.object] };
      }
      checkEnd(start, endGroup);
      const fields = [start.group, start.object, endGroup - start.group];
      if (endObject === undefined) return { type: ABSOLUTE_GROUP_END, fields };
      if (endGroup === start.group && endObject < start.object) {
        throw new RangeError("a filter ends before its start");
      }
      return { type: ABSOLUTE_RANGE, fields: [...fields, endObject] };
    }
  }
}

/** Throws where a filter ends before it starts. */
export function checkEnd(start: Location, endGroup: number): void {
  if (endGroup >= start.group) return;
  throw new RangeError(`a filter ends at group ${endGroup}, before its start ${start.group}`);
}
