/**
 * Whether a figure that was looked at again and again still grows.
 *
 * @module
 */

/** A look. */
export interface Sample {
  /** Seconds since the beginning. */
  at: number;
  /** What was seen. */
  value: number;
}

/** How the second half of the looks went: the first is warming up. */
export interface Trend {
  /** Growth a minute: the median of the slopes between all pairs of looks (Theil and Sen). */
  perMinute: number;
  /** Growth over the second half at that rate. */
  grown: number;
  /** Median of the last quarter. */
  level: number;
}

/** The trend; `undefined` of fewer than three looks. */
export function trend(samples: readonly Sample[]): Trend | undefined {
  const half = samples.slice(Math.floor(samples.length / 2));
  if (half.length < 2) return undefined;
  const slopes = half.flatMap((from, index) =>
    half.slice(index + 1).map((to) => (to.value - from.value) / (to.at - from.at))
  );
  const slope = median(slopes);
  return {
    perMinute: slope * 60,
    grown: slope * (half.at(-1)!.at - half[0]!.at),
    level: median(half.slice(Math.floor(half.length / 2)).map(({ value }) => value)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
