/**
 * Builds the QUIC library (`ffi/quic`) when it is missing or older than its source, and puts it at
 * `native/<target>/`. Without a Rust toolchain it says so in one line and succeeds: the prebuilt addon
 * carries connections then, slower.
 *
 *     deno task native [--force] [--require] [--target TRIPLE]
 *
 * `--force` builds in any case; `--require` makes it an error that the library cannot be built.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { libraryFileName, libraryPath } from "../ffi/quic/library.ts";
import { BuildProgress } from "./native_progress.ts";

const MINIMUM_RUST = [1, 91] as const;
const crate = fileURLToPath(new URL("../ffi/quic/", import.meta.url));

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    force: { type: "boolean", default: false },
    require: { type: "boolean", default: false },
    target: { type: "string", default: Deno.build.target },
  },
});

const library = libraryPath(flags.target);
const stamp = `${library}.sha256`;

/** A hash of everything the library is made from. */
function sourceHash(): string {
  const hash = createHash("sha256");
  const sources = ["Cargo.toml", "Cargo.lock", "build.rs", ...rustFiles("src")].sort();
  for (const path of sources) {
    hash.update(`${path}\0`).update(Deno.readFileSync(join(crate, path))).update("\0");
  }
  return hash.digest("hex");
}

function rustFiles(folder: string): string[] {
  return Array.from(Deno.readDirSync(join(crate, folder)), (entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return rustFiles(path);
    return entry.name.endsWith(".rs") ? [path] : [];
  }).flat();
}

function readOr(path: string, fallback: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return fallback;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Why this machine's Rust will not do; `undefined` when it will. */
async function whyNoRust(): Promise<string | undefined> {
  const version = await output("rustc", ["--version"]) ?? "";
  const found = /^rustc (\d+)\.(\d+)/.exec(version);
  if (found === null || await output("cargo", ["--version"]) === undefined) {
    return `Rust ${MINIMUM_RUST.join(".")} or newer is not installed (https://rustup.rs)`;
  }
  const [major, minor] = [Number(found[1]), Number(found[2])];
  const enough = major > MINIMUM_RUST[0] || (major === MINIMUM_RUST[0] && minor >= MINIMUM_RUST[1]);
  return enough
    ? undefined
    : `Rust ${MINIMUM_RUST.join(".")} is needed, ${major}.${minor} is here (rustup update)`;
}

async function output(command: string, args: string[]): Promise<string | undefined> {
  try {
    const result = await new Deno.Command(command, { args, cwd: crate, stderr: "null" }).output();
    return result.success ? new TextDecoder().decode(result.stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** Packages that are built for the target. */
async function countPackages(): Promise<number> {
  const tree = await output("cargo", [
    "tree",
    "--locked",
    "--edges=normal,build",
    "--prefix=none",
    `--target=${flags.target}`,
    "--format={p}",
  ]);
  return new Set((tree ?? "").split("\n").filter((line) => line !== "")).size;
}

/** Builds; gives the file, or what cargo said last. */
async function build(): Promise<{ file: string } | { failure: string }> {
  const cross = flags.target === Deno.build.target ? [] : [`--target=${flags.target}`];
  const folder = resolve(crate, Deno.env.get("CARGO_TARGET_DIR") ?? "target");
  const progress = new BuildProgress("building the QUIC library", countPackages());
  const child = new Deno.Command("cargo", {
    args: ["build", "--release", "--locked", "--message-format=json-render-diagnostics", ...cross],
    cwd: crate,
    env: { CARGO_TARGET_DIR: folder, CARGO_TERM_COLOR: "never" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  for await (const line of lines(child.stdout)) progress.read(line);
  const [{ success }, text] = await Promise.all([child.status, said]);
  progress.end(success);
  if (!success) return { failure: text.trimEnd().split("\n").slice(-40).join("\n") };
  return { file: join(folder, ...(cross.length > 0 ? [flags.target] : []), "release", fileName()) };
}

function fileName(): string {
  if (flags.target.includes("windows")) return libraryFileName("windows");
  return libraryFileName(flags.target.includes("apple") ? "darwin" : "linux");
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** Puts the file in place by renaming, so that a process that has the old one open keeps it whole. */
function install(file: string, hash: string): void {
  const folder = resolve(library, "..");
  Deno.mkdirSync(folder, { recursive: true });
  const temporary = `${library}.${Deno.pid}`;
  Deno.copyFileSync(file, temporary);
  Deno.renameSync(temporary, library);
  Deno.writeTextFileSync(stamp, `${hash}\n`);
}

/** Without a library of its own source: what happens instead. */
function without(reason: string): never {
  const instead = !exists(library)
    ? "connections go by the prebuilt addon, which is slower"
    : readOr(stamp, "") === hash
    ? "the QUIC library stays as it is"
    : "the QUIC library stays, older than its source";
  console.error(`native: ${reason}: ${instead}`);
  Deno.exit(flags.require ? 1 : 0);
}

const hash = sourceHash();
if (flags.force || !exists(library) || readOr(stamp, "") !== hash) {
  const reason = await whyNoRust();
  if (reason !== undefined) without(reason);
  const result = await build();
  if ("failure" in result) {
    console.error(result.failure);
    without("cargo could not build it");
  }
  install(result.file, hash);
}
