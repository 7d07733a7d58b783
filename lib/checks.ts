/**
 * What `xoq doctor` asks every room: what this machine can do, and how to mend what it can't.
 *
 * @module
 */

/** One thing looked at. */
export interface Check {
  /** What: `camera permissions`. Lower case. */
  name: string;
  /** `warn`: something falls short; `fail`: something that was promised can't work. */
  status: "ok" | "warn" | "fail";
  /** What was found, one line. */
  detail: string;
  /** What to do about it, one line; absent where all is well. */
  fix?: string;
}

/** A room's checks. They never throw: what can't be found out is a `warn`. */
export type Checks = (options: { signal: AbortSignal }) => Promise<Check[]>;

/** Where a room's checks are: imported only by `xoq doctor`. */
export interface CheckProvider {
  /** Heading they stand under. */
  readonly room: string;
  /** Imports them. */
  readonly load: () => Promise<Checks>;
}
