/**
 * One of the peer's requests while it is answered.
 *
 * @module
 */
import { requestErrorCode, type RequestKind } from "../codes.ts";
import { MoqtViolation, type Redirect, RequestError } from "../errors.ts";
import { hasRedirect } from "../versions.ts";
import type { Channel, RequestMessage } from "../requests/channel.ts";
import type { IncomingRequest } from "./incoming.ts";
import type { ResponderHost } from "./responder_host.ts";
import type { TokenValue } from "../requests/tokens.ts";

/** A redirect that names nothing. */
const SAME_PLACE: Redirect = { uri: "", track: { namespace: [], name: new Uint8Array(0) } };

/** Answers one request: by what its handler says, or throws. */
export class OpenRequest {
  readonly #host: ResponderHost;
  #answered = false;
  /** What is asked for. */
  readonly kind: RequestKind;
  /** Where it is answered. */
  readonly channel: Channel;
  /** What authorizes it. */
  readonly tokens: readonly TokenValue[];
  /** Aborted when it is over. */
  readonly abort: AbortController = new AbortController();

  /** Begins; throws a violation for tokens that break the rules. */
  constructor(host: ResponderHost, message: RequestMessage, channel: Channel) {
    this.#host = host;
    this.kind = message.kind;
    this.channel = channel;
    this.tokens = host.tokens.resolve(message.parameters.tokens);
    const forget = host.onEnd(() => this.abort.abort());
    this.abort.signal.addEventListener("abort", forget, { once: true });
  }

  /** What every handler is told. */
  get common(): Pick<IncomingRequest, "tokens" | "signal" | "goaway"> {
    return {
      tokens: this.tokens,
      signal: this.abort.signal,
      goaway: ({ uri = "", timeoutMs = 0 } = {}) => {
        if (uri !== "" && this.#host.role === "client") {
          throw new TypeError("clients cannot tell servers where to go");
        }
        this.channel.goaway(uri, timeoutMs);
      },
    };
  }

  /** Runs a handler, and refuses with what it throws. */
  run(work: () => void | Promise<void>): void {
    const run = async () => {
      const { admitted } = this.#host;
      if (admitted !== undefined) {
        await admitted;
        this.abort.signal.throwIfAborted();
      }
      await work();
    };
    run().then(
      () => {
        if (!this.#answered) {
          this.finish(new RequestError("internal-error", "the request was not answered"));
        }
      },
      (error) => {
        if (error instanceof MoqtViolation) this.#host.fail(error);
        else this.finish(error);
      },
    );
  }

  /** Nothing is to be answered any more. */
  settle(): void {
    this.#answered = true;
    this.abort.abort();
    this.channel.finish();
  }

  /** Refuses, unless it was answered. */
  finish(error: unknown): void {
    if (this.#answered || this.abort.signal.aborted) return;
    this.refuse(this.channel.requestId, error);
    this.#answered = true;
    this.channel.finish();
    this.abort.abort();
  }

  /** Sends a refusal of the request, or of an update of it. */
  refuse(requestId: number, error: unknown): void {
    refuse(this.#host, this, requestId, error);
  }

  /** Takes the right to agree; throws where it was used, or nobody waits any more. */
  claim(): void {
    if (this.#answered) throw new TypeError("the request is answered already");
    this.abort.signal.throwIfAborted();
    this.#answered = true;
  }
}

/** Sends a refusal of a request, or of an update of it. */
export function refuse(
  { version }: Pick<ResponderHost, "version">,
  { channel, kind }: { channel: Channel; kind: RequestKind },
  requestId: number,
  error: unknown,
): void {
  const refusal = error instanceof RequestError
    ? error
    : new RequestError("internal-error", "the request failed");
  channel.send({
    kind: "request-error",
    requestId,
    code: requestErrorCode(refusal.refusal, version, kind),
    ...(refusal.retryMs === undefined ? {} : { retryMs: refusal.retryMs }),
    reason: refusal.message,
    ...(refusal.refusal === "redirect" && hasRedirect(version)
      ? { redirect: refusal.redirect ?? SAME_PLACE }
      : {}),
  });
}

/** Throws the refusal of a request that has no handler. */
export function unsupported(): never {
  throw new RequestError("not-supported", "this request is not served here");
}
