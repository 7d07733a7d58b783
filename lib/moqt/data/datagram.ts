/**
 * Objects in datagrams: draft-18, section 11.3.1; draft-16, section 10.3.1.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasPadding, NEWEST, type Version } from "../versions.ts";
import { encodeKeyValues, type KeyValue } from "../wire/key_values.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { checkPropertiesLength, checkStatus, decodeProperties } from "./object.ts";
import { MAX_PROPERTIES_BYTES, type ObjectStatus, statusCode, statusOf } from "./object.ts";

/** An object in a datagram. */
export interface ObjectDatagram {
  /** Which track. */
  trackAlias: number;
  /** Which group. */
  group: number;
  /** The object's id. */
  id: number;
  /** The publisher's priority, 0 (first) to 255; absent: the track's default. */
  priority?: number;
  /** Whether no larger object of its group exists. */
  endOfGroup: boolean;
  /** What it is. */
  status: ObjectStatus;
  /** Its properties; absent: none. */
  properties?: readonly KeyValue[];
  /** Its bytes; none where it is not normal. */
  payload: Uint8Array;
}

const PROPERTIES = 0x01;
const END_OF_GROUP = 0x02;
const ZERO_OBJECT_ID = 0x04;
const DEFAULT_PRIORITY = 0x08;
const STATUS = 0x20;
const BITS = PROPERTIES | END_OF_GROUP | ZERO_OBJECT_ID | DEFAULT_PRIORITY | STATUS;

/** A datagram whose content means nothing: draft-18, section 11.5.2. */
const PADDING = 0x132b3e29;

/** A datagram's bytes. */
export function encodeDatagram(
  object: ObjectDatagram,
  version: Version = NEWEST,
): Uint8Array<ArrayBuffer> {
  const { trackAlias, group, id, priority, endOfGroup, status, properties, payload } = object;
  checkStatus(status, properties, payload);
  const marked = status !== "normal";
  if (marked && endOfGroup) throw new TypeError("a status cannot be the group's end, too");
  const some = properties !== undefined && properties.length > 0;
  const writer = new Writer(version, payload.length + 40).integer(
    (some ? PROPERTIES : 0) | (endOfGroup ? END_OF_GROUP : 0) | (id === 0 ? ZERO_OBJECT_ID : 0) |
      (priority === undefined ? DEFAULT_PRIORITY : 0) | (marked ? STATUS : 0),
  ).integer(trackAlias).integer(group);
  if (id !== 0) writer.integer(id);
  if (priority !== undefined) writer.byte(priority);
  if (some) {
    const bytes = encodeKeyValues(properties, version);
    writer.sized(bytes, MAX_PROPERTIES_BYTES, "an object's properties");
  }
  if (marked) writer.integer(statusCode(status));
  return writer.bytes(payload).finish();
}

/** Reads a datagram; undefined where it is padding. Throws a violation. */
export function decodeDatagram(
  bytes: Uint8Array,
  version: Version = NEWEST,
): ObjectDatagram | undefined {
  const reader = new Reader(bytes, version);
  const type = reader.integer();
  if (type === PADDING && hasPadding(version)) return undefined;
  const clash = STATUS | END_OF_GROUP;
  if (type > BITS || (type & ~BITS) !== 0 || (type & clash) === clash) {
    throw violation(`0x${type.toString(16)} is no datagram's type`);
  }
  const trackAlias = reader.integer();
  const group = reader.integer();
  const id = (type & ZERO_OBJECT_ID) === 0 ? reader.integer() : 0;
  const priority = (type & DEFAULT_PRIORITY) === 0 ? reader.byte() : undefined;
  let properties: KeyValue[] | undefined;
  if ((type & PROPERTIES) !== 0) {
    const length = reader.integer();
    if (length === 0) throw violation("a datagram says it has properties, and has none");
    checkPropertiesLength(length);
    properties = decodeProperties(reader.bytes(length), version);
  }
  const status = (type & STATUS) === 0 ? "normal" : statusOf(reader.integer());
  if (status !== "normal" && properties !== undefined) {
    throw violation(`an object that is ${status} has properties`);
  }
  if ((type & STATUS) !== 0) reader.end("a datagram with a status");
  return {
    trackAlias,
    group,
    id,
    ...(priority === undefined ? {} : { priority }),
    endOfGroup: (type & END_OF_GROUP) !== 0,
    status,
    ...(properties === undefined ? {} : { properties }),
    payload: reader.rest(),
  };
}
