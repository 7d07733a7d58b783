/**
 * What can go wrong in MoQT: the peer breaks a rule (the session closes), a request is refused, a
 * subscription ends otherwise than well.
 *
 * @module
 */
import { XoqError } from "../errors.ts";
import {
  CLOSE_CODES,
  type CloseName,
  REQUEST_ERROR_CODES,
  type RequestErrorName,
  requestErrorName,
  type RequestKind,
} from "./codes.ts";
import { NEWEST, type Version } from "./versions.ts";

/** The peer broke a rule. Decoders throw it; the session's owner closes with {@link closeCode}. */
export class MoqtViolation extends XoqError {
  /** The error's name. */
  override readonly name = "MoqtViolation";
  /** The draft's name of what was broken. */
  readonly closeName: CloseName;

  /** Makes a violation. */
  constructor(closeName: CloseName, message: string, options: { cause?: unknown } = {}) {
    super("protocol", message, options);
    this.closeName = closeName;
  }

  /** The code the session is closed with. */
  get closeCode(): number {
    return CLOSE_CODES[this.closeName];
  }
}

/** A violation of the general kind. */
export function violation(message: string): MoqtViolation {
  return new MoqtViolation("protocol-violation", message);
}

/** How a request was, or is to be, refused. */
export interface RefusalOptions {
  /** The number on the wire, where the peer sent one that has no name here. */
  wireCode?: number;
  /** After this long the same request may be sent again; absent: never. Milliseconds. */
  retryMs?: number;
  /** Where to ask instead; with `redirect`, since draft-18. */
  redirect?: Redirect;
  /** What made the request fail. */
  cause?: unknown;
}

/** Where a request may succeed: draft-18, section 10.6.1. */
export interface Redirect {
  /** The session to ask in; empty: this one. Servers alone may name one. */
  uri: string;
  /** The track to ask for; no fields and no name: the same. */
  track: { namespace: readonly Uint8Array[]; name: Uint8Array };
}

/**
 * A request was refused. Requests reject with it, and a handler throws it to refuse one. Its `code`
 * says what the user can act on; `refusal` is the draft's own name.
 */
export class RequestError extends XoqError {
  /** The error's name. */
  override readonly name = "RequestError";
  /** The draft's name of the reason; `internal-error` for numbers that have none. */
  readonly refusal: RequestErrorName;
  /** The number on the wire. */
  readonly wireCode: number;
  /** After this long the same request may be sent again; undefined: never. Milliseconds. */
  readonly retryMs: number | undefined;
  /** Where to ask instead. */
  readonly redirect: Redirect | undefined;

  /** Makes a refusal. */
  constructor(refusal: RequestErrorName, reason: string, options: RefusalOptions = {}) {
    super(KINDS[refusal] ?? "failed", reason === "" ? `refused: ${refusal}` : reason, options);
    this.refusal = refusal;
    this.wireCode = options.wireCode ?? REQUEST_ERROR_CODES[refusal];
    this.retryMs = options.retryMs;
    this.redirect = options.redirect;
  }

  /** The refusal a received number stands for, of a request of a kind, in a draft. */
  static received(
    message: { code: number; reason: string; retryMs?: number; redirect?: Redirect },
    version: Version = NEWEST,
    of: RequestKind = "subscribe",
  ): RequestError {
    const { code: wireCode, reason, retryMs, redirect } = message;
    const refusal = requestErrorName(wireCode, version, of) ?? "internal-error";
    return new RequestError(refusal, reason, {
      wireCode,
      ...(redirect === undefined ? {} : { redirect }),
      ...(retryMs === undefined ? {} : { retryMs }),
    });
  }
}

const KINDS: Readonly<
  Partial<Record<RequestErrorName, "denied" | "not-found" | "unsupported" | "protocol">>
> = {
  "unauthorized": "denied",
  "malformed-auth-token": "denied",
  "expired-auth-token": "denied",
  "does-not-exist": "not-found",
  "not-supported": "unsupported",
  "malformed-track": "protocol",
};
