/**
 * Fetch streams: draft-18, section 11.4.4; draft-16 and draft-14, section 10.4.4.
 *
 * @module
 */
import { violation } from "../errors.ts";
import {
  hasFetchDeltas,
  hasFetchFlags,
  hasTimedOutGaps,
  NEWEST,
  type Version,
} from "../versions.ts";
import { encodeKeyValues, type KeyValue } from "../wire/key_values.ts";
import type { GroupOrder } from "../wire/parameters.ts";
import { Writer } from "../wire/writer.ts";
import { ByteFeed, PayloadGatherer, SHORT } from "./feed.ts";
import { encodeFetchFields, readFetchFields } from "./fetch_fields.ts";
import { checkPayloadLength, checkPropertiesLength, decodeProperties } from "./object.ts";
import { MAX_PAYLOAD_BYTES, MAX_PROPERTIES_BYTES } from "./object.ts";

/** An object on a fetch stream. */
export interface FetchObject {
  /** An object. */
  kind: "object";
  /** Its group. */
  group: number;
  /** Its subgroup; absent: it is one that goes in datagrams. */
  subgroup?: number;
  /** Its id. */
  id: number;
  /** The publisher's priority, 0 (first) to 255. */
  priority: number;
  /** Its properties; absent: none. */
  properties?: readonly KeyValue[];
  /** Its bytes. */
  payload: Uint8Array;
}

/** The objects after the last one told, to this location: they are not there, or nobody knows. */
export interface FetchGap {
  /** A range without objects. */
  kind: "gap";
  /** Whether it is known that they do not exist. */
  known: boolean;
  /** Whether they did not come in time, so that asking again may give them; since draft-20. */
  timedOut?: true;
  /** The last group of the range. */
  group: number;
  /** The last object of the range. */
  id: number;
}

/** What a fetch stream holds. */
export type FetchItem = FetchObject | FetchGap;

/** The type of a fetch stream. */
export const FETCH_STREAM = 0x05;

const SUBGROUP = 0x03;
const SUBGROUP_ZERO = 0x00;
const SUBGROUP_SAME = 0x01;
const SUBGROUP_NEXT = 0x02;
const SUBGROUP_FIELD = 0x03;
const OBJECT_ID = 0x04;
const GROUP_ID = 0x08;
const PRIORITY = 0x10;
const PROPERTIES = 0x20;
const DATAGRAM = 0x40;
const FLAGS = 0x7f;
const END_OF_NON_EXISTENT = 0x8c;
const END_OF_UNKNOWN = 0x10c;
const END_OF_TIMED_OUT = 0x20c;

/** The flags that stand for a gap. */
function gapFlags({ known, timedOut }: FetchGap, version: Version): number {
  if (known) return END_OF_NON_EXISTENT;
  return timedOut === true && hasTimedOutGaps(version) ? END_OF_TIMED_OUT : END_OF_UNKNOWN;
}

function isGap(flags: number, version: Version): boolean {
  return flags === END_OF_NON_EXISTENT || flags === END_OF_UNKNOWN ||
    (flags === END_OF_TIMED_OUT && hasTimedOutGaps(version));
}

/** What the fields of an object may refer to. */
interface Prior {
  group: number;
  id: number;
  /** Absent until there was an object with one. */
  subgroup?: number;
  priority?: number;
}

/** A fetch stream's first bytes. */
export function encodeFetchHeader(
  requestId: number,
  version: Version = NEWEST,
): Uint8Array<ArrayBuffer> {
  return new Writer(version, 16).integer(FETCH_STREAM).integer(requestId).finish();
}

/** Writes the items of one fetch stream. */
export class FetchEncoder {
  readonly #version: Version;
  readonly #order: GroupOrder;
  #prior: Prior | undefined;

  /** Begins after the header. */
  constructor(version: Version = NEWEST, order: GroupOrder = "ascending") {
    this.#version = version;
    this.#order = order;
  }

  /** The next item's bytes. A `RangeError` where it does not come after those before it. */
  encode(item: FetchItem): Uint8Array<ArrayBuffer> {
    const prior = this.#prior;
    const { group, id } = item;
    const step = prior === undefined
      ? 0
      : this.#order === "ascending"
      ? group - prior.group
      : prior.group - group;
    if (prior !== undefined && (step < 0 || (step === 0 && id <= prior.id))) {
      throw new RangeError(`object ${group}/${id} does not come after ${prior.group}/${prior.id}`);
    }
    if (!hasFetchFlags(this.#version)) {
      this.#prior = { group, id };
      return encodeFetchFields(item, this.#version);
    }
    if (item.kind === "gap") {
      this.#prior = { ...prior, group, id };
      return new Writer(this.#version).integer(gapFlags(item, this.#version))
        .integer(group).integer(id).finish();
    }
    return this.#encodeObject(item, prior, step);
  }

  #encodeObject(item: FetchObject, prior: Prior | undefined, step: number) {
    const { group, id, subgroup, priority, properties, payload } = item;
    const deltas = hasFetchDeltas(this.#version);
    const newGroup = prior === undefined || step > 0;
    const newId = newGroup || id !== prior.id + 1;
    const mode = subgroup === undefined ? DATAGRAM : subgroupMode(subgroup, prior?.subgroup);
    const told = prior?.priority !== priority;
    const some = properties !== undefined && properties.length > 0;
    const writer = new Writer(this.#version, 48 + payload.length).integer(
      mode | (newGroup ? GROUP_ID : 0) | (newId ? OBJECT_ID : 0) | (told ? PRIORITY : 0) |
        (some ? PROPERTIES : 0),
    );
    if (newGroup) writer.integer(deltas && prior !== undefined ? step - 1 : group);
    if (mode === SUBGROUP_FIELD) writer.integer(subgroup!);
    if (newId) writer.integer(deltas && !newGroup ? id - prior.id : id);
    if (told) writer.byte(priority);
    if (some) {
      const bytes = encodeKeyValues(properties, this.#version);
      writer.sized(bytes, MAX_PROPERTIES_BYTES, "an object's properties");
    }
    this.#prior = { group, id, priority, ...(subgroup === undefined ? {} : { subgroup }) };
    return writer.integer(payload.length).bytes(payload).finish();
  }
}

function subgroupMode(subgroup: number, prior: number | undefined): number {
  if (subgroup === 0) return SUBGROUP_ZERO;
  if (subgroup === prior) return SUBGROUP_SAME;
  return prior !== undefined && subgroup === prior + 1 ? SUBGROUP_NEXT : SUBGROUP_FIELD;
}

/** Takes a fetch stream's bytes as they come, after its type, and gives request id and items. */
export class FetchParser {
  readonly #version: Version;
  readonly #limit: number;
  readonly #feed: ByteFeed;
  readonly #payload = new PayloadGatherer();
  #prior: Prior | undefined;
  #requestId: number | undefined;
  #pending: FetchObject | undefined;
  #length = 0;
  /** The order of groups, which ids refer to. Set it once the request is known, before `next()`. */
  order: GroupOrder = "ascending";

  /** Begins at the stream's start; objects of more than `limit` bytes are violations. */
  constructor(version: Version = NEWEST, limit: number = MAX_PAYLOAD_BYTES) {
    this.#version = version;
    this.#limit = limit;
    this.#feed = new ByteFeed(version);
  }

  /** Adds bytes, which from now on are the parser's and its objects'. */
  push(bytes: Uint8Array): void {
    this.#feed.push(bytes);
  }

  /** Whether the stream may end here: after the header, between two items. */
  get between(): boolean {
    return this.#requestId !== undefined && this.#pending === undefined && this.#feed.left === 0;
  }

  /** Which fetch the stream is of; undefined while that is not all there. */
  requestId(): number | undefined {
    if (this.#requestId !== undefined) return this.#requestId;
    const feed = this.#feed;
    const start = feed.offset;
    const type = feed.integer();
    const requestId = type === SHORT ? SHORT : feed.integer();
    if (requestId === SHORT) {
      feed.offset = start;
      return undefined;
    }
    if (type !== FETCH_STREAM) throw violation(`0x${type.toString(16)} is no fetch stream's type`);
    return this.#requestId = requestId;
  }

  /** The next item; undefined while it is not all there. Throws a violation. */
  next(): FetchItem | undefined {
    if (this.requestId() === undefined) return undefined;
    if (this.#pending === undefined) {
      const start = this.#feed.offset;
      const item = this.#readHead();
      if (item === undefined) this.#feed.offset = start;
      if (item?.kind !== "object") return item;
      this.#pending = item;
    }
    const object = this.#pending;
    const payload = this.#payload.take(this.#feed, this.#length);
    if (payload === undefined) return undefined;
    object.payload = payload;
    this.#pending = undefined;
    return object;
  }

  #readHead(): FetchItem | undefined {
    const feed = this.#feed;
    if (!hasFetchFlags(this.#version)) {
      const read = readFetchFields(feed, this.#version, this.#limit);
      this.#length = read?.length ?? 0;
      return read?.item;
    }
    const flags = feed.integer();
    if (flags === SHORT) return undefined;
    if (isGap(flags, this.#version)) {
      const group = feed.integer();
      const id = group === SHORT ? SHORT : feed.integer();
      if (id === SHORT) return undefined;
      this.#prior = { ...this.#prior, group, id };
      const timedOut = flags === END_OF_TIMED_OUT ? { timedOut: true as const } : {};
      return { kind: "gap", known: flags === END_OF_NON_EXISTENT, ...timedOut, group, id };
    }
    if (flags > FLAGS) throw violation(`0x${flags.toString(16)} are no flags of a fetch's object`);
    const groupField = (flags & GROUP_ID) === 0 ? undefined : feed.integer();
    if (groupField === SHORT) return undefined;
    const datagram = (flags & DATAGRAM) !== 0;
    const named = !datagram && (flags & SUBGROUP) === SUBGROUP_FIELD;
    const subgroupField = named ? feed.integer() : undefined;
    if (subgroupField === SHORT) return undefined;
    const idField = (flags & OBJECT_ID) === 0 ? undefined : feed.integer();
    if (idField === SHORT) return undefined;
    const priorityField = (flags & PRIORITY) === 0 ? undefined : feed.byte();
    if (priorityField === SHORT) return undefined;
    let properties: KeyValue[] | undefined;
    if ((flags & PROPERTIES) !== 0) {
      const length = feed.integer();
      if (length === SHORT) return undefined;
      checkPropertiesLength(length);
      const bytes = feed.bytes(length);
      if (bytes === undefined) return undefined;
      if (length > 0) properties = decodeProperties(bytes, this.#version);
    }
    const length = feed.integer();
    if (length === SHORT) return undefined;
    checkPayloadLength(length, this.#limit);
    const group = this.#group(groupField);
    const id = this.#id(idField, groupField !== undefined);
    const subgroup = datagram ? undefined : subgroupField ?? this.#subgroup(flags & SUBGROUP);
    const priority = priorityField ?? this.#needed("priority");
    this.#prior = { group, id, subgroup: subgroup ?? 0, priority };
    this.#length = length;
    return {
      kind: "object",
      group,
      ...(subgroup === undefined ? {} : { subgroup }),
      id,
      priority,
      ...(properties === undefined ? {} : { properties }),
      payload: EMPTY,
    };
  }

  #group(field: number | undefined): number {
    if (field === undefined) return this.#needed("group");
    if (this.#prior === undefined || !hasFetchDeltas(this.#version)) return field;
    const step = field + 1;
    return within(this.order === "ascending" ? this.#prior.group + step : this.#prior.group - step);
  }

  #id(field: number | undefined, newGroup: boolean): number {
    if (field === undefined) return within(this.#needed("id") + 1);
    if (newGroup || !hasFetchDeltas(this.#version)) return field;
    return within(this.#needed("id") + field);
  }

  #subgroup(mode: number): number {
    if (mode === SUBGROUP_ZERO) return 0;
    return within(this.#needed("subgroup") + (mode === SUBGROUP_NEXT ? 1 : 0));
  }

  #needed(field: keyof Prior): number {
    const value = this.#prior?.[field];
    if (value === undefined) throw violation(`no object before tells the ${field}`);
    return value;
  }
}

const EMPTY = new Uint8Array(0);

function within(id: number): number {
  if (id >= 0 && id <= Number.MAX_SAFE_INTEGER) return id;
  throw violation(`an id of a fetch's object is ${id}; 0 to 2^53-1 may be`);
}
