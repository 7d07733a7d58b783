/**
 * `--help`, from the same tables the scanner reads.
 *
 * @module
 */
import type { OptionSpec, OptionTable } from "../device.ts";
import type { Command, CommandEntry, Positional } from "./command.ts";
import { environmentName, formatDuration } from "./option_value.ts";
import type { Palette } from "./terminal.ts";

const WIDTH = 100;
const DEFAULT_SECTION = "Options";
/** Headings in the order they are printed; others stand between `Options` and these. */
const LAST_SECTIONS = ["Network", "Access", "General"];

/** Help of a command. `name` is how it is called: `xoq ticket show`. */
export function commandHelp(
  name: string,
  brief: string,
  command: Command,
  table: OptionTable,
  paint: Palette,
): string {
  const usage = [name, "[OPTIONS]", ...command.positionals.map(placeholder)];
  if (command.takesCommand) usage.push("-- CMD…");
  const parts = [`${paint.strong(name)}: ${brief}`, `Usage: ${usage.join(" ")}`];
  if (command.description !== undefined) parts.push(command.description);
  if (command.positionals.length > 0) {
    parts.push(
      heading("Arguments", paint) + rows(
        command.positionals.map((p) => [placeholder(p), p.brief]),
      ),
    );
  }
  for (const [section, options] of sections(table)) {
    parts.push(heading(section, paint) + rows(options.map(optionRow)));
  }
  if (command.examples.length > 0) parts.push(heading("Examples", paint) + examples(command));
  return parts.join("\n\n") + "\n";
}

/** Help of `xoq` itself, or of a group of commands. */
export function groupHelp(
  name: string,
  brief: string,
  entries: readonly CommandEntry[],
  paint: Palette,
): string {
  const parts = [`${paint.strong(name)}: ${brief}`, `Usage: ${name} COMMAND …`];
  const bySection = new Map<string, CommandEntry[]>();
  for (const entry of entries) {
    if (entry.hidden) continue;
    const section = entry.section ?? "Commands";
    bySection.set(section, [...(bySection.get(section) ?? []), entry]);
  }
  const width = Math.max(...entries.filter((e) => !e.hidden).map((e) => e.name.length));
  for (const [section, members] of bySection) {
    const lines = members.map((e) => [e.name.padEnd(width), e.brief] as const);
    parts.push(heading(section, paint) + rows(lines));
  }
  parts.push(
    paint.dim(`${name} COMMAND --help says more${name === "xoq" ? "; xoq --version" : ""}`),
  );
  return parts.join("\n\n") + "\n";
}

function heading(text: string, paint: Palette): string {
  return `${paint.strong(text)}:\n`;
}

function placeholder(positional: Positional): string {
  const name = `<${positional.value}>${positional.many ? "…" : ""}`;
  return positional.optional ? `[${name.replace(/[<>]/g, "")}]` : name;
}

function sections(table: OptionTable): [string, [string, OptionSpec][]][] {
  const found = new Map<string, [string, OptionSpec][]>([[DEFAULT_SECTION, []]]);
  for (const [name, spec] of Object.entries(table)) {
    if (spec.hidden) continue;
    const section = spec.section ?? DEFAULT_SECTION;
    found.set(section, [...(found.get(section) ?? []), [name, spec]]);
  }
  const rank = (section: string) => LAST_SECTIONS.indexOf(section);
  return [...found].filter(([, options]) => options.length > 0)
    .sort(([a], [b]) => rank(a) - rank(b));
}

function optionRow([name, spec]: [string, OptionSpec]): readonly [string, string] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const notes: string[] = [];
  if (spec.values !== undefined) notes.push(`one of ${spec.values.join(", ")}`);
  if (spec.default !== undefined && spec.default !== false) {
    notes.push(
      `default ${
        spec.type === "duration" ? formatDuration(Number(spec.default)) : String(spec.default)
      }`,
    );
  }
  if (spec.alias !== undefined) notes.push(`also --${spec.alias}`);
  notes.push(environmentName(name));
  return [
    `${short}--${name}${valueText(spec)}`,
    spec.brief + (notes.length === 0 ? "" : ` [${notes.join("; ")}]`),
  ];
}

function valueText(spec: OptionSpec): string {
  const value = spec.value ?? (spec.type === "number" ? "N" : spec.values ? "NAME" : "VALUE");
  if (spec.type === "boolean") return "";
  return spec.type === "optional" ? `[=${value}]` : ` ${value}`;
}

function examples(command: Command): string {
  return command.examples
    .map(([line, does]) => `  ${line}\n      ${does}`).join("\n");
}

/** Two aligned columns; the right one wraps. */
function rows(lines: readonly (readonly [string, string])[]): string {
  const left = Math.min(Math.max(...lines.map(([name]) => name.length)), 32) + 2;
  return lines.map(([name, text]) => {
    const [first = "", ...more] = wrap(text, WIDTH - left - 2);
    const head = name.length + 2 > left
      ? `  ${name}\n${" ".repeat(left + 2)}${first}`
      : `  ${name.padEnd(left)}${first}`;
    return [head, ...more.map((line) => " ".repeat(left + 2) + line)].join("\n");
  }).join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
