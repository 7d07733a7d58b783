/**
 * A request whose messages share the control stream: draft-16.
 *
 * @module
 */
import { REQUEST_ERROR_CODES, type ResetName } from "../codes.ts";
import type { ControlMessage } from "../messages/control.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { Channel, ChannelHandler, RequestMessage, UpdateAnswer } from "./channel.ts";

/** What a request needs of the control stream. */
export interface ChannelHost {
  /** Sends a message. */
  send(message: ControlMessage): void;
  /** The request is over. */
  forget(channel: VirtualChannel): void;
  /** Changes the request. */
  update(requestId: number, parameters: Parameters): Promise<UpdateAnswer>;
}

/** A request whose messages share the control stream. */
export class VirtualChannel implements Channel {
  readonly #host: ChannelHost;
  readonly #kind: RequestMessage["kind"];
  #over = false;
  /** The request's id. */
  readonly requestId: number;
  /** Whether this side made it. */
  readonly ours: boolean;
  /** Who is told what comes. */
  handler!: ChannelHandler;

  /** Made for a new request. */
  constructor(host: ChannelHost, requestId: number, kind: RequestMessage["kind"], ours: boolean) {
    this.#host = host;
    this.requestId = requestId;
    this.#kind = kind;
    this.ours = ours;
  }

  /** Sends a message of this request. */
  send(message: ControlMessage): void {
    if (!this.#over) this.#host.send(message);
  }

  /** Changes the request. */
  update(parameters: Parameters): Promise<UpdateAnswer> {
    return this.#host.update(this.requestId, parameters);
  }

  /** Forgets it. */
  finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#host.forget(this);
  }

  /** Ends it with the message that its kind has for that. */
  cancel(code: ResetName = "cancelled"): void {
    if (this.#over) return;
    const message = this.#cancellation(code);
    if (message !== undefined) this.#host.send(message);
    this.finish();
  }

  #cancellation(code: ResetName): ControlMessage | undefined {
    const { requestId } = this;
    switch (this.#kind) {
      case "subscribe":
        return this.ours ? { kind: "unsubscribe", requestId } : undefined;
      case "publish":
        return this.ours ? undefined : { kind: "unsubscribe", requestId };
      case "fetch":
        return this.ours ? { kind: "fetch-cancel", requestId } : undefined;
      case "publish-namespace":
        if (this.ours) return { kind: "publish-namespace-done", requestId };
        return {
          kind: "publish-namespace-cancel",
          requestId,
          code: REQUEST_ERROR_CODES[code === "internal-error" ? code : "uninterested"],
          reason: "",
        };
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
