/**
 * Errors of the QUIC library in the terms of {@link TransportError}.
 *
 * @module
 */
import { QuicError } from "../../ffi/quic/mod.ts";
import { BusyError, DeniedError, UsageError, XoqError } from "../errors.ts";
import { type SessionFailure, TransportError } from "./connection.ts";

/** How each way a connection ends is called. */
const FAILURES: Partial<Record<QuicError["status"], SessionFailure>> = {
  "closed-locally": "closed",
  "bad-handle": "closed",
  "closed-by-peer": "closed",
  "timed-out": "timeout",
  "refused": "refused",
  "untrusted": "refused",
  "rejected": "refused",
  "unsupported": "refused",
  "unreachable": "unreachable",
  "connection-reset": "reset",
};

/** TLS alert 120 as a QUIC error code (RFC 9001, section 8.1). */
const NO_APPLICATION_PROTOCOL = 0x178;

/** Faults of certificates that the library tells by their names alone. */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  CaUsedAsEndEntity: "its certificate is one that issues certificates, not a server's",
  EndEntityUsedAsCa: "a server's certificate issued its certificate",
  UnsupportedCertVersion: "its certificate is not of X.509 version 3",
  UnsupportedCriticalExtension: "its certificate has a critical extension unknown here",
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

/** Translates why a dial failed; an address or a protocol that makes no sense is a `TypeError`. */
export function dialError(error: unknown): unknown {
  if (!(error instanceof QuicError)) return error;
  return error.status === "bad-argument"
    ? new TypeError(error.text, { cause: error })
    : sessionError(error);
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
      if (error.detailCode === NO_APPLICATION_PROTOCOL) {
        return "the peer refused the connection: it speaks none of the protocols offered";
      }
      return `the peer refused the connection: ${error.text}`;
    case "untrusted":
      return `the server is not trusted: ${CERTIFICATE_FAULTS[error.text] ?? error.text}`;
    case "rejected":
      return `the server refused the session with status ${error.detailCode} ${error.text}`
        .trimEnd();
    case "unsupported":
      return error.text;
    case "unreachable":
      return `the peer cannot be reached: ${error.text}`;
    case "connection-reset":
      return `the connection was reset: ${error.text}`;
    default:
      return error.message;
  }
}

/** errno of each system: address in use, address not here, permission. */
const ERRNO = {
  linux: { inUse: 98, notAvailable: 99, denied: 13 },
  darwin: { inUse: 48, notAvailable: 49, denied: 13 },
  windows: { inUse: 10048, notAvailable: 10049, denied: 10013 },
} as const;

/**
 * Translates why an endpoint could not be bound to `bind`: `BusyError` when the address is taken,
 * `UsageError` when this machine does not have it, `DeniedError`, or `XoqError` `failed`. Hints name
 * `option`.
 */
export function bindError(error: unknown, bind: string | undefined, option = "--bind"): unknown {
  if (!(error instanceof QuicError)) return error;
  const options = { cause: error };
  if (error.status === "bad-argument") return new TypeError(error.text, options);
  const where = bind ?? "any address";
  const codes = ERRNO[Deno.build.os as keyof typeof ERRNO] ?? ERRNO.linux;
  switch (error.detailCode) {
    case codes.inUse:
      return new BusyError(`${where} is in use`, {
        ...options,
        hint: `give ${option} another port`,
      });
    case codes.notAvailable:
      return new UsageError(`this machine does not have the address ${where}`, options);
    case codes.denied:
      return new DeniedError(`binding ${where} is not permitted`, {
        ...options,
        hint: `give ${option} a port above 1023`,
      });
    default:
      return new XoqError("failed", `no endpoint at ${where}: ${error.text}`, options);
  }
}
