/**
 * `deno task peers`: the Python programs that tests speak with (OpenCV, iroh, XoQ's camera client),
 * in a virtual environment of their own, `.cache/peers`, and those that speak MoQT and need a newer
 * Python, in `.cache/peers-moqt`; Node and Bun from npm, which run the portable libraries, in
 * `.cache/runtimes`.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { capture, run } from "./lib/run.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

const { values } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    "moqt-python": { type: "string" },
  },
});

interface Environment {
  /** Below `.cache`. */
  folder: string;
  /** Below `tests/support/peers`. */
  requirements: string;
  /** The interpreter it is made from. */
  base: string;
  /** Packages whose source, with its tests, is unpacked beside it: `name==version`. */
  sources?: readonly string[];
}

/** Makes or renews an environment, and gives its interpreter. */
async function make(
  { folder: name, requirements, base, sources = [] }: Environment,
): Promise<string> {
  const folder = join(ROOT, ".cache", name);
  const file = join(ROOT, "tests", "support", "peers", requirements);
  const python = join(folder, "bin", "python");
  const stamp = join(folder, "requirements.txt");
  const wanted = [await Deno.readTextFile(file), ...sources].join("\n");
  if (await Deno.readTextFile(stamp).catch(() => "") === wanted) return python;
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await run(base, ["-m", "venv", folder]);
  await run(python, [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
    // esptool has no wheels; it is Python alone.
    ...["--only-binary=:all:", "--no-binary=esptool", "-r", file],
  ]);
  // XoQ's wheels hook themselves into every start of the interpreter and, run from there, write the
  // hook into the interpreter that the environment was made from. Emptied, they do neither.
  const hooks = (await capture("find", [folder, "-name", "xoq_*_hook.pth"])).trim();
  for (const hook of hooks === "" ? [] : hooks.split("\n")) await Deno.writeTextFile(hook, "");
  for (const source of sources) await unpack(python, source, folder);
  await Deno.writeTextFile(stamp, wanted);
  return python;
}

/** Unpacks a package's source into the folder, as `name-version`. */
async function unpack(python: string, source: string, folder: string): Promise<void> {
  await run(python, [
    ...["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"],
    ...["--no-binary=:all:", "--dest", folder, source],
  ]);
  const archive = join(folder, `${source.replace("==", "-")}.tar.gz`);
  await run("tar", ["--extract", "--file", archive, "--directory", folder]);
  await Deno.remove(archive);
}

/** Whether a program is a Python of at least that minor version, with `venv`. */
async function isPython(program: string, minor: number): Promise<boolean> {
  const code = `import sys, venv; sys.exit(sys.version_info < (3, ${minor}))`;
  try {
    return (await new Deno.Command(program, {
      args: ["-c", code],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output()).success;
  } catch {
    return false;
  }
}

/** The first Python that aiomoqt can be installed with: on PATH, or pyenv's. */
async function findMoqtPython(): Promise<string | undefined> {
  const candidates = ["python3", "python3.12", "python3.13", "python3.14"];
  const versions = join(Deno.env.get("HOME") ?? "/", ".pyenv", "versions");
  try {
    for await (const { name } of Deno.readDir(versions)) {
      candidates.push(join(versions, name, "bin", "python3"));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  for (const candidate of candidates) if (await isPython(candidate, 12)) return candidate;
  return undefined;
}

/** Other JavaScript runtimes: what is in npm is what they start with. */
const RUNTIMES = ["node@24.21.0", "bun@1.3.14"];

/** Installs them, where npm is. Gives the folder; undefined: there is no npm. */
async function makeRuntimes(): Promise<string | undefined> {
  const folder = join(ROOT, ".cache", "runtimes");
  const stamp = join(folder, "runtimes.txt");
  const wanted = RUNTIMES.join("\n");
  if (await Deno.readTextFile(stamp).catch(() => "") === wanted) return folder;
  await Deno.mkdir(folder, { recursive: true });
  // Their packages fetch the program for the machine in a script.
  const flags = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
  try {
    await run("npm", ["install", "--prefix", folder, ...flags, ...RUNTIMES]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  await Deno.writeTextFile(stamp, wanted);
  return folder;
}

console.log(
  await make({
    folder: "peers",
    requirements: "requirements.txt",
    base: values.python,
    // pyserial's own tests are in its source alone.
    sources: ["pyserial==3.5"],
  }),
);
const base = values["moqt-python"] ?? await findMoqtPython();
if (base !== undefined) {
  console.log(await make({ folder: "peers-moqt", requirements: "moqt.txt", base }));
} else {
  console.error(
    "There is no Python 3.12 or newer here (PATH, ~/.pyenv/versions), which aiomoqt needs: tests " +
      "that speak with it are skipped. --moqt-python names one.",
  );
}
const runtimes = await makeRuntimes();
if (runtimes !== undefined) console.log(runtimes);
else console.error("There is no npm here: tests in Node and Bun run where these are installed.");
