/** The MoQT programs of aiomoqt that tests speak with: `deno task peers` sets them up. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The interpreter: `XOQ_TEST_MOQT_PYTHON`, else the one `deno task peers` made. */
export const moqtPython: string = Deno.env.get("XOQ_TEST_MOQT_PYTHON") ??
  fileURLToPath(new URL("../../.cache/peers-moqt/bin/python", import.meta.url));

/** Where one of its programs is: `moq-interop-relay`. */
export function aiomoqtProgram(name: string): string {
  return join(dirname(moqtPython), name);
}

/** Why tests with aiomoqt can't run here, or `undefined`. */
export const noAiomoqt: string | undefined = await Deno.stat(aiomoqtProgram("moq-interop-relay"))
  .then(() => undefined, () => "aiomoqt is not there (deno task peers, with a Python ≥ 3.12)");
