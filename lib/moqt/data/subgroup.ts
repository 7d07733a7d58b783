/**
 * Subgroup streams: draft-18, section 11.4.2; draft-16 and draft-14, section 10.4.2.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasDefaultPriority, hasFirstObjectBit, NEWEST, type Version } from "../versions.ts";
import { type KeyValue, writeKeyValues } from "../wire/key_values.ts";
import { Writer } from "../wire/writer.ts";
import { ByteFeed, PayloadGatherer, SHORT } from "./feed.ts";
import { checkMark, checkPayloadLength, checkPropertiesLength, checkStatus } from "./object.ts";
import { DEFAULT_PUBLISHER_PRIORITY, isNonExistent } from "./object.ts";
import { decodeProperties, MAX_PAYLOAD_BYTES, MAX_PROPERTIES_BYTES } from "./object.ts";
import { type ObjectStatus, statusCode, statusOf } from "./object.ts";

/** What a subgroup stream begins with. */
export interface SubgroupHeader {
  /** Which track. */
  trackAlias: number;
  /** Which group. */
  group: number;
  /** Which subgroup; `first-object`: its id is that of the first object on the stream. */
  subgroup: number | "first-object";
  /** The publisher's priority, 0 (first) to 255; absent: the track's default. */
  priority?: number;
  /** Whether every object has a field for properties. */
  hasProperties: boolean;
  /** Whether the last object before FIN is the group's last. */
  endOfGroup: boolean;
  /** Whether the stream begins with the subgroup's first object; since draft-18. */
  firstObject?: boolean;
}

/** An object on a subgroup stream. */
export interface SubgroupObject {
  /** The object's id, above those before it. */
  id: number;
  /** What it is. */
  status: ObjectStatus;
  /** Its properties; absent: none. */
  properties?: readonly KeyValue[];
  /** Its bytes; none where it is not normal. */
  payload: Uint8Array;
}

const STREAM = 0x10;
const PROPERTIES = 0x01;
const MODE = 0x06;
const MODE_ZERO = 0x00;
const MODE_FIRST_OBJECT = 0x02;
const MODE_FIELD = 0x04;
const END_OF_GROUP = 0x08;
const DEFAULT_PRIORITY = 0x20;
const FIRST_OBJECT = 0x40;

/** Whether a stream of this type is a subgroup's. */
export function isSubgroupType(type: number, version: Version = NEWEST): boolean {
  const bits = STREAM | PROPERTIES | MODE | END_OF_GROUP |
    (hasDefaultPriority(version) ? DEFAULT_PRIORITY : 0) |
    (hasFirstObjectBit(version) ? FIRST_OBJECT : 0);
  return (type & STREAM) !== 0 && type <= bits && (type & ~bits) === 0 && (type & MODE) !== MODE;
}

/** A header as it goes on the wire. */
export function encodeSubgroupHeader(
  header: SubgroupHeader,
  version: Version = NEWEST,
): Uint8Array<ArrayBuffer> {
  const { trackAlias, group, subgroup, hasProperties, endOfGroup, firstObject } = header;
  const priority = header.priority ??
    (hasDefaultPriority(version) ? undefined : DEFAULT_PUBLISHER_PRIORITY);
  const mode = subgroup === "first-object"
    ? MODE_FIRST_OBJECT
    : subgroup === 0
    ? MODE_ZERO
    : MODE_FIELD;
  const writer = new Writer(version, 32).integer(
    STREAM | mode | (hasProperties ? PROPERTIES : 0) | (endOfGroup ? END_OF_GROUP : 0) |
      (priority === undefined ? DEFAULT_PRIORITY : 0) |
      (firstObject === true && hasFirstObjectBit(version) ? FIRST_OBJECT : 0),
  ).integer(trackAlias).integer(group);
  if (mode === MODE_FIELD) writer.integer(subgroup as number);
  if (priority !== undefined) writer.byte(priority);
  return writer.finish();
}

/** Writes the objects of one stream, whose ids are written as distances. */
export class SubgroupEncoder {
  readonly #version: Version;
  readonly #hasProperties: boolean;
  readonly #properties: Writer;
  #before = -1;

  /** Begins after the header. */
  constructor(header: Pick<SubgroupHeader, "hasProperties">, version: Version = NEWEST) {
    this.#version = version;
    this.#hasProperties = header.hasProperties;
    this.#properties = new Writer(version, header.hasProperties ? 16 : 0);
  }

  /** The next object's bytes. A `RangeError` where its id is not above those before it. */
  encode(object: SubgroupObject): Uint8Array<ArrayBuffer> {
    const writer = new Writer(this.#version, object.payload.length + 32);
    const { id, status, properties, payload } = object;
    this.encodeHead({ id, status, properties, payload }, writer);
    return writer.bytes(payload).finish();
  }

  /**
   * Writes the next object's fields, all but its payload, which the caller puts after them. A
   * `RangeError` where its id is not above those before it; nothing is written then.
   */
  encodeHead(
    { id, status, properties, payload }: Omit<SubgroupObject, "properties"> & {
      properties: SubgroupObject["properties"] | undefined;
    },
    writer: Writer,
  ): void {
    if (status !== "normal") checkStatus(status, properties, payload);
    if (!(id > this.#before) || !Number.isSafeInteger(id)) {
      throw new RangeError(`object ${id} does not come after ${this.#before}`);
    }
    const some = properties !== undefined && properties.length > 0;
    if (some) this.#encodeProperties(properties);
    writer.integer(id - this.#before - 1);
    if (some) writer.integer(this.#properties.length).bytes(this.#properties.finish());
    else if (this.#hasProperties) writer.integer(0);
    writer.integer(payload.length);
    if (payload.length === 0) writer.integer(statusCode(status));
    this.#before = id;
  }

  #encodeProperties(properties: readonly KeyValue[]): void {
    if (!this.#hasProperties) {
      throw new TypeError("the stream's header says that its objects have no properties");
    }
    const writer = this.#properties;
    writer.clear();
    writeKeyValues(writer, properties);
    if (writer.length > MAX_PROPERTIES_BYTES) {
      throw new RangeError(
        `an object's properties have ${writer.length} bytes; at most ${MAX_PROPERTIES_BYTES} may be`,
      );
    }
  }
}

/** Takes a subgroup stream's bytes as they come, from its type on, and gives header and objects. */
export class SubgroupParser {
  readonly #version: Version;
  readonly #limit: number;
  readonly #feed: ByteFeed;
  readonly #payload = new PayloadGatherer();
  #header: SubgroupHeader | undefined;
  #before = -1;
  /** The object that is being read; whole once its payload is. */
  #id = 0;
  #status: ObjectStatus = "normal";
  #properties: KeyValue[] | undefined;
  #length = 0;
  #bytes: Uint8Array = EMPTY;
  #hasHead = false;
  /** Whether the head that was read says that its object does not exist. */
  #isMissing = false;
  #over = false;

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

  /** The bytes after the header, for who takes the stream from here on as it is. Ends the parser. */
  rest(): Uint8Array {
    return this.#feed.upTo(this.#feed.left);
  }

  /** Whether the stream may end here: after the header, between two objects. */
  get between(): boolean {
    return this.#header !== undefined && !this.#hasHead && this.#feed.left === 0;
  }

  /** The header; undefined while it is not all there. */
  header(): SubgroupHeader | undefined {
    if (this.#header !== undefined) return this.#header;
    const feed = this.#feed;
    const start = feed.offset;
    this.#header = this.#readHeader();
    if (this.#header === undefined) feed.offset = start;
    return this.#header;
  }

  #readHeader(): SubgroupHeader | undefined {
    const feed = this.#feed;
    const type = feed.integer();
    if (type === SHORT) return undefined;
    if (!isSubgroupType(type, this.#version)) {
      throw violation(`0x${type.toString(16)} is no subgroup stream's type`);
    }
    const trackAlias = feed.integer();
    if (trackAlias === SHORT) return undefined;
    const group = feed.integer();
    if (group === SHORT) return undefined;
    const mode = type & MODE;
    const subgroup = mode === MODE_FIELD ? feed.integer() : 0;
    if (subgroup === SHORT) return undefined;
    const priority = (type & DEFAULT_PRIORITY) === 0 ? feed.byte() : undefined;
    if (priority === SHORT) return undefined;
    return {
      trackAlias,
      group,
      subgroup: mode === MODE_FIRST_OBJECT ? "first-object" : subgroup,
      ...(priority === undefined ? {} : { priority }),
      hasProperties: (type & PROPERTIES) !== 0,
      endOfGroup: (type & END_OF_GROUP) !== 0,
      ...(hasFirstObjectBit(this.#version) ? { firstObject: (type & FIRST_OBJECT) !== 0 } : {}),
    };
  }

  /** The next object; undefined while it is not all there. Throws a violation. */
  next(): SubgroupObject | undefined {
    return this.#advance() ? this.#make(plain) : undefined;
  }

  /**
   * The objects that are all there, up to `most`, as `make` puts them together: faster than
   * {@link next} where many come at once. None: the next is not all there. Throws a violation once
   * the objects before it are taken.
   */
  take<T>(most: number, make: MakeObject<T>): T[] {
    const objects: T[] = [];
    const feed = this.#feed;
    let start = feed.offset;
    try {
      while (objects.length < most && this.#advance()) {
        objects.push(this.#make(make));
        start = feed.offset;
      }
    } catch (error) {
      feed.offset = start;
      if (objects.length === 0) throw error;
    }
    return objects;
  }

  #make<T>(make: MakeObject<T>): T {
    return make(this.#id, this.#status, this.#properties, this.#bytes);
  }

  /** Reads on; whether an object is whole now. */
  #advance(): boolean {
    const header = this.#header ?? this.header();
    if (header === undefined) return false;
    const feed = this.#feed;
    if (!this.#hasHead) {
      do {
        const start = feed.offset;
        this.#isMissing = false;
        if (!this.#readHead(header)) {
          feed.offset = start;
          return false;
        }
      } while (this.#isMissing);
      this.#hasHead = true;
    }
    if (this.#length > 0) {
      const payload = this.#payload.take(feed, this.#length);
      if (payload === undefined) {
        this.#properties = ownProperties(this.#properties);
        return false;
      }
      this.#bytes = payload;
    } else this.#bytes = EMPTY;
    this.#hasHead = false;
    return true;
  }

  #readHead(header: SubgroupHeader): boolean {
    const feed = this.#feed;
    const delta = feed.integer();
    if (delta === SHORT) return false;
    if (this.#over) throw violation("an object follows the end of its group");
    const id = this.#before + 1 + delta;
    if (id > Number.MAX_SAFE_INTEGER) throw violation("object ids add up to more than 2^53-1");
    let properties: KeyValue[] | undefined;
    if (header.hasProperties) {
      const length = feed.integer();
      if (length === SHORT) return false;
      checkPropertiesLength(length);
      const bytes = feed.bytes(length);
      if (bytes === undefined) return false;
      if (length > 0) properties = decodeProperties(bytes, this.#version);
    }
    const length = feed.integer();
    if (length === SHORT) return false;
    checkPayloadLength(length, this.#limit);
    let status: ObjectStatus = "normal";
    if (length === 0) {
      const code = feed.integer();
      if (code === SHORT) return false;
      this.#isMissing = isNonExistent(code, this.#version);
      status = this.#isMissing ? "normal" : statusOf(code);
      checkMark(status, properties, this.#version);
    }
    this.#over = status !== "normal";
    this.#before = id;
    this.#id = id;
    this.#status = status;
    this.#properties = properties;
    this.#length = length;
    return true;
  }
}

/** The same, without views of bytes that are let go before the object is whole. */
function ownProperties(properties: KeyValue[] | undefined): KeyValue[] | undefined {
  if (properties?.every(({ value }) => typeof value === "bigint") !== false) return properties;
  return properties.map(({ type, value }) => ({
    type,
    value: typeof value === "bigint" ? value : value.slice(),
  }));
}

/** Puts an object together. The payload is a view of the bytes the parser was given, where it can be. */
export type MakeObject<T> = (
  id: number,
  status: ObjectStatus,
  properties: readonly KeyValue[] | undefined,
  payload: Uint8Array,
) => T;

function plain(
  id: number,
  status: ObjectStatus,
  properties: readonly KeyValue[] | undefined,
  payload: Uint8Array,
): SubgroupObject {
  return properties === undefined ? { id, status, payload } : { id, status, properties, payload };
}

const EMPTY = new Uint8Array(0);
