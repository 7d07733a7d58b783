/**
 * The executable's entry. Everything is in `lib/cli/main.ts`.
 *
 * @module
 */
import { main } from "./lib/cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
