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
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeInitramfs } from "./lab/initramfs.ts";
import { findKernel, type Kernel, kernelPackages, makeKernel } from "./lab/kernel.ts";
import { runMachine } from "./lab/machine.ts";
import { requirePackages } from "./lab/packages.ts";
import { LabError, labError, run } from "./lab/run.ts";

const CHECKOUT = fileURLToPath(new URL("../", import.meta.url)).replace(/\/$/, "");
const CACHE = `${CHECKOUT}/.cache/lab`;
/** Files whose change makes the prepared folder stale. */
const INGREDIENTS = ["kernel.ts", "initramfs.ts", "init.sh"];
const started = performance.now();

function progress(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.error(`lab: ${text} (${seconds} s)`);
}

/** The kernel and initramfs, from the cache when nothing changed. */
async function prepare(): Promise<{ kernel: Kernel; initramfs: string }> {
  const packages = await kernelPackages();
  const hash = createHash("sha256").update(JSON.stringify(packages));
  for (const name of INGREDIENTS) {
    hash.update(await Deno.readFile(new URL(`lab/${name}`, import.meta.url)));
  }
  const folder = `${CACHE}/${hash.digest("hex").slice(0, 16)}`;
  const initramfs = `${folder}/initramfs.gz`;
  // The folder gets its name when it is complete: what has the name is whole.
  if (!await Deno.stat(folder).then(() => true, () => false)) {
    await Deno.remove(CACHE, { recursive: true }).catch(() => {});
    progress("downloading and unpacking the kernel, building v4l2loopback");
    const partial = `${folder}.partial`;
    const kernel = await makeKernel(packages, partial);
    await makeInitramfs(kernel, `${partial}/initramfs.gz`);
    await Deno.rename(partial, folder);
  }
  const kernel = await findKernel(folder);
  progress(`Linux ${kernel.release} is ready`);
  return { kernel, initramfs };
}

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

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What the guest is told: a shell script of assignments. */
async function guestEnvironment(kernel: Kernel, command: string, shell: boolean): Promise<string> {
  const info = JSON.parse(await run(Deno.execPath(), ["info", "--json"]));
  const variables: Record<string, string> = {
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    HOME: Deno.env.get("HOME") ?? "/root",
    DENO_DIR: info.denoDir,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    XOQ_IROH_RELAY: "none",
    XOQ_BIND: "127.0.0.1",
    XOQ_NO_ANNOUNCE: "1",
    XOQ_LAB: "1",
    XOQ_LAB_MODULES: kernel.root,
    XOQ_LAB_CHECKOUT: CHECKOUT,
    XOQ_LAB_COMMAND: command,
    XOQ_LAB_SHELL: shell ? "1" : "",
  };
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}=${quote(value)}\n`)
    .join("");
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
  const timeout = Number(values.timeout);
  if (!(timeout > 0)) throw labError("--timeout takes seconds");
  await requirePackages(values.install);
  const { kernel, initramfs } = await prepare();

  const { files, name } = await testFiles(positionals);
  // The guest is slow: types are checked and modules cached out here.
  await run(Deno.execPath(), ["check", "--quiet", "main.ts", ...files], { cwd: CHECKOUT });
  const filter = name === undefined ? "" : `--filter ${quote(name)} `;
  // Interrupted, deno says what failed before, which it doesn't when the machine is stopped.
  const inner = Math.max(30, timeout - 60);
  const command =
    `timeout -s INT ${inner} ${quote(Deno.execPath())} test -A --no-check --cached-only ${filter}` +
    files.map(quote).join(" ");

  const share = await Deno.makeTempDir({ prefix: "xoq-lab-" });
  try {
    await Deno.copyFile(new URL("lab/guest.sh", import.meta.url), `${share}/guest.sh`);
    await Deno.writeTextFile(
      `${share}/environment`,
      await guestEnvironment(kernel, command, values.shell),
    );
    progress("booting");
    await runMachine({ kernel, initramfs, share, interactive: values.shell, timeout });
    const code = await Deno.readTextFile(`${share}/exit`).then(Number, () => undefined);
    if (code === undefined) throw labError("the machine powered off before the tests had ended");
    progress(code === 0 ? "passed" : `failed: the tests ended with ${code}`);
    return code;
  } finally {
    if (values.keep) progress(`kept ${share}`);
    else await Deno.remove(share, { recursive: true });
  }
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
