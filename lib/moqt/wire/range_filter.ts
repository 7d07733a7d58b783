/**
 * Range filters, which pick objects by the numbers in their headers and properties: draft-20, section
 * 5.1.4.
 *
 * @module
 */
import { MAX_VALUE_BYTES } from "./key_values.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Numbers from one to another, with both. */
export interface ValueRange {
  /** The first. */
  start: bigint;
  /** The last; absent, in the last range only: there is none. */
  end?: bigint;
}

/** What one number of an object or track must be. */
export interface RangeFilter {
  /** Filters of a set must all pass, of several sets one: 0 to 255. */
  set: number;
  /** Which property, of an even type, where the filter is of properties. */
  property?: number;
  /** Ascending, apart from each other. */
  ranges: readonly ValueRange[];
}

/** Reads a filter that is a parameter's value; undefined: the filters of this kind are to go. */
export function readRangeFilter(reader: Reader, ofProperty: boolean): RangeFilter | undefined {
  const inner = new Reader(reader.sized(MAX_VALUE_BYTES, "a range filter"), reader.version);
  if (inner.left === 0) return undefined;
  const set = inner.byte();
  const property = ofProperty ? inner.integer() : undefined;
  const ranges: ValueRange[] = [];
  let before = 0n;
  while (inner.left > 0) {
    const start = before + inner.bigInteger();
    if (inner.left === 0) ranges.push({ start });
    else {
      before = start + inner.bigInteger();
      ranges.push({ start, end: before });
    }
  }
  return { set, ...(property === undefined ? {} : { property }), ranges };
}

/** Writes a filter as a parameter's value. */
export function writeRangeFilter(
  writer: Writer,
  filter: RangeFilter | undefined,
  ofProperty: boolean,
): void {
  const inner = new Writer(writer.version);
  if (filter !== undefined) {
    inner.byte(filter.set);
    if ((filter.property !== undefined) !== ofProperty) {
      throw new TypeError(`a range filter ${ofProperty ? "needs" : "has no"} property`);
    }
    if (filter.property !== undefined) inner.integer(filter.property);
    let before = 0n;
    for (const [index, { start, end }] of filter.ranges.entries()) {
      if (start < before || (end !== undefined && end < start)) {
        throw new RangeError("the ranges of a filter do not ascend");
      }
      if (end === undefined && index < filter.ranges.length - 1) {
        throw new RangeError("only the last range of a filter may have no end");
      }
      inner.integer(start - before);
      if (end !== undefined) inner.integer(end - start);
      before = end ?? start;
    }
  }
  writer.sized(inner.finish(), MAX_VALUE_BYTES, "a range filter");
}
