/**
 * Booting the lab: the prepared kernel, what the guest is told, and one command in it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { makeInitramfs } from "./initramfs.ts";
import { findKernel, type Kernel, kernelPackages, makeKernel } from "./kernel.ts";
import { type MachineOptions, runMachine } from "./machine.ts";
import { requirePackages } from "./packages.ts";
import { labError, run } from "./run.ts";

/** The checkout, which the guest has at the same place. */
export const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

const CACHE = `${CHECKOUT}/.cache/lab`;
/** Files whose change makes the prepared folder stale. */
const INGREDIENTS = ["kernel.ts", "initramfs.ts", "init.sh"];
const started = performance.now();

/** What to run in the lab. */
export interface LabJob extends Pick<MachineOptions, "console" | "timeout"> {
  /** Shell command, in the checkout. Its standard output and error are the guest's console. */
  command: string;
  /** Modules that the command runs: the guest is slow, so types are checked and modules cached here. */
  modules: readonly string[];
  /** Leaves a shell of the guest on the terminal afterwards. */
  shell?: boolean;
  /** Installs missing packages first. */
  install?: boolean;
  /** Keeps what the guest wrote to `/lab`. */
  keep?: boolean;
  /** Called before booting, with the folder that is `/lab` in the guest. */
  before?: (share: string) => Promise<void>;
  /** Called when the command has ended, with the same folder and its exit code. */
  after?: (share: string, code: number) => Promise<void>;
}

/** Says what the lab is doing, on stderr. */
export function progress(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.error(`lab: ${text} (${seconds} s)`);
}

/** Text as one word of a shell command. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Boots the machine, runs the command, powers off; answers the command's exit code. */
export async function runInLab(job: LabJob): Promise<number> {
  const { timeout, shell = false } = job;
  await requirePackages(job.install ?? false);
  const { kernel, initramfs } = await prepare();
  await run(Deno.execPath(), ["check", "--quiet", ...job.modules], { cwd: CHECKOUT });
  const share = await Deno.makeTempDir({ prefix: "xoq-lab-" });
  try {
    await Deno.copyFile(new URL("guest.sh", import.meta.url), `${share}/guest.sh`);
    await Deno.writeTextFile(
      `${share}/environment`,
      await guestEnvironment(kernel, job.command, shell),
    );
    await job.before?.(share);
    progress("booting");
    const { console } = job;
    await runMachine({ kernel, initramfs, share, interactive: shell, console, timeout });
    const code = await Deno.readTextFile(`${share}/exit`).then(Number, () => undefined);
    if (code === undefined) throw labError("the machine powered off before its command had ended");
    await job.after?.(share, code);
    return code;
  } finally {
    if (job.keep) progress(`kept ${share}`);
    else await Deno.remove(share, { recursive: true });
  }
}

/** The kernel and initramfs, from the cache when nothing changed. */
async function prepare(): Promise<{ kernel: Kernel; initramfs: string }> {
  const packages = await kernelPackages();
  const hash = createHash("sha256").update(JSON.stringify(packages));
  for (const name of INGREDIENTS) {
    hash.update(await Deno.readFile(new URL(name, import.meta.url)));
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
