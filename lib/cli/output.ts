/**
 * Everything a command says. People read stderr; programs read `--json`'s events on stdout, or on
 * stderr where stdout carries data. An event's line is an object whose `event` is its type:
 *
 * - `ready` {id, ticket, endpoint_ticket, device, addresses, label?}
 * - `ticket` {ticket, endpoint_ticket, addresses}: again, when the relay is known
 * - `client`, `gone` {id, role, reason?}
 * - `stats`, once a second: {fps?, mbps?, viewers?, dropped?, …}
 * - `lost` {device, reason}, `back` {device, path}
 * - `moq` {state: `published` or `lost`, device, relay, path, reason?}: `xoq camera --moq`
 * - `error` {code, message, hint?}
 *
 * @module
 */
import type { Reporter } from "../device.ts";
import { EXIT_CODES, XoqError } from "../errors.ts";
import { type Event, eventText, statsText } from "./event_text.ts";
import { type Palette, palette, qrCode, StatusLine } from "./terminal.ts";
import { type ByteSink, isBrokenPipe, TextWriter, writeAll } from "./text_writer.ts";

export type { Event } from "./event_text.ts";

/** How to speak. */
export interface OutputOptions {
  /** Events as JSON lines. */
  json: boolean;
  /** Say more. */
  verbose: boolean;
  /** Errors only. */
  quiet: boolean;
  /** Stdout carries data: events go to stderr. */
  dataOnStdout: boolean;
  /** Show a QR code of the ticket. */
  qr: boolean;
  /** Standard output. */
  stdout: ByteSink;
  /** Standard error. */
  stderr: ByteSink;
  /** Whether stderr is a terminal. */
  terminal: boolean;
  /** Whether to colour. */
  colour: boolean;
  /** Width of the terminal now. */
  columns: () => number;
}

/** A command's voice. */
export class Output implements Reporter {
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** Whether `-v` was given. */
  readonly verbose: boolean;
  /** Whether `-q` was given. */
  readonly quiet: boolean;
  /** Whether stderr is a terminal: for progress. */
  readonly terminal: boolean;
  /** Data for stdout, unbuffered; errors with a broken pipe end the command quietly. */
  readonly stdout: WritableStream<Uint8Array>;
  /** Called once, when stdout's reader is gone. */
  onStdoutGone: () => void = () => {};

  readonly #options: OutputOptions;
  readonly #paint: Palette;
  readonly #out: TextWriter;
  readonly #err: TextWriter;
  readonly #status: StatusLine;
  #pending: Promise<unknown> = Promise.resolve();

  /** Speaks as `options` say. */
  constructor(options: OutputOptions) {
    this.#options = options;
    this.json = options.json;
    this.verbose = options.verbose;
    this.quiet = options.quiet;
    this.terminal = options.terminal;
    this.#paint = palette(options.colour);
    this.#out = new TextWriter(options.stdout, () => this.onStdoutGone());
    this.#err = new TextWriter(options.stderr);
    this.#status = new StatusLine(this.#err, options.columns);
    this.stdout = new WritableStream({ write: (bytes) => this.#writeData(bytes) });
  }

  /** Prints a command's result on stdout: a table, a document. With `--json` use {@link record}. */
  print(text: string): void {
    this.#out.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Prints an object on stdout, one line of JSON: a command's result with `--json`. */
  record(value: unknown): void {
    this.#out.write(`${JSON.stringify(value)}\n`);
  }

  /** An event. */
  event(event: Event): void {
    if (this.json) {
      const { type, ...rest } = event;
      const line = `${JSON.stringify({ event: type, ...rest })}\n`;
      (this.#options.dataOnStdout ? this.#err : this.#out).write(line, type === "stats");
      return;
    }
    if (this.quiet) return;
    if (event.type === "stats") return this.status(statsText(event));
    if (event.type === "error") {
      const hint = typeof event["hint"] === "string" ? `\n  ${event["hint"]}` : "";
      return this.#say(this.#paint.bad(`! ${String(event["message"])}`) + hint);
    }
    const text = eventText(event, this.#paint);
    if (text !== undefined) this.#say(text);
    const code = event.type === "ready"
      ? event["ticket"]
      : event.type === "pairing"
      ? event["qr"]
      : undefined;
    if (typeof code === "string") this.#qr(code);
  }

  /** A line for people. */
  notice(text: string): void {
    if (!this.quiet && !this.json) this.#say(text);
    else if (this.json && this.verbose) this.event({ type: "notice", message: text });
  }

  /** Something people should look after; shown also with `--json` (as an event `warning`). */
  warn(text: string): void {
    if (this.json) this.event({ type: "warning", message: text });
    else if (!this.quiet) this.#say(this.#paint.warn(`! ${text}`));
  }

  /** A line for people who asked for more with `-v`. */
  debug(text: string): void {
    if (this.verbose && !this.json) this.#say(this.#paint.dim(text));
  }

  /** The live line of a terminal; nothing elsewhere. Empty: none. */
  status(text: string): void {
    if (this.terminal && !this.json && !this.quiet) this.#status.show(text);
  }

  /** What ends the command: one or two lines, or the `error` event. Gives the exit code. */
  fail(error: unknown): number {
    const known = error instanceof XoqError ? error : undefined;
    const code = known?.code ?? "failed";
    const message = error instanceof Error ? oneLine(error.message || error.name) : String(error);
    const hint = known?.hint === undefined ? undefined : oneLine(known.hint);
    this.status("");
    if (this.json) {
      this.event({ type: "error", code, message, ...(hint === undefined ? {} : { hint }) });
    } else {
      const lines = [`${this.#paint.bad("xoq:")} ${message}`];
      if (hint !== undefined) lines.push(`  ${hint}`);
      if (known === undefined && !this.verbose) lines.push("  -v shows where it comes from");
      this.#say(lines.join("\n"));
    }
    if (this.verbose && error instanceof Error) this.#err.write(`${stack(error)}\n`);
    return EXIT_CODES[code];
  }

  /** Resolves when everything said is written, or after `limitMs` at most. */
  async flush(limitMs = 1_000): Promise<void> {
    this.status("");
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
    const all = this.#pending.then(() => Promise.all([this.#out.flush(), this.#err.flush()]));
    await Promise.race([all, limit]);
    clearTimeout(timer);
  }

  #say(lines: string): void {
    this.#status.above(`${lines}\n`);
  }

  #qr(ticket: string): void {
    const { terminal, qr, columns } = this.#options;
    if (!terminal || !qr) return;
    this.#pending = this.#pending.then(async () => {
      const code = await qrCode(ticket, columns());
      if (code !== undefined) this.#say(code);
      else this.debug("the terminal is too narrow for the ticket's QR code");
    }).catch(() => {});
  }

  async #writeData(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.#options.stdout, bytes);
    } catch (error) {
      if (isBrokenPipe(error)) this.onStdoutGone();
      throw error;
    }
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").trim();
}

function stack(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stack(error.cause)}` : "";
  return (error.stack ?? String(error)) + cause;
}
