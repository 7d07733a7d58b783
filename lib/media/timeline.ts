/**
 * From capture instants to a media timeline, live: when a frame must go out nobody knows yet how
 * long it will last.
 *
 * @module
 */

/** Capture steps outside of 0 to this, in µs, are steps of the clock, or a pause: not media time. */
const MAX_STEP_US = 10_000_000;
/** Intervals remembered to tell the source's usual one. */
const REMEMBERED = 8;

/** Where a frame lies on the timeline, in units of the timescale. */
export interface MediaTime {
  /** Decoding time, which is presentation time: there are no B frames. Never goes back. */
  time: number;
  /** At least 1. */
  duration: number;
}

/**
 * How frames are laid out.
 * - `capture`: at their capture instants; a dropped picture leaves a gap (which ISO/IEC 14496-12
 *   8.8.12 reads as the frame before it lasting longer). For files and for exact times.
 * - `contiguous`: without gaps, each frame as long as the capture interval before it, so that sums
 *   of durations follow capture time one frame late. For Media Source Extensions, which take a gap of
 *   more than two frames for a discontinuity and drop everything up to the next key frame (W3C MSE,
 *   coded frame processing).
 */
export type TimelineMode = "capture" | "contiguous";

/** Lays out the frames of one track. */
export class Timeline {
  readonly #timescale: number;
  readonly #mode: TimelineMode;
  readonly #nominal: number;
  readonly #intervals: number[] = [];
  #lastCapture: number | undefined;
  /** Media time of the last capture instant in µs: capture time less all steps of the clock. */
  #position = 0;
  /** End of what was laid out, in timescale units. */
  #end = 0;

  /**
   * Begins at zero.
   *
   * @param timescale units a second.
   * @param fps nominal rate, for the first frame's duration; 0 where unknown.
   */
  constructor(timescale: number, fps: number, mode: TimelineMode) {
    this.#timescale = timescale;
    this.#mode = mode;
    this.#nominal = 1e6 / (fps > 0 ? fps : 30);
  }

  /** Lays out the next frame, captured at `captureTime` µs. */
  next(captureTime: number): MediaTime {
    const step = this.#step(captureTime);
    this.#position += step;
    if (this.#mode === "contiguous") {
      const time = this.#end;
      // The position is rounded, not the step: rounding errors don't add up.
      const until = this.#units(this.#position + this.#nominal);
      this.#end = Math.max(time + 1, until);
      return { time, duration: this.#end - time };
    }
    const time = Math.max(this.#end, this.#units(this.#position));
    // The shortest recent interval: too short a duration leaves a gap, too long a one would overlap.
    const usual = this.#intervals.length > 0 ? Math.min(...this.#intervals) : this.#nominal;
    const duration = Math.max(1, this.#units(usual));
    this.#end = time + duration;
    return { time, duration };
  }

  #units(micros: number): number {
    return Math.round(micros * this.#timescale / 1e6);
  }

  #step(captureTime: number): number {
    const last = this.#lastCapture;
    this.#lastCapture = captureTime;
    if (last === undefined) return 0;
    const step = captureTime - last;
    if (!(step > 0 && step <= MAX_STEP_US)) return this.#intervals.at(-1) ?? this.#nominal;
    this.#intervals.push(step);
    if (this.#intervals.length > REMEMBERED) this.#intervals.shift();
    return step;
  }
}
