/**
 * Application close codes of `xoq/1` connections and of devices' own connections (docs/xoq-1.md).
 *
 * @module
 */

/** Close codes by name. */
export const CLOSE = {
  /** The side that closes has what it wanted. */
  done: 0,
  /** The server stops. */
  goingAway: 1,
  /** No valid grant, or it expired. */
  denied: 2,
  /** The peer broke a rule. */
  protocol: 3,
  /** Too many connections, or the device is held by another. */
  busy: 4,
  /** No `hello`, no admission, or no stream in time. */
  silent: 5,
  /** Another client of the same kind took the place. */
  replaced: 6,
} as const;
