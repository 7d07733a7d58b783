/**
 * How benchmarks say what they measured: a table for people, one object a line with `--json`.
 *
 * @module
 */

/** One figure. */
export interface Figure {
  /** What was measured. */
  case: string;
  /** Of `ours` and `peer`. */
  unit: string;
  /** Ours. */
  ours: number;
  /** The peer's in the same run; absent where there is none. */
  peer?: number;
  /** Whether more is better; default: less is. */
  higherIsBetter?: boolean;
  /** What we aim at, in words. */
  aim?: string;
}

/** Collects figures and prints each as it comes. */
export class Report {
  readonly #json: boolean;
  #headed = false;

  /** Prints to stdout. */
  constructor(json: boolean) {
    this.#json = json;
  }

  /** A heading in the table. */
  section(title: string): void {
    if (!this.#json) console.log(`\n${title}`);
    this.#headed = false;
  }

  /** A line for people. */
  note(text: string): void {
    if (!this.#json) console.log(`  ${text}`);
  }

  /** A figure. */
  add(figure: Figure): void {
    const { case: name, unit, ours, peer, higherIsBetter = false, aim } = figure;
    const ratio = peer === undefined || peer === 0 || ours === 0
      ? undefined
      : higherIsBetter
      ? ours / peer
      : peer / ours;
    if (this.#json) {
      console.log(JSON.stringify({
        case: name,
        unit,
        ours: round(ours),
        ...(peer === undefined ? {} : { peer: round(peer) }),
        ...(ratio === undefined ? {} : { ratio: round(ratio) }),
      }));
      return;
    }
    if (!this.#headed) {
      console.log(
        `  ${"case".padEnd(52)}${"ours".padStart(12)}${"peer".padStart(12)}  ratio  unit`,
      );
      this.#headed = true;
    }
    const cells = [
      name.padEnd(52),
      format(ours).padStart(12),
      (peer === undefined ? "" : format(peer)).padStart(12),
      (ratio === undefined ? "" : ratio.toFixed(2)).padStart(7),
      `  ${unit}${aim === undefined ? "" : `  (aim: ${aim})`}`,
    ];
    console.log(`  ${cells.join("")}`);
  }
}

/** The value below which the share `p` (0 to 1) of the values lie; NaN of none. Nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? NaN;
}

/** CPU time this process has used, in seconds, and the most memory it has held, in bytes (Linux; else 0). */
export function usage(pid: number | "self" = "self"): { cpuSeconds: number; peakBytes: number } {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // Fields behind the name, which may hold spaces: utime and stime are the 14th and 15th of all.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    return { cpuSeconds: ticks / 100, peakBytes: peak };
  } catch {
    return { cpuSeconds: 0, peakBytes: 0 };
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function format(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toFixed(2);
}
