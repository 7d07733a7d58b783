/**
 * Finds how much gets through: a level, of bitrate or of subscribers, goes up step by step until
 * something gives way.
 *
 * @module
 */
import type { Summary } from "./stats.ts";

/** How to search. */
export interface RampOptions {
  /** The level to begin with: megabits a second, or subscribers. */
  start: number;
  /** What is added after each good interval. */
  step: number;
  /** Never more than this. */
  max: number;
  /** A 95th percentile of latency above this is a sign, in milliseconds. */
  latencyMs: number;
  /** Getting less than this share of the level is a sign. */
  shortfall: number;
  /** The level is multiplied by this after a sign. */
  backoff: number;
  /** Whether levels are whole numbers of steps, and 1 at least. Default false. */
  whole?: boolean;
}

/** What an interval showed. */
export type Verdict = "good" | "latency" | "loss" | "shortfall";

/** What of an interval is judged. */
export interface Observed extends Pick<Summary, "lost" | "latency_ms"> {
  /** How much of the level was there, in its unit. */
  delivered: number;
}

/** Intervals with signs, one after another, that mean the ceiling is found. */
const SIGNS = 2;
/** Times the ceiling is met before the search ends. */
const CEILINGS = 3;

/** The search. */
export class Ramp {
  readonly #options: RampOptions;
  #level: number;
  #best = 0;
  #signs = 0;
  #ceilings = 0;
  #capped = false;

  /** Begins at the start. */
  constructor(options: RampOptions) {
    this.#options = options;
    this.#level = Math.min(options.start, options.max);
  }

  /** What to send now, or to how many. */
  get level(): number {
    return this.#level;
  }

  /** The most that got through in an interval without a sign. */
  get best(): number {
    return this.#best;
  }

  /** Whether the search is over: the ceiling was met often enough, or the limit is held. */
  get over(): boolean {
    return this.#ceilings >= CEILINGS || this.#capped;
  }

  /** Judges an interval, and sets the level of the next. */
  judge(interval: Observed): Verdict {
    const verdict = this.#verdict(interval);
    const { step, max } = this.#options;
    if (verdict === "good") {
      this.#signs = 0;
      this.#best = Math.max(this.#best, interval.delivered);
      this.#capped = this.#level >= max;
      this.#level = Math.min(max, this.#level + step);
    } else if (++this.#signs >= SIGNS) {
      this.#signs = 0;
      this.#ceilings++;
      this.#level = this.#reduced();
    }
    return verdict;
  }

  /** Whole levels lose a step at least, else nothing would change. */
  #reduced(): number {
    const { backoff, whole = false, step } = this.#options;
    const level = this.#level * backoff;
    return whole ? Math.max(1, Math.min(Math.floor(level), this.#level - step)) : level;
  }

  #verdict({ lost, latency_ms, delivered }: Observed): Verdict {
    const { latencyMs, shortfall } = this.#options;
    if (lost > 0) return "loss";
    if ((latency_ms.p95 ?? 0) > latencyMs) return "latency";
    return delivered < this.#level * shortfall ? "shortfall" : "good";
  }
}
