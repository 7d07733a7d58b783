/**
 * Messages that tell namespaces by their names, not by the ids of their requests:
 * PUBLISH_NAMESPACE_DONE (draft-14, section 9.26), PUBLISH_NAMESPACE_CANCEL (9.27),
 * SUBSCRIBE_NAMESPACE (9.28), UNSUBSCRIBE_NAMESPACE (9.31).
 *
 * @module
 */
import { readParameters, writeParameters } from "../wire/parameters.ts";
import { type Namespace, readNamespace, writeNamespace } from "../wire/track_name.ts";
import { type MessageCodec, readReason, writeReason } from "./codec.ts";
import { hasFields } from "./fields.ts";
import type { SubscribeNamespace } from "./namespace.ts";

/** The sender has tracks in a namespace no more. */
export interface NamespaceWithdrawn {
  /** PUBLISH_NAMESPACE_DONE. */
  kind: "namespace-withdrawn";
  /** Which. */
  namespace: Namespace;
}

/** The receiver of PUBLISH_NAMESPACE will not subscribe there any more. */
export interface NamespaceRejected {
  /** PUBLISH_NAMESPACE_CANCEL. */
  kind: "namespace-rejected";
  /** Which. */
  namespace: Namespace;
  /** A number of PUBLISH_NAMESPACE_ERROR. */
  code: number;
  /** For people. */
  reason: string;
}

/** The sender wants to know of namespaces below a prefix no more. */
export interface UnsubscribeNamespace {
  /** UNSUBSCRIBE_NAMESPACE. */
  kind: "unsubscribe-namespace";
  /** Which. */
  prefix: Namespace;
}

/** PUBLISH_NAMESPACE_DONE. */
export const namespaceWithdrawn: MessageCodec<NamespaceWithdrawn> = {
  type: 0x09,
  has: hasFields,
  name: "PUBLISH_NAMESPACE_DONE",
  kind: "namespace-withdrawn",
  read: (reader) => ({ kind: "namespace-withdrawn", namespace: readNamespace(reader) }),
  write: (writer, { namespace }) => writeNamespace(writer, namespace),
};

/** PUBLISH_NAMESPACE_CANCEL. */
export const namespaceRejected: MessageCodec<NamespaceRejected> = {
  type: 0x0c,
  has: hasFields,
  name: "PUBLISH_NAMESPACE_CANCEL",
  kind: "namespace-rejected",
  read: (reader) => ({
    kind: "namespace-rejected",
    namespace: readNamespace(reader),
    code: reader.integer(),
    reason: readReason(reader),
  }),
  write: (writer, { namespace, code, reason }) => {
    writeNamespace(writer, namespace);
    writeReason(writer.integer(code), reason);
  },
};

/**
 * SUBSCRIBE_NAMESPACE where it asks for namespaces and tracks alike. A prefix of no fields, which
 * draft-14 (section 9.28) forbids, is taken for every namespace: relays of moq-dev begin with it.
 */
export const subscribeNamespaceAll: MessageCodec<SubscribeNamespace> = {
  type: 0x11,
  has: hasFields,
  name: "SUBSCRIBE_NAMESPACE",
  kind: "subscribe-namespace",
  read: (reader) => ({
    kind: "subscribe-namespace",
    requestId: reader.integer(),
    prefix: readNamespace(reader, 0),
    interest: "both",
    parameters: readParameters(reader, "PUBLISH_NAMESPACE"),
  }),
  write: (writer, { requestId, prefix, parameters }) => {
    writeNamespace(writer.integer(requestId), prefix, 0);
    writeParameters(writer, "PUBLISH_NAMESPACE", parameters);
  },
};

/** UNSUBSCRIBE_NAMESPACE. */
export const unsubscribeNamespace: MessageCodec<UnsubscribeNamespace> = {
  type: 0x14,
  has: hasFields,
  name: "UNSUBSCRIBE_NAMESPACE",
  kind: "unsubscribe-namespace",
  read: (reader) => ({ kind: "unsubscribe-namespace", prefix: readNamespace(reader, 0) }),
  write: (writer, { prefix }) => writeNamespace(writer, prefix, 0),
};
