/**
 * Opening native libraries: when first needed (never at import), from the file that an environment
 * variable names, else from the first candidate that opens.
 *
 * @module
 */
import { type LibraryAttempt, LibraryError } from "./errors.ts";

/** Where a library may be. */
export interface LibraryLocation {
  /** Name for people and for errors: `libavcodec`. */
  readonly name: string;
  /** Environment variable whose value, when set and not empty, is the only candidate. */
  readonly override?: string;
  /** Paths and sonames, best first; a function is asked when the library is first needed. */
  readonly candidates: readonly string[] | (() => readonly string[]);
}

/** An open library and where it came from. */
export interface OpenedLibrary<S extends Deno.ForeignLibraryInterface> {
  /** The functions. */
  readonly symbols: Deno.StaticForeignLibraryInterface<S>;
  /** The path or soname that opened. */
  readonly origin: string;
}

/**
 * Opens a library now. A candidate that opens but lacks a symbol counts as a failure, and the next
 * one is tried. Throws {@link LibraryError} with everything that was tried.
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  location: LibraryLocation,
  symbols: S,
): OpenedLibrary<S> {
  const attempts: LibraryAttempt[] = [];
  for (const candidate of candidatesOf(location)) {
    try {
      return { symbols: Deno.dlopen(candidate, symbols).symbols, origin: candidate };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      attempts.push({ candidate, reason: withoutPrefix(reason) });
    }
  }
  throw new LibraryError(location.name, attempts, location.override);
}

/**
 * A function that opens the library at its first call and gives the same one ever after. A failure
 * is kept too, so that the file system is searched once: {@link LibraryError} at each call.
 */
export function lazyLibrary<const S extends Deno.ForeignLibraryInterface>(
  location: LibraryLocation,
  symbols: S,
): () => OpenedLibrary<S> {
  let opened: OpenedLibrary<S> | undefined;
  let failure: unknown;
  return () => {
    if (opened !== undefined) return opened;
    if (failure !== undefined) throw failure;
    try {
      return opened = openLibrary(location, symbols);
    } catch (error) {
      failure = error;
      throw error;
    }
  };
}

/** Candidates in the order they are tried: the override alone where it is set. */
function candidatesOf(location: LibraryLocation): readonly string[] {
  const override = location.override === undefined ? undefined : Deno.env.get(location.override);
  if (override !== undefined && override !== "") return [override];
  return typeof location.candidates === "function" ? location.candidates() : location.candidates;
}

/** The loader's reason without Deno's own preamble. */
function withoutPrefix(reason: string): string {
  return reason.replace(/^Could not open library: /, "").replace(/\s+/g, " ").trim();
}
