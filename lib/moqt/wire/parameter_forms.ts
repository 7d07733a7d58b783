/**
 * How each parameter's value is written: draft-16, section 9.2.2; draft-18 and draft-20, section 10.2.
 *
 * @module
 */
import { violation } from "../errors.ts";
import {
  hasFill,
  hasIncludeProperties,
  hasRangeFilters,
  hasSubgroupTimeout,
  hasSubscribeTracks,
  hasTypedParameters,
  type Version,
} from "../versions.ts";
import { readFilterValue, writeFilterValue } from "./filter.ts";
import { formatted, MAX_VALUE_BYTES } from "./key_values.ts";
import { readLocation, writeLocation } from "./location.ts";
import { type FillParameters, type Parameters, readParameters } from "./parameters.ts";
import { writeParameters } from "./parameters.ts";
import { type RangeFilter, readRangeFilter, writeRangeFilter } from "./range_filter.ts";
import { Reader } from "./reader.ts";
import { decodeToken, encodeToken } from "./token.ts";
import { readNamespace, writeNamespace } from "./track_name.ts";
import { Writer } from "./writer.ts";

/** A parameter's number, and its value's form. */
export interface Form<T> {
  /** The number on the wire. */
  readonly type: number;
  /** Whether it may be there several times; then values are lists, read and written one by one. */
  readonly many?: boolean;
  /** Whether the draft has it; absent: all have. */
  since?(version: Version): boolean;
  /** Reads a value. */
  read(reader: Reader): T;
  /** Writes a value. */
  write(writer: Writer, value: T): void;
}

type Range = readonly [least: number, most: number];

function inRange(value: number, what: string, [least, most]: Range): number {
  if (value >= least && value <= most) return value;
  throw violation(`${what} is ${value}; ${least} to ${most} may be`);
}

function checked(value: number, what: string, [least, most]: Range): number {
  if (value >= least && value <= most) return value;
  throw new RangeError(`${what} is ${value}; ${least} to ${most} may be`);
}

function integer(type: number, since?: (version: Version) => boolean): Form<number> {
  return {
    type,
    ...(since === undefined ? {} : { since }),
    read: (reader) => reader.integer(),
    write: (writer, value) => void writer.integer(value),
  };
}

/** A byte where parameters have forms of their own, an integer where they are key-value pairs. */
function small<T>(
  type: number,
  what: string,
  range: Range,
  from: (value: number) => T,
  to: (value: T) => number,
): Form<T> {
  return {
    type,
    read: (reader) => {
      const value = hasTypedParameters(reader.version) ? reader.byte() : reader.integer();
      return from(inRange(value, what, range));
    },
    write: (writer, value) => {
      const number = checked(to(value), what, range);
      if (hasTypedParameters(writer.version)) writer.byte(number);
      else writer.integer(number);
    },
  };
}

/** Bytes after their length, which hold one thing. */
function sized<T>(reader: Reader, what: string, read: (inner: Reader) => T): T {
  const inner = new Reader(reader.sized(MAX_VALUE_BYTES, what), reader.version);
  const value = read(inner);
  inner.end(what);
  return value;
}

function ranges(type: number, ofProperty: boolean): Form<readonly RangeFilter[]> {
  return {
    type,
    many: true,
    since: hasRangeFilters,
    read: (reader) => {
      const filter = readRangeFilter(reader, ofProperty);
      return filter === undefined ? [] : [filter];
    },
    write: (writer, [filter]) => writeRangeFilter(writer, filter, ofProperty),
  };
}

const DELIVERY_TIMEOUT: Range = [1, Number.MAX_SAFE_INTEGER];

/** Every parameter's form. */
export const FORMS: { readonly [K in keyof Required<Parameters>]: Form<Required<Parameters>[K]> } =
  {
    deliveryTimeoutMs: {
      type: 0x02,
      read: (reader) => {
        const value = reader.integer();
        if (hasSubgroupTimeout(reader.version)) return value;
        return inRange(value, "DELIVERY_TIMEOUT", DELIVERY_TIMEOUT);
      },
      write: (writer, value) => {
        if (!hasSubgroupTimeout(writer.version)) {
          checked(value, "DELIVERY_TIMEOUT", DELIVERY_TIMEOUT);
        }
        writer.integer(value);
      },
    },
    tokens: {
      type: 0x03,
      many: true,
      read: (reader) => [
        decodeToken(reader.sized(MAX_VALUE_BYTES, "a token"), reader.version),
      ],
      write: (writer, [token]) => {
        const bytes = encodeToken(token!, writer.version);
        writer.sized(bytes, MAX_VALUE_BYTES, "a token");
      },
    },
    rendezvousTimeoutMs: integer(0x04, hasTypedParameters),
    subgroupTimeoutMs: integer(0x06, hasSubgroupTimeout),
    expiresMs: integer(0x08),
    largest: {
      type: 0x09,
      read: (reader) =>
        hasTypedParameters(reader.version)
          ? readLocation(reader)
          : formatted("LARGEST_OBJECT", () => sized(reader, "LARGEST_OBJECT", readLocation)),
      write: (writer, value) => {
        if (hasTypedParameters(writer.version)) return writeLocation(writer, value);
        const inner = new Writer(writer.version);
        writeLocation(inner, value);
        writer.sized(inner.finish(), MAX_VALUE_BYTES, "LARGEST_OBJECT");
      },
    },
    fillTimeoutMs: integer(0x0a, hasTypedParameters),
    forward: small(0x10, "FORWARD", [0, 1], (value) => value === 1, Number),
    priority: small(0x20, "SUBSCRIBER_PRIORITY", [0, 255], (value) => value, Number),
    filter: { type: 0x21, read: readFilterValue, write: writeFilterValue },
    groupOrder: small(
      0x22,
      "GROUP_ORDER",
      [1, 2],
      (value) => value === 1 ? "ascending" : "descending",
      (value) => value === "ascending" ? 1 : 2,
    ),
    fill: {
      type: 0x23,
      since: hasFill,
      read: (reader) =>
        sized(
          reader,
          "FILL_PARAMETERS",
          (inner) => readParameters(inner, "FILL_PARAMETERS") as FillParameters,
        ),
      write: (writer, value) => {
        const inner = new Writer(writer.version);
        writeParameters(inner, "FILL_PARAMETERS", value);
        writer.sized(inner.finish(), MAX_VALUE_BYTES, "FILL_PARAMETERS");
      },
    },
    subgroupRanges: ranges(0x25, false),
    objectRanges: ranges(0x26, false),
    priorityRanges: ranges(0x27, false),
    objectPropertyRanges: ranges(0x28, true),
    trackPropertyRanges: ranges(0x29, true),
    newGroup: integer(0x32),
    prefix: {
      type: 0x34,
      since: hasSubscribeTracks,
      read: (reader) => readNamespace(reader, 0),
      write: (writer, value) => writeNamespace(writer, value, 0),
    },
    includeProperties: {
      ...small(0x35, "INCLUDE_PROPERTIES", [0, 1], (value) => value === 1, Number),
      since: hasIncludeProperties,
    },
  };

/** Whether a draft has a parameter. */
export function hasParameter(version: Version, name: keyof Parameters): boolean {
  return FORMS[name].since?.(version) ?? true;
}

const BY_TYPE = new Map(
  (Object.keys(FORMS) as (keyof Parameters)[]).map((name) => [FORMS[name].type, name]),
);

/** The parameter of a number; undefined: no draft has it. */
export function parameterOf(type: number): keyof Parameters | undefined {
  return BY_TYPE.get(type);
}
