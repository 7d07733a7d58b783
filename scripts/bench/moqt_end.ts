/**
 * One end of a MoQT benchmark as a process of its own, ours or aiomoqt's: what it said, and the
 * processor time it used.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { eachLine, end } from "../../tests/support/process.ts";
import { usage } from "./report.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** How often processor time is looked at, in milliseconds: how wrong it may be. */
const LOOK_MS = 50;

/** Objects so far, with the processor time so far. */
interface Mark {
  objects: number;
  cpuSeconds: number;
}

/** A process of a benchmark. */
export class End implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  readonly #looking: ReturnType<typeof setInterval>;
  readonly #waiting: { pattern: RegExp; found: (match: RegExpExecArray) => void }[] = [];
  readonly #marks: Mark[] = [];
  #objects = 0;
  /** Its output. */
  readonly lines: string[] = [];
  /** What it used so far. */
  used = { cpuSeconds: 0, peakBytes: 0 };

  /** Starts it. */
  constructor(command: string, args: readonly string[]) {
    this.#child = new Deno.Command(command, {
      args: [...args],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { PYTHONUNBUFFERED: "1", XOQ_IROH_RELAY: "none", XOQ_NO_ANNOUNCE: "1" },
    }).spawn();
    const heard = (line: string) => this.#heard(line);
    this.#reading = Promise.all([
      eachLine(this.#child.stdout, heard),
      eachLine(this.#child.stderr, heard),
    ]);
    this.#reading.catch(() => {});
    this.#looking = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Our command: the checkout's, or the executable that `XOQ_BINARY` names. */
  static xoq(args: readonly string[]): End {
    const binary = Deno.env.get("XOQ_BINARY");
    if (binary !== undefined && binary !== "") return new End(binary, args);
    return new End(Deno.execPath(), ["run", "-A", "--no-check", "main.ts", ...args]);
  }

  #look(): void {
    const used = usage(this.#child.pid);
    // After its end there is nothing to see any more.
    if (used.cpuSeconds >= this.used.cpuSeconds && used.peakBytes > 0) this.used = used;
  }

  #heard(line: string): void {
    this.lines.push(line);
    const objects = objectsOf(line);
    if (objects !== undefined) {
      this.#objects = objects.sum ?? this.#objects + objects.more!;
      this.mark(this.#objects);
    }
    for (const wait of [...this.#waiting]) {
      const match = wait.pattern.exec(line);
      if (match === null) continue;
      this.#waiting.splice(this.#waiting.indexOf(wait), 1);
      wait.found(match);
    }
  }

  /** Has its peak of memory begin anew at what it has now (Linux). */
  forgetPeak(): void {
    try {
      Deno.writeTextFileSync(`/proc/${this.#child.pid}/clear_refs`, "5");
    } catch {
      // Without Linux's /proc there are no figures of memory at all.
    }
    this.#look();
  }

  /** Notes that so many objects have passed by now. */
  mark(objects: number): void {
    this.#look();
    this.#marks.push({ objects, cpuSeconds: this.used.cpuSeconds });
  }

  /** Objects that it has told of. */
  get objects(): number {
    return this.#objects;
  }

  /** Microseconds of processor time for each object, without those of the start. */
  get microsecondsPerObject(): number {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (first === undefined || last === undefined) return NaN;
    return (last.cpuSeconds - first.cpuSeconds) * 1e6 / (last.objects - first.objects);
  }

  /** Waits for a line. */
  async line(pattern: RegExp, milliseconds: number): Promise<RegExpExecArray> {
    const known = this.lines.map((line) => pattern.exec(line)).find((match) => match !== null);
    if (known !== undefined) return known;
    const found = Promise.withResolvers<RegExpExecArray>();
    this.#waiting.push({ pattern, found: found.resolve });
    const fail = (why: string) =>
      found.reject(new Error(`no line ${pattern} ${why}:\n${this.lines.slice(-8).join("\n")}`));
    const timer = setTimeout(() => fail(`within ${milliseconds} ms`), milliseconds);
    this.#reading.then(() => fail("before its end"), found.reject);
    try {
      return await found.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves when it has ended by itself; false: it was killed after so long. */
  async ended(milliseconds: number): Promise<boolean> {
    let inTime = true;
    const timer = setTimeout(() => {
      inTime = false;
      this.#kill();
    }, milliseconds);
    await this.#child.status;
    clearTimeout(timer);
    await this.#reading.catch(() => {});
    return inTime;
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    await end(this.#child);
    await this.#reading.catch(() => {});
  }
}

/** The objects a line tells of: all so far, or more than before. */
function objectsOf(line: string): { sum?: number; more?: number } | undefined {
  if (line.startsWith('{"event":"interval"')) return { more: JSON.parse(line).objects };
  // aiomoqt: "  1-2s      11     4.0/s     44064     15835/s …"
  const row = /^\s*\d+-\d+s\s+\S+\s+\S+\s+(\d+)\s/.exec(line);
  return row === null ? undefined : { sum: Number(row[1]) };
}
