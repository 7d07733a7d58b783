/**
 * A remote port on this terminal: `--console`. Every key goes to the port, Ctrl-C too; Ctrl-] begins a
 * local command.
 *
 * @module
 */
import type { LineLevels } from "../port.ts";
import type { LineLog } from "./line_log.ts";
import { abortable, type SharedPort, type SinkContext } from "./sink.ts";

/** Ctrl-]: what telnet has, too. */
const ESCAPE = 0x1d;

/** What a local key asks for. */
export type ConsoleCommand =
  | "quit"
  | "break"
  | "dtr"
  | "rts"
  | "reset"
  | "lines"
  | "help";

/** Local keys, after Ctrl-]. */
export const CONSOLE_KEYS: Readonly<Record<string, { command: ConsoleCommand; does: string }>> = {
  q: { command: "quit", does: "quit" },
  b: { command: "break", does: "send a break" },
  d: { command: "dtr", does: "toggle DTR" },
  r: { command: "rts", does: "toggle RTS" },
  x: { command: "reset", does: "run the line script of --reset (default: esp32-run)" },
  l: { command: "lines", does: "show the lines" },
  "?": { command: "help", does: "show these keys" },
};

/** What was typed. */
export type Typed =
  | { type: "bytes"; bytes: Uint8Array }
  | { type: "command"; command: ConsoleCommand }
  | { type: "unknown"; key: string };

/** Tells local commands from what is for the port. Ctrl-] twice sends one. */
export class ConsoleKeys {
  #escaped = false;

  /** Takes what was typed. */
  push(bytes: Uint8Array): Typed[] {
    const typed: Typed[] = [];
    let from = 0;
    for (const [at, byte] of bytes.entries()) {
      if (this.#escaped) {
        this.#escaped = false;
        from = at + 1;
        if (byte === ESCAPE) typed.push({ type: "bytes", bytes: Uint8Array.of(ESCAPE) });
        else typed.push(commandOf(String.fromCharCode(byte)));
      } else if (byte === ESCAPE) {
        if (at > from) typed.push({ type: "bytes", bytes: bytes.subarray(from, at) });
        this.#escaped = true;
        from = at + 1;
      }
    }
    if (from < bytes.length) typed.push({ type: "bytes", bytes: bytes.subarray(from) });
    return typed;
  }
}

function commandOf(key: string): Typed {
  const known = CONSOLE_KEYS[key.toLowerCase()];
  return known === undefined
    ? { type: "unknown", key }
    : { type: "command", command: known.command };
}

/** What a console needs beside the port. */
export interface ConsoleOptions {
  /** What is typed. */
  input: ReadableStream<Uint8Array>;
  /** What the port says goes here. */
  output: WritableStream<Uint8Array>;
  /** Line script of the reset key. */
  reset: string;
  /** What the port says goes here, too. */
  log?: LineLog;
  /** Has keys come singly and unechoed; absent where the input is no terminal. */
  setRaw?: (raw: boolean) => void;
}

/** How long a break is held, in milliseconds: every receiver notices, at any usual rate. */
const BREAK_MS = 250;

/** Runs until quit, the input's end, or the signal. */
export async function runConsole(
  shared: SharedPort,
  options: ConsoleOptions,
  context: SinkContext,
): Promise<void> {
  const { signal } = context;
  const { log, setRaw } = options;
  const writer = options.output.getWriter();
  const reader = options.input.getReader();
  using _attached = shared.attach(async (bytes) => {
    log?.push(bytes);
    await writer.write(bytes).catch(() => {});
  });
  const say = (message: string) => context.onEvent({ type: "notice", message });
  say("Ctrl-] q quits, Ctrl-] ? shows the other keys");
  setRaw?.(true);
  try {
    const keys = new ConsoleKeys();
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) return;
      for (const typed of keys.push(value)) {
        if (typed.type === "bytes") await shared.port.write(typed.bytes, { signal });
        else if (typed.type === "unknown") say(`Ctrl-] ${typed.key} is no command; ? shows them`);
        else if (typed.command === "quit") return;
        else await obey(typed.command, shared, options.reset, say);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    setRaw?.(false);
    reader.releaseLock();
    writer.releaseLock();
    await log?.close();
  }
}

async function obey(
  command: Exclude<ConsoleCommand, "quit">,
  { port }: SharedPort,
  reset: string,
  say: (message: string) => void,
): Promise<void> {
  try {
    switch (command) {
      case "help":
        for (const [key, { does }] of Object.entries(CONSOLE_KEYS)) say(`Ctrl-] ${key}  ${does}`);
        return;
      case "break":
        await port.runScript(`brk=1,${BREAK_MS}ms,brk=0`);
        return say("break sent");
      case "reset":
        await port.runScript(reset);
        return say(`${reset} done`);
      case "lines": {
        const lines = await port.lines();
        return say(lines === undefined ? "the port has no lines" : linesText({ ...lines }));
      }
      case "dtr":
      case "rts": {
        const on = !(await port.lines())?.[command];
        const levels: LineLevels = command === "dtr" ? { dtr: on } : { rts: on };
        await port.setLines(levels);
        return say(`${command.toUpperCase()} ${on ? "on" : "off"}`);
      }
    }
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
  }
}

function linesText(lines: Readonly<Record<string, boolean>>): string {
  return Object.entries(lines)
    .map(([line, on]) => `${line.toUpperCase()} ${on ? "on" : "off"}`).join(" · ");
}
