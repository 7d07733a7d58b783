/**
 * The process as the command line sees it: environment, terminal, and the output made of both.
 *
 * @module
 */
import type { OptionValues } from "../device.ts";
import { Output } from "./output.ts";
import { PromptStdout } from "./prompt_stdout.ts";
import { type Palette, palette, terminalColumns, wantsColour } from "./terminal.ts";

/** Reads an environment variable; `undefined` also where that is not permitted. */
export function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/** The output that a command's options ask for. */
export function makeOutput(values: OptionValues, dataOnStdout: boolean): Output {
  const terminal = isTerminal(Deno.stderr);
  return new Output({
    json: values["json"] === true,
    verbose: values["verbose"] === true,
    quiet: values["quiet"] === true,
    qr: values["no-qr"] !== true,
    dataOnStdout,
    stdout: dataOnStdout ? new PromptStdout() : Deno.stdout,
    stderr: Deno.stderr,
    terminal,
    colour: wantsColour(terminal, environment),
    columns: terminalColumns,
  });
}

/** Colours for what goes to stdout. */
export function stdoutPalette(): Palette {
  return palette(wantsColour(isTerminal(Deno.stdout), environment));
}

/**
 * What is known of the general options before the command line is understood, so that even its own
 * errors are said as asked.
 */
export function earlyValues(words: readonly string[]): OptionValues {
  const end = words.indexOf("--");
  const own = end < 0 ? words : words.slice(0, end);
  const yes = (name: string) => /^(1|true|yes|on)$/i.test(environment(name) ?? "");
  return {
    json: own.includes("--json") || yes("XOQ_JSON"),
    verbose: own.some((word) => /^(--verbose|-[a-z]*v[a-z]*)$/.test(word)) || yes("XOQ_VERBOSE"),
    quiet: own.some((word) => /^(--quiet|-[a-z]*q[a-z]*)$/.test(word)) || yes("XOQ_QUIET"),
  };
}

/** Standard input, unless it is a terminal: a program in the background may not even read that. */
export function standardInput(): ReadableStream<Uint8Array> | undefined {
  return isTerminal(Deno.stdin) ? undefined : Deno.stdin.readable;
}

function isTerminal(stream: { isTerminal(): boolean }): boolean {
  try {
    return stream.isTerminal();
  } catch {
    return false;
  }
}
