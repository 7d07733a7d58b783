/**
 * Makes a command line fit for the scanner: flags with an optional value never take the next word,
 * other names of a flag become its own, and empty values survive.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";

/** Stands for an empty value: no argument of a process can contain it. */
export const EMPTY_VALUE = "\0";

/** Rewrites the words behind the command's name; those behind `--` are left alone. */
export function normaliseArguments(words: readonly string[], table: OptionTable): string[] {
  const names = new Map<string, string>();
  for (const [name, spec] of Object.entries(table)) {
    names.set(name, name);
    if (spec.alias !== undefined) names.set(spec.alias, name);
  }
  const end = words.indexOf("--");
  const own = words.slice(0, end < 0 ? undefined : end);
  const rewritten: string[] = [];
  for (let i = 0; i < own.length; i++) {
    const word = own[i] ?? "";
    const match = /^--([a-z][a-z0-9-]*)(?:=([^]*))?$/.exec(word);
    const name = names.get(match?.[1] ?? "");
    const spec = table[name ?? ""];
    if (match === null || name === undefined || spec === undefined) {
      rewritten.push(word);
      continue;
    }
    let value = match[2];
    if (value === undefined && spec.type === "optional") {
      const next = own[i + 1];
      const takes = next !== undefined && spec.values?.includes(next) === true;
      value = takes ? next : "";
      if (takes) i++;
    }
    rewritten.push(
      value === undefined ? `--${name}` : `--${name}=${value === "" ? EMPTY_VALUE : value}`,
    );
  }
  return end < 0 ? rewritten : [...rewritten, ...words.slice(end)];
}

/** Whether help is asked for before any `--`. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  return own.includes("--help") || own.includes("-h");
}
