/**
 * The command line: finds the command, reads its options, runs it, and turns how it ended into an
 * exit code. What a command needs is imported when it is run: `--help` loads next to nothing.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";
import { EXIT_CODES, UsageError } from "../errors.ts";
import { asksForHelp } from "./argv.ts";
import type { Command, CommandContext } from "./command.ts";
import { COMMANDS } from "./command_table.ts";
import { GENERAL_OPTIONS } from "./common_options.ts";
import { earlyValues, environment, makeOutput, stdoutPalette } from "./environment.ts";
import { findEntry } from "./find_entry.ts";
import type { Output } from "./output.ts";

const BRIEF = "cameras, serial ports, CAN buses and poses over the network";

/** Runs a command line. Resolves with the exit code, when all that was said is written. */
export async function main(words: readonly string[]): Promise<number> {
  let output = makeOutput(earlyValues(words), false);
  // A rejection nobody awaits is a fault of this program's: it ends as any other error does.
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    const code = output.fail(event.reason);
    output.flush().then(() => Deno.exit(code));
  });
  try {
    const target = await findTarget(words, output);
    if (typeof target === "number") return target;
    return await run(target, (made) => output = made);
  } catch (error) {
    const { translateError } = await import("./translate_error.ts");
    return output.fail(translateError(error));
  } finally {
    await output.flush();
  }
}

interface Target {
  /** How it is called: `xoq ticket show`. */
  name: string;
  command: Command;
  table: OptionTable;
  /** Words behind the name. */
  rest: readonly string[];
}

/** The command to run, or the exit code where help or the version was all that was asked for. */
async function findTarget(words: readonly string[], output: Output): Promise<Target | number> {
  if (words[0] === "--version" || words[0] === "-V") {
    const { VERSION } = await import("../version.ts");
    output.print(`xoq ${VERSION}`);
    return 0;
  }
  const { path, rest } = findEntry(COMMANDS, words);
  const entry = path.at(-1);
  const name = ["xoq", ...path.map((e) => e.name)].join(" ");
  if (entry?.load === undefined) {
    const entries = entry?.commands ?? COMMANDS;
    if (rest[0] !== undefined && !rest[0].startsWith("-")) {
      const { refuseUnknown } = await import("./scan.ts");
      return await refuseUnknown(entries, rest, name);
    }
    if (rest.length > 0 && !asksForHelp(rest)) {
      throw new UsageError(`${name} wants a command before ${rest[0]}`, {
        hint: `see ${name} --help`,
      });
    }
    const { groupHelp } = await import("./help.ts");
    const text = groupHelp(name, entry?.brief ?? BRIEF, entries, stdoutPalette());
    if (rest.length > 0) output.print(text);
    else output.notice(text.trimEnd());
    return rest.length > 0 ? 0 : EXIT_CODES.usage;
  }
  const command = await entry.load();
  const table = { ...command.options, ...GENERAL_OPTIONS };
  if (!asksForHelp(rest)) return { name, command, table, rest };
  const { commandHelp } = await import("./help.ts");
  output.print(commandHelp(name, entry.brief, command, table, stdoutPalette()));
  return 0;
}

async function run(target: Target, onOutput: (output: Output) => void): Promise<number> {
  const { name, command, table } = target;
  const { scanCommand } = await import("./scan.ts");
  const { resolveOptions, givenOptions } = await import("./option_value.ts");
  const end = command.takesCommand ? target.rest.indexOf("--") : -1;
  const own = end < 0 ? target.rest : target.rest.slice(0, end);
  const scanned = await scanCommand(command, table, own, name);
  const values = resolveOptions(table, scanned.given, environment);
  const output = makeOutput(values, command.dataOnStdout?.(values) ?? false);
  onOutput(output);
  const { watchSignals } = await import("./signals.ts");
  using watch = watchSignals();
  output.onStdoutGone = () => watch.stop(new StdoutGone());
  const context: CommandContext = {
    output,
    signal: watch.signal,
    env: environment,
    onReload: watch.onReload,
    commandLine: end < 0 ? [] : target.rest.slice(end + 1),
    given: givenOptions(table, scanned.given, environment),
  };
  try {
    const code = await command.run(scanned.args, values, context);
    await output.flush();
    return watch.interrupted ? EXIT_CODES.interrupted : code ?? 0;
  } catch (error) {
    // What a command throws while it is told to end is how it ended, no failure of its own.
    if (watch.interrupted) return EXIT_CODES.interrupted;
    if (watch.signal.aborted && watch.signal.reason instanceof StdoutGone) return 0;
    throw error;
  }
}

/** Why a command ends whose stdout nobody reads any more: `xoq open … --stdout jpeg | head -c 9`. */
class StdoutGone extends Error {
  override readonly name = "AbortError";
}
