/**
 * Holds a publisher back while all of its track's subscribers are behind, so that nothing is lost that
 * could be had by waiting; but not for subscribers that stand still, or are merely slower than others.
 *
 * @module
 */

/** Who is sent something. */
export interface PressureReceiver {
  /** Bytes that wait for it. */
  readonly pendingBytes: number;
  /** Whether it is sent objects at all. */
  readonly forwards: boolean;
}

/** From so many waiting bytes on a subscriber is behind. */
const HIGH_BYTES = 1 << 20;
/** With so few it has caught up. */
const LOW_BYTES = HIGH_BYTES / 2;
/** A subscriber that took nothing for so long is not waited for, in milliseconds. */
const STALL_MS = 500;

/** The gate that a track's streams pass. */
export class Pressure {
  #gate: { promise: Promise<void>; resolve: () => void } | undefined;
  #lastProgress = 0;
  #stalled = false;

  /** What to wait for before more is read; undefined: nothing. */
  wait(receivers: Iterable<PressureReceiver>): Promise<void> | undefined {
    if (this.#stalled) return undefined;
    let some = false;
    for (const { pendingBytes, forwards } of receivers) {
      if (!forwards) continue;
      if (pendingBytes < HIGH_BYTES) return undefined;
      some = true;
    }
    if (!some) return undefined;
    if (this.#gate === undefined) {
      this.#gate = Promise.withResolvers<void>();
      this.#lastProgress = performance.now();
    }
    return this.#gate.promise;
  }

  /** A subscriber took something, and so many bytes wait for it still. */
  sent(pendingBytes: number): void {
    this.#stalled = false;
    if (this.#gate === undefined) return;
    this.#lastProgress = performance.now();
    if (pendingBytes <= LOW_BYTES) this.open();
  }

  /** Lets the streams pass. */
  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Looks for subscribers that stand still. */
  tick(now: number): void {
    if (this.#gate === undefined || now - this.#lastProgress < STALL_MS) return;
    this.#stalled = true;
    this.open();
  }
}
