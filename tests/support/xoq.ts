/**
 * The real command as a child process: this checkout's `main.ts`, or the executable that
 * `XOQ_BINARY` names, which then runs from an empty folder with an empty environment.
 *
 *     await using server = xoq(["camera", "test", "--h264"]);
 *     const { ticket } = await server.until("ready");
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eachLine, end, signal, within } from "./process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The executable under test; `undefined` for the sources. */
export const BINARY: string | undefined = Deno.env.get("XOQ_BINARY") || undefined;

/**
 * How long an event or an exit may take unless the test says otherwise, in milliseconds. The lab's
 * processor is emulated.
 */
const PATIENCE_MS = Deno.env.get("XOQ_LAB") === "1" ? 120_000 : 20_000;

/** Keeps everything on this machine. */
export const LOOPBACK: Readonly<Record<string, string>> = {
  XOQ_IROH_RELAY: "none",
  XOQ_BIND: "127.0.0.1",
  XOQ_NO_ANNOUNCE: "1",
};

/** A line of `--json`. */
export type JsonEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** How to start it. */
export interface XoqOptions {
  /** On top of {@link LOOPBACK}; an empty value takes a variable away. */
  env?: Readonly<Record<string, string>>;
  /** Where it keeps identities (`XDG_STATE_HOME`); a folder of its own unless given. */
  state?: string;
  /** Stdout carries data, to be read from {@link Xoq.stdout}; events are on stderr. */
  data?: boolean;
  /** Stdin's bytes come from {@link Xoq.stdin}. */
  stdin?: boolean;
  /** Words that start it: `["ip", "netns", "exec", "a"]`. */
  prefix?: readonly string[];
}

/** A running command. */
export class Xoq implements AsyncDisposable {
  /** Every event so far. */
  readonly events: JsonEvent[] = [];
  /** Every other line of stderr so far. */
  readonly said: string[] = [];
  /** Lines of stdout that are no events, unless it carries data. */
  readonly printed: string[] = [];
  /** Resolves when it ended and everything it wrote was read. */
  readonly ended: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #arguments: readonly string[];
  readonly #folder: string;
  readonly #listeners = new Set<() => void>();

  /** Starts it; use {@link xoq}. */
  constructor(args: readonly string[], options: XoqOptions) {
    this.#arguments = args;
    const folder = Deno.makeTempDirSync({ prefix: "xoq-test-" });
    this.#folder = folder;
    const [program = "", ...words] = [...options.prefix ?? [], ...commandLine(), ...args];
    this.#child = new Deno.Command(program, {
      args: words,
      cwd: folder,
      env: environment(options, options.state ?? join(folder, "state")),
      clearEnv: true,
      stdin: options.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reads = [eachLine(this.#child.stderr, (line) => this.#take(line, this.said))];
    if (!options.data) {
      reads.push(eachLine(this.#child.stdout, (line) => this.#take(line, this.printed)));
    }
    this.ended = Promise.all([this.#child.status, ...reads]).then(([status]) => {
      this.#tell();
      return status;
    });
  }

  /** Process id. With a prefix that forks, the prefix's. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Its data; with `data: true`. The test must read or cancel it. */
  get stdout(): ReadableStream<Uint8Array> {
    return this.#child.stdout;
  }

  /** Its input; with `stdin: true`. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    signal(this.#child, name);
  }

  /**
   * The first event of this type that matches, from the beginning or from position `after` of
   * {@link events} on. Rejects when the command ends, or time is up, without one.
   */
  async until(type: string, options: {
    where?: (event: JsonEvent) => boolean;
    after?: number;
    timeoutMs?: number;
  } = {}): Promise<JsonEvent> {
    const { where = () => true, after = 0, timeoutMs = PATIENCE_MS } = options;
    const find = () => this.events.slice(after).find((e) => e.event === type && where(e));
    return await this.#waitFor(find, `the event "${type}"`, timeoutMs);
  }

  /** The first line on stderr or stdout (no event) that matches. */
  async says(pattern: RegExp, timeoutMs: number = PATIENCE_MS): Promise<string> {
    const find = () => [...this.said, ...this.printed].find((line) => pattern.test(line));
    return await this.#waitFor(find, `a line like ${pattern}`, timeoutMs);
  }

  /** Waits for its end. */
  async exit(timeoutMs: number = PATIENCE_MS): Promise<Deno.CommandStatus> {
    return await within(this.ended, timeoutMs, () => `the end of ${this.#describe()}`);
  }

  /** Sends SIGINT and gives the exit code. */
  async interrupt(): Promise<number> {
    this.signal("SIGINT");
    return (await this.exit()).code;
  }

  /** Ends it and removes what it wrote. */
  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#child);
    if (!this.#child.stdout.locked) await this.#child.stdout.cancel().catch(() => {});
    await this.ended.catch(() => {});
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
  }

  async #waitFor<T>(find: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    let listener = () => {};
    let over = false;
    const found = new Promise<T>((resolve, reject) => {
      listener = () => {
        const value = find();
        if (value !== undefined) resolve(value);
        else if (over) reject(new Error(`${this.#describe()} ended without ${what}`));
      };
      this.#listeners.add(listener);
      this.ended.then(() => {
        over = true;
        listener();
      }, reject);
      listener();
    });
    try {
      return await within(found, timeoutMs, () => `${what} of ${this.#describe()}`);
    } finally {
      this.#listeners.delete(listener);
    }
  }

  #take(line: string, others: string[]): void {
    const event = parseEvent(line);
    if (event === undefined) others.push(line);
    else this.events.push(event);
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #describe(): string {
    const events = this.events.filter((e) => e.event !== "stats").slice(-6);
    const lines = [...this.said.slice(-12), ...events.map((e) => JSON.stringify(e))];
    return `\`xoq ${this.#arguments.join(" ")}\`, which said:\n${lines.join("\n")}\n`;
  }
}

/** Starts `xoq ARGS`. */
export function xoq(args: readonly string[], options: XoqOptions = {}): Xoq {
  return new Xoq(args, options);
}

/** What a command that ended left behind. */
export interface Finished {
  /** Exit code. */
  code: number;
  /** Standard output. */
  stdout: Uint8Array;
  /** Standard error without events. */
  stderr: string;
  /** Events of both. */
  events: JsonEvent[];
}

/** Runs `xoq ARGS` to its end. */
export async function runXoq(
  args: readonly string[],
  options: XoqOptions & { timeoutMs?: number } = {},
): Promise<Finished> {
  await using child = xoq(args, { ...options, data: true });
  const stdout = new Uint8Array(
    await within(
      new Response(child.stdout).arrayBuffer(),
      options.timeoutMs ?? PATIENCE_MS,
      () => `the end of \`xoq ${args.join(" ")}\``,
    ),
  );
  const { code } = await child.exit();
  const events = new TextDecoder().decode(stdout).split("\n").map(parseEvent);
  return {
    code,
    stdout,
    stderr: child.said.join("\n"),
    events: [...child.events, ...events.filter((event) => event !== undefined)],
  };
}

/** A UDP or TCP port that was free a moment ago, for what can't take port 0. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

function commandLine(): string[] {
  if (BINARY !== undefined) return [BINARY];
  const main = join(ROOT, "main.ts");
  return [Deno.execPath(), "run", "-A", "--quiet", "--config", join(ROOT, "deno.json"), main];
}

/** Nothing of the caller's environment but what Deno needs to run the sources. */
function environment(options: XoqOptions, state: string): Record<string, string> {
  const env: Record<string, string> = {};
  const needed = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "SystemRoot", "LOCALAPPDATA", "TEMP"];
  for (const name of BINARY === undefined ? needed : ["TMPDIR", "SystemRoot", "TEMP"]) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  const given = { ...LOOPBACK, XDG_STATE_HOME: state, XDG_CONFIG_HOME: state, ...options.env };
  for (const [name, value] of Object.entries(given)) {
    if (value === "") delete env[name];
    else env[name] = value;
  }
  return env;
}

function parseEvent(line: string): JsonEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  try {
    return JSON.parse(line) as JsonEvent;
  } catch {
    return undefined;
  }
}
