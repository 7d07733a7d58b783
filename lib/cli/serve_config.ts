/**
 * The file of `xoq serve`: what the flags of `xoq KIND` say, for several devices of several kinds.
 *
 *     {
 *       "iroh-relay": "none",
 *       "camera": [{ "device": "0", "name": "front", "h264": true }],
 *       "serial": [{ "device": "/dev/ttyUSB0", "baud": 115200 }]
 *     }
 *
 * Keys are the flags' names; values are JSON's own (numbers, booleans, lists) or the flags' texts. A
 * key that is absent falls back to the environment, then to the default, as a flag does. An error
 * names the place: `xoq.json: camera[0].fps: …`.
 *
 * @module
 */
import type { OptionSpec, OptionTable, OptionValues } from "../device.ts";
import { UsageError } from "../errors.ts";
import { type KindEntry, KINDS } from "../registry.ts";
import { isDeviceName } from "../transport/device_name.ts";
import { ENDPOINT_OPTIONS, SERVER_OPTIONS } from "./common_options.ts";
import { type OptionValue, parseValue, resolveOptions } from "./option_value.ts";

/** Longest file, bytes. */
export const MAX_CONFIG_BYTES: number = 1024 * 1024;
/** Most devices in one file. */
export const MAX_CONFIG_DEVICES = 256;

/** One device to serve. */
export interface ConfiguredDevice {
  /** Where it stands in the file: `camera[0]`. */
  place: string;
  /** Its kind. */
  kind: KindEntry;
  /** The device, as on the command line. */
  selector: string;
  /** Its name in tickets, where one was chosen. */
  name: string | undefined;
  /** The kind's own options. */
  options: OptionValues;
}

/** What a file says. */
export interface ServeConfig {
  /** Options of the endpoint and of access. */
  server: OptionValues;
  /** Devices, in the file's order within a kind. */
  devices: ConfiguredDevice[];
}

/** Options that stand once in a file: network and access, less what is one device's or a terminal's. */
export function serverTable(): OptionTable {
  const { "no-qr": _qr, name: _name, ...access } = SERVER_OPTIONS;
  return { ...ENDPOINT_OPTIONS, ...access };
}

/** Reads and checks a file. Throws `UsageError` naming file and place; every file error is one. */
export async function readServeConfig(
  path: string,
  env: (name: string) => string | undefined,
): Promise<ServeConfig> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_CONFIG_BYTES) {
      throw new UsageError(`${path} is ${size} bytes long, at most ${MAX_CONFIG_BYTES}`);
    }
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const reason = cause instanceof Deno.errors.NotFound
      ? "is not there"
      : `can't be read: ${cause}`;
    throw new UsageError(`${path} ${reason}`, { cause });
  }
  return await parseServeConfig(text, path, env);
}

/** Checks a file's text; `file` is its name, for errors. */
export async function parseServeConfig(
  text: string,
  file: string,
  env: (name: string) => string | undefined,
  kinds: readonly KindEntry[] = KINDS,
): Promise<ServeConfig> {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${file} is no JSON: ${message}`, { cause });
  }
  if (!isObject(root)) throw new UsageError(`${file}: an object is wanted, { … }`);
  const table = serverTable();
  const names = kinds.map((kind) => kind.name);
  const known = [...Object.keys(table), ...names, "$schema"];
  checkKeys(root, known, file);
  const server = values(root, table, file, env);
  const devices: ConfiguredDevice[] = [];
  for (const kind of kinds) {
    const listed = root[kind.name];
    if (listed === undefined) continue;
    if (!Array.isArray(listed)) throw fault(`${file}: ${kind.name}`, "a list is wanted, [ … ]");
    const { options } = await kind.options();
    for (const [i, item] of listed.entries()) {
      devices.push(device(item, kind, options, `${kind.name}[${i}]`, file, env));
    }
  }
  if (devices.length === 0) {
    throw new UsageError(`${file} names no device`, {
      hint: `add a list of them under ${names.join(", ")}`,
    });
  }
  if (devices.length > MAX_CONFIG_DEVICES) {
    throw new UsageError(`${file} names ${devices.length} devices, at most ${MAX_CONFIG_DEVICES}`);
  }
  checkNames(devices, file);
  return { server, devices };
}

function device(
  item: unknown,
  kind: KindEntry,
  options: OptionTable,
  place: string,
  file: string,
  env: (name: string) => string | undefined,
): ConfiguredDevice {
  const where = `${file}: ${place}`;
  if (!isObject(item)) throw fault(where, "an object is wanted, { … }");
  checkKeys(item, [...Object.keys(options), "device", "name"], where);
  const { device: selector = kind.selector === undefined ? "" : undefined, name } = item;
  if (kind.selector === undefined) {
    if (selector !== "") throw fault(`${where}.device`, `there is only one ${kind.name} device`);
  } else if (typeof selector !== "string" || selector === "") {
    throw fault(where, `"device" is wanted: ${kind.selector.brief}`);
  }
  if (name !== undefined && (typeof name !== "string" || !isDeviceName(name))) {
    throw new UsageError(`${where}.name: ${JSON.stringify(name)} is no device name`, {
      hint: "names are 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit",
    });
  }
  return { place, kind, selector, name, options: values(item, options, where, env) };
}

function checkNames(devices: readonly ConfiguredDevice[], file: string): void {
  const seen = new Map<string, string>();
  for (const { name, place } of devices) {
    if (name === undefined) continue;
    const before = seen.get(name);
    if (before !== undefined) {
      throw new UsageError(`${file}: ${before} and ${place} have the same name ${name}`, {
        hint: "tickets tell devices apart by their names: give each its own",
      });
    }
    seen.set(name, place);
  }
}

function values(
  object: Readonly<Record<string, unknown>>,
  table: OptionTable,
  where: string,
  env: (name: string) => string | undefined,
): OptionValues {
  const result: Record<string, OptionValue | undefined> = {
    ...resolveOptions(table, new Map(), (name) => env(name)),
  };
  for (const [name, spec] of Object.entries(table)) {
    const given = object[name];
    if (given !== undefined) result[name] = value(given, spec, `${where}.${name}`);
  }
  return result;
}

function value(given: unknown, spec: OptionSpec, where: string): OptionValue | undefined {
  if (spec.type === "list") {
    if (!Array.isArray(given) || given.some((item) => typeof item !== "string")) {
      throw fault(where, "a list of strings is wanted");
    }
    return given.map((item: string) =>
      String(parseValue({ ...spec, type: "string" }, item, where))
    );
  }
  if (spec.type === "optional" && typeof given === "boolean") return given ? "" : undefined;
  const type = spec.type === "boolean" || spec.type === "number" ? spec.type : "string";
  const found: string = typeof given;
  if (found !== type) throw fault(where, `a ${type} is wanted`);
  return parseValue(spec, String(given), where);
}

function checkKeys(object: Record<string, unknown>, known: readonly string[], where: string): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new UsageError(`${where}: there is no key ${JSON.stringify(unknown)}`, {
    hint: `keys are ${known.filter((key) => key !== "$schema").toSorted().join(", ")}`,
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(where: string, what: string): UsageError {
  return new UsageError(`${where}: ${what}`, {
    hint: "xoq serve --schema prints the file's schema",
  });
}
