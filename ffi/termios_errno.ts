/**
 * errno of this thread, for the calls that `libc.ts` doesn't wrap. Only right directly after a
 * synchronous call.
 *
 * @module
 */
import { lazyLibrary } from "./library.ts";

const darwin = Deno.build.os === "darwin";
const libc = lazyLibrary({
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () =>
    darwin ? ["/usr/lib/libSystem.B.dylib"] : ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`],
}, {
  location: {
    name: darwin ? "__error" : "__errno_location",
    parameters: [],
    result: "pointer",
  },
});

/** A call's result, or the negated errno where it is negative. */
export function withErrno(call: () => number): number {
  // Opened first: opening a library is a call that sets errno, too.
  const { symbols } = libc();
  const result = call();
  if (result >= 0) return result;
  const pointer = symbols.location();
  return pointer === null ? -1 : -new Deno.UnsafePointerView(pointer).getInt32();
}
