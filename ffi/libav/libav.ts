/**
 * The system's libavcodec and libavutil (FFmpeg 4 to 8), opened at first use. Settings go by name
 * through `av_opt_set`; only frames, packets and three fields of the context are read as structs.
 *
 * @module
 */
import { FfiError, LibraryError } from "../errors.ts";
import { openLibrary } from "../library.ts";
import { LIBAV_LAYOUTS, type LibavLayout } from "./layouts.ts";
import { AVCODEC_SYMBOLS, AVUTIL_SYMBOLS } from "./symbols.ts";

/** `AVERROR(EAGAIN)`: nothing to give yet. */
export const AVERROR_EAGAIN: number = Deno.build.os === "darwin" ? -35 : -11;
/** `AVERROR_EOF`. */
export const AVERROR_EOF: number = -541478725;
/** `AVERROR_OPTION_NOT_FOUND`. */
export const AVERROR_OPTION_NOT_FOUND: number = -1414549496;
/** `AV_OPT_SEARCH_CHILDREN`: options of the codec behind the context too. */
const SEARCH_CHILDREN = 1;
/** `AV_LOG_QUIET`. */
const LOG_QUIET = -8;

/** Both libraries, of versions that belong together. */
export interface Libav {
  /** libavcodec's functions. */
  readonly codec: Deno.StaticForeignLibraryInterface<typeof AVCODEC_SYMBOLS>;
  /** libavutil's functions. */
  readonly util: Deno.StaticForeignLibraryInterface<typeof AVUTIL_SYMBOLS>;
  /** Offsets and constants of this version. */
  readonly layout: LibavLayout;
  /** `libavcodec 59 (5.1.9-0+deb12u1)`. */
  readonly version: string;
}

let opened: Libav | undefined;
let failure: unknown;

/**
 * Opens them at the first call. Throws `LibraryError` with everything that was tried; a failure is
 * kept, so that the file system is searched once. `XOQ_LIBAVCODEC` and `XOQ_LIBAVUTIL` name files.
 */
export function openLibav(): Libav {
  if (opened !== undefined) return opened;
  if (failure !== undefined) throw failure;
  try {
    return opened = open();
  } catch (error) {
    failure = error;
    throw error;
  }
}

/** What {@link openLibav} can open, newest first. */
const MAJORS = Object.keys(LIBAV_LAYOUTS).map(Number).sort((a, b) => b - a);

function open(): Libav {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
    throw new LibraryError("libavcodec", []);
  }
  const codec = openLibrary({
    name: "libavcodec",
    override: "XOQ_LIBAVCODEC",
    candidates: MAJORS.flatMap((major) => candidates("avcodec", major)),
  }, AVCODEC_SYMBOLS);
  const major = codec.symbols.avcodec_version() >>> 16;
  const layout = LIBAV_LAYOUTS[major];
  if (layout === undefined) {
    const reason = `version ${major}; known are ${MAJORS.at(-1)} to ${MAJORS[0]}`;
    throw new LibraryError("libavcodec", [{ candidate: codec.origin, reason }], "XOQ_LIBAVCODEC");
  }
  const util = openLibrary({
    name: "libavutil",
    override: "XOQ_LIBAVUTIL",
    // FFmpeg numbers libavutil two behind libavcodec: 58 goes with 56, 62 with 60.
    candidates: candidates("avutil", major - 2),
  }, AVUTIL_SYMBOLS);
  util.symbols.av_log_set_level(LOG_QUIET);
  // SVT-AV1 writes to stderr by itself; this is its own way to tell it not to.
  if (Deno.env.get("SVT_LOG") === undefined) Deno.env.set("SVT_LOG", "0");
  const info = util.symbols.av_version_info();
  const release = info === null ? "" : ` (${Deno.UnsafePointerView.getCString(info)})`;
  return {
    codec: codec.symbols,
    util: util.symbols,
    layout,
    version: `libavcodec ${major}${release}`,
  };
}

/** File names of a library at a version on this system. */
function candidates(name: string, major: number): string[] {
  switch (Deno.build.os) {
    case "windows":
      return [`${name}-${major}.dll`];
    case "darwin":
      return [
        `lib${name}.${major}.dylib`,
        `/opt/homebrew/lib/lib${name}.${major}.dylib`,
        `/usr/local/lib/lib${name}.${major}.dylib`,
      ];
    default:
      return [`lib${name}.so.${major}`];
  }
}

/** A C string. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** The error of a call that answered an AVERROR. */
export function avError(libav: Libav, operation: string, code: number): FfiError {
  const buffer = new Uint8Array(128);
  const known = libav.util.av_strerror(code, buffer, BigInt(buffer.byteLength)) === 0;
  const end = buffer.indexOf(0);
  const text = known ? new TextDecoder().decode(buffer.subarray(0, end)) : "";
  return new FfiError("libavcodec", operation, code, text);
}

/**
 * Sets an option of a context or of the codec behind it. `false` where there is no such option in
 * this version; throws `FfiError` where the value is refused.
 */
export function setOption(
  libav: Libav,
  context: Deno.PointerObject,
  name: string,
  value: string,
): boolean {
  const code = libav.util.av_opt_set(context, cString(name), cString(value), SEARCH_CHILDREN);
  if (code === AVERROR_OPTION_NOT_FOUND) return false;
  if (code < 0) throw avError(libav, `av_opt_set ${name}=${value}`, code);
  return true;
}

/** A struct's memory; `size` bytes from the pointer on must belong to it. */
export function structView(pointer: Deno.PointerObject, size: number): DataView {
  return new DataView(Deno.UnsafePointerView.getArrayBuffer(pointer, size));
}

/** Calls a `free` function that takes the address of the pointer. */
export function freeThrough(free: (slot: BufferSource) => void, pointer: Deno.PointerObject): void {
  free(new BigUint64Array([Deno.UnsafePointer.value(pointer)]));
}
