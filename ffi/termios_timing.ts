/**
 * Running ahead of other threads for a moment, where the system allows it: an edge that is due in a
 * millisecond is late as soon as anything else gets the processor.
 *
 * @module
 */
import { lazyLibrary } from "./library.ts";

const POSIX = Deno.build.os !== "windows";
const libc = lazyLibrary({
  name: "libc",
  override: "XOQ_LIBC",
  candidates: () =>
    Deno.build.os === "darwin"
      ? ["/usr/lib/libSystem.B.dylib"]
      : ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`],
}, {
  pthread_self: { parameters: [], result: "usize" },
  pthread_getschedparam: { parameters: ["usize", "buffer", "buffer"], result: "i32" },
  pthread_setschedparam: { parameters: ["usize", "i32", "buffer"], result: "i32" },
});

/** The same number on Linux; macOS has 4. */
const SCHED_FIFO = Deno.build.os === "darwin" ? 4 : 1;
/** Ahead of ordinary threads, behind the kernel's own. */
const PRIORITY = 10;
/** `struct sched_param` is 4 bytes with glibc and 48 with musl; its first member is the priority. */
const PARAM_BYTES = 64;

/** A thread that runs ahead of ordinary ones, until disposed. */
export interface RunningAhead extends Disposable {
  /** Whether it really does. */
  readonly allowed: boolean;
}

/**
 * Has this thread run ahead of ordinary ones until disposed. Does nothing where that isn't allowed
 * (Linux: CAP_SYS_NICE, or a limit on rtprio).
 */
export function runAhead(): RunningAhead {
  const idle = { allowed: false, [Symbol.dispose]: () => {} };
  if (!POSIX) return idle;
  const { symbols } = libc();
  const thread = symbols.pthread_self();
  const policy = new Int32Array(1);
  const before = new Uint8Array(PARAM_BYTES);
  if (symbols.pthread_getschedparam(thread, new Uint8Array(policy.buffer), before) !== 0) {
    return idle;
  }
  const param = new Uint8Array(PARAM_BYTES);
  new DataView(param.buffer).setInt32(0, PRIORITY, true);
  if (symbols.pthread_setschedparam(thread, SCHED_FIFO, param) !== 0) return idle;
  return {
    allowed: true,
    [Symbol.dispose]: () => void symbols.pthread_setschedparam(thread, policy[0]!, before),
  };
}
