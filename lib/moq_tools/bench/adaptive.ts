/**
 * Finds how much gets through: the bitrate goes up step by step until something gives way.
 *
 * @module
 */
import type { Summary } from "./stats.ts";

/** How to search. */
export interface RampOptions {
  /** Megabits a second to begin with. */
  startMbps: number;
  /** What is added after each good interval. */
  stepMbps: number;
  /** Never more than this. */
  maxMbps: number;
  /** A 95th percentile of latency above this is a sign, in milliseconds. */
  latencyMs: number;
  /** Getting less than this share of what is sent is a sign. */
  shortfall: number;
  /** The rate is multiplied by this after a sign. */
  backoff: number;
}

/** What an interval showed. */
export type Verdict = "good" | "latency" | "loss" | "shortfall";

/** Intervals with signs, one after another, that mean the ceiling is found. */
const SIGNS = 2;
/** Times the ceiling is met before the search ends. */
const CEILINGS = 3;

/** The search. */
export class Ramp {
  readonly #options: RampOptions;
  #mbps: number;
  #best = 0;
  #signs = 0;
  #ceilings = 0;
  #capped = false;

  /** Begins at the start. */
  constructor(options: RampOptions) {
    this.#options = options;
    this.#mbps = Math.min(options.startMbps, options.maxMbps);
  }

  /** What to send now. */
  get mbps(): number {
    return this.#mbps;
  }

  /** The most that got through in an interval without a sign. */
  get bestMbps(): number {
    return this.#best;
  }

  /** Whether the search is over: the ceiling was met often enough, or the limit is held. */
  get over(): boolean {
    return this.#ceilings >= CEILINGS || this.#capped;
  }

  /** Judges an interval, and sets what to send in the next. */
  judge(interval: Summary): Verdict {
    const verdict = this.#verdict(interval);
    const { stepMbps, maxMbps, backoff } = this.#options;
    if (verdict === "good") {
      this.#signs = 0;
      this.#best = Math.max(this.#best, interval.mbps);
      this.#capped = this.#mbps >= maxMbps;
      this.#mbps = Math.min(maxMbps, this.#mbps + stepMbps);
    } else if (++this.#signs >= SIGNS) {
      this.#signs = 0;
      this.#ceilings++;
      this.#mbps *= backoff;
    }
    return verdict;
  }

  #verdict({ lost, latency_ms, mbps }: Summary): Verdict {
    const { latencyMs, shortfall } = this.#options;
    if (lost > 0) return "loss";
    if ((latency_ms.p95 ?? 0) > latencyMs) return "latency";
    return mbps < this.#mbps * shortfall ? "shortfall" : "good";
  }
}
