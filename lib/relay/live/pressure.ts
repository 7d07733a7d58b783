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
/**
 * A publisher that all were behind so recently, in milliseconds, or that sent as much as a file does, is
 * not paced by what it shows: nobody notices when it has to wait.
 */
const SATURATED_MS = 2_000;
/** As much as a file does: so many bytes within so many milliseconds, 16 MiB/s. */
const FULL_SPEED = { bytes: 8 << 20, ms: 500 } as const;

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
  readonly #receivers = new Map<PressureReceiver, Standing>();
  /** Whom others wait for. */
  readonly #awaited = new Set<PressureReceiver>();
  #gate: { promise: Promise<void>; resolve: () => void; since: number } | undefined;
  #heldMs = 0;
  #lastProgress = 0;
  #lastSaturated = -Infinity;
  readonly #burst = { bytes: 0, since: 0 };
  #lastTick = performance.now();
  #stalled = false;

  /** So many bytes came. What to wait for before more is read; undefined: nothing. */
  wait(bytes = 0): Promise<void> | undefined {
    if (this.#gate !== undefined) return this.#gate.promise;
    const now = performance.now();
    this.#measure(bytes, now);
    if (this.#areAllBehind) {
      this.#lastSaturated = now;
      if (this.#stalled) return undefined;
    } else if (!this.#awaitsAny(now)) return undefined;
    this.#gate = { ...Promise.withResolvers<void>(), since: now };
    this.#lastProgress = now;
    return this.#gate.promise;
  }

  #measure(bytes: number, now: number): void {
    const burst = this.#burst;
    if (now - burst.since > FULL_SPEED.ms) {
      burst.bytes = 0;
      burst.since = now;
    }
    burst.bytes += bytes;
    if (burst.bytes >= FULL_SPEED.bytes) this.#lastSaturated = now;
  }

  get #areAllBehind(): boolean {
    let some = false;
    for (const receiver of this.#receivers.keys()) {
      if (!receiver.forwards) continue;
      if (receiver.pendingBytes < high(receiver)) return false;
      some = true;
    }
    return some;
  }

  /**
   * Whether somebody is waited for who has fallen behind others. A paced publisher is not held back for
   * that, as others would notice.
   */
  #awaitsAny(now: number): boolean {
    if (now - this.#lastSaturated > SATURATED_MS) return false;
    for (const [receiver, { isSlow }] of this.#receivers) {
      const { pendingBytes, maxPendingBytes, forwards } = receiver;
      if (forwards && !isSlow && pendingBytes >= maxPendingBytes / 2) this.#awaited.add(receiver);
    }
    return this.#awaited.size > 0;
  }

  /** A subscriber took something, or has less to wait for. */
  sent(receiver: PressureReceiver): void {
    this.#stalled = false;
    if (this.#gate === undefined) return;
    const now = performance.now();
    this.#lastProgress = now;
    const { pendingBytes, maxPendingBytes } = receiver;
    if (this.#awaited.size > 0) {
      if (pendingBytes > maxPendingBytes / 4 || !this.#awaited.delete(receiver)) return;
      if (this.#awaited.size === 0) this.open();
    } else if (pendingBytes <= high(receiver) / 2 && !this.#awaitsAny(now)) this.open();
  }

  /**
   * Most bytes that may wait for a subscriber now. While the publisher is held back, little comes: what
   * its streams had brought already. Then there is no bound where all are behind, as none of them has
   * anything from another's loss.
   */
  boundOf(receiver: PressureReceiver): number {
    const { maxPendingBytes } = receiver;
    if (this.#gate === undefined || this.#receivers.get(receiver)?.isSlow !== false) {
      return maxPendingBytes;
    }
    return this.#awaited.size === 0 ? Infinity : maxPendingBytes * 2;
  }

  /** A subscriber has come, who is not behind yet. */
  joined(receiver: PressureReceiver): void {
    this.#receivers.set(receiver, { patienceMs: PATIENCE_MS, isSlow: false });
    this.open();
  }

  /** A subscriber has gone. */
  left(receiver: PressureReceiver): void {
    this.#receivers.delete(receiver);
    this.open();
  }

  /** Lets the streams pass. */
  open(): void {
    this.#awaited.clear();
    if (this.#gate === undefined) return;
    this.#heldMs += performance.now() - this.#gate.since;
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
  tick(now: number, isShared: () => boolean): void {
    const passed = now - this.#lastTick;
    this.#lastTick = now;
    const awaited = this.#awaited.size;
    for (const [receiver, standing] of this.#receivers) this.#judge(receiver, standing, passed);
    if (awaited > 0 && this.#awaited.size === 0) this.open();
    if (this.#gate === undefined) return;
    const still = now - this.#lastProgress;
    if (still < SHARED_STALL_MS || (still < STALL_MS && !isShared())) return;
    this.#stalled = true;
    this.open();
  }

  #judge(receiver: PressureReceiver, standing: Standing, passed: number): void {
    if (this.#awaited.has(receiver)) {
      standing.patienceMs -= passed;
      if (standing.patienceMs > 0) return;
      standing.isSlow = true;
      this.#awaited.delete(receiver);
    } else if (!standing.isSlow || receiver.pendingBytes <= high(receiver) / 2) {
      standing.isSlow = false;
      standing.patienceMs = Math.min(PATIENCE_MS, standing.patienceMs + passed * RECOVERY);
    }
  }
}
