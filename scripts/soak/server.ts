/**
 * The command itself (`deno run --v8-flags=--expose-gc … server.ts serial test`), which collects its
 * garbage every few seconds and says on stderr what is left: `{"heap": bytes}`, one object a line.
 * What grows then is kept by somebody.
 */
import { main } from "../../lib/cli/main.ts";

/** How often, in milliseconds. */
const INTERVAL_MS = 5_000;

const { gc } = globalThis as { gc?: () => void };
const timer = setInterval(() => {
  gc?.();
  console.error(JSON.stringify({ heap: Deno.memoryUsage().heapUsed }));
}, INTERVAL_MS);
Deno.unrefTimer(timer);
Deno.exit(await main(Deno.args));
