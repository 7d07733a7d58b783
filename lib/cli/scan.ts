/**
 * The command line's scanner: `@stricli/core` over our option tables. Stricli finds the command,
 * takes flags and positionals apart and knows what is near to a mistyped name; values, environment
 * and messages are ours, so that they are the same for a flag, a variable and a configuration file.
 *
 * @module
 */
import {
  AliasNotFoundError,
  ArgumentScannerError,
  buildApplication,
  buildCommand,
  buildRouteMap,
  ExitCode,
  FlagNotFoundError,
  proposeCompletions,
  run,
  text_en,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from "@stricli/core";
import type {
  Application,
  Command as StricliCommand,
  CommandContext as StricliContext,
  RouteMap,
} from "@stricli/core";
import type { OptionSpec, OptionTable } from "../device.ts";
import { UsageError } from "../errors.ts";
import { EMPTY_VALUE, normaliseArguments } from "./argv.ts";
import type { Command, CommandEntry, Positional } from "./command.ts";
import { findEntry } from "./find_entry.ts";

/** What a command line says. */
export interface Scanned {
  /** Texts of the flags given, by option name. */
  given: Map<string, string[]>;
  /** Positional arguments. */
  args: string[];
}

/**
 * Takes a command's words apart. Throws `UsageError`.
 *
 * @param prefix how the command is called, for hints: `xoq ticket show`.
 */
export async function scanCommand(
  command: Command,
  table: OptionTable,
  words: readonly string[],
  prefix: string,
): Promise<Scanned> {
  let result: Scanned | undefined;
  const app = application(
    stricliCommand(command, table, (scanned) => {
      result = scanned;
    }),
  );
  await runQuietly(app, normaliseArguments(words, table), prefix);
  if (result === undefined) throw new UsageError(`${prefix}: nothing to run`);
  return result;
}

/** Fails as an unknown command does: with what was perhaps meant. */
export async function refuseUnknown(
  entries: readonly CommandEntry[],
  words: readonly string[],
  prefix: string,
): Promise<never> {
  await runQuietly(application(routes(entries)), words, prefix);
  throw new UsageError(`${JSON.stringify(words[0])} is no command`, {
    hint: `see ${prefix} --help`,
  });
}

/** What may stand where the last of `words` stands (which may be empty), for completions. */
export async function proposeWords(
  entries: readonly CommandEntry[],
  words: readonly string[],
  loaded: { command: Command; table: OptionTable } | undefined,
): Promise<string[]> {
  const { path, rest } = findEntry(entries, words.slice(0, -1));
  const level = path.length === 0 ? entries : path.at(-1)?.commands;
  const partial = words.at(-1) ?? "";
  const names = level === undefined || rest.length > 0
    ? []
    : level.filter((e) => !e.hidden && e.name.startsWith(partial)).map((e) => e.name);
  if (loaded === undefined) return names;
  const { command, table } = loaded;
  const app = application(stricliCommand(command, table, () => {}));
  const proposals = await proposeCompletions(app, words.slice(path.length), context(() => {}));
  // A command may have commands of its own: `xoq relay` and `xoq relay token`.
  return [...names, ...proposals.map((proposal) => proposal.completion).toSorted()];
}

type Target = StricliCommand<StricliContext> | RouteMap<StricliContext>;

function application(root: Target): Application<StricliContext> {
  return buildApplication(root as RouteMap<StricliContext>, {
    name: "xoq",
    scanner: { caseStyle: "original", allowArgumentEscapeSequence: true },
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (error) => {
          failure = error;
          return "";
        },
        noCommandRegisteredForInput: ({ input, corrections }) => {
          failure = new UnknownCommand(input, corrections);
          return "";
        },
      },
    },
  });
}

class UnknownCommand {
  constructor(readonly input: string, readonly corrections: readonly string[]) {}
}

/** What stricli's callbacks saw; read as soon as `run` ends. One command line is scanned at a time. */
let failure: unknown;

function context(write: (text: string) => void): StricliContext & {
  process: { stdout: { write(s: string): void }; stderr: { write(s: string): void } };
} {
  return { process: { stdout: { write }, stderr: { write }, exitCode: 0 } as never };
}

async function runQuietly(
  app: Application<StricliContext>,
  words: readonly string[],
  prefix: string,
): Promise<void> {
  failure = undefined;
  const quiet = context(() => {});
  await run(app, words, quiet);
  if (failure !== undefined) throw translate(failure, prefix);
  const code = (quiet.process as { exitCode?: number }).exitCode;
  if (code !== ExitCode.Success) throw new Error(`the scanner failed with ${code}`);
}

function translate(error: unknown, prefix: string): Error {
  const help = `see ${prefix} --help`;
  if (error instanceof UnknownCommand) {
    return new UsageError(`${JSON.stringify(error.input)} is no command`, {
      hint: didYouMean(error.corrections.map((name) => name.replaceAll("`", ""))) ?? help,
    });
  }
  if (error instanceof FlagNotFoundError) {
    return new UsageError(`there is no flag --${error.input}`, {
      hint: didYouMean(error.corrections.map((name) => `--${name}`)) ?? help,
    });
  }
  if (error instanceof AliasNotFoundError) {
    return new UsageError(`there is no flag -${error.input}`, { hint: help });
  }
  if (error instanceof UnsatisfiedFlagError) {
    return new UsageError(`--${error.externalFlagName} wants a value`, { hint: help });
  }
  if (error instanceof UnexpectedFlagError) {
    return new UsageError(`--${error.externalFlagName} is given twice`, { hint: "give it once" });
  }
  if (error instanceof UnexpectedPositionalError) {
    return new UsageError(`${JSON.stringify(error.input)} is one argument too many`, {
      hint: help,
    });
  }
  if (error instanceof UnsatisfiedPositionalError) {
    return new UsageError(`${error.placeholder} is missing`, { hint: help });
  }
  if (error instanceof ArgumentScannerError) return new UsageError(error.message, { hint: help });
  return error instanceof Error ? error : new Error(String(error));
}

function didYouMean(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `did you mean ${names.slice(0, 3).join(" or ")}?`;
}

function routes(entries: readonly CommandEntry[]): Target {
  const stub = buildCommand({ func: () => {}, parameters: {}, docs: { brief: "" } });
  return buildRouteMap({
    routes: Object.fromEntries(entries.map((entry) => [entry.name, stub])),
    docs: {
      brief: "xoq",
      hideRoute: Object.fromEntries(entries.map((entry) => [entry.name, entry.hidden ?? false])),
    },
  });
}

function stricliCommand(
  command: Command,
  table: OptionTable,
  done: (scanned: Scanned) => void,
): Target {
  const flags = Object.fromEntries(
    Object.entries(table).map(([name, spec]) => [name, stricliFlag(spec)]),
  );
  const aliases = Object.fromEntries(
    Object.entries(table).flatMap(([name, spec]) =>
      spec.short === undefined ? [] : [[spec.short, name]]
    ),
  );
  return buildCommand({
    // The tables are data: their types are checked where they are declared, not here.
    parameters: { flags, aliases, positional: stricliPositionals(command.positionals) } as never,
    docs: { brief: "" },
    func: (flagValues: Record<string, unknown>, ...args: unknown[]) => {
      const given = new Map<string, string[]>();
      for (const [name, value] of Object.entries(flagValues)) {
        if (value === undefined) continue;
        const texts = (Array.isArray(value) ? value : [value]).map(String);
        if (texts.length > 0) given.set(name, texts.map((t) => t === EMPTY_VALUE ? "" : t));
      }
      done({ given, args: args.filter((arg) => arg !== undefined).map(String) });
    },
  });
}

function stricliFlag(spec: OptionSpec): unknown {
  const base = { brief: spec.brief, optional: true };
  if (spec.type === "boolean") return { ...base, kind: "boolean", withNegated: false };
  const values = spec.values;
  return {
    ...base,
    kind: "parsed",
    parse: (text: string) => text,
    ...(spec.type === "list" ? { variadic: true } : {}),
    ...(values === undefined ? {} : {
      proposeCompletions: (partial: string) => values.filter((v) => v.startsWith(partial)),
    }),
  };
}

function stricliPositionals(positionals: readonly Positional[]): unknown {
  const parameter = (positional: Positional) => ({
    brief: positional.brief,
    placeholder: positional.value,
    parse: (text: string) => text,
    ...(positional.optional ? { optional: true } : {}),
    ...(positional.propose === undefined ? {} : {
      // A proposer that fails must not take the flags' proposals with it.
      proposeCompletions: (partial: string) => positional.propose?.(partial).catch(() => []),
    }),
  });
  const [only] = positionals;
  if (positionals.length === 1 && only?.many) {
    const { optional: _optional, ...rest } = parameter(only) as Record<string, unknown>;
    return { kind: "array", parameter: rest, minimum: only.optional ? 0 : 1 };
  }
  return { kind: "tuple", parameters: positionals.map(parameter) };
}
