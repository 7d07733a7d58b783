/**
 * Waiting for what may still come.
 *
 * @module
 */

/** A timer that is so late shows that the process stood still; milliseconds. */
const STANDSTILL_MS = 50;

/**
 * Calls `lost` in `milliseconds`. A process that stood still meanwhile (it was stopped, or its machine
 * had no time for it) has not looked yet at what came, so that it waits as long once more. Returns what
 * takes it back.
 */
export function losePatience(lost: () => void, milliseconds: number): () => void {
  const due = performance.now() + milliseconds;
  let timer = setTimeout(() => {
    if (performance.now() - due < STANDSTILL_MS) return lost();
    timer = setTimeout(lost, milliseconds);
  }, milliseconds);
  return () => clearTimeout(timer);
}
