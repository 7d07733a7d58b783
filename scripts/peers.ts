/**
 * `deno task peers`: the Python programs that tests speak with (OpenCV, iroh, XoQ's camera client),
 * in a virtual environment of their own, `.cache/peers`.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { capture, run } from "./lib/run.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const REQUIREMENTS = join(ROOT, "tests", "support", "peers", "requirements.txt");

const { values } = parseArgs({ options: { python: { type: "string", default: "python3" } } });
const folder = join(ROOT, ".cache", "peers");
const python = join(folder, "bin", "python");
const stamp = join(folder, "requirements.txt");

const wanted = await Deno.readTextFile(REQUIREMENTS);
if (await Deno.readTextFile(stamp).catch(() => "") !== wanted) {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await run(values.python, ["-m", "venv", folder]);
  await run(python, [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
    // esptool has no wheels; it is Python alone.
    ...["--only-binary=:all:", "--no-binary=esptool", "-r", REQUIREMENTS],
  ]);
  // XoQ's wheels hook themselves into every start of the interpreter and, run from there, write the
  // hook into the interpreter that the environment was made from. Emptied, they do neither.
  const hooks = (await capture("find", [folder, "-name", "xoq_*_hook.pth"])).trim();
  for (const hook of hooks.split("\n")) await Deno.writeTextFile(hook, "");
  await Deno.writeTextFile(stamp, wanted);
}
console.log(python);
