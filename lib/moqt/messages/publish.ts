/**
 * PUBLISH (draft-16, section 9.13), PUBLISH_OK (9.14), PUBLISH_DONE (9.15); PUBLISH_STATE_NOTIFY
 * (draft-20, section 10.10).
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
import {
  hasParametersForFields,
  hasRequestStreams,
  hasStateNotify,
  type Version,
} from "../versions.ts";
import { type MessageCodec, readOwner, readReason, writeOwner, writeReason } from "./codec.ts";
import { requestOk } from "./request.ts";

/** The sender begins to publish a track to the receiver. */
export interface Publish {
  /** PUBLISH. */
  kind: "publish";
  /** Its own. */
  requestId: number;
  /** Which track. */
  track: TrackName;
  /** The number that stands for the track on streams and in datagrams. */
  trackAlias: number;
  /** What is said of the subscription. */
  parameters: Parameters;
  /** What is said of the track. */
  properties: TrackProperties;
}

/** The receiver takes the track. */
export interface PublishOk {
  /** PUBLISH_OK. */
  kind: "publish-ok";
  /** The request's. */
  requestId: number;
  /** How it wants it. */
  parameters: Parameters;
}

/** No more objects come for a subscription. */
export interface PublishDone {
  /** PUBLISH_DONE. */
  kind: "publish-done";
  /** The subscription's. */
  requestId: number;
  /** A number of `DONE_CODES`, or one unknown here. */
  code: number;
  /** How many streams were opened for it; absent: unknown (2^62-1 on the wire). */
  streamCount?: number;
  /** For people. */
  reason: string;
}

/** A subscription's state changed, for another reason than an update; since draft-20. */
export interface PublishStateNotify {
  /** PUBLISH_STATE_NOTIFY. */
  kind: "publish-state-notify";
  /** What changed, and the largest location. */
  parameters: Parameters;
}

/** A count nobody knows: 2^62-1, and 2^64-1 since draft-20. */
const unknownCount = (version: Version) => (1n << (hasStateNotify(version) ? 64n : 62n)) - 1n;

/** PUBLISH. */
export const publish: MessageCodec<Publish> = {
  type: 0x1d,
  has: hasParametersForFields,
  name: "PUBLISH",
  kind: "publish",
  read: (reader) => ({
    kind: "publish",
    requestId: reader.integer(),
    track: readTrackName(reader),
    trackAlias: reader.integer(),
    parameters: readParameters(reader, "PUBLISH"),
    properties: readTrackProperties(reader),
  }),
  write: (writer, { requestId, track, trackAlias, parameters, properties }) => {
    writer.integer(requestId);
    writeTrackName(writer, track);
    writer.integer(trackAlias);
    writeParameters(writer, "PUBLISH", parameters);
    writeTrackProperties(writer, properties);
  },
};

/** PUBLISH_OK. */
export const publishOk: MessageCodec<PublishOk> = {
  type: 0x1e,
  has: (version) => hasParametersForFields(version) && !hasRequestStreams(version),
  name: "PUBLISH_OK",
  kind: "publish-ok",
  read: (reader) => ({
    kind: "publish-ok",
    requestId: readOwner(reader),
    parameters: readParameters(reader, "PUBLISH_OK"),
  }),
  write: (writer, { requestId, parameters }) => {
    writeOwner(writer, requestId);
    writeParameters(writer, "PUBLISH_OK", parameters);
  },
};

/** PUBLISH_OK where it is a REQUEST_OK: draft-18, section 10.5. */
export const publishOkAlias: MessageCodec<PublishOk> = {
  ...publishOk,
  type: requestOk.type,
  has: hasRequestStreams,
};

/** PUBLISH_DONE. */
export const publishDone: MessageCodec<PublishDone> = {
  type: 0x0b,
  name: "PUBLISH_DONE",
  kind: "publish-done",
  read: (reader) => {
    const requestId = readOwner(reader);
    const code = reader.integer();
    const count = reader.bigInteger();
    return {
      kind: "publish-done",
      requestId,
      code,
      ...(count > BigInt(Number.MAX_SAFE_INTEGER) ? {} : { streamCount: Number(count) }),
      reason: readReason(reader),
    };
  },
  write: (writer, { requestId, code, streamCount, reason }) => {
    writeOwner(writer, requestId).integer(code).integer(
      streamCount ?? unknownCount(writer.version),
    );
    writeReason(writer, reason);
  },
};

/** PUBLISH_STATE_NOTIFY. */
export const publishStateNotify: MessageCodec<PublishStateNotify> = {
  type: 0x22,
  has: hasStateNotify,
  name: "PUBLISH_STATE_NOTIFY",
  kind: "publish-state-notify",
  read: (reader) => ({
    kind: "publish-state-notify",
    parameters: readParameters(reader, "PUBLISH_STATE_NOTIFY"),
  }),
  write: (writer, { parameters }) => writeParameters(writer, "PUBLISH_STATE_NOTIFY", parameters),
};
