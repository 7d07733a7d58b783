/**
 * Turns of the event loop, for loops whose next thing is often there at once: such a loop goes on in
 * microtasks alone, and timers, I/O and everybody else stand still.
 *
 * @module
 */

/** Things that may come at once between two turns, of all loops together. */
const AT_ONCE = 64;
/** How long what they bring about may take, in milliseconds. */
const SLICE_MS = 10;

let count = 0;
let since = 0;

/** Gives the turn away once. Not every platform has `setImmediate`, which is the quicker way. */
export function giveTurn(): Promise<void> {
  const { setImmediate = setTimeout } = globalThis as {
    setImmediate?: (callback: () => void) => unknown;
  };
  return new Promise((resolve) => void setImmediate(() => resolve()));
}

/**
 * To be called for each thing that may have come at once. Mostly undefined; now and then what to wait
 * for before the next one, while the event loop turns.
 */
export function turn(): Promise<void> | undefined {
  const now = performance.now();
  if (count === 0) since = now;
  if (++count < AT_ONCE && now - since < SLICE_MS) return undefined;
  count = 0;
  return giveTurn();
}
