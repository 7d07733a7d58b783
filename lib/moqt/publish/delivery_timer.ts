/**
 * Notices that something was not delivered in time, with at most one timer, which lives as long as
 * something waits.
 *
 * @module
 */

/** What the timer asks, and whom it tells. */
export interface Deliveries {
  /** When the oldest thing that waits came, by `performance.now()`; undefined: nothing waits. */
  oldest(): number | undefined;
  /** The oldest has waited for the whole timeout. */
  late(): void;
}

/** Watches over one stream. */
export class DeliveryTimer {
  readonly #timeoutMs: () => number | undefined;
  readonly #deliveries: Deliveries;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The timeout may change; undefined: nothing is ever late. */
  constructor(timeoutMs: () => number | undefined, deliveries: Deliveries) {
    this.#timeoutMs = timeoutMs;
    this.#deliveries = deliveries;
  }

  /** Something waits. */
  start(): void {
    if (this.#timer !== undefined) return;
    const timeoutMs = this.#timeoutMs();
    if (timeoutMs !== undefined) this.#wait(timeoutMs);
  }

  /** Nothing waits any more, for good. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => this.#look(), milliseconds);
  }

  #look(): void {
    this.#timer = undefined;
    const timeoutMs = this.#timeoutMs();
    const oldest = this.#deliveries.oldest();
    if (timeoutMs === undefined || oldest === undefined) return;
    const left = oldest + timeoutMs - performance.now();
    // Timers may be a little early.
    if (left < 1) this.#deliveries.late();
    else this.#wait(left);
  }
}
