/**
 * What a terminal adds: colour, a QR code, and one live line at the bottom that log lines pass by.
 *
 * @module
 */
import type { TextWriter } from "./text_writer.ts";

/** Colours, or their absence. */
export interface Palette {
  /** What went wrong. */
  bad(text: string): string;
  /** What to watch out for. */
  warn(text: string): string;
  /** What matters. */
  strong(text: string): string;
  /** What is beside the point. */
  dim(text: string): string;
}

/** Colours by ANSI codes, or none of them. */
export function palette(colour: boolean): Palette {
  const paint = (code: number) => (text: string) => colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { bad: paint(31), warn: paint(33), strong: paint(1), dim: paint(2) };
}

/** Whether to use colour (https://no-color.org). */
export function wantsColour(
  isTerminal: boolean,
  env: (name: string) => string | undefined,
): boolean {
  return isTerminal && (env("NO_COLOR") ?? "") === "" && env("TERM") !== "dumb";
}

/** The line at the bottom of a terminal. */
export class StatusLine {
  readonly #writer: TextWriter;
  readonly #columns: () => number;
  #text = "";

  /** Draws through `writer`. */
  constructor(writer: TextWriter, columns: () => number) {
    this.#writer = writer;
    this.#columns = columns;
  }

  /** Shows `text`, one line without colours; empty: none. */
  show(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    this.#writer.write(`\r\x1b[K${this.#cut()}`, true);
  }

  /** Prints whole lines above it. */
  above(lines: string): void {
    this.#writer.write(this.#text === "" ? lines : `\r\x1b[K${lines}${this.#cut()}`);
  }

  #cut(): string {
    // The last column stays free: a full line would wrap, and could not be erased.
    return [...this.#text].slice(0, Math.max(this.#columns() - 1, 0)).join("");
  }
}

/** Columns of the terminal, 80 where it won't say (a serial console says 0). */
export function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** A QR code in half blocks, or `undefined` where it is wider than `columns`. */
export async function qrCode(text: string, columns: number): Promise<string | undefined> {
  const { renderUnicodeCompact } = await import("uqr");
  const code = renderUnicodeCompact(text, { ecc: "L", border: 2 });
  return code.indexOf("\n") > columns ? undefined : code;
}
