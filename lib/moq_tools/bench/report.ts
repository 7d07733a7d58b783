/**
 * Intervals of a benchmark as lines of CSV.
 *
 * @module
 */
import type { Summary } from "./stats.ts";

const COLUMNS = [
  "seconds",
  "level",
  "delivered",
  "mbps",
  "objects_per_second",
  "p50_ms",
  "p95_ms",
  "lost",
  "verdict",
] as const;

/** The line that names the columns. */
export const CSV_HEAD: string = `${COLUMNS.join(",")}\n`;

/** An interval as a line; `seconds` since the beginning. What is not known is empty. */
export function csvLine(
  seconds: number,
  interval: Summary & { level: number; delivered: number; verdict: string },
): string {
  const { level, delivered, mbps, objects_per_second, latency_ms, lost, verdict } = interval;
  const { p50, p95 } = latency_ms;
  return `${
    [
      seconds.toFixed(3),
      level,
      delivered,
      mbps,
      objects_per_second,
      p50 ?? "",
      p95 ?? "",
      lost,
      verdict,
    ].join(",")
  }\n`;
}
