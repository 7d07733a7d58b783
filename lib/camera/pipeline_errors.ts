/**
 * Errors across the worker's boundary: kind, code and hint arrive as they were.
 *
 * @module
 */
import {
  BusyError,
  DeniedError,
  type ErrorCode,
  LostError,
  NotFoundError,
  ProtocolError,
  UnreachableError,
  UnsupportedError,
  UsageError,
  XoqError,
  type XoqErrorOptions,
} from "../errors.ts";

/** An error as a plain object. */
export interface ErrorRecord {
  /** `XoqError`, `RangeError`, `AbortError`, … */
  name: string;
  /** What it says. */
  message: string;
  /** Code of an {@link XoqError}. */
  code?: ErrorCode;
  /** Hint of an {@link XoqError}. */
  hint?: string;
  /** What it was caused by. */
  cause?: ErrorRecord;
}

type ErrorClass = new (message: string, options?: XoqErrorOptions) => XoqError;

const CLASSES: Partial<Record<ErrorCode, ErrorClass>> = {
  usage: UsageError,
  "not-found": NotFoundError,
  busy: BusyError,
  denied: DeniedError,
  unreachable: UnreachableError,
  lost: LostError,
  protocol: ProtocolError,
  unsupported: UnsupportedError,
};

/** How deep causes are followed. */
const MAX_DEPTH = 4;

/** The error as a plain object. */
export function toRecord(error: unknown, depth = 0): ErrorRecord {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const record: ErrorRecord = { name: error.name, message: error.message };
  if (error instanceof XoqError) {
    record.code = error.code;
    if (error.hint !== undefined) record.hint = error.hint;
  }
  if (error.cause !== undefined && depth < MAX_DEPTH) {
    record.cause = toRecord(error.cause, depth + 1);
  }
  return record;
}

/** The error again, of the class it was. */
export function fromRecord(record: ErrorRecord): Error {
  const cause = record.cause === undefined ? undefined : fromRecord(record.cause);
  if (record.code !== undefined) {
    const options: XoqErrorOptions = {
      ...(record.hint === undefined ? {} : { hint: record.hint }),
      ...(cause === undefined ? {} : { cause }),
    };
    const known = CLASSES[record.code];
    return known === undefined
      ? new XoqError(record.code, record.message, options)
      : new known(record.message, options);
  }
  if (record.name === "AbortError") return new DOMException(record.message, record.name);
  const plain = { TypeError, RangeError }[record.name] ?? Error;
  return new plain(record.message, cause === undefined ? undefined : { cause });
}
