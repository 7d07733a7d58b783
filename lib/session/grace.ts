/**
 * Waiting for peers, but not for long.
 *
 * @module
 */

/** Resolves when all have settled, or the time is up. */
export async function settledWithin(
  milliseconds: number,
  promises: Iterable<Promise<unknown>>,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([Promise.allSettled(promises), late]);
  clearTimeout(timer);
}

/** Aborts when the promise settles, or the time is up. */
export function endOrDeadline(end: Promise<unknown>, milliseconds: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), milliseconds);
  const abort = () => {
    clearTimeout(timer);
    controller.abort();
  };
  end.then(abort, abort);
  return controller.signal;
}
