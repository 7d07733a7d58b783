/**
 * Messages about the session as a whole: GOAWAY (draft-16, section 9.4), MAX_REQUEST_ID (9.5),
 * REQUESTS_BLOCKED (9.6).
 *
 * @module
 */
import {
  hasGoawayRequestId,
  hasGoawayTimeout,
  hasRequestStreams,
  type Version,
} from "../versions.ts";
import type { MessageCodec } from "./codec.ts";

/** The sender closes the session soon. */
export interface Goaway {
  /** GOAWAY. */
  kind: "goaway";
  /** Where to go on, from servers; empty: the same URI. At most 8,192 bytes. */
  uri: string;
  /** How long the sender waits, in milliseconds; 0: it does not say. Since draft-18. */
  timeoutMs?: number;
  /** Requests of the receiver from this id on were not handled; draft-18 alone, on control streams. */
  requestId?: number;
}

/** The receiver may make more requests. */
export interface MaxRequestId {
  /** MAX_REQUEST_ID. */
  kind: "max-request-id";
  /** Its requests have ids below this. */
  max: number;
}

/** The sender would make a request, and may not. */
export interface RequestsBlocked {
  /** REQUESTS_BLOCKED. */
  kind: "requests-blocked";
  /** The limit it is at. */
  max: number;
}

const hasOneStream = (version: Version) => !hasRequestStreams(version);

const MAX_URI_BYTES = 8192;

/** GOAWAY. */
export const goaway: MessageCodec<Goaway> = {
  type: 0x10,
  name: "GOAWAY",
  kind: "goaway",
  read: (reader) => {
    const uri = reader.text(MAX_URI_BYTES, "the new session's URI");
    if (!hasGoawayTimeout(reader.version)) return { kind: "goaway", uri };
    const timeoutMs = reader.integer();
    if (reader.left === 0 || !hasGoawayRequestId(reader.version)) {
      return { kind: "goaway", uri, timeoutMs };
    }
    return { kind: "goaway", uri, timeoutMs, requestId: reader.integer() };
  },
  write: (writer, { uri, timeoutMs, requestId }) => {
    writer.text(uri, MAX_URI_BYTES, "the new session's URI");
    if (!hasGoawayTimeout(writer.version)) return;
    writer.integer(timeoutMs ?? 0);
    if (requestId !== undefined && hasGoawayRequestId(writer.version)) writer.integer(requestId);
  },
};

/** MAX_REQUEST_ID. */
export const maxRequestId: MessageCodec<MaxRequestId> = {
  type: 0x15,
  has: hasOneStream,
  name: "MAX_REQUEST_ID",
  kind: "max-request-id",
  read: (reader) => ({ kind: "max-request-id", max: reader.integer() }),
  write: (writer, { max }) => void writer.integer(max),
};

/** REQUESTS_BLOCKED. */
export const requestsBlocked: MessageCodec<RequestsBlocked> = {
  type: 0x1a,
  has: hasOneStream,
  name: "REQUESTS_BLOCKED",
  kind: "requests-blocked",
  read: (reader) => ({ kind: "requests-blocked", max: reader.integer() }),
  write: (writer, { max }) => void writer.integer(max),
};
