/**
 * What a command is. One file a command in `commands/`, one line each in `command_table.ts`.
 *
 * @module
 */
import type { OptionTable, OptionValues, ValuesOf } from "../device.ts";
import type { Output } from "./output.ts";

/** A positional argument. */
export interface Positional {
  /** What stands for it in help: `TICKET`. */
  readonly value: string;
  /** One line of help. */
  readonly brief: string;
  /** May be left out. */
  readonly optional?: boolean;
  /** Takes all that follow; the last positional only. */
  readonly many?: boolean;
  /** Proposes values for the shell's completion of `partial`. */
  readonly propose?: (partial: string) => Promise<readonly string[]>;
}

/** What a command gets beside its arguments. */
export interface CommandContext {
  /** Where it tells people and programs. */
  readonly output: Output;
  /** Aborts at Ctrl-C, SIGTERM, or when stdout's reader is gone. Clean up within 2 s. */
  readonly signal: AbortSignal;
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** Calls back at SIGHUP, where the system has it. Returns the unsubscriber. */
  readonly onReload: (listener: () => void) => () => void;
  /** Words behind `--`, where the command has `takesCommand`. */
  readonly commandLine: readonly string[];
  /** Options the command line or the environment gave, as opposed to defaults. */
  readonly given: ReadonlySet<string>;
}

/** A command, ready to run. */
export interface Command {
  /** Positional arguments, in order. */
  readonly positionals: readonly Positional[];
  /** Its own options; {@link GENERAL_OPTIONS} come on top. */
  readonly options: OptionTable;
  /** More than the brief, for `--help`: paragraphs of at most 100 columns. */
  readonly description?: string;
  /** Command lines with what each does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
  /** Words behind `--` are a command line of their own (`xoq with … -- CMD`). */
  readonly takesCommand?: boolean;
  /** Whether stdout carries data, so that `--json` events go to stderr. */
  readonly dataOnStdout?: (values: OptionValues) => boolean;
  /** Runs it. The result is the exit code, 0 when there is none. */
  run(
    args: readonly string[],
    values: OptionValues,
    context: CommandContext,
  ): Promise<number | void>;
}

/** A command as its author writes it: `values` typed by its option table. */
export interface CommandSpec<T extends OptionTable> extends Omit<Command, "options" | "run"> {
  /** Its own options, `as const satisfies OptionTable` (or inline). */
  readonly options: T;
  /** Runs it. */
  run(
    args: readonly string[],
    values: ValuesOf<T>,
    context: CommandContext,
  ): Promise<number | void>;
}

/** Declares a command. Its `values` have the types its option table says. */
export function defineCommand<const T extends OptionTable>(spec: CommandSpec<T>): Command {
  return {
    ...spec,
    run: (args, values, context) => spec.run(args, values as ValuesOf<T>, context),
  };
}

/** A command as `xoq --help` lists it; loaded when it is run. */
export interface CommandEntry {
  /** Name, one word. */
  readonly name: string;
  /** One line of help, lower case, no full stop. */
  readonly brief: string;
  /** Heading it stands under in `xoq --help`. */
  readonly section?: string;
  /** Not in help. */
  readonly hidden?: boolean;
  /** Imports it; absent on a group. */
  readonly load?: () => Promise<Command>;
  /** The commands of a group: `show` and `new` of `ticket`. */
  readonly commands?: readonly CommandEntry[];
}
