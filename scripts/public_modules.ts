/**
 * Prints the modules whose documentation is part of the product: every one of `lib/` and `ffi/`,
 * for `deno doc --lint`. Left out are files that a generator wrote and workers, which export nothing.
 *
 * @module
 */
import { join } from "node:path";
import { ROOT, sourceModules } from "./lib/module_graph.ts";

for (const module of await sourceModules("ffi", "lib")) {
  const source = await Deno.readTextFile(join(ROOT, module));
  if (/^export /m.test(source)) console.log(module);
}
