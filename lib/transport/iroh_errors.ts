/**
 * Errors of the QUIC library in the terms of {@link TransportError}.
 *
 * @module
 */
import { QuicError } from "../../ffi/quic/mod.ts";
import { type SessionFailure, TransportError } from "./connection.ts";

/** How each way a connection ends is called. */
const FAILURES: Partial<Record<QuicError["status"], SessionFailure>> = {
  "closed-locally": "closed",
  "bad-handle": "closed",
  "closed-by-peer": "closed",
  "timed-out": "timeout",
  "refused": "refused",
  "unreachable": "unreachable",
  "connection-reset": "reset",
};

/** Translates an error of the QUIC library; others are given back as they are. */
export function transportError(error: unknown): unknown {
  if (!(error instanceof QuicError)) return error;
  const { status, detailCode } = error;
  if (status === "stream-reset" || status === "stream-stopped") {
    const what = status === "stream-reset" ? "reset the stream" : "stopped reading the stream";
    return new TransportError(`the peer ${what} with code ${detailCode}`, {
      streamErrorCode: detailCode,
      cause: error,
    });
  }
  const freed = status === "bad-handle" && error.operation.startsWith("stream_");
  if (status === "stream-ended" || freed) {
    return new TransportError("the stream has ended on this side", { cause: error });
  }
  return sessionError(error);
}

/** Translates what ended a connection, or kept it from beginning. */
export function sessionError(error: QuicError): TransportError {
  const failure = FAILURES[error.status];
  return new TransportError(sessionMessage(error), {
    source: "session",
    cause: error,
    ...(failure === undefined ? {} : { failure }),
    ...(error.status === "closed-by-peer" ? { closeCode: error.detailCode } : {}),
  });
}

function sessionMessage(error: QuicError): string {
  switch (error.status) {
    case "closed-by-peer":
      return `the peer closed the connection with code ${error.detailCode}${
        error.text === "" ? "" : `: ${error.text}`
      }`;
    case "closed-locally":
    case "bad-handle":
      return "the connection was closed here";
    case "timed-out":
      return "nothing was heard of the peer any more";
    case "refused":
      return `the peer refused the connection: ${error.text}`;
    case "unreachable":
      return `the peer cannot be reached: ${error.text}`;
    case "connection-reset":
      return `the connection was reset: ${error.text}`;
    default:
      return error.message;
  }
}
