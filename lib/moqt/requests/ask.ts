/**
 * Makes requests, and takes their answers.
 *
 * @module
 */
import { requestErrorCode, type RequestKind } from "../codes.ts";
import { MoqtViolation, type Redirect, RequestError, violation } from "../errors.ts";
import type { ControlMessage } from "../messages/control.ts";
import { hasNamespaceMessages, hasStrictUpdates, type Version } from "../versions.ts";
import { type TrackProperties, unknownMandatory } from "../wire/properties.ts";
import type { Channel, ChannelHandler, RequestMessage, Signals } from "./channel.ts";
import type { Role } from "./request_ids.ts";

/** Something that waits for an answer. */
export interface Asked {
  /** The request was made. */
  started(channel: Channel): void;
  /** The request failed. */
  refused(error: unknown): void;
}

/**
 * Who is told what comes but a refusal. Without `update` the peer's updates are
 * refused. `message` may throw a `RequestError`: then the request is given up.
 */
export type AnswerHandler =
  & Pick<ChannelHandler, "message" | "canceled">
  & Partial<Pick<ChannelHandler, "update">>;

/** What says whether a request is granted: the first thing that is said of it, and said once. */
const ANSWERS: readonly ControlMessage["kind"][] = [
  "request-ok",
  "request-error",
  "subscribe-ok",
  "publish-ok",
  "fetch-ok",
];

/** Requests of a namespace, which no redirect leads to a track. */
const OF_NAMESPACES: readonly RequestKind[] = [
  "publish-namespace",
  "subscribe-namespace",
  "subscribe-tracks",
];

/** Checks a redirect: draft-18, section 10.6.1. Throws a violation. */
function checkRedirect({ uri, track }: Redirect, kind: RequestKind, role: Role): void {
  if (role === "server" && uri !== "") throw violation("a client's redirect has a URI");
  if (track.name.length > 0 && OF_NAMESPACES.includes(kind)) {
    throw violation(`a redirect of ${kind} names a track`);
  }
}

/** Makes a request; `signal` gives it up while it was not answered. */
export function ask(
  signals: Signals,
  asked: Asked,
  message: RequestMessage,
  handler: AnswerHandler,
  options: { version: Version; signal: AbortSignal | undefined },
): void {
  const { version, signal } = options;
  let channel: Channel | undefined;
  let answered = false;
  const stop = () => {
    channel?.cancel();
    asked.refused(signal!.reason);
  };
  const heard = (answer: ControlMessage) => {
    try {
      handler.message(answer);
    } catch (error) {
      // This side cannot take what it asked for.
      if (!(error instanceof RequestError)) throw error;
      channel?.cancel();
      asked.refused(error);
    }
  };
  const settled = () => signal?.removeEventListener("abort", stop);
  signals.request(message, {
    begun: (made) => {
      channel = made;
      signal?.addEventListener("abort", stop, { once: true });
      asked.started(made);
      if (signal?.aborted) stop();
    },
    message: (answer) => {
      settled();
      const isAnswer = ANSWERS.includes(answer.kind);
      if (isAnswer && answered) throw violation(`a second answer to ${message.kind}`);
      // Draft-14 tells namespaces by requests of their own, in whatever order.
      if (!isAnswer && !answered && answer.kind !== "goaway" && hasNamespaceMessages(version)) {
        throw violation(`${answer.kind} before the answer to ${message.kind}`);
      }
      answered ||= isAnswer;
      if (answer.kind !== "request-error") return heard(answer);
      if (answer.redirect !== undefined) checkRedirect(answer.redirect, message.kind, signals.role);
      channel?.finish();
      asked.refused(RequestError.received(answer, version, message.kind));
    },
    update: (updateId, parameters) => {
      if (handler.update !== undefined) return handler.update(updateId, parameters);
      if (hasStrictUpdates(version)) {
        throw violation(`an update of ${message.kind} by who serves it`);
      }
      channel?.send({
        kind: "request-error",
        requestId: updateId,
        code: requestErrorCode("not-supported", version, message.kind),
        reason: "this request cannot be changed",
      });
    },
    canceled: () => {
      settled();
      asked.refused(new RequestError("internal-error", "the peer canceled the request"));
      handler.canceled();
    },
  }, signal).catch((error) => asked.refused(error));
}

/** What requests fail with after the session's end. */
export const ENDED: string = "the session is over";

/** A message that is no answer to a request. */
export function unexpected(message: ControlMessage, request: string): MoqtViolation {
  return violation(`${message.kind} as an answer to ${request}`);
}

/**
 * Throws a {@link RequestError} for a track with a property that must be known, and is not, or with
 * immutable properties that cannot be read.
 */
export function checkMandatory(properties: TrackProperties, version: Version): void {
  let unknown: number | undefined;
  try {
    unknown = unknownMandatory(properties, version);
  } catch (cause) {
    if (!(cause instanceof MoqtViolation)) throw cause;
    throw new RequestError("malformed-track", cause.message, { cause });
  }
  if (unknown === undefined) return;
  throw new RequestError("unsupported-extension", `property ${unknown} is not known here`);
}
