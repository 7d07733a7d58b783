/**
 * Turns of the event loop, for loops whose next thing is often there at once: such a loop goes on in
 * microtasks alone, and timers, I/O and everybody else stand still.
 *
 * @module
 */
/** Things that may come at once between two turns, of all loops together. */
const AT_ONCE = 64;

let count = 0;

/**
 * To be called for each thing that came at once. Mostly undefined; now and then what to wait for before
 * the next one, while the event loop turns.
 */
export function turn(): Promise<void> | undefined {
  if (++count < AT_ONCE) return undefined;
  count = 0;
  // Browsers, where this runs, too, have no `setImmediate`, which is the quicker way.
  const { setImmediate = setTimeout } = globalThis as {
    setImmediate?: (callback: () => void) => unknown;
  };
  return new Promise((resolve) => void setImmediate(() => resolve()));
}
