/**
 * This process' memory: how much it is, and how it becomes less.
 *
 * @module
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { trimMemory } from "../../ffi/malloc.ts";

/** From so much growth since the last time on, garbage is worth the time that collecting takes. */
const GARBAGE_BYTES = 12 << 20;

/** Measures and relieves this process; made once. */
export function processMemory(): { resident(): number; relieve(): void } {
  const collect = collector();
  let left = 0;
  return {
    resident: () => Deno.memoryUsage().rss,
    relieve: () => {
      if (Deno.memoryUsage().heapTotal > left + GARBAGE_BYTES) {
        collect();
        left = Deno.memoryUsage().heapTotal;
      }
      trimMemory();
    },
  };
}

/**
 * Executables are made with V8's collector exposed; elsewhere V8 gives it to contexts that are made after
 * the flag was set.
 */
function collector(): () => void {
  const exposed: unknown = Reflect.get(globalThis, "gc");
  if (typeof exposed === "function") return () => void exposed();
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  return typeof collect === "function" ? () => void collect() : () => {};
}
