/**
 * Messages that say in fields what later drafts say in parameters and properties, with the values of
 * those: SUBSCRIBE (draft-14, section 9.7), SUBSCRIBE_OK (9.8), SUBSCRIBE_UPDATE (9.10), PUBLISH
 * (9.13), PUBLISH_OK (9.14), FETCH (9.16), FETCH_OK (9.17), TRACK_STATUS (9.20).
 *
 * A track's properties are parameters, of which the draft knows two; who does not know the others
 * ignores them.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasParametersForFields, type Version } from "../versions.ts";
import { readFilter, writeFilter } from "../wire/filter.ts";
import { readLocation, writeLocation } from "../wire/location.ts";
import {
  readPairParameters,
  readPairProperties,
  writePairParameters,
  writePairProperties,
} from "../wire/pair_parameters.ts";
import type { GroupOrder, Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { Reader } from "../wire/reader.ts";
import { readTrackName, writeTrackName } from "../wire/track_name.ts";
import type { Writer } from "../wire/writer.ts";
import { type MessageCodec, readFlag } from "./codec.ts";
import { type Fetch, type FetchOk, readRange, writeRange } from "./fetch.ts";
import type { Publish, PublishOk } from "./publish.ts";
import type { RequestUpdate } from "./request.ts";
import type { Subscribe, SubscribeOk, TrackStatus } from "./subscribe.ts";

/** Whether the draft says it in fields. */
export const hasFields = (version: Version): boolean => !hasParametersForFields(version);

/** Priority of who names none. */
const DEFAULT_PRIORITY = 128;

/** Refuses parameters that the message has no fields for. */
function only(message: string, parameters: Parameters, names: readonly (keyof Parameters)[]): void {
  for (const name of Object.keys(parameters) as (keyof Parameters)[]) {
    if (parameters[name] === undefined || names.includes(name)) continue;
    throw new TypeError(`${message} takes no parameter ${name} in this draft`);
  }
}

function readOrder(reader: Reader, least: 0 | 1): { groupOrder?: GroupOrder } {
  const order = reader.byte();
  if (order < least || order > 2) throw violation(`Group Order is ${order}; ${least} to 2 may be`);
  return order === 0 ? {} : { groupOrder: order === 1 ? "ascending" : "descending" };
}

function orderByte(order: GroupOrder | undefined, otherwise: 0 | 1): number {
  return order === undefined ? otherwise : order === "ascending" ? 1 : 2;
}

/** A filter, which must be there; absent here: all. */
function readWanted(reader: Reader): Pick<Parameters, "filter"> {
  const filter = readFilter(reader);
  return filter.from === "all" ? {} : { filter };
}

function readLargest(reader: Reader): Pick<Parameters, "largest"> {
  return readFlag(reader, "Content Exists") ? { largest: readLocation(reader) } : {};
}

function writeLargest(writer: Writer, { largest }: Parameters): void {
  writer.byte(largest === undefined ? 0 : 1);
  if (largest !== undefined) writeLocation(writer, largest);
}

function readWish(reader: Reader): Parameters {
  const priority = reader.byte();
  const order = readOrder(reader, 0);
  const forward = readFlag(reader, "Forward");
  const filter = readWanted(reader);
  return { priority, ...order, forward, ...filter, ...readPairParameters(reader, "SUBSCRIBE") };
}

function writeWish(writer: Writer, message: string, parameters: Parameters): void {
  only(message, parameters, [
    "priority",
    "groupOrder",
    "forward",
    "filter",
    "tokens",
    "deliveryTimeoutMs",
  ]);
  const { priority = DEFAULT_PRIORITY, groupOrder, forward = true, filter } = parameters;
  writer.byte(priority).byte(orderByte(groupOrder, 0)).byte(Number(forward));
  writeFilter(writer, filter ?? { from: "all" });
  writePairParameters(writer, parameters);
}

/** SUBSCRIBE. */
const subscribe: MessageCodec<Subscribe> = {
  type: 0x03,
  has: hasFields,
  name: "SUBSCRIBE",
  kind: "subscribe",
  read: (reader) => ({
    kind: "subscribe",
    requestId: reader.integer(),
    track: readTrackName(reader),
    parameters: readWish(reader),
  }),
  write: (writer, { requestId, track, parameters }) => {
    writeTrackName(writer.integer(requestId), track);
    writeWish(writer, "SUBSCRIBE", parameters);
  },
};

/** TRACK_STATUS. */
const trackStatus: MessageCodec<TrackStatus> = {
  type: 0x0d,
  has: hasFields,
  name: "TRACK_STATUS",
  kind: "track-status",
  read: (reader) => ({ ...subscribe.read(reader), kind: "track-status" }),
  write: (writer, message) => subscribe.write(writer, { ...message, kind: "subscribe" }),
};

/** Reads what SUBSCRIBE_OK and TRACK_STATUS_OK say, save for ids. */
export function readGrant(reader: Reader): Pick<SubscribeOk, "parameters" | "properties"> {
  const expiresMs = reader.integer();
  const order = readOrder(reader, 1);
  const largest = readLargest(reader);
  const { properties } = readPairProperties(reader);
  return {
    parameters: { ...(expiresMs === 0 ? {} : { expiresMs }), ...largest },
    properties: { ...properties, ...order },
  };
}

/** Writes the same. */
export function writeGrant(
  writer: Writer,
  { parameters, properties = {} }: { parameters: Parameters; properties?: TrackProperties },
): void {
  only("SUBSCRIBE_OK", parameters, ["expiresMs", "largest"]);
  writer.integer(parameters.expiresMs ?? 0).byte(orderByte(properties.groupOrder, 1));
  writeLargest(writer, parameters);
  writePairProperties(writer, properties);
}

/** SUBSCRIBE_OK. */
const subscribeOk: MessageCodec<SubscribeOk> = {
  type: 0x04,
  has: hasFields,
  name: "SUBSCRIBE_OK",
  kind: "subscribe-ok",
  read: (reader) => ({
    kind: "subscribe-ok",
    requestId: reader.integer(),
    trackAlias: reader.integer(),
    ...readGrant(reader),
  }),
  write: (writer, message) => {
    writeGrant(writer.integer(message.requestId).integer(message.trackAlias), message);
  },
};

/** SUBSCRIBE_UPDATE: all of a subscription as it is to be. */
const subscribeUpdate: MessageCodec<RequestUpdate> = {
  type: 0x02,
  has: hasFields,
  name: "SUBSCRIBE_UPDATE",
  kind: "request-update",
  read: (reader) => {
    const requestId = reader.integer();
    const existingRequestId = reader.integer();
    const start = readLocation(reader);
    const end = reader.integer();
    if (end > 0 && end - 1 < start.group) throw violation("an update ends before it starts");
    const priority = reader.byte();
    const forward = readFlag(reader, "Forward");
    const others = readPairParameters(reader, "REQUEST_UPDATE");
    return {
      kind: "request-update",
      requestId,
      existingRequestId,
      parameters: {
        priority,
        forward,
        filter: { from: "start", start, ...(end === 0 ? {} : { endGroup: end - 1 }) },
        ...others,
      },
    };
  },
  write: (writer, { requestId, existingRequestId, parameters }) => {
    const { priority = DEFAULT_PRIORITY, forward = true, filter } = parameters;
    only("SUBSCRIBE_UPDATE", parameters, [
      "priority",
      "forward",
      "filter",
      "tokens",
      "deliveryTimeoutMs",
    ]);
    if (filter?.from !== "start" || filter.endObject !== undefined) {
      throw new TypeError("an update tells the location from where on objects are wanted");
    }
    writeLocation(writer.integer(requestId).integer(existingRequestId), filter.start);
    writer.integer(filter.endGroup === undefined ? 0 : filter.endGroup + 1)
      .byte(priority).byte(Number(forward));
    writePairParameters(writer, parameters);
  },
};

/** PUBLISH. */
const publish: MessageCodec<Publish> = {
  type: 0x1d,
  has: hasFields,
  name: "PUBLISH",
  kind: "publish",
  read: (reader) => {
    const requestId = reader.integer();
    const track = readTrackName(reader);
    const trackAlias = reader.integer();
    const order = readOrder(reader, 1);
    const largest = readLargest(reader);
    const forward = readFlag(reader, "Forward");
    const said = readPairProperties(reader);
    return {
      kind: "publish",
      requestId,
      track,
      trackAlias,
      parameters: { ...largest, forward, ...said.parameters },
      properties: { ...said.properties, ...order },
    };
  },
  write: (writer, { requestId, track, trackAlias, parameters, properties }) => {
    only("PUBLISH", parameters, ["largest", "forward", "tokens"]);
    writeTrackName(writer.integer(requestId), track);
    writer.integer(trackAlias).byte(orderByte(properties.groupOrder, 1));
    writeLargest(writer, parameters);
    writer.byte(Number(parameters.forward ?? true));
    writePairProperties(writer, properties, parameters);
  },
};

/** PUBLISH_OK. */
const publishOk: MessageCodec<PublishOk> = {
  type: 0x1e,
  has: hasFields,
  name: "PUBLISH_OK",
  kind: "publish-ok",
  read: (reader) => {
    const requestId = reader.integer();
    const forward = readFlag(reader, "Forward");
    const priority = reader.byte();
    const order = readOrder(reader, 1);
    const filter = readWanted(reader);
    const others = readPairParameters(reader, "PUBLISH_OK");
    return {
      kind: "publish-ok",
      requestId,
      parameters: { forward, priority, ...order, ...filter, ...others },
    };
  },
  write: (writer, { requestId, parameters }) => {
    only("PUBLISH_OK", parameters, [
      "forward",
      "priority",
      "groupOrder",
      "filter",
      "deliveryTimeoutMs",
    ]);
    const { forward = true, priority = DEFAULT_PRIORITY, groupOrder, filter } = parameters;
    writer.integer(requestId).byte(Number(forward)).byte(priority).byte(orderByte(groupOrder, 1));
    writeFilter(writer, filter ?? { from: "all" });
    writePairParameters(writer, parameters);
  },
};

/** FETCH. */
const fetchMessage: MessageCodec<Fetch> = {
  type: 0x16,
  has: hasFields,
  name: "FETCH",
  kind: "fetch",
  read: (reader) => {
    const requestId = reader.integer();
    const priority = reader.byte();
    const order = readOrder(reader, 0);
    const range = readRange(reader);
    const { tokens } = readPairParameters(reader, "FETCH");
    return {
      kind: "fetch",
      requestId,
      range,
      parameters: { priority, ...order, ...(tokens === undefined ? {} : { tokens }) },
    };
  },
  write: (writer, { requestId, range, parameters }) => {
    only("FETCH", parameters, ["priority", "groupOrder", "tokens"]);
    const { priority = DEFAULT_PRIORITY, groupOrder } = parameters;
    writer.integer(requestId).byte(priority).byte(orderByte(groupOrder, 1));
    writeRange(writer, range);
    writePairParameters(writer, parameters);
  },
};

/** FETCH_OK, whose order of groups is among its parameters. */
const fetchOk: MessageCodec<FetchOk> = {
  type: 0x18,
  has: hasFields,
  name: "FETCH_OK",
  kind: "fetch-ok",
  read: (reader) => ({
    kind: "fetch-ok",
    requestId: reader.integer(),
    parameters: readOrder(reader, 1),
    endOfTrack: readFlag(reader, "End Of Track"),
    end: readLocation(reader),
    properties: readPairProperties(reader).properties,
  }),
  write: (writer, { requestId, parameters, endOfTrack, end, properties }) => {
    only("FETCH_OK", parameters, ["groupOrder"]);
    writer.integer(requestId).byte(orderByte(parameters.groupOrder, 1)).byte(Number(endOfTrack));
    writeLocation(writer, end);
    writePairProperties(writer, properties);
  },
};

/** Every codec. */
export const FIELD_CODECS = [
  subscribe,
  trackStatus,
  subscribeOk,
  subscribeUpdate,
  publish,
  publishOk,
  fetchMessage,
  fetchOk,
] as const;
