/**
 * Namespaces: PUBLISH_NAMESPACE (draft-16, section 9.20), NAMESPACE (9.21), PUBLISH_NAMESPACE_DONE
 * (9.22), NAMESPACE_DONE (9.23), PUBLISH_NAMESPACE_CANCEL (9.24), SUBSCRIBE_NAMESPACE (9.25);
 * SUBSCRIBE_TRACKS (draft-18, section 10.19), PUBLISH_BLOCKED (10.20).
 *
 * @module
 */
import { violation } from "../errors.ts";
import { type Parameters, readParameters, writeParameters } from "../wire/parameters.ts";
import { hasNamespaceMessages, hasRequestStreams, hasSubscribeTracks } from "../versions.ts";
import type { Version } from "../versions.ts";
import { type Namespace, readNamespace, writeNamespace } from "../wire/track_name.ts";
import { readTrackName, type TrackName, writeTrackName } from "../wire/track_name.ts";
import { type MessageCodec, readReason, writeReason } from "./codec.ts";

/** The sender has tracks in a namespace. */
export interface PublishNamespace {
  /** PUBLISH_NAMESPACE. */
  kind: "publish-namespace";
  /** Its own. */
  requestId: number;
  /** Which. */
  namespace: Namespace;
  /** What authorizes it. */
  parameters: Parameters;
}

/** It has them no more. */
export interface PublishNamespaceDone {
  /** PUBLISH_NAMESPACE_DONE. */
  kind: "publish-namespace-done";
  /** The PUBLISH_NAMESPACE's. */
  requestId: number;
}

/** The receiver of PUBLISH_NAMESPACE will not subscribe there any more. */
export interface PublishNamespaceCancel {
  /** PUBLISH_NAMESPACE_CANCEL. */
  kind: "publish-namespace-cancel";
  /** The PUBLISH_NAMESPACE's. */
  requestId: number;
  /** A number of `REQUEST_ERROR_CODES`, or one unknown here. */
  code: number;
  /** For people. */
  reason: string;
}

/** What a SUBSCRIBE_NAMESPACE asks for. */
export type NamespaceInterest = "publish" | "namespace" | "both";

/** The sender wants to know of namespaces, or of tracks, below a prefix. */
export interface SubscribeNamespace {
  /** SUBSCRIBE_NAMESPACE. */
  kind: "subscribe-namespace";
  /** Its own. */
  requestId: number;
  /** 0 to 32 fields. */
  prefix: Namespace;
  /** Tracks (PUBLISH), namespaces (NAMESPACE), or both. */
  interest: NamespaceInterest;
  /** How. */
  parameters: Parameters;
}

/** The sender wants to be told of tracks below a prefix with PUBLISH; since draft-18. */
export interface SubscribeTracks {
  /** SUBSCRIBE_TRACKS. */
  kind: "subscribe-tracks";
  /** Its own. */
  requestId: number;
  /** 0 to 32 fields. */
  prefix: Namespace;
  /** How. */
  parameters: Parameters;
}

/** A track below the prefix is not published to the receiver; since draft-18. */
export interface PublishBlocked {
  /** PUBLISH_BLOCKED, called PUBLISH_SKIPPED since draft-20. */
  kind: "publish-blocked";
  /** What follows the prefix asked for, and the track's name. */
  suffix: TrackName;
}

/** A namespace is there. */
export interface NamespaceMessage {
  /** NAMESPACE. */
  kind: "namespace";
  /** What follows the prefix asked for. */
  suffix: Namespace;
}

/** A namespace is gone. */
export interface NamespaceDone {
  /** NAMESPACE_DONE. */
  kind: "namespace-done";
  /** What follows the prefix asked for. */
  suffix: Namespace;
}

/** Whether messages about namespaces name them by the ids of their requests, on one stream. */
const hasNamespaceIds = (version: Version) =>
  hasNamespaceMessages(version) && !hasRequestStreams(version);

const INTERESTS: readonly NamespaceInterest[] = ["publish", "namespace", "both"];

/** PUBLISH_NAMESPACE. */
export const publishNamespace: MessageCodec<PublishNamespace> = {
  type: 0x06,
  name: "PUBLISH_NAMESPACE",
  kind: "publish-namespace",
  read: (reader) => ({
    kind: "publish-namespace",
    requestId: reader.integer(),
    namespace: readNamespace(reader),
    parameters: readParameters(reader, "PUBLISH_NAMESPACE"),
  }),
  write: (writer, { requestId, namespace, parameters }) => {
    writer.integer(requestId);
    writeNamespace(writer, namespace);
    writeParameters(writer, "PUBLISH_NAMESPACE", parameters);
  },
};

/** PUBLISH_NAMESPACE_DONE. */
export const publishNamespaceDone: MessageCodec<PublishNamespaceDone> = {
  type: 0x09,
  has: hasNamespaceIds,
  name: "PUBLISH_NAMESPACE_DONE",
  kind: "publish-namespace-done",
  read: (reader) => ({ kind: "publish-namespace-done", requestId: reader.integer() }),
  write: (writer, { requestId }) => void writer.integer(requestId),
};

/** PUBLISH_NAMESPACE_CANCEL. */
export const publishNamespaceCancel: MessageCodec<PublishNamespaceCancel> = {
  type: 0x0c,
  has: hasNamespaceIds,
  name: "PUBLISH_NAMESPACE_CANCEL",
  kind: "publish-namespace-cancel",
  read: (reader) => ({
    kind: "publish-namespace-cancel",
    requestId: reader.integer(),
    code: reader.integer(),
    reason: readReason(reader),
  }),
  write: (writer, { requestId, code, reason }) => {
    writer.integer(requestId).integer(code);
    writeReason(writer, reason);
  },
};

/** SUBSCRIBE_NAMESPACE. */
export const subscribeNamespace: MessageCodec<SubscribeNamespace> = {
  type: 0x11,
  has: hasNamespaceIds,
  name: "SUBSCRIBE_NAMESPACE",
  kind: "subscribe-namespace",
  read: (reader) => {
    const requestId = reader.integer();
    const prefix = readNamespace(reader, 0);
    const options = reader.integer();
    const interest = INTERESTS[options];
    if (interest === undefined) throw violation(`${options} is no subscribe option`);
    return {
      kind: "subscribe-namespace",
      requestId,
      prefix,
      interest,
      parameters: readParameters(reader, "SUBSCRIBE_NAMESPACE"),
    };
  },
  write: (writer, { requestId, prefix, interest, parameters }) => {
    writer.integer(requestId);
    writeNamespace(writer, prefix, 0);
    writer.integer(INTERESTS.indexOf(interest));
    writeParameters(writer, "SUBSCRIBE_NAMESPACE", parameters);
  },
};

/** SUBSCRIBE_NAMESPACE where it asks for namespaces only: draft-18, section 10.18. */
export const subscribeNamespaceOnly: MessageCodec<SubscribeNamespace> = {
  type: 0x50,
  has: hasSubscribeTracks,
  name: "SUBSCRIBE_NAMESPACE",
  kind: "subscribe-namespace",
  read: (reader) => ({
    kind: "subscribe-namespace",
    requestId: reader.integer(),
    prefix: readNamespace(reader, 0),
    interest: "namespace",
    parameters: readParameters(reader, "PUBLISH_NAMESPACE"),
  }),
  write: (writer, { requestId, prefix, interest, parameters }) => {
    if (interest !== "namespace") {
      throw new TypeError(`draft ${writer.version} asks for tracks with SUBSCRIBE_TRACKS`);
    }
    writer.integer(requestId);
    writeNamespace(writer, prefix, 0);
    writeParameters(writer, "PUBLISH_NAMESPACE", parameters);
  },
};

/** SUBSCRIBE_TRACKS. */
export const subscribeTracks: MessageCodec<SubscribeTracks> = {
  type: 0x51,
  has: hasSubscribeTracks,
  name: "SUBSCRIBE_TRACKS",
  kind: "subscribe-tracks",
  read: (reader) => ({
    kind: "subscribe-tracks",
    requestId: reader.integer(),
    prefix: readNamespace(reader, 0),
    parameters: readParameters(reader, "SUBSCRIBE_NAMESPACE"),
  }),
  write: (writer, { requestId, prefix, parameters }) => {
    writer.integer(requestId);
    writeNamespace(writer, prefix, 0);
    writeParameters(writer, "SUBSCRIBE_NAMESPACE", parameters);
  },
};

/** PUBLISH_BLOCKED, called PUBLISH_SKIPPED since draft-20. */
export const publishBlocked: MessageCodec<PublishBlocked> = {
  type: 0x0f,
  has: hasSubscribeTracks,
  name: "PUBLISH_BLOCKED",
  kind: "publish-blocked",
  read: (reader) => ({ kind: "publish-blocked", suffix: readTrackName(reader) }),
  write: (writer, { suffix }) => writeTrackName(writer, suffix),
};

/** NAMESPACE. */
export const namespaceMessage: MessageCodec<NamespaceMessage> = {
  type: 0x08,
  has: hasNamespaceMessages,
  name: "NAMESPACE",
  kind: "namespace",
  read: (reader) => ({ kind: "namespace", suffix: readNamespace(reader, 0) }),
  write: (writer, { suffix }) => writeNamespace(writer, suffix, 0),
};

/** NAMESPACE_DONE. */
export const namespaceDone: MessageCodec<NamespaceDone> = {
  type: 0x0e,
  has: hasNamespaceMessages,
  name: "NAMESPACE_DONE",
  kind: "namespace-done",
  read: (reader) => ({ kind: "namespace-done", suffix: readNamespace(reader, 0) }),
  write: (writer, { suffix }) => writeNamespace(writer, suffix, 0),
};
