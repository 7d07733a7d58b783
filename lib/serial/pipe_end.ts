/**
 * Why a pipe ended, as the code its stream is reset with (docs/xoq-1.md, close codes), and back.
 *
 * @module
 */
import { BusyError, DeniedError, LostError } from "../errors.ts";
import { CLOSE } from "../transport/close_codes.ts";
import { TransportError } from "../transport/connection.ts";

/** The port was made safe: the controller had been silent too long. */
export class SilentError extends LostError {}

/** A pipe's end for its stream. */
export function pipeEnd(reason: unknown): TransportError {
  const message = reason instanceof Error ? reason.message : String(reason);
  return new TransportError(message, { streamErrorCode: codeOf(reason), cause: reason });
}

function codeOf(reason: unknown): number {
  if (reason instanceof BusyError) return CLOSE.replaced;
  if (reason instanceof SilentError) return CLOSE.silent;
  if (reason instanceof LostError) return CLOSE.goingAway;
  if (reason instanceof DeniedError) return CLOSE.denied;
  return CLOSE.done;
}

/** What a stream's reset means for a client. */
export function endOfPipe(error: unknown): Error {
  const code = error instanceof TransportError ? error.streamErrorCode : undefined;
  switch (code) {
    case CLOSE.replaced:
      return new BusyError("another client has taken the port over", {
        cause: error,
        hint: "--take takes it back",
      });
    case CLOSE.silent:
      return new SilentError("nothing was heard of us in time: the port was made safe", {
        cause: error,
      });
    case CLOSE.denied:
      return new DeniedError("the grant ended", { cause: error });
    case CLOSE.goingAway:
      return new LostError("the server stops", { cause: error });
    default:
      return new LostError(error instanceof Error ? error.message : "the pipe ended", {
        cause: error,
      });
  }
}
