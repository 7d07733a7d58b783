/**
 * What the sequence numbers and timestamps of a pose stream tell about the network.
 *
 * @module
 */

/** Sequence numbers remembered to tell a duplicate from one that came behind a newer one. */
const WINDOW = 256;
/** A jump further than this is a phone that begins anew: some seconds at 1,000 Hz. */
const MAX_GAP = 8_192;
/** A pose this much slower than the quickest counts as late, in µs. */
const LATE_US = 100_000;
/** The quickest way is looked for among the poses of one to two of these, in ms of receiving time. */
const OFFSET_WINDOW_MS = 10_000;
/** Time over which the rate is taken, in ms. */
const RATE_WINDOW_MS = 1_000;

/** Counters since the session began, and measures now. */
export interface SequenceStats {
  /** Poses received, duplicates too. */
  received: number;
  /** Sequence numbers that never came. */
  lost: number;
  /** Poses that took 100 ms longer than the quickest, by the phone's own clock. */
  late: number;
  /** Poses that came behind a newer one; not handed on. */
  reordered: number;
  /** Poses that came twice; not handed on. */
  duplicates: number;
  /** Poses a second over the last whole second. */
  rate: number;
  /** Interarrival jitter in ms (RFC 3550, section 6.4.1). */
  jitterMs: number;
  /**
   * Microseconds to add to the phone's clock to get this machine's, less the quickest way from
   * there to here; `undefined` before the first pose.
   */
  clockOffsetUs: number | undefined;
}

/** Follows one phone's stream. */
export class SequenceTracker {
  readonly #seen = new Uint8Array(WINDOW);
  #received = 0;
  #lost = 0;
  #late = 0;
  #reordered = 0;
  #duplicates = 0;
  #newest = -1;
  #jitterUs = 0;
  #transitUs = NaN;
  #quickestUs = Infinity;
  #quickestBeforeUs = Infinity;
  #windowAt = -Infinity;
  #rateAt = NaN;
  #rateCount = 0;
  #rate = 0;

  /** Begins anew. Clock and counters of the session before are forgotten. */
  reset(): void {
    this.#received =
      this.#lost =
      this.#late =
      this.#reordered =
      this.#duplicates =
        0;
    this.#jitterUs = this.#rateCount = this.#rate = 0;
    this.#transitUs = this.#rateAt = NaN;
    this.#quickestUs = this.#quickestBeforeUs = Infinity;
    this.#windowAt = -Infinity;
    this.#newest = -1;
  }

  /**
   * Takes a pose. Whether it is the newest, to be handed on; the first of a session is.
   *
   * @param arrivedUs this machine's clock, µs since the epoch
   */
  take(seq: number, timestampUs: number, arrivedUs: number): boolean {
    this.#received++;
    this.#count(arrivedUs);
    const isNewest = this.#order(seq);
    if (isNewest) this.#time(timestampUs, arrivedUs);
    return isNewest;
  }

  /** Counters and measures now. */
  stats(nowUs: number): SequenceStats {
    this.#roll(nowUs);
    const quickest = Math.min(this.#quickestUs, this.#quickestBeforeUs);
    return {
      received: this.#received,
      lost: this.#lost,
      late: this.#late,
      reordered: this.#reordered,
      duplicates: this.#duplicates,
      rate: Math.round(this.#rate * 10) / 10,
      jitterMs: Math.round(this.#jitterUs) / 1000,
      clockOffsetUs: Number.isFinite(quickest) ? Math.round(quickest) : undefined,
    };
  }

  #order(seq: number): boolean {
    const seen = this.#seen;
    const ahead = (seq - this.#newest) & 0xffff;
    const behind = (this.#newest - seq) & 0xffff;
    if (this.#newest < 0 || (ahead > MAX_GAP && behind >= WINDOW)) {
      seen.fill(0);
      seen[seq % WINDOW] = 1;
      this.#newest = seq;
      return true;
    }
    if (behind < WINDOW) {
      if (seen[seq % WINDOW] === 1) this.#duplicates++;
      else {
        seen[seq % WINDOW] = 1;
        this.#reordered++;
        // It was counted as lost; one from before the first pose was not.
        if (this.#lost > 0) this.#lost--;
      }
      return false;
    }
    this.#lost += ahead - 1;
    if (ahead >= WINDOW) seen.fill(0);
    else for (let i = 1; i < ahead; i++) seen[(this.#newest + i) % WINDOW] = 0;
    seen[seq % WINDOW] = 1;
    this.#newest = seq;
    return true;
  }

  #time(timestampUs: number, arrivedUs: number): void {
    const transit = arrivedUs - timestampUs;
    if (arrivedUs - this.#windowAt > OFFSET_WINDOW_MS * 1000) {
      this.#quickestBeforeUs = this.#quickestUs;
      this.#quickestUs = Infinity;
      this.#windowAt = arrivedUs;
    }
    if (transit < this.#quickestUs) this.#quickestUs = transit;
    const quickest = Math.min(this.#quickestUs, this.#quickestBeforeUs);
    if (transit - quickest > LATE_US) this.#late++;
    if (this.#transitUs === this.#transitUs) {
      this.#jitterUs += (Math.abs(transit - this.#transitUs) - this.#jitterUs) / 16;
    }
    this.#transitUs = transit;
  }

  #count(nowUs: number): void {
    if (this.#rateAt !== this.#rateAt) this.#rateAt = nowUs;
    else this.#roll(nowUs);
    this.#rateCount++;
  }

  #roll(nowUs: number): void {
    const elapsedMs = (nowUs - this.#rateAt) / 1000;
    if (!(elapsedMs >= RATE_WINDOW_MS)) return;
    this.#rate = this.#rateCount * 1000 / elapsedMs;
    this.#rateCount = 0;
    this.#rateAt = nowUs;
  }
}
