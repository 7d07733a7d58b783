/**
 * Waiting, never in a data path.
 *
 * @module
 */

/** Resolves after so many milliseconds, or when the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const abort = () => resolve();
  signal?.addEventListener("abort", abort, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", abort);
}
