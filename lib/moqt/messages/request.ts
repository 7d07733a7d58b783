/**
 * Answers to requests, and their changes: REQUEST_OK (draft-16, section 9.7), REQUEST_ERROR (9.8),
 * REQUEST_UPDATE (9.11).
 *
 * @module
 */
import { type Parameters, readParameters, writeParameters } from "../wire/parameters.ts";
import type { RequestKind } from "../codes.ts";
import type { Redirect } from "../errors.ts";
import { hasCommonAnswers, hasRedirect, hasRequestStreams } from "../versions.ts";
import { hasStatusProperties, hasUpdateAnswers } from "../versions.ts";
import {
  readTrackProperties,
  type TrackProperties,
  writeTrackProperties,
} from "../wire/properties.ts";
import type { Reader } from "../wire/reader.ts";
import { readTrackName, writeTrackName } from "../wire/track_name.ts";
import { type MessageCodec, readOwner, readReason, writeOwner, writeReason } from "./codec.ts";

const REDIRECT = 0x34;

/** Most bytes of a URI: draft-18, section 10.4. */
const MAX_URI_BYTES = 8192;

/** The request is granted. */
export interface RequestOk {
  /** REQUEST_OK. */
  kind: "request-ok";
  /** The request's. */
  requestId: number;
  /** What is said of it. */
  parameters: Parameters;
  /** What is said of the track, for TRACK_STATUS; since draft-18. */
  properties?: TrackProperties;
  /** What it answers, where there is one such message for each kind of request: draft-14. */
  of?: RequestKind;
}

/** The request is refused. */
export interface RequestErrorMessage {
  /** REQUEST_ERROR. */
  kind: "request-error";
  /** The request's. */
  requestId: number;
  /** A number of `REQUEST_ERROR_CODES`, or one unknown here. */
  code: number;
  /** It may be sent again after this many milliseconds; absent: never. */
  retryMs?: number;
  /** For people. */
  reason: string;
  /** Where to ask instead; with the code REDIRECT, since draft-18. */
  redirect?: Redirect;
  /** What it answers, where there is one such message for each kind of request: draft-14. */
  of?: RequestKind;
}

/** A request is changed. */
export interface RequestUpdate {
  /** REQUEST_UPDATE. */
  kind: "request-update";
  /** The change's own. */
  requestId: number;
  /** The request's that is changed. */
  existingRequestId: number;
  /** What changes. */
  parameters: Parameters;
}

/** REQUEST_OK. */
export const requestOk: MessageCodec<RequestOk> = {
  type: 0x07,
  has: hasCommonAnswers,
  name: "REQUEST_OK",
  kind: "request-ok",
  read: (reader) => ({
    kind: "request-ok",
    requestId: readOwner(reader),
    // The answer to PUBLISH has this form where requests have streams; only they know which it is.
    parameters: readParameters(
      reader,
      hasRequestStreams(reader.version) ? "ANY_OK" : "REQUEST_OK",
    ),
    ...readStatusProperties(reader),
  }),
  write: (writer, { requestId, parameters, properties }) => {
    writeOwner(writer, requestId);
    writeParameters(writer, "REQUEST_OK", parameters);
    if (properties === undefined) return;
    if (!hasStatusProperties(writer.version)) {
      throw new TypeError(`draft ${writer.version} has no properties in REQUEST_OK`);
    }
    writeTrackProperties(writer, properties);
  },
};

/** REQUEST_ERROR. */
export const requestError: MessageCodec<RequestErrorMessage> = {
  type: 0x05,
  has: hasCommonAnswers,
  name: "REQUEST_ERROR",
  kind: "request-error",
  read: (reader) => {
    const requestId = readOwner(reader);
    const code = reader.integer();
    const interval = reader.integer();
    const reason = readReason(reader);
    const redirected = code === REDIRECT && hasRedirect(reader.version);
    return {
      kind: "request-error",
      requestId,
      code,
      ...(interval === 0 ? {} : { retryMs: interval - 1 }),
      reason,
      ...(redirected ? { redirect: readRedirect(reader) } : {}),
    };
  },
  write: (writer, { requestId, code, retryMs, reason, redirect }) => {
    writeOwner(writer, requestId).integer(code).integer(retryMs === undefined ? 0 : retryMs + 1);
    writeReason(writer, reason);
    if ((redirect !== undefined) !== (code === REDIRECT && hasRedirect(writer.version))) {
      throw new TypeError("the code REDIRECT (since draft-18), and no other, has a redirect");
    }
    if (redirect === undefined) return;
    writer.text(redirect.uri, MAX_URI_BYTES, "the redirect's URI");
    writeTrackName(writer, redirect.track);
  },
};

/** REQUEST_UPDATE. */
export const requestUpdate: MessageCodec<RequestUpdate> = {
  type: 0x02,
  has: hasUpdateAnswers,
  name: "REQUEST_UPDATE",
  kind: "request-update",
  read: (reader) => ({
    kind: "request-update",
    requestId: reader.integer(),
    existingRequestId: readOwner(reader),
    parameters: readParameters(reader, "REQUEST_UPDATE"),
  }),
  write: (writer, { requestId, existingRequestId, parameters }) => {
    writeOwner(writer.integer(requestId), existingRequestId);
    writeParameters(writer, "REQUEST_UPDATE", parameters);
  },
};

function readRedirect(reader: Reader): Redirect {
  return { uri: reader.text(MAX_URI_BYTES, "the redirect's URI"), track: readTrackName(reader) };
}

function readStatusProperties(reader: Reader): { properties?: TrackProperties } {
  if (!hasStatusProperties(reader.version) || reader.left === 0) return {};
  return { properties: readTrackProperties(reader) };
}
