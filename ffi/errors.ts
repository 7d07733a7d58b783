/**
 * Errors of native code. Bindings throw {@link FfiError} with the raw code as the library gave it;
 * the layer above translates it, once, and keeps it as `cause`.
 *
 * @module
 */

/** A native call failed. */
export class FfiError extends Error {
  /** The class's name. */
  override readonly name: string = "FfiError";
  /** The library or subsystem: `libc`, `libavcodec`, `quic`. */
  readonly library: string;
  /** The function or request that failed: `open`, `VIDIOC_S_FMT`, `avcodec_open2`. */
  readonly operation: string;
  /** The raw code: errno (positive), AVERROR (negative), or the library's own. */
  readonly code: number;

  /**
   * Makes an error for one failed call. `detail` is what the library says of the code, or the thing
   * the call was about (a path).
   */
  constructor(library: string, operation: string, code: number, detail = "", cause?: unknown) {
    super(
      `${operation} failed${detail === "" ? "" : `: ${detail}`} (${library} ${code})`,
      cause === undefined ? undefined : { cause },
    );
    this.library = library;
    this.operation = operation;
    this.code = code;
  }
}

/** One place where a library was looked for, and why it could not be used. */
export interface LibraryAttempt {
  /** Path or soname given to the loader. */
  candidate: string;
  /** What the loader said. */
  reason: string;
}

/** A library could not be opened from anywhere; `attempts` lists what was tried, in order. */
export class LibraryError extends FfiError {
  /** The class's name. */
  override readonly name = "LibraryError";
  /** Everything tried, in order; empty where there is no candidate for this system. */
  readonly attempts: readonly LibraryAttempt[];

  /** Makes an error that lists `attempts` in its message. */
  constructor(library: string, attempts: readonly LibraryAttempt[], override?: string) {
    const tried = attempts.length === 0
      ? "there is no candidate for this system"
      : `tried ${attempts.map((a) => `${a.candidate} (${a.reason})`).join("; ")}`;
    const hint = override === undefined ? "" : `. ${override} names another file`;
    super(library, "dlopen", 0, `${tried}${hint}`);
    this.attempts = attempts;
  }
}
