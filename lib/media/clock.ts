/**
 * The clock that capture times are read from: microseconds since the Unix epoch, finer than
 * `Date.now()`, monotonic between steps of the system's clock.
 *
 * @module
 */

/** How far the high-resolution clock may run away from the system's before it is set anew, in ms. */
const MAX_DRIFT_MS = 4;

let origin = performance.timeOrigin;

/**
 * Now, in µs since the Unix epoch (integer). The same in every worker and process of this machine to
 * within a few milliseconds, and usually far better: `performance.now()` is slewed by nobody, so it is
 * set against the system's clock again when the two differ (a suspended machine, a clock set by NTP).
 */
export function nowMicros(): number {
  const elapsed = performance.now();
  const wall = Date.now();
  // Date.now() is truncated to whole milliseconds: half a millisecond late on average.
  const difference = wall + 0.5 - (origin + elapsed);
  if (difference > MAX_DRIFT_MS || difference < -MAX_DRIFT_MS) origin += difference;
  return Math.round((origin + elapsed) * 1000);
}
