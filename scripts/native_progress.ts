/**
 * Progress of a cargo build on stderr: one line that changes on a terminal, a few lines elsewhere.
 *
 * @module
 */

/** Off a terminal, a line is written each time so much more is done. */
const STEP_PERCENT = 25;

/** Follows cargo's JSON messages. */
export class BuildProgress {
  readonly #title: string;
  readonly #began = performance.now();
  readonly #built = new Set<string>();
  readonly #terminal = Deno.stderr.isTerminal();
  #total = 0;
  #written = 0;

  /** Begins; `total` counts the packages, and is not waited for. */
  constructor(title: string, total: Promise<number>) {
    this.#title = title;
    total.then((count) => this.#total = count, () => {});
    if (this.#terminal) this.#show();
    else console.error(`${title} with cargo, once (some minutes)`);
  }

  /** Takes a line of cargo's output. */
  read(line: string): void {
    if (!line.startsWith('{"reason":"compiler-artifact"')) return;
    this.#built.add((JSON.parse(line) as { package_id: string }).package_id);
    if (this.#terminal) return this.#show();
    if (this.#percent() < this.#written + STEP_PERCENT) return;
    this.#written = this.#percent();
    if (this.#written < 100) console.error(`${this.#title}: ${this.#state()}`);
  }

  /** Ends the line. */
  end(success: boolean): void {
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    const clear = this.#terminal ? "\r\x1b[K" : "";
    console.error(`${clear}${this.#title}: ${success ? "done" : "failed"} after ${seconds} s`);
  }

  #percent(): number {
    return this.#total === 0 ? 0 : Math.min(99, Math.floor(this.#built.size * 100 / this.#total));
  }

  #state(): string {
    const count = this.#total === 0 ? `${this.#built.size}` : `${this.#built.size}/${this.#total}`;
    return `${count} crates, ${this.#percent()} %`;
  }

  #show(): void {
    const text = new TextEncoder().encode(`\r\x1b[K${this.#title}: ${this.#state()}`);
    Deno.stderr.writeSync(text);
  }
}
