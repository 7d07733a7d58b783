/**
 * Objects: what tracks consist of. Draft-18, section 11.2; draft-16 and draft-14, section 10.2.
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import { hasMarkProperties, hasNonExistentStatus, type Version } from "../versions.ts";
import { type IntegerForm, integersOf } from "../wire/integers.ts";
import { type KeyValue, readKeyValues } from "../wire/key_values.ts";
import { Reader } from "../wire/reader.ts";

/** What an object is: itself, or a mark that nothing follows. */
export type ObjectStatus = "normal" | "end-of-group" | "end-of-track";

const STATUSES: Readonly<Record<number, ObjectStatus>> = {
  0x0: "normal",
  0x3: "end-of-group",
  0x4: "end-of-track",
};

const DOES_NOT_EXIST = 0x1;

/** The status a number stands for. */
export function statusOf(code: number): ObjectStatus {
  const status = STATUSES[code];
  if (status === undefined) throw violation(`${code} is no object status`);
  return status;
}

/** Whether a status says that the object does not exist, so that there is none: draft-14, 10.2.1.1. */
export function isNonExistent(code: number, version: Version): boolean {
  return code === DOES_NOT_EXIST && hasNonExistentStatus(version);
}

/** Throws where an object only marks an end, and has properties. */
export function checkMark(
  status: ObjectStatus,
  properties: readonly KeyValue[] | undefined,
  version: Version,
): void {
  if (status === "normal" || properties === undefined || hasMarkProperties(version)) return;
  throw violation(`an object that is ${status} has properties`);
}

/** The number of a status. */
export function statusCode(status: ObjectStatus): number {
  return status === "normal" ? 0x0 : status === "end-of-group" ? 0x3 : 0x4;
}

/** Priority of objects that name none, on tracks that name none: draft-18, section 12.4. */
export const DEFAULT_PUBLISHER_PRIORITY = 128;

/** Most bytes of one object's properties. The drafts set no limit. */
export const MAX_PROPERTIES_BYTES = 65_535;
/** Most bytes of one object's payload, unless the parser is told another limit. */
export const MAX_PAYLOAD_BYTES = 64 << 20;

/** Checks the length of properties before they are read. */
export function checkPropertiesLength(length: number): void {
  if (length <= MAX_PROPERTIES_BYTES) return;
  throw new MoqtViolation(
    "internal-error",
    `an object's properties have ${length} bytes; at most ${MAX_PROPERTIES_BYTES} are taken`,
  );
}

/** Checks the length of a payload before it is read. */
export function checkPayloadLength(length: number, limit: number): void {
  if (length <= limit) return;
  throw new MoqtViolation(
    "internal-error",
    `an object has ${length} bytes; at most ${limit} are taken`,
  );
}

/** Reads properties, which are all of `bytes`. */
export function decodeProperties(bytes: Uint8Array, version: Version): KeyValue[] {
  return decodeInteger(bytes, integersOf(version)) ?? readKeyValues(new Reader(bytes, version));
}

/** One pair with an integer, as most objects have it: their time; undefined: something else. */
function decodeInteger(bytes: Uint8Array, integers: IntegerForm): KeyValue[] | undefined {
  const at = bytes.length > 0 ? integers.length(bytes[0]!) : 0;
  if (at === 0 || at >= bytes.length) return undefined;
  if (at + integers.length(bytes[at]!) !== bytes.length) return undefined;
  const type = integers.read(bytes, 0);
  return type % 2 === 0 ? [{ type, value: integers.readBig(bytes, at) }] : undefined;
}

/** Properties and payload go with normal objects only. */
export function checkStatus(
  status: ObjectStatus,
  properties: readonly KeyValue[] | undefined,
  payload: Uint8Array,
): void {
  if (status === "normal") return;
  if (payload.length > 0) throw new TypeError(`an object that is ${status} has no payload`);
  if (properties !== undefined && properties.length > 0) {
    throw new TypeError(`an object that is ${status} has no properties`);
  }
}
