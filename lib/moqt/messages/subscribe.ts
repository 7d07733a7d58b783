/**
 * SUBSCRIBE (draft-16, section 9.9), SUBSCRIBE_OK (9.10), UNSUBSCRIBE (9.12), and TRACK_STATUS
 * (9.19), which has SUBSCRIBE's form.
 *
 * @module
 */
import { type Parameters, readParameters, writeParameters } from "../wire/parameters.ts";
import {
  readTrackProperties,
  type TrackProperties,
  writeTrackProperties,
} from "../wire/properties.ts";
import { readTrackName, type TrackName, writeTrackName } from "../wire/track_name.ts";
import { hasParametersForFields, hasRequestStreams } from "../versions.ts";
import { type MessageCodec, readOwner, writeOwner } from "./codec.ts";

/** The sender wants a track's new objects. */
export interface Subscribe {
  /** SUBSCRIBE. */
  kind: "subscribe";
  /** Its own. */
  requestId: number;
  /** Which track. */
  track: TrackName;
  /** How. */
  parameters: Parameters;
}

/** The sender wants to know how a track stands. */
export interface TrackStatus {
  /** TRACK_STATUS. */
  kind: "track-status";
  /** Its own. */
  requestId: number;
  /** Which track. */
  track: TrackName;
  /** What authorizes it. */
  parameters: Parameters;
}

/** A subscription is granted. */
export interface SubscribeOk {
  /** SUBSCRIBE_OK. */
  kind: "subscribe-ok";
  /** The request's. */
  requestId: number;
  /** The number that stands for the track on streams and in datagrams. */
  trackAlias: number;
  /** What is said of the subscription. */
  parameters: Parameters;
  /** What is said of the track. */
  properties: TrackProperties;
}

/** The sender wants no more objects. */
export interface Unsubscribe {
  /** UNSUBSCRIBE. */
  kind: "unsubscribe";
  /** The subscription's. */
  requestId: number;
}

/** SUBSCRIBE. */
export const subscribe: MessageCodec<Subscribe> = {
  type: 0x03,
  has: hasParametersForFields,
  name: "SUBSCRIBE",
  kind: "subscribe",
  read: (reader) => ({
    kind: "subscribe",
    requestId: reader.integer(),
    track: readTrackName(reader),
    parameters: readParameters(reader, "SUBSCRIBE"),
  }),
  write: (writer, { requestId, track, parameters }) => {
    writer.integer(requestId);
    writeTrackName(writer, track);
    writeParameters(writer, "SUBSCRIBE", parameters);
  },
};

/** TRACK_STATUS. */
export const trackStatus: MessageCodec<TrackStatus> = {
  type: 0x0d,
  has: hasParametersForFields,
  name: "TRACK_STATUS",
  kind: "track-status",
  read: (reader) => ({
    kind: "track-status",
    requestId: reader.integer(),
    track: readTrackName(reader),
    parameters: readParameters(reader, "TRACK_STATUS"),
  }),
  write: (writer, { requestId, track, parameters }) => {
    writer.integer(requestId);
    writeTrackName(writer, track);
    writeParameters(writer, "TRACK_STATUS", parameters);
  },
};

/** SUBSCRIBE_OK. */
export const subscribeOk: MessageCodec<SubscribeOk> = {
  type: 0x04,
  has: hasParametersForFields,
  name: "SUBSCRIBE_OK",
  kind: "subscribe-ok",
  read: (reader) => ({
    kind: "subscribe-ok",
    requestId: readOwner(reader),
    trackAlias: reader.integer(),
    parameters: readParameters(reader, "SUBSCRIBE_OK"),
    properties: readTrackProperties(reader),
  }),
  write: (writer, { requestId, trackAlias, parameters, properties }) => {
    writeOwner(writer, requestId).integer(trackAlias);
    writeParameters(writer, "SUBSCRIBE_OK", parameters);
    writeTrackProperties(writer, properties);
  },
};

/** UNSUBSCRIBE. */
export const unsubscribe: MessageCodec<Unsubscribe> = {
  type: 0x0a,
  has: (version) => !hasRequestStreams(version),
  name: "UNSUBSCRIBE",
  kind: "unsubscribe",
  read: (reader) => ({ kind: "unsubscribe", requestId: reader.integer() }),
  write: (writer, { requestId }) => void writer.integer(requestId),
};
