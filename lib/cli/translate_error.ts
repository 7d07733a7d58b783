/**
 * The last place where errors get a meaning: what reaches the command line untranslated.
 *
 * @module
 */
import { BusyError, DeniedError, NotFoundError, UnreachableError, XoqError } from "../errors.ts";

/** What to do about a certificate that is not trusted: it was said why. */
const TRUST_HINT =
  "renew it, pin it with --cert-hash HASH, or give who issued it with --ca FILE; " +
  "--insecure trusts anybody";

function isDistrust(cause: unknown): boolean {
  return cause instanceof Error && "status" in cause && cause.status === "untrusted";
}

/** An error with an exit code of its own, where it has a known meaning; else the error itself. */
export function translateError(error: unknown): unknown {
  if (error instanceof XoqError || !(error instanceof Error)) return error;
  const options = { cause: error };
  if (error instanceof Deno.errors.PermissionDenied) return new DeniedError(error.message, options);
  if (error instanceof Deno.errors.NotFound) return new NotFoundError(error.message, options);
  if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.Busy) {
    return new BusyError(error.message, options);
  }
  // By name, so that the transport is not loaded for `--help`.
  if (error.name === "WebTransportError" && "failure" in error) {
    if (error.failure === "unreachable" || error.failure === "timeout") {
      return new UnreachableError(error.message, {
        ...options,
        hint: "see whether it runs and whether this machine reaches it (xoq ping, xoq doctor)",
      });
    }
    if (error.failure === "refused") {
      return new DeniedError(error.message, {
        ...options,
        ...(isDistrust(error.cause) ? { hint: TRUST_HINT } : {}),
      });
    }
  }
  return error;
}
