/**
 * Caps how busy a bus gets: what others send counts, and ours get what is left below the cap.
 *
 * @module
 */
import type { BitRates } from "./bus.ts";
import { frameMicros } from "./bits.ts";
import type { CanFrame } from "./frame.ts";

/** The load is a mean over about this long, in µs: a burst of ours may be as long as its share of it. */
const WINDOW_MICROS = 10_000;

/** See the module. */
export class LoadLimiter {
  /** Frames that had to wait. */
  delayed = 0;
  readonly #share: number;
  readonly #rates: () => BitRates | undefined;
  /** Bus time that is free for us now, in µs; negative after others' bursts. */
  #free: number;
  #at: number | undefined;

  /**
   * Makes a limiter.
   * @param share greatest load, 0 to 1.
   * @param rates bit rates of the bus now.
   */
  constructor(share: number, rates: () => BitRates | undefined) {
    this.#share = share;
    this.#rates = rates;
    this.#free = share * WINDOW_MICROS;
  }

  /** A frame of another node was on the bus. */
  observe(frame: CanFrame, now: number): void {
    this.#refill(now);
    const most = -WINDOW_MICROS;
    this.#free = Math.max(most, this.#free - this.#cost(frame));
  }

  /** Whether a frame of ours may go now; if so, it is counted. */
  admit(frame: CanFrame, now: number): boolean {
    this.#refill(now);
    if (this.#free <= 0) return false;
    this.#free -= this.#cost(frame);
    return true;
  }

  /** A frame that was admitted did not go after all. */
  giveBack(frame: CanFrame): void {
    this.#free += this.#cost(frame);
  }

  /** Milliseconds until a frame may go. */
  waitMs(now: number): number {
    this.#refill(now);
    return this.#free > 0 ? 0 : -this.#free / this.#share / 1000;
  }

  #cost(frame: CanFrame): number {
    const rates = this.#rates();
    return rates === undefined ? 0 : frameMicros(frame, rates);
  }

  #refill(now: number): void {
    const elapsed = Math.max(0, now - (this.#at ?? now));
    this.#at = now;
    this.#free = Math.min(this.#share * WINDOW_MICROS, this.#free + elapsed * this.#share);
  }
}
