/**
 * A request whose messages share the control stream: draft-14 and draft-16.
 *
 * @module
 */
import { requestErrorCode, type RequestKind, type ResetName } from "../codes.ts";
import type { ControlMessage } from "../messages/control.ts";
import { hasCommonAnswers, hasNamespaceMessages, hasUpdateAnswers } from "../versions.ts";
import type { Version } from "../versions.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { Namespace } from "../wire/track_name.ts";
import type { Channel, ChannelHandler, RequestMessage, UpdateAnswer } from "./channel.ts";

/** What a request needs of the control stream. */
export interface ChannelHost {
  /** The draft. */
  readonly version: Version;
  /** Sends a message of a request. */
  send(message: ControlMessage, channel: VirtualChannel): void;
  /** The request is over. */
  forget(channel: VirtualChannel): void;
  /** Changes the request. */
  update(
    channel: VirtualChannel,
    parameters: Parameters,
    answered?: (answer: UpdateAnswer) => void,
  ): Promise<UpdateAnswer>;
}

/** A request whose messages share the control stream. */
export class VirtualChannel implements Channel {
  readonly #host: ChannelHost;
  #over = false;
  /** What is asked for. */
  readonly kind: RequestKind;
  /** The namespace or prefix it is about, where it is about one. */
  readonly subject: Namespace | undefined;
  /** The request's id. */
  readonly requestId: number;
  /** Whether this side made it. */
  readonly ours: boolean;
  /** Whether it uses up the credit of who made it. */
  isCounted = true;
  /** Who is told what comes. */
  handler!: ChannelHandler;

  /** Made for a new request. */
  constructor(host: ChannelHost, requestId: number, message: RequestMessage, ours: boolean) {
    this.#host = host;
    this.requestId = requestId;
    this.kind = message.kind;
    this.subject = "prefix" in message
      ? message.prefix
      : "namespace" in message
      ? message.namespace
      : undefined;
    this.ours = ours;
  }

  /** Sends a message of this request. */
  send(message: ControlMessage): void {
    if (this.#over) return;
    if (message.kind !== "request-ok" && message.kind !== "request-error") {
      return this.#host.send(message, this);
    }
    const { version } = this.#host;
    // Nothing answers an update where those cannot fail.
    if (message.requestId !== this.requestId && !hasUpdateAnswers(version)) return;
    this.#host.send(
      hasCommonAnswers(version) ? message : { ...message, of: this.kind },
      this,
    );
  }

  /** Changes the request. */
  update(
    parameters: Parameters,
    answered?: (answer: UpdateAnswer) => void,
  ): Promise<UpdateAnswer> {
    return this.#host.update(this, parameters, answered);
  }

  /** Forgets it. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.forget(this);
  }

  /** Only sessions can go away in these drafts. */
  goaway(): never {
    throw new TypeError(`draft ${this.#host.version} has no GOAWAY for one request`);
  }

  /** Ends it with the message that its kind has for that. */
  cancel(code: ResetName = "cancelled"): void {
    if (this.#over) return;
    const message = this.#cancellation(code);
    if (message !== undefined) this.#host.send(message, this);
    this.finish();
  }

  #cancellation(code: ResetName): ControlMessage | undefined {
    const { requestId, ours, subject } = this;
    const { version } = this.#host;
    const byName = !hasNamespaceMessages(version);
    switch (this.kind) {
      case "subscribe":
        return ours ? { kind: "unsubscribe", requestId } : undefined;
      case "publish":
        return ours ? undefined : { kind: "unsubscribe", requestId };
      case "fetch":
        return ours ? { kind: "fetch-cancel", requestId } : undefined;
      case "subscribe-namespace":
        return ours && byName ? { kind: "unsubscribe-namespace", prefix: subject! } : undefined;
      case "publish-namespace": {
        if (ours) {
          return byName
            ? { kind: "namespace-withdrawn", namespace: subject! }
            : { kind: "publish-namespace-done", requestId };
        }
        const reason = code === "internal-error" ? code : "uninterested";
        const why = { code: requestErrorCode(reason, version, this.kind), reason: "" };
        return byName
          ? { kind: "namespace-rejected", namespace: subject!, ...why }
          : { kind: "publish-namespace-cancel", requestId, ...why };
      }
      default:
        return undefined;
    }
  }

  /** The peer ended it. */
  peerCanceled(): void {
    if (this.#over) return;
    this.finish();
    this.handler.canceled();
  }
}
