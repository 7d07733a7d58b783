/**
 * Answers where each kind of request has its own: SUBSCRIBE_ERROR (draft-14, section 9.9),
 * PUBLISH_ERROR (9.15), FETCH_ERROR (9.18), TRACK_STATUS_OK (9.21), TRACK_STATUS_ERROR (9.22),
 * PUBLISH_NAMESPACE_OK (9.24), PUBLISH_NAMESPACE_ERROR (9.25), SUBSCRIBE_NAMESPACE_OK (9.29),
 * SUBSCRIBE_NAMESPACE_ERROR (9.30).
 *
 * @module
 */
import type { RequestKind } from "../codes.ts";
import { type MessageCodec, readReason, writeReason } from "./codec.ts";
import { hasFields, readGrant, writeGrant } from "./fields.ts";
import type { RequestErrorMessage, RequestOk } from "./request.ts";

function refusal(type: number, name: string, of: RequestKind): MessageCodec<RequestErrorMessage> {
  return {
    type,
    has: hasFields,
    name,
    kind: "request-error",
    of,
    read: (reader) => ({
      kind: "request-error",
      of,
      requestId: reader.integer(),
      code: reader.integer(),
      reason: readReason(reader),
    }),
    write: (writer, { requestId, code, reason }) => {
      writeReason(writer.integer(requestId).integer(code), reason);
    },
  };
}

function consent(type: number, name: string, of: RequestKind): MessageCodec<RequestOk> {
  return {
    type,
    has: hasFields,
    name,
    kind: "request-ok",
    of,
    read: (reader) => ({ kind: "request-ok", of, requestId: reader.integer(), parameters: {} }),
    write: (writer, { requestId }) => void writer.integer(requestId),
  };
}

/** TRACK_STATUS_OK, which has SUBSCRIBE_OK's form; its alias stands for nothing. */
const trackStatusOk: MessageCodec<RequestOk> = {
  ...consent(0x0e, "TRACK_STATUS_OK", "track-status"),
  read: (reader) => {
    const requestId = reader.integer();
    reader.integer();
    return { kind: "request-ok", of: "track-status", requestId, ...readGrant(reader) };
  },
  write: (writer, message) => writeGrant(writer.integer(message.requestId).integer(0), message),
};

/** Every codec. */
export const ANSWER_CODECS = [
  refusal(0x05, "SUBSCRIBE_ERROR", "subscribe"),
  refusal(0x1f, "PUBLISH_ERROR", "publish"),
  refusal(0x19, "FETCH_ERROR", "fetch"),
  refusal(0x0f, "TRACK_STATUS_ERROR", "track-status"),
  refusal(0x08, "PUBLISH_NAMESPACE_ERROR", "publish-namespace"),
  refusal(0x13, "SUBSCRIBE_NAMESPACE_ERROR", "subscribe-namespace"),
  trackStatusOk,
  consent(0x07, "PUBLISH_NAMESPACE_OK", "publish-namespace"),
  consent(0x12, "SUBSCRIBE_NAMESPACE_OK", "subscribe-namespace"),
] as const;
