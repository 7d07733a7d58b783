/**
 * Where an object is in its track: draft-16, section 1.4.1.
 *
 * @module
 */
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** A group, and an object in it. */
export interface Location {
  /** The group's id. */
  group: number;
  /** The object's id. */
  object: number;
}

/** Reads a location. */
export function readLocation(reader: Reader): Location {
  return { group: reader.integer(), object: reader.integer() };
}

/** Writes a location. */
export function writeLocation(writer: Writer, location: Location): void {
  writer.integer(location.group).integer(location.object);
}

/** Negative where `a` comes before `b`, zero where they are the same. */
export function compareLocations(a: Location, b: Location): number {
  return a.group - b.group || a.object - b.object;
}

/** Whether nothing comes before it: a filter from there on is the same as none. */
export function isFirst({ group, object }: Location): boolean {
  return group === 0 && object === 0;
}
