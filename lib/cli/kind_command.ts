/**
 * Commands and options derived from the registry of device kinds.
 *
 * @module
 */
import type { OptionSpec, OptionTable, OptionValues } from "../device.ts";
import { type KindEntry, KINDS } from "../registry.ts";
import type { Command, CommandContext, Positional } from "./command.ts";
import { ENDPOINT_OPTIONS, SERVER_OPTIONS } from "./common_options.ts";
import { parseValue } from "./option_value.ts";

/** Serves devices of one kind: what is behind `xoq camera`, `xoq serial`, … */
export type ServeDevices = (
  kind: KindEntry,
  selectors: readonly string[],
  values: OptionValues,
  context: CommandContext,
) => Promise<number | void>;

/**
 * `xoq KIND`.
 * @param serve does it.
 */
export async function kindCommand(kind: KindEntry, serve: ServeDevices): Promise<Command> {
  const { options } = await kind.options();
  const { selector, trailing } = kind;
  const positionals: Positional[] = [{
    value: selector.value,
    brief: selector.brief,
    ...(selector.many ? { many: true } : {}),
    propose: (partial) => proposeDevices(kind, partial),
  }];
  if (trailing !== undefined) {
    positionals.push({
      value: trailing.value,
      brief: `same as --${trailing.option}`,
      optional: true,
    });
  }
  return {
    positionals,
    options: { ...options, ...ENDPOINT_OPTIONS, ...SERVER_OPTIONS },
    examples: kind.examples,
    run: (args, values, context) => {
      const selectors = selector.many ? args : args.slice(0, 1);
      const extra = trailing === undefined ? undefined : args[1];
      return serve(kind, selectors, withTrailing(values, options, trailing, extra), context);
    },
  };
}

function withTrailing(
  values: OptionValues,
  options: OptionTable,
  trailing: KindEntry["trailing"],
  text: string | undefined,
): OptionValues {
  const spec = options[trailing?.option ?? ""];
  if (trailing === undefined || spec === undefined || text === undefined) return values;
  return { ...values, [trailing.option]: parseValue(spec, text, trailing.value) };
}

async function proposeDevices(kind: KindEntry, partial: string): Promise<readonly string[]> {
  try {
    const devices = await (await kind.load()).list({ signal: AbortSignal.timeout(1_000) });
    return devices.map((device) => device.selector).filter((name) => name.startsWith(partial));
  } catch {
    return [];
  }
}

/**
 * The sinks of every kind in one table, for `xoq open`: of which kind the device is, only its server
 * can tell. An option that several kinds have is the same for all; an `optional`'s values are united.
 */
export async function openOptions(kinds: readonly KindEntry[] = KINDS): Promise<OptionTable> {
  const merged: Record<string, OptionSpec> = {};
  for (const kind of kinds) {
    for (const [name, spec] of Object.entries((await kind.options()).openOptions)) {
      const there = merged[name];
      merged[name] = there === undefined
        ? { section: `Open a ${kind.name}`, ...spec }
        : unite(name, there, spec);
    }
  }
  return merged;
}

function unite(name: string, a: OptionSpec, b: OptionSpec): OptionSpec {
  if (a.type !== b.type || a.alias !== b.alias || a.default !== b.default) {
    throw new TypeError(`--${name} means different things to different device kinds`);
  }
  const values = a.values === undefined && b.values === undefined
    ? {}
    : { values: [...new Set([...(a.values ?? []), ...(b.values ?? [])])] };
  const brief = a.brief === b.brief ? a.brief : `${a.brief}; ${b.brief}`;
  return { ...a, ...values, brief, section: "Open" };
}
