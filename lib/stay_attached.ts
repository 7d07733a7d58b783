/**
 * Attaching, and attaching again: with back-off, until told to end, or until trying again is no use.
 *
 * @module
 */
import { Backoff } from "./backoff.ts";
import { LostError, UnreachableError, XoqError } from "./errors.ts";
import type { Attachment, RemoteDevice } from "./remote.ts";

/** An attachment that lasted this long was a good one: the next loss is answered at once, in milliseconds. */
const GOOD_AFTER_MS = 5_000;

/** What is done with attachments. */
export interface StayOptions {
  /** Ends it. */
  signal: AbortSignal;
  /** Asked before each try: the device's own protocol that is most likely wanted, if any. */
  hint?: () => string | undefined;
  /** The device's own protocol, where servers may have no other. */
  plain?: string;
  /** Lives through one attachment; ends by throwing, or with the signal. */
  use: (attachment: Attachment) => Promise<void>;
  /** The server could not be reached yet. */
  onRetry: (error: unknown) => void;
  /** An attachment was lost. */
  onLost: (reason: string) => void;
  /** There is a new one after a loss. */
  onReconnect: () => void;
}

/**
 * Stays attached until the signal aborts. Throws what trying again can't mend, `UnreachableError` when
 * the peer was never reached in time, `LostError` where reconnecting is switched off.
 */
export async function stayAttached(remote: RemoteDevice, options: StayOptions): Promise<void> {
  const { signal } = options;
  const { reconnect, timeoutMs } = remote.policy;
  const backoff = new Backoff();
  const started = performance.now();
  let everAttached = false;
  while (!signal.aborted) {
    const triedAt = performance.now();
    let attached = false;
    try {
      const hint = options.hint?.();
      await using attachment = await remote.attach({
        signal,
        ...(hint === undefined ? {} : { hint }),
        ...(options.plain === undefined ? {} : { plain: options.plain }),
      });
      if (everAttached) options.onReconnect();
      everAttached = attached = true;
      await options.use(attachment);
    } catch (error) {
      if (signal.aborted) return;
      if (isFinal(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      if (!everAttached) {
        if (performance.now() - started >= timeoutMs) throw unreachable(error, reason);
        options.onRetry(error);
      } else {
        if (attached) options.onLost(reason);
        else options.onRetry(error);
        if (!reconnect) throw new LostError(reason, { cause: error });
      }
      if (attached && performance.now() - triedAt > GOOD_AFTER_MS) backoff.reset();
      await backoff.wait(signal);
    }
  }
}

/** Held by another is final, too: it is for its user to take it over, or to wait. */
function isFinal(error: unknown): boolean {
  return error instanceof XoqError && error.code !== "unreachable" && error.code !== "lost";
}

function unreachable(cause: unknown, why: string): Error {
  if (cause instanceof XoqError && cause.code !== "lost") return cause;
  return new UnreachableError(`the peer can't be reached: ${why}`, {
    cause,
    hint: "is the server running, and is the ticket from its present start?",
  });
}
