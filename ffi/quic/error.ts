/**
 * Statuses of the QUIC library as errors.
 *
 * @module
 */
import { FfiError } from "../errors.ts";

/** Name of a status. */
export type QuicStatus =
  | "pending"
  | "bad-handle"
  | "bad-argument"
  | "panic"
  | "canceled"
  | "closed-locally"
  | "closed-by-peer"
  | "timed-out"
  | "refused"
  | "unreachable"
  | "connection-reset"
  | "stream-reset"
  | "stream-stopped"
  | "stream-ended"
  | "too-large"
  | "unsupported"
  | "io"
  | "untrusted"
  | "rejected";

/** What each negative status means; the numbers are those of `src/status.rs`. */
export const STATUS_NAMES: Readonly<Record<number, QuicStatus>> = {
  [-1]: "pending",
  [-2]: "bad-handle",
  [-3]: "bad-argument",
  [-4]: "panic",
  [-5]: "canceled",
  [-6]: "closed-locally",
  [-7]: "closed-by-peer",
  [-8]: "timed-out",
  [-9]: "refused",
  [-10]: "unreachable",
  [-11]: "connection-reset",
  [-12]: "stream-reset",
  [-13]: "stream-stopped",
  [-14]: "stream-ended",
  [-15]: "too-large",
  [-16]: "unsupported",
  [-17]: "io",
  [-18]: "untrusted",
  [-19]: "rejected",
};

/** The status of an operation whose completion is still to come. */
export const PENDING: -1 = -1;

/** A call or an operation of the QUIC library failed. */
export class QuicError extends FfiError {
  /** The class's name. */
  override readonly name = "QuicError";
  /** What kind of failure. */
  readonly status: QuicStatus;
  /** The peer's code, errno with `io`, the HTTP status with `rejected`; 0 where there is none. */
  readonly detailCode: number;
  /** What the peer or the library said. */
  readonly text: string;

  /** Makes an error from a negative status. */
  constructor(operation: string, code: number, detailCode = 0, text = "") {
    super("quic", operation, code, text);
    this.status = STATUS_NAMES[code] ?? "panic";
    this.detailCode = detailCode;
    this.text = text;
  }
}
