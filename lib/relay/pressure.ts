/**
 * Holds a publisher back so that nothing is lost that could be had by waiting: while all subscribers
 * of its track are behind, and for a subscriber that could keep pace and falls behind for a moment. It
 * does not wait for those that stand still, or are merely slower than others.
 *
 * @module
 */

/** Who is sent something. */
export interface PressureReceiver {
  /** Bytes that wait for it. */
  readonly pendingBytes: number;
  /** Most bytes that may wait for it before it loses groups. */
  readonly maxPendingBytes: number;
  /** Whether it is sent objects at all. */
  readonly forwards: boolean;
}

/** From so many waiting bytes on a subscriber is behind, where it may have more than twice as many. */
const HIGH_BYTES = 1 << 20;
/** While all are behind, and nobody takes anything for so long, nobody is waited for; in milliseconds. */
const STALL_MS = 5_000;
/** The same where the publisher has something for others. */
const SHARED_STALL_MS = 500;
/** How long one that falls behind others is waited for in one go, in milliseconds. */
const PATIENCE_MS = 1_000;
/** What it gets back of that for each millisecond in which nobody waited for it. */
const RECOVERY = 0.5;
/** A publisher that all were behind so recently, in milliseconds, sends more than anybody can take. */
const SATURATED_MS = 2_000;

/** What is known of a subscriber. */
interface Standing {
  /** How long it is still waited for. */
  patienceMs: number;
  /** Whether the patience was used up, and it has not caught up since. */
  isSlow: boolean;
}

/** From so many waiting bytes on it is behind. */
function high({ maxPendingBytes }: PressureReceiver): number {
  return Math.min(HIGH_BYTES, maxPendingBytes / 2);
}

/** The gate that a track's streams pass. */
export class Pressure {
  readonly #standings = new Map<PressureReceiver, Standing>();
  /** Whom others wait for. */
  readonly #awaited = new Set<PressureReceiver>();
  #gate: { promise: Promise<void>; resolve: () => void; since: number } | undefined;
  #heldMs = 0;
  #lastProgress = 0;
  #lastSaturated = -Infinity;
  #lastTick = performance.now();
  #stalled = false;

  /** What to wait for before more is read; undefined: nothing. */
  wait(receivers: Iterable<PressureReceiver>): Promise<void> | undefined {
    if (this.#gate !== undefined) return this.#gate.promise;
    let some = false;
    let allBehind = true;
    for (const receiver of receivers) {
      if (!receiver.forwards) continue;
      some = true;
      const { pendingBytes, maxPendingBytes } = receiver;
      if (pendingBytes < high(receiver)) allBehind = false;
      else if (pendingBytes >= maxPendingBytes * 0.75) this.#await(receiver);
    }
    if (!some) return undefined;
    const now = performance.now();
    if (allBehind) this.#lastSaturated = now;
    if (allBehind ? this.#stalled : !this.#waitsForAny(now)) {
      this.#awaited.clear();
      return undefined;
    }
    this.#gate = { ...Promise.withResolvers<void>(), since: now };
    this.#lastProgress = now;
    return this.#gate.promise;
  }

  #await(receiver: PressureReceiver): void {
    if (this.#standings.get(receiver)?.isSlow !== true) this.#awaited.add(receiver);
  }

  /** A paced publisher is not held back for one subscriber, as others would notice. */
  #waitsForAny(now: number): boolean {
    return this.#awaited.size > 0 && now - this.#lastSaturated < SATURATED_MS;
  }

  /** A subscriber took something, or has less to wait for. */
  sent(receiver: PressureReceiver): void {
    this.#stalled = false;
    if (this.#gate === undefined) return;
    this.#lastProgress = performance.now();
    const { pendingBytes, maxPendingBytes } = receiver;
    const caughtUp = pendingBytes <= maxPendingBytes / 2 && this.#awaited.delete(receiver);
    if (this.#awaited.size > 0) return;
    if (caughtUp || pendingBytes <= high(receiver) / 2) this.open();
  }

  /** A subscriber has gone. */
  left(receiver: PressureReceiver): void {
    this.#standings.delete(receiver);
    this.#awaited.delete(receiver);
    this.open();
  }

  /** Lets the streams pass. */
  open(): void {
    if (this.#gate === undefined) return;
    this.#heldMs += performance.now() - this.#gate.since;
    this.#awaited.clear();
    this.#gate.resolve();
    this.#gate = undefined;
  }

  /** How long streams were held back since the beginning, in milliseconds. */
  heldMs(now: number): number {
    return this.#heldMs + (this.#gate === undefined ? 0 : Math.max(0, now - this.#gate.since));
  }

  /**
   * Looks after those who are waited for. `isShared`: whether the publisher has something for others
   * than the track's own subscribers.
   */
  tick(now: number, receivers: Iterable<PressureReceiver>, isShared: () => boolean): void {
    const passed = now - this.#lastTick;
    this.#lastTick = now;
    for (const receiver of receivers) this.#judge(receiver, passed);
    if (this.#gate === undefined) return;
    const still = now - this.#lastProgress;
    if (still < SHARED_STALL_MS) return;
    if (still < STALL_MS && !isShared()) return;
    this.#stalled = true;
    this.open();
  }

  #judge(receiver: PressureReceiver, passed: number): void {
    let standing = this.#standings.get(receiver);
    if (standing === undefined) {
      standing = { patienceMs: PATIENCE_MS, isSlow: false };
      this.#standings.set(receiver, standing);
    }
    if (this.#awaited.has(receiver)) {
      standing.patienceMs -= passed;
      if (standing.patienceMs > 0) return;
      standing.isSlow = true;
      this.#awaited.delete(receiver);
      if (this.#awaited.size === 0) this.open();
      return;
    }
    if (standing.isSlow && receiver.pendingBytes > high(receiver) / 2) return;
    standing.isSlow = false;
    standing.patienceMs = Math.min(PATIENCE_MS, standing.patienceMs + passed * RECOVERY);
  }
}
