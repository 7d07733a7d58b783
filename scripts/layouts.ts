/**
 * Makes the checked-in layouts of C structs and constants again: `deno run -A scripts/layouts.ts`.
 * Each layout program is compiled and run, its JSON becomes the TypeScript module beside it.
 *
 * With `--check CC…` nothing is written: each compiler named (a cross compiler too, nothing is run)
 * compiles static assertions that its target has the layouts that are checked in.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** One layout program and what is made of it. */
export interface LayoutSource {
  /** C file, from the root of the checkout. */
  readonly program: string;
  /** TypeScript module made of it. */
  readonly module: string;
}

/** Every layout program. */
export const LAYOUTS: readonly LayoutSource[] = [
  { program: "ffi/libc_layout.c", module: "ffi/libc_layout.ts" },
  { program: "ffi/v4l2/layout.c", module: "ffi/v4l2/layout.ts" },
  { program: "ffi/termios_layout.c", module: "ffi/termios_layout.ts" },
  { program: "ffi/socketcan_layout.c", module: "ffi/socketcan_layout.ts" },
  { program: "ffi/udp_layout.c", module: "ffi/udp_layout.ts" },
];

type Entry = { kind: "constants" | "struct" } & Record<string, number | string>;

async function run(command: string, args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (code !== 0) {
    throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

/** Compiles and runs a layout program. */
export async function readLayout(
  source: LayoutSource,
  compiler = "cc",
): Promise<Record<string, Entry>> {
  const folder = await Deno.makeTempDir({ prefix: "layout" });
  try {
    const executable = `${folder}/layout`;
    await run(compiler, ["-o", executable, ROOT + source.program]);
    return JSON.parse(await run(executable, []));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The TypeScript module of a layout, not yet formatted. */
export function layoutModule(source: LayoutSource, layout: Record<string, Entry>): string {
  const lines = [
    "/**",
    ` * Made by \`scripts/layouts.ts\` from \`${source.program}\`: do not edit.`,
    " * The same on every 64-bit little-endian Linux (x86_64 and arm64, GNU and musl).",
    " *",
    " * @module",
    " */",
  ];
  for (const [name, { kind, ...values }] of Object.entries(layout)) {
    lines.push(
      "",
      kind === "struct"
        ? `/** \`struct ${name}\`: its size and its fields' offsets, in bytes. */`
        : `/** Constants ${name}. */`,
      `export const ${name} = {`,
    );
    for (const [key, value] of Object.entries(values)) {
      const constant = kind === "constants" && Number(value) > 0xffff;
      const number = constant ? `0x${value.toString(16)}` : value;
      lines.push(`  ${/^\w+$/.test(key) ? key : `"${key}"`}: ${number},`);
    }
    lines.push("} as const;");
  }
  return lines.join("\n") + "\n";
}

/** A C file that compiles only where the target has this layout. */
export async function layoutAssertions(
  source: LayoutSource,
  layout: Record<string, Entry>,
): Promise<string> {
  const text = await Deno.readTextFile(ROOT + source.program);
  const lines = text.split("\n").filter((line) => /^#(include <|define _)/.test(line));
  lines.push("#include <stddef.h>");
  for (const [name, { kind, ...values }] of Object.entries(layout)) {
    for (const [key, value] of Object.entries(values)) {
      const actual = kind === "constants"
        ? `(unsigned int)(${key})`
        : key === "size"
        ? `sizeof(struct ${name})`
        : `offsetof(struct ${name}, ${key})`;
      lines.push(`_Static_assert(${actual} == ${value}u, "${name} ${key}");`);
    }
  }
  return lines.join("\n") + "\n";
}

async function check(compilers: string[]): Promise<void> {
  for (const source of LAYOUTS) {
    const assertions = await layoutAssertions(source, await readLayout(source));
    const file = await Deno.makeTempFile({ suffix: ".c" });
    await Deno.writeTextFile(file, assertions);
    for (const compiler of compilers) {
      await run(compiler, ["-fsyntax-only", file]);
      console.error(`${source.module}: agrees with ${compiler}`);
    }
    await Deno.remove(file);
  }
}

async function write(): Promise<void> {
  for (const source of LAYOUTS) {
    const module = ROOT + source.module;
    await Deno.writeTextFile(module, layoutModule(source, await readLayout(source)));
    await run(Deno.execPath(), ["fmt", "--quiet", module]);
    console.error(source.module);
  }
}

if (import.meta.main) {
  if (Deno.args[0] === "--check") await check(Deno.args.slice(1));
  else await write();
}
