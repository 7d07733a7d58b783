/**
 * glibc's allocator (malloc.h), for programs whose native threads pass much memory around: without
 * limits each thread's arena keeps what was freed, several times what is in use. Nothing happens where
 * the C library is another.
 *
 * @module
 */
import { LibraryError } from "./errors.ts";
import { lazyLibrary } from "./library.ts";

/** `M_ARENA_MAX` of malloc.h. */
const M_ARENA_MAX = -8;

const libc = lazyLibrary({ name: "libc", candidates: ["libc.so.6"] }, {
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32" },
});

function symbols(): ReturnType<typeof libc>["symbols"] | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    return libc().symbols;
  } catch (error) {
    if (error instanceof LibraryError) return undefined;
    throw error;
  }
}

/** Lets threads share `arenas` arenas from now on. False where that can't be set here. */
export function limitArenas(arenas: number): boolean {
  return symbols()?.mallopt(M_ARENA_MAX, arenas) === 1;
}

/** Gives memory that was freed back to the system; takes milliseconds. False where nothing was given. */
export function trimMemory(): boolean {
  return symbols()?.malloc_trim(0n) === 1;
}
