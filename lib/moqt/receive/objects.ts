/**
 * Objects as a subscriber gets them.
 *
 * @module
 */
import type { ObjectStatus } from "../data/object.ts";
import type { KeyValue } from "../wire/key_values.ts";

/** An object of a track. */
export interface ReceivedObject {
  /** An object. */
  kind: "object";
  /** Its group. */
  group: number;
  /** Its subgroup; absent: it came in a datagram. */
  subgroup?: number;
  /** Its id. */
  id: number;
  /** The publisher's priority, 0 (first) to 255. */
  priority: number;
  /** What it is. */
  status: ObjectStatus;
  /** Its properties; absent: none. */
  properties?: readonly KeyValue[];
  /** Its bytes; none where it is not normal. */
  payload: Uint8Array;
}

/** Objects of a group that did not come. */
export interface ObjectGap {
  /** A gap. */
  kind: "gap";
  /** The group. */
  group: number;
  /** The first object that is missing. */
  from: number;
  /** The last one; absent: nobody knows how many followed. */
  to?: number;
}
