/**
 * The pipeline's counters in memory that worker and main thread share, so that reading them sends
 * no message.
 *
 * @module
 */
import type { PipelineStats } from "./pipeline.ts";

/** Fields in the order they lie in memory, each a float64. */
const FIELDS = [
  "captured",
  "driverDropped",
  "encoderDropped",
  "encoded",
  "corrupt",
  "encodeMs",
] as const satisfies readonly (keyof PipelineStats)[];

/** Counters that one side writes and another reads. */
export class PipelineCounters {
  /** The memory; hand it to the other side. */
  readonly buffer: SharedArrayBuffer;
  readonly #values: Float64Array;
  #windowStart = 0;
  #windowSum = 0;
  #windowCount = 0;

  /** Counters at zero, or those that lie in `buffer`. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(FIELDS.length * 8)) {
    this.buffer = buffer;
    this.#values = new Float64Array(buffer);
  }

  /** Adds to a counter. */
  add(field: Exclude<keyof PipelineStats, "encodeMs">, count = 1): void {
    this.#values[FIELDS.indexOf(field)]! += count;
  }

  /** Counts the time of one picture in the encoder; the mean is set anew each second. */
  encodeTime(ms: number, now: number = performance.now()): void {
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now;
      this.#windowSum = 0;
      this.#windowCount = 0;
    }
    this.#windowSum += ms;
    this.#windowCount++;
    this.#values[FIELDS.indexOf("encodeMs")] = this.#windowSum / this.#windowCount;
  }

  /** All of them now. */
  read(): PipelineStats {
    const stats: Record<string, number> = {};
    FIELDS.forEach((field, index) => stats[field] = this.#values[index]!);
    return stats as unknown as PipelineStats;
  }
}
