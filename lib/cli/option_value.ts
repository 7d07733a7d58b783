/**
 * From the text of a flag, an environment variable, or a default to the option's value.
 *
 * @module
 */
import type { OptionSpec, OptionTable, OptionValues } from "../device.ts";
import { UsageError } from "../errors.ts";

/** Longest text of an option, characters. */
export const MAX_OPTION_CHARS = 16_384;

/** An option's value. */
export type OptionValue = string | number | boolean | readonly string[];

/** The environment variable of an option: `key-dir` is `XOQ_KEY_DIR`. */
export function environmentName(option: string): string {
  return `XOQ_${option.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Values of a table's options: what was given as flags, else in the environment, else the default.
 *
 * @param given texts by option name, in the order given; a boolean's text is `true` or `false`.
 * @throws {UsageError} naming the flag or the variable.
 */
export function resolveOptions(
  table: OptionTable,
  given: ReadonlyMap<string, readonly string[]>,
  env: (name: string) => string | undefined,
): OptionValues {
  const values: Record<string, OptionValue | undefined> = {};
  for (const [name, spec] of Object.entries(table)) {
    values[name] = resolve(name, spec, given.get(name), env);
  }
  return values;
}

/** Names of the options that were given, as flags or in the environment. */
export function givenOptions(
  table: OptionTable,
  given: ReadonlyMap<string, readonly string[]>,
  env: (name: string) => string | undefined,
): ReadonlySet<string> {
  return new Set(
    Object.keys(table).filter((name) =>
      given.has(name) || (env(environmentName(name)) ?? "") !== ""
    ),
  );
}

function resolve(
  name: string,
  spec: OptionSpec,
  given: readonly string[] | undefined,
  env: (name: string) => string | undefined,
): OptionValue | undefined {
  if (given !== undefined) {
    if (spec.type === "list") return given.map((text) => checkText(text, `--${name}`));
    return parseValue(spec, given.at(-1) ?? "", `--${name}`);
  }
  const variable = environmentName(name);
  const text = env(variable);
  // A variable that is set to nothing is as good as none, except where nothing means something.
  if (text !== undefined && (text !== "" || spec.type === "optional")) {
    if (spec.type === "list") {
      return text.split(",").map((item) => checkText(item.trim(), variable));
    }
    if (spec.type === "optional" && isYes(text)) return "";
    if (spec.type === "optional" && isNo(text)) return undefined;
    return parseValue(spec, text, variable);
  }
  if (spec.type === "boolean") return spec.default ?? false;
  if (spec.type === "list") return [];
  return spec.default;
}

/**
 * One value. `source` is the flag, variable, or key it came from, for the error.
 *
 * @throws {UsageError}
 */
export function parseValue(spec: OptionSpec, text: string, source: string): OptionValue {
  switch (spec.type) {
    case "boolean":
      return parseBoolean(text, source);
    case "number":
      return parseNumber(spec, text, source);
    case "duration":
      return parseDuration(spec, text, source);
    case "enum":
      return parseEnum(spec, text, source);
    case "optional":
      if (text === "") return "";
      return spec.values === undefined ? checkText(text, source) : parseEnum(spec, text, source);
    case "list":
      return [checkText(text, source)];
    case "string":
      return checkText(text, source);
  }
}

function checkText(text: string, source: string): string {
  if (text === "") throw new UsageError(`${source} is empty`, { hint: "give it a value" });
  if (text.length > MAX_OPTION_CHARS) {
    throw new UsageError(
      `${source} is ${text.length} characters long, at most ${MAX_OPTION_CHARS}`,
    );
  }
  return text;
}

function isYes(text: string): boolean {
  return /^(1|true|yes|on)$/i.test(text);
}

function isNo(text: string): boolean {
  return /^(0|false|no|off)$/i.test(text);
}

function parseBoolean(text: string, source: string): boolean {
  if (isYes(text)) return true;
  if (isNo(text)) return false;
  throw new UsageError(`${source}: ${quote(text)} is neither yes nor no`, {
    hint: "write 1, true, yes or on; or 0, false, no or off",
  });
}

function parseNumber(spec: OptionSpec, text: string, source: string): number {
  const value = /^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value) || (spec.fraction !== true && !Number.isSafeInteger(value))) {
    throw new UsageError(
      `${source}: ${quote(text)} is no ${spec.fraction ? "number" : "whole number"}`,
      { hint: `give ${range(spec, String)}` },
    );
  }
  return checkRange(spec, value, source, text, String);
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function parseDuration(spec: OptionSpec, text: string, source: string): number {
  const match = /^([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|min|m|h|d)$/.exec(text);
  if (match === null) {
    throw new UsageError(`${source}: ${quote(text)} is no duration`, {
      hint: "write a number and a unit: 500ms, 15s, 10m, 2h, 7d",
    });
  }
  const value = Math.round(Number(match[1]) * (UNITS[match[2] ?? ""] ?? NaN));
  return checkRange(spec, value, source, text, formatDuration);
}

/** A duration as it is written: `15s`. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = UNITS[unit] ?? 1;
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}

function checkRange(
  spec: OptionSpec,
  value: number,
  source: string,
  text: string,
  show: (value: number) => string,
): number {
  if (value < (spec.min ?? -Infinity) || value > (spec.max ?? Infinity)) {
    throw new UsageError(`${source}: ${text} is out of range`, {
      hint: `give ${range(spec, show)}`,
    });
  }
  return value;
}

function range(spec: OptionSpec, show: (value: number) => string): string {
  if (spec.min !== undefined && spec.max !== undefined) {
    return `${show(spec.min)} to ${show(spec.max)}`;
  }
  if (spec.min !== undefined) return `${show(spec.min)} or more`;
  if (spec.max !== undefined) return `${show(spec.max)} or less`;
  return spec.fraction ? "a number" : "a whole number";
}

function parseEnum(spec: OptionSpec, text: string, source: string): string {
  const values = spec.values ?? [];
  if (values.includes(text)) return text;
  throw new UsageError(`${source}: ${quote(text)} is none of its values`, {
    hint: `give one of ${values.join(", ")}`,
  });
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 36)}…`);
}
