/**
 * Objects in datagrams: draft-18, section 11.3.1; draft-16 and draft-14, section 10.3.1.
 *
 * @module
 */
import { violation } from "../errors.ts";
import {
  hasDatagramFlags,
  hasDefaultPriority,
  hasPadding,
  NEWEST,
  type Version,
} from "../versions.ts";
import { encodeKeyValues, type KeyValue } from "../wire/key_values.ts";
import { Reader } from "../wire/reader.ts";
import { Writer } from "../wire/writer.ts";
import { checkMark, checkPropertiesLength, checkStatus, decodeProperties } from "./object.ts";
import { DEFAULT_PUBLISHER_PRIORITY, isNonExistent } from "./object.ts";
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

/** Whether a type is one of the draft's. */
function isType(type: number, version: Version): boolean {
  const status = STATUS | PROPERTIES | (hasDatagramFlags(version) ? ZERO_OBJECT_ID : 0);
  const object = PROPERTIES | END_OF_GROUP | ZERO_OBJECT_ID;
  const more = hasDefaultPriority(version) ? DEFAULT_PRIORITY : 0;
  const bits = ((type & STATUS) === 0 ? object : status) | more;
  return type <= bits && (type & ~bits) === 0;
}

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
  const told = priority ?? (hasDefaultPriority(version) ? undefined : DEFAULT_PUBLISHER_PRIORITY);
  const zero = id === 0 && (hasDatagramFlags(version) || !marked);
  const writer = new Writer(version, payload.length + 40).integer(
    (some ? PROPERTIES : 0) | (endOfGroup ? END_OF_GROUP : 0) | (zero ? ZERO_OBJECT_ID : 0) |
      (told === undefined ? DEFAULT_PRIORITY : 0) | (marked ? STATUS : 0),
  ).integer(trackAlias).integer(group);
  if (!zero) writer.integer(id);
  if (told !== undefined) writer.byte(told);
  if (some) {
    const bytes = encodeKeyValues(properties, version);
    writer.sized(bytes, MAX_PROPERTIES_BYTES, "an object's properties");
  }
  if (marked) writer.integer(statusCode(status));
  return writer.bytes(payload).finish();
}

/** Reads a datagram; undefined where it is padding, or tells of no object. Throws a violation. */
export function decodeDatagram(
  bytes: Uint8Array,
  version: Version = NEWEST,
): ObjectDatagram | undefined {
  const reader = new Reader(bytes, version);
  const type = reader.integer();
  if (type === PADDING && hasPadding(version)) return undefined;
  if (!isType(type, version)) {
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
  let status: ObjectStatus = "normal";
  if ((type & STATUS) !== 0) {
    const code = reader.integer();
    if (isNonExistent(code, version)) return undefined;
    status = statusOf(code);
  }
  checkMark(status, properties, version);
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
