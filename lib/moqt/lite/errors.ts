/**
 * How streams of moq-lite end before they are whole.
 *
 * @module
 */
import { type ErrorCode, XoqError } from "../../errors.ts";
import { TransportError } from "../../transport/connection.ts";
import { LITE_RESETS, type LiteResetName, liteResetName } from "./versions.ts";

/** A request was refused, or a group cut off, by either side. */
export class LiteStreamError extends XoqError {
  /** The error's name. */
  override readonly name = "LiteStreamError";
  /** Why, where the number has a name here. */
  readonly reset: LiteResetName | undefined;
  /** The number on the wire. */
  readonly streamErrorCode: number;

  /** Makes one of a name, or of a received number. */
  constructor(why: LiteResetName | number, message?: string, options: { cause?: unknown } = {}) {
    const reset = typeof why === "number" ? liteResetName(why) : why;
    const code = typeof why === "number" ? why : LITE_RESETS[why];
    super(
      KINDS[reset ?? ""] ?? "failed",
      message ?? `the peer cut it off: ${reset ?? code}`,
      options,
    );
    this.reset = reset;
    this.streamErrorCode = code;
  }

  /** What a failed read or write means; errors of other kinds stay themselves. */
  static of(error: unknown): unknown {
    if (!(error instanceof TransportError) || error.source !== "stream") return error;
    return new LiteStreamError(error.streamErrorCode ?? 0, undefined, { cause: error });
  }
}

const KINDS: Readonly<Record<string, ErrorCode>> = {
  "not-found": "not-found",
  "unroutable": "not-found",
  "session-closed": "lost",
  "going-away": "lost",
  "malformed-track": "protocol",
  "wrong-size": "protocol",
};

/** The reason to abort or cancel a stream with. */
export function resetReason(name: LiteResetName): TransportError {
  return new TransportError(name, { streamErrorCode: LITE_RESETS[name] });
}
