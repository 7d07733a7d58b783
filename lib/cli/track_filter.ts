/**
 * The words of `--filter`: where a subscription begins, and which objects it wants.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import type { SubscriptionFilter } from "../moqt/wire/filter.ts";
import type { Parameters } from "../moqt/wire/parameters.ts";
import type { RangeFilter, ValueRange } from "../moqt/wire/range_filter.ts";

/** The parameter that each kind of numbers is told in. */
const KINDS = {
  objects: "objectRanges",
  subgroups: "subgroupRanges",
  priorities: "priorityRanges",
} as const;

const HINT = "write largest, next-group, 12, 12:3, 12..20 or 12:3..20:5, and besides " +
  "objects=0-3,8-, subgroups=0, priorities=0-127 or the number of a property, 0x20=5-9";

/** Reads words with spaces between them: at most one place, any kinds of numbers. Throws `UsageError`. */
export function parseTrackFilter(text: string): Parameters {
  const parameters: Parameters = {};
  for (const word of text.split(" ").filter((word) => word !== "")) {
    const [name, ranges] = word.split("=", 2) as [string, string?];
    if (ranges === undefined) {
      if (parameters.filter !== undefined) throw wrong(text, "it begins in two places");
      parameters.filter = parsePlace(text, word);
    } else addRanges(parameters, text, name, ranges);
  }
  return parameters;
}

function wrong(text: string, why: string): UsageError {
  return new UsageError(`--filter: ${JSON.stringify(text)} is no filter: ${why}`, { hint: HINT });
}

function parsePlace(text: string, word: string): SubscriptionFilter {
  if (word === "largest" || word === "largest-object") return { from: "largest-object" };
  if (word === "next-group") return { from: "next-group" };
  const match = /^(\d{1,15})(?::(\d{1,15}))?(?:\.\.(\d{1,15})(?::(\d{1,15}))?)?$/.exec(word);
  if (match === null) throw wrong(text, `${JSON.stringify(word)} is no place`);
  const [, group = "", object = "0", endGroup, endObject] = match;
  const start = { group: Number(group), object: Number(object) };
  if (endGroup === undefined) return { from: "start", start };
  const end = Number(endGroup);
  const isBackwards = end < start.group ||
    (end === start.group && endObject !== undefined && Number(endObject) < start.object);
  if (isBackwards) throw wrong(text, "it ends before it begins");
  return {
    from: "start",
    start,
    endGroup: end,
    ...(endObject === undefined ? {} : { endObject: Number(endObject) }),
  };
}

function addRanges(parameters: Parameters, text: string, name: string, list: string): void {
  const ranges = list.split(",").map((range) => parseRange(text, range));
  for (const [index, { start }] of ranges.entries()) {
    const before = ranges[index - 1];
    if (before !== undefined && (before.end === undefined || before.end >= start)) {
      throw wrong(text, `the ranges of ${name} do not ascend`);
    }
  }
  const filter: RangeFilter = { set: 0, ranges };
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name as keyof typeof KINDS] : undefined;
  if (kind !== undefined) {
    if (parameters[kind] !== undefined) throw wrong(text, `${name} are there twice`);
    parameters[kind] = [filter];
    return;
  }
  if (!/^(0x[\da-f]{1,13}|\d{1,15})$/i.test(name)) {
    throw wrong(text, `${JSON.stringify(name)} is no kind of number`);
  }
  const property = Number(name);
  if (property % 2 !== 0) throw wrong(text, `property ${name} has bytes, no number`);
  const others = parameters.objectPropertyRanges ?? [];
  if (others.some((other) => other.property === property)) {
    throw wrong(text, `property ${name} is there twice`);
  }
  parameters.objectPropertyRanges = [...others, { ...filter, property }];
}

function parseRange(text: string, range: string): ValueRange {
  const match = /^(\d{1,19})(-)?(\d{1,19})?$/.exec(range);
  if (match === null || (match[2] === undefined && match[3] !== undefined)) {
    throw wrong(text, `${JSON.stringify(range)} is no range of numbers`);
  }
  const start = BigInt(match[1]!);
  if (match[2] === undefined) return { start, end: start };
  if (match[3] === undefined) return { start };
  const end = BigInt(match[3]);
  if (end < start) throw wrong(text, `${range} ends before it begins`);
  return { start, end };
}
