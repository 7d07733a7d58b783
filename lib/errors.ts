/**
 * What can go wrong in the world, as a small tree of errors. A caller's mistake is a `TypeError` or
 * a `RangeError`; everything else that a person may have to act on is an {@link XoqError}, whose
 * `code` decides the exit code and whose `hint` says what to do. Foreign errors (errno, QUIC codes,
 * AVERROR) are translated once, at the boundary where they arise, and kept as `cause`.
 *
 * @module
 */

/** Stable names of the things that go wrong; the `code` of the `error` event. */
export type ErrorCode =
  | "failed"
  | "usage"
  | "not-found"
  | "busy"
  | "denied"
  | "unreachable"
  | "lost"
  | "protocol"
  | "unsupported"
  | "interrupted";

/** The process's exit code for each {@link ErrorCode}. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  failed: 1,
  usage: 2,
  "not-found": 3,
  busy: 4,
  denied: 5,
  unreachable: 6,
  lost: 7,
  protocol: 1,
  unsupported: 1,
  interrupted: 130,
};

/** What an {@link XoqError} may carry beside its message. */
export interface XoqErrorOptions {
  /** What the user can do about it: one line, imperative, no full stop needed before it. */
  hint?: string;
  /** The error this one translates. */
  cause?: unknown;
}

/** An error of the world: message says what and why, `hint` says what to do. */
export class XoqError extends Error {
  /** The class by name. */
  override readonly name: string = "XoqError";
  /** Which kind of failure this is. */
  readonly code: ErrorCode;
  /** What the user can do about it. */
  readonly hint: string | undefined;

  /** Makes an error of the given kind. */
  constructor(code: ErrorCode, message: string, options: XoqErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** Wrong flags, tickets, or file contents given by the user (exit 2). */
export class UsageError extends XoqError {
  /** The class by name. */
  override readonly name = "UsageError";
  /** Makes a usage error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("usage", message, options);
  }
}

/** A device, file, or library that is not there (exit 3). */
export class NotFoundError extends XoqError {
  /** The class by name. */
  override readonly name = "NotFoundError";
  /** Makes a not-found error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("not-found", message, options);
  }
}

/** Held by someone else (exit 4). */
export class BusyError extends XoqError {
  /** The class by name. */
  override readonly name = "BusyError";
  /** Makes a busy error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("busy", message, options);
  }
}

/** No permission here, or no grant there (exit 5). */
export class DeniedError extends XoqError {
  /** The class by name. */
  override readonly name = "DeniedError";
  /** Makes a denied error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("denied", message, options);
  }
}

/** The peer was never reached (exit 6). */
export class UnreachableError extends XoqError {
  /** The class by name. */
  override readonly name = "UnreachableError";
  /** Makes an unreachable error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("unreachable", message, options);
  }
}

/** The device or the peer went away while in use (exit 7). */
export class LostError extends XoqError {
  /** The class by name. */
  override readonly name = "LostError";
  /** Makes a lost error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("lost", message, options);
  }
}

/** The peer sent what the protocol forbids. Thrown by decoders; the session's owner closes. */
export class ProtocolError extends XoqError {
  /** The class by name. */
  override readonly name = "ProtocolError";
  /** Makes a protocol error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("protocol", message, options);
  }
}

/** This machine, codec, or build cannot do it (exit 1). */
export class UnsupportedError extends XoqError {
  /** The class by name. */
  override readonly name = "UnsupportedError";
  /** Makes an unsupported error. */
  constructor(message: string, options?: XoqErrorOptions) {
    super("unsupported", message, options);
  }
}
