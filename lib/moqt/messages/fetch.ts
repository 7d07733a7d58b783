/**
 * FETCH (draft-16, section 9.16; draft-20, section 10.13), FETCH_OK (9.17), FETCH_CANCEL (9.18).
 *
 * @module
 */
import { violation } from "../errors.ts";
import { compareLocations, type Location, readLocation, writeLocation } from "../wire/location.ts";
import { type Parameters, readParameters, writeParameters } from "../wire/parameters.ts";
import type { SubscriptionFilter } from "../wire/filter.ts";
import {
  readTrackProperties,
  type TrackProperties,
  writeTrackProperties,
} from "../wire/properties.ts";
import type { Reader } from "../wire/reader.ts";
import { readTrackName, type TrackName, writeTrackName } from "../wire/track_name.ts";
import type { Writer } from "../wire/writer.ts";
import { hasFill, hasParametersForFields, hasRequestStreams } from "../versions.ts";
import { type MessageCodec, readFlag, readOwner, writeOwner } from "./codec.ts";

/** Which objects a FETCH wants. */
export type FetchRange =
  | {
    /** Of any track. */
    by: "range";
    /** Which track. */
    track: TrackName;
    /** The first object. */
    start: Location;
    /** One after the last object; `object: 0` means the whole of `group`. */
    end: Location;
  }
  | {
    /** What comes before a subscription, from so many groups before its largest. */
    by: "relative-join";
    /** The subscription's. */
    joiningRequestId: number;
    /** How many groups back. */
    groups: number;
  }
  | {
    /** What comes before a subscription, from a group. */
    by: "absolute-join";
    /** The subscription's. */
    joiningRequestId: number;
    /** The first group. */
    group: number;
  }
  | {
    /** Of any track, to the largest object there is; since draft-20. */
    by: "filter";
    /** Which track. */
    track: TrackName;
    /** From where on; one without an end. */
    filter: SubscriptionFilter;
  };

/** The sender wants objects that were published. */
export interface Fetch {
  /** FETCH. */
  kind: "fetch";
  /** Its own. */
  requestId: number;
  /** Which objects. */
  range: FetchRange;
  /** How. */
  parameters: Parameters;
}

/** A fetch is granted. */
export interface FetchOk {
  /** FETCH_OK. */
  kind: "fetch-ok";
  /** The request's. */
  requestId: number;
  /** Whether `end` is the end of the track, too. */
  endOfTrack: boolean;
  /** One after the last object, in the form of the request's end. */
  end: Location;
  /** What is said of the fetch. */
  parameters: Parameters;
  /** What is said of the track. */
  properties: TrackProperties;
}

/** The sender wants no more of a fetch. */
export interface FetchCancel {
  /** FETCH_CANCEL. */
  kind: "fetch-cancel";
  /** The fetch's. */
  requestId: number;
}

const STANDALONE = 0x1;
const RELATIVE_JOINING = 0x2;
const ABSOLUTE_JOINING = 0x3;

/** FETCH. */
export const fetchMessage: MessageCodec<Fetch> = {
  type: 0x16,
  has: hasParametersForFields,
  name: "FETCH",
  kind: "fetch",
  read: (reader) => {
    const requestId = reader.integer();
    if (!hasFill(reader.version)) {
      const range = readRange(reader);
      return { kind: "fetch", requestId, range, parameters: readParameters(reader, "FETCH") };
    }
    const track = readTrackName(reader);
    const { filter, ...parameters } = readParameters(reader, "FETCH");
    return { kind: "fetch", requestId, range: rangeOf(track, filter), parameters };
  },
  write: (writer, { requestId, range, parameters }) => {
    writer.integer(requestId);
    if (!hasFill(writer.version)) {
      writeRange(writer, range);
      return writeParameters(writer, "FETCH", parameters);
    }
    if (range.by !== "range" && range.by !== "filter") {
      throw new TypeError(`draft ${writer.version} has no fetches that join subscriptions`);
    }
    writeTrackName(writer, range.track);
    writeParameters(writer, "FETCH", { ...parameters, filter: filterOf(range) });
  },
};

/** What a filter means for a fetch. */
function rangeOf(track: TrackName, filter: SubscriptionFilter = { from: "all" }): FetchRange {
  if (filter.from !== "start" || filter.endGroup === undefined) {
    return { by: "filter", track, filter };
  }
  const { start, endGroup, endObject } = filter;
  const object = endObject === undefined || endObject >= Number.MAX_SAFE_INTEGER
    ? 0
    : endObject + 1;
  return { by: "range", track, start, end: { group: endGroup, object } };
}

function filterOf(range: FetchRange & { by: "range" | "filter" }): SubscriptionFilter {
  if (range.by === "filter") return range.filter;
  const { start, end } = range;
  if (isBefore(end, start)) throw new RangeError("a fetch ends before it starts");
  return {
    from: "start",
    start,
    endGroup: end.group,
    ...(end.object === 0 ? {} : { endObject: end.object - 1 }),
  };
}

/** Reads a fetch's type, and what it names. */
export function readRange(reader: Reader): FetchRange {
  const type = reader.integer();
  switch (type) {
    case STANDALONE: {
      const track = readTrackName(reader);
      const start = readLocation(reader);
      const end = readLocation(reader);
      if (isBefore(end, start)) throw violation("a fetch ends before it starts");
      return { by: "range", track, start, end };
    }
    case RELATIVE_JOINING:
      return {
        by: "relative-join",
        joiningRequestId: reader.integer(),
        groups: reader.integer(),
      };
    case ABSOLUTE_JOINING:
      return { by: "absolute-join", joiningRequestId: reader.integer(), group: reader.integer() };
    default:
      throw violation(`${type} is no fetch type`);
  }
}

/** Whether a fetch that ends at `end` (one after the last, 0: the whole group) misses `start`. */
export function isBefore(end: Location, start: Location): boolean {
  return end.object === 0 ? end.group < start.group : compareLocations(end, start) <= 0;
}

/** Writes a fetch's type, and what it names. */
export function writeRange(writer: Writer, range: FetchRange): void {
  switch (range.by) {
    case "range":
      if (isBefore(range.end, range.start)) throw new RangeError("a fetch ends before it starts");
      writer.integer(STANDALONE);
      writeTrackName(writer, range.track);
      writeLocation(writer, range.start);
      writeLocation(writer, range.end);
      break;
    case "relative-join":
      writer.integer(RELATIVE_JOINING).integer(range.joiningRequestId).integer(range.groups);
      break;
    case "absolute-join":
      writer.integer(ABSOLUTE_JOINING).integer(range.joiningRequestId).integer(range.group);
      break;
    case "filter":
      throw new TypeError(`draft ${writer.version} has no fetches to the largest object`);
  }
}

/** The end of a whole group, where ends are told with their last object: draft-20, section 10.14. */
const WHOLE_GROUP = (1n << 64n) - 1n;

function readEnd(reader: Reader): Location {
  if (!hasFill(reader.version)) return readLocation(reader);
  const group = reader.integer();
  const last = reader.bigInteger();
  return { group, object: last >= BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(last) + 1 };
}

function writeEnd(writer: Writer, end: Location): void {
  if (!hasFill(writer.version)) return writeLocation(writer, end);
  writer.integer(end.group).integer(end.object === 0 ? WHOLE_GROUP : end.object - 1);
}

/** FETCH_OK. */
export const fetchOk: MessageCodec<FetchOk> = {
  type: 0x18,
  has: hasParametersForFields,
  name: "FETCH_OK",
  kind: "fetch-ok",
  read: (reader) => {
    const requestId = readOwner(reader);
    const endOfTrack = readFlag(reader, "End Of Track");
    return {
      kind: "fetch-ok",
      requestId,
      endOfTrack,
      end: readEnd(reader),
      parameters: readParameters(reader, "FETCH_OK"),
      properties: readTrackProperties(reader),
    };
  },
  write: (writer, { requestId, endOfTrack, end, parameters, properties }) => {
    writeOwner(writer, requestId).byte(endOfTrack ? 1 : 0);
    writeEnd(writer, end);
    writeParameters(writer, "FETCH_OK", parameters);
    writeTrackProperties(writer, properties);
  },
};

/** FETCH_CANCEL. */
export const fetchCancel: MessageCodec<FetchCancel> = {
  type: 0x17,
  has: (version) => !hasRequestStreams(version),
  name: "FETCH_CANCEL",
  kind: "fetch-cancel",
  read: (reader) => ({ kind: "fetch-cancel", requestId: reader.integer() }),
  write: (writer, { requestId }) => void writer.integer(requestId),
};
