/**
 * Tells when the other side's lines change. Linux waits for that only on a thread of its own for each
 * port, so they are looked at; changes too short to be seen are known by the driver's counters.
 *
 * @module
 */
import type { PortKeeper } from "./keeper.ts";
import type { LineCounters, ModemLines } from "./port.ts";

/** How often lines are looked at while somebody wants to know, in milliseconds. */
export const WATCH_INTERVAL_MS = 20;

/** What is told. */
export interface LineNotice {
  /** Tells it from other notices. */
  readonly type: "lines";
  /** Lines now. */
  readonly lines: ModemLines;
  /** Which changed since the last notice: also those that changed and changed back. */
  readonly changed: readonly ("cts" | "dsr" | "dcd" | "ri")[];
  /** Errors counted since the last notice. */
  readonly errors: { framing: number; overrun: number; parity: number; breaks: number };
}

const THEIRS = ["cts", "dsr", "dcd", "ri"] as const;

/** See the module. */
export class LineWatch {
  readonly #keeper: PortKeeper;
  readonly #tell: (notice: LineNotice) => void;
  #watchers = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lines: ModemLines | undefined;
  #counters: LineCounters | undefined;

  /** Begins with nobody watching. */
  constructor(keeper: PortKeeper, tell: (notice: LineNotice) => void) {
    this.#keeper = keeper;
    this.#tell = tell;
  }

  /** Watches until disposed. */
  watch(): Disposable {
    this.#watchers++;
    this.#timer ??= setInterval(() => void this.#look(), WATCH_INTERVAL_MS);
    let watching = true;
    return {
      [Symbol.dispose]: () => {
        if (!watching) return;
        watching = false;
        if (--this.#watchers > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
        this.#lines = undefined;
        this.#counters = undefined;
      },
    };
  }

  async #look(): Promise<void> {
    let lines: ModemLines | undefined;
    let counters: LineCounters | undefined;
    try {
      lines = await this.#keeper.port?.lines();
      counters = await this.#keeper.port?.counters();
    } catch {
      // The port is going: its keeper says so.
      return;
    }
    if (lines === undefined || this.#timer === undefined) return;
    const before = this.#lines;
    const counted = this.#counters;
    this.#lines = lines;
    this.#counters = counters;
    const changed = THEIRS.filter((line) =>
      before === undefined || before[line] !== lines[line] || since(counters, counted, line) > 0
    );
    const errors = {
      framing: since(counters, counted, "framing"),
      overrun: since(counters, counted, "overrun") + since(counters, counted, "bufferOverrun"),
      parity: since(counters, counted, "parity"),
      breaks: since(counters, counted, "breaks"),
    };
    if (changed.length === 0 && Object.values(errors).every((count) => count === 0)) return;
    this.#tell({ type: "lines", lines, changed, errors });
  }
}

/** How far a 32-bit counter has moved. */
function since(
  now: LineCounters | undefined,
  before: LineCounters | undefined,
  counter: keyof LineCounters,
): number {
  if (now === undefined || before === undefined) return 0;
  return (now[counter] - before[counter]) >>> 0;
}
