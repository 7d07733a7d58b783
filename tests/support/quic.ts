/**
 * Whether connections can be tested here.
 *
 * @module
 */
import { quicLibrary } from "../../ffi/quic/mod.ts";

/** Why tests of the native library cannot run; `undefined` when they can. */
export function whyNoNativeQuic(): string | undefined {
  try {
    quicLibrary();
    return undefined;
  } catch (error) {
    return `run deno task native first: ${error}`;
  }
}
