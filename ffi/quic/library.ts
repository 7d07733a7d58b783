/**
 * Where the QUIC library is, and the one copy of it that is opened.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { LibraryError } from "../errors.ts";
import { lazyLibrary, type OpenedLibrary } from "../library.ts";
import { ABI_VERSION, symbols } from "./symbols.ts";

/** Environment variable that names another library file. */
export const LIBRARY_VARIABLE = "XOQ_QUIC_LIBRARY";

/** The library's file name on this system. */
export function libraryFileName(os: typeof Deno.build.os = Deno.build.os): string {
  switch (os) {
    case "windows":
      return "xoq_quic.dll";
    case "darwin":
      return "libxoq_quic.dylib";
    default:
      return "libxoq_quic.so";
  }
}

/**
 * The file as it lies in a checkout and, at the same place relative to this module, inside a
 * compiled executable: `native/<target>/<file>`.
 */
export function libraryPath(target: string = Deno.build.target): string {
  return fileURLToPath(new URL(`../../native/${target}/${libraryFileName()}`, import.meta.url));
}

const location = {
  name: "xoq_quic",
  override: LIBRARY_VARIABLE,
  candidates: () => [libraryPath()],
};

const open = lazyLibrary(location, symbols);
let checked: OpenedLibrary<typeof symbols> | undefined;

/**
 * The library. Throws {@link LibraryError} when there is none, or one of another version (a stale
 * build).
 */
export function quicLibrary(): OpenedLibrary<typeof symbols> {
  if (checked !== undefined) return checked;
  const library = open();
  const version = library.symbols.xoq_quic_abi_version();
  if (version !== ABI_VERSION) {
    const reason = `interface version ${version}, ${ABI_VERSION} is needed: build it again`;
    throw new LibraryError(location.name, [{ candidate: library.origin, reason }]);
  }
  return checked = library;
}
