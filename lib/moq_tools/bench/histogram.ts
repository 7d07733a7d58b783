/**
 * Percentiles of any number of values in bounded memory.
 *
 * @module
 */

/** Values below this have a bucket each; above, each doubling has as many. */
const LINEAR = 128;
const HALF = LINEAR / 2;
const DOUBLINGS = 24;
/** The largest value that is told apart. */
const MOST = 2 ** 31 - 1;

/** Counts of whole numbers from 0 on, in buckets less than 1.6 % wide. */
export class Histogram {
  readonly #counts = new Float64Array(LINEAR + HALF * DOUBLINGS);
  #count = 0;

  /** How many values were added. */
  get count(): number {
    return this.#count;
  }

  /** Adds a value; below 0 counts as 0, above 2^31-1 as that. */
  add(value: number): void {
    this.#count++;
    this.#counts[bucketOf(value)]!++;
  }

  /** The value below which the share `p` (0 to 1) of the values lie; NaN of none. Nearest rank. */
  percentile(p: number): number {
    if (this.#count === 0) return NaN;
    const rank = Math.max(1, Math.ceil(p * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return middleOf(bucket);
    }
    return middleOf(this.#counts.length - 1);
  }

  /** Adds all that another one counted. */
  merge(other: Histogram): void {
    this.#count += other.#count;
    for (let i = 0; i < this.#counts.length; i++) this.#counts[i]! += other.#counts[i]!;
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
  }
}

function bucketOf(value: number): number {
  const whole = Math.min(Math.max(0, value), MOST) | 0;
  if (whole < LINEAR) return whole;
  // 128 to 255 is the first doubling: its values have 8 bits.
  const doubling = 25 - Math.clz32(whole);
  return LINEAR + (doubling - 1) * HALF + ((whole >> doubling) - HALF);
}

function middleOf(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const doubling = Math.floor((bucket - LINEAR) / HALF) + 1;
  const inside = (bucket - LINEAR) % HALF + HALF;
  return (inside + 0.5) * 2 ** doubling;
}
