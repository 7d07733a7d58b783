/**
 * Tells live pictures from those that were stuck on the way (a stopped process that goes on, a
 * network that was gone for a while), so that nothing old is shown as new.
 *
 * @module
 */
import type { EncodedFrame, VideoCodec } from "../media/frame.ts";

/** A picture this much later than the fastest one lately is stale, in milliseconds. */
const MAX_DELAY_MS = 1_000;
/** How fast the memory of the fastest picture fades, in milliseconds a picture: routes change. */
const FADE_MS = 0.1;
/**
 * Stale for this long by our own clock, in milliseconds: then it is not the pictures that are old,
 * one of the clocks was set.
 */
const CLOCK_SET_AFTER_MS = 3_000;

/** Judges the pictures of one connection. */
export class Freshness {
  /** Whether the last picture judged was fresh. */
  fresh = true;
  readonly #codec: VideoCodec;
  readonly #now: () => number;
  #fastest = Infinity;
  #staleSince = 0;

  /**
   * Begins with no opinion.
   * @param now monotonic milliseconds; replaced in tests.
   */
  constructor(codec: VideoCodec, now: () => number = () => performance.now()) {
    this.#codec = codec;
    this.#now = now;
  }

  /** Whether to hand the picture on. After stale ones, only a fresh key frame makes it true again. */
  judge(frame: EncodedFrame, latencyMs: number): boolean {
    this.#fastest = Math.min(this.#fastest + FADE_MS, latencyMs);
    const late = latencyMs - this.#fastest > MAX_DELAY_MS;
    if (late) {
      const now = this.#now();
      if (this.fresh) this.#staleSince = now;
      this.fresh = false;
      if (now - this.#staleSince > CLOCK_SET_AFTER_MS) this.#fastest = latencyMs;
    } else if (!this.fresh && (frame.key || this.#codec === "jpeg")) this.fresh = true;
    return this.fresh;
  }
}
