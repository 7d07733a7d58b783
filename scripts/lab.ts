/**
 * The hardware lab: boots a machine with cameras, CAN controllers and USB serial ports (emulated, no
 * KVM, no root) on this machine's own files, and runs `tests/lab/` in it.
 *
 *     deno task lab [FILTER…] [--keep] [--shell] [--install] [--timeout SECONDS]
 *
 * A FILTER is a file name's piece (`vivid`) or, where no file fits, a piece of the tests' names.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { CHECKOUT, progress, quote, runInLab } from "./lab/boot.ts";
import { LabError, labError } from "./lab/run.ts";

/** Test files that the filters mean, and what is left for the tests' names. */
async function testFiles(filters: string[]): Promise<{ files: string[]; name?: string }> {
  const all: string[] = [];
  for await (const { name } of Deno.readDir(`${CHECKOUT}/tests/lab`)) {
    if (name.endsWith("_test.ts")) all.push(name);
  }
  const path = (name: string) => `tests/lab/${name}`;
  const fitting = all.filter((name) => filters.some((filter) => name.includes(filter)));
  if (fitting.length > 0) return { files: fitting.sort().map(path) };
  const files = all.sort().map(path);
  if (filters.length > 1) {
    throw labError(`no file of tests/lab is named like ${filters.join(", ")}`);
  }
  return { files, ...(filters[0] !== undefined && { name: filters[0] }) };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      keep: { type: "boolean", default: false },
      shell: { type: "boolean", default: false },
      install: { type: "boolean", default: false },
      timeout: { type: "string", default: "900" },
    },
  });
  const { keep, shell, install } = values;
  const timeout = Number(values.timeout);
  if (!(timeout > 0)) throw labError("--timeout takes seconds");

  const { files, name } = await testFiles(positionals);
  const filter = name === undefined ? "" : `--filter ${quote(name)} `;
  // Interrupted, deno says what failed before, which it doesn't when the machine is stopped.
  const inner = Math.max(30, timeout - 60);
  const command =
    `timeout -s INT ${inner} ${quote(Deno.execPath())} test -A --no-check --cached-only ${filter}` +
    files.map(quote).join(" ");

  const modules = ["main.ts", ...files];
  const code = await runInLab({
    command,
    modules,
    console: "stdout",
    keep,
    shell,
    install,
    timeout,
  });
  progress(code === 0 ? "passed" : `failed: the tests ended with ${code}`);
  return code;
}

if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    const usage = error instanceof TypeError && "code" in error;
    if (!(error instanceof LabError) && !usage) throw error;
    console.error(`lab: ${error.message}`);
    Deno.exit(usage ? 2 : 1);
  }
}
