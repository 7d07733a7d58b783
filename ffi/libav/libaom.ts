/**
 * Which libaom libavcodec has brought along.
 *
 * @module
 */
import { openLibrary } from "../library.ts";

const SYMBOLS = {
  aom_codec_version: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * The version of the libaom that is loaded into this process, as `aom/aom_codec.h` packs it: major,
 * minor and patch, 8 bits each. `undefined` where there is none, or it is part of libavcodec, or the
 * system doesn't tell (it is asked of Linux alone).
 */
export function libaomVersion(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const path = /(\/\S*\/libaom[^/\s]*\.so\S*)$/m.exec(Deno.readTextFileSync("/proc/self/maps"))
      ?.[1];
    if (path === undefined) return undefined;
    // Already loaded: the loader answers with the same one.
    return openLibrary({ name: "libaom", candidates: [path] }, SYMBOLS).symbols.aom_codec_version();
  } catch {
    return undefined;
  }
}
