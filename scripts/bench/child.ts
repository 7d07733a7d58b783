/**
 * Processes of a benchmark: lines of JSON out, ended by their pid when the benchmark is done with
 * them or after a time.
 *
 * @module
 */

/** Longest a child may live unless it is told otherwise, in milliseconds. */
const LONGEST_MS = 180_000;
const ROOT = new URL("../../", import.meta.url);

/** A child process. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;
  readonly #timer: ReturnType<typeof setTimeout>;

  private constructor(command: string, args: string[], longestMs: number = LONGEST_MS) {
    this.#process = new Deno.Command(command, {
      args,
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      env: { XOQ_IROH_RELAY: "none", XOQ_BIND: "127.0.0.1", XOQ_NO_ANNOUNCE: "1" },
    }).spawn();
    this.#lines = lines(this.#process.stdout);
    this.#timer = setTimeout(() => this.#kill("SIGKILL"), longestMs);
  }

  /** A script of this folder, with its job as JSON. */
  static script(name: string, job: unknown, longestMs?: number): Child {
    const script = new URL(name, import.meta.url).pathname;
    return new Child(Deno.execPath(), ["run", "-A", script, JSON.stringify(job)], longestMs);
  }

  /** Another program. */
  static program(command: string, args: string[], longestMs?: number): Child {
    return new Child(command, args, longestMs);
  }

  /** The command itself: the checkout's, or the executable that `XOQ_BINARY` names. */
  static xoq(args: string[], longestMs?: number): Child {
    const binary = Deno.env.get("XOQ_BINARY");
    if (binary !== undefined && binary !== "") return new Child(binary, args, longestMs);
    return new Child(Deno.execPath(), ["run", "-A", "main.ts", ...args], longestMs);
  }

  /** Its pid. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The next line of its output, parsed. */
  async json(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("the child ended before it said what it measured");
    return JSON.parse(value);
  }

  /** Waits for the first byte of its output; nothing else can be read afterwards. */
  async firstByte(): Promise<void> {
    const reader = this.#process.stdout.getReader();
    await reader.read();
    await reader.cancel();
  }

  /** Ends its input: how benchmark scripts are told to stop. */
  closeInput(): void {
    this.#process.stdin.close().catch(() => {});
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#process.stdin.close().catch(() => {});
    this.#kill("SIGTERM");
    const late = setTimeout(() => this.#kill("SIGKILL"), 3_000);
    await this.#process.status;
    clearTimeout(late);
    await this.#lines.return(undefined).catch(() => {});
  }

  #kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch {
      // It has ended already.
    }
  }
}

async function* lines(readable: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of readable.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) if (line !== "") yield line;
  }
  if (rest !== "") yield rest;
}
