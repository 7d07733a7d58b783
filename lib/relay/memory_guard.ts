/**
 * Keeps the relay's process within its memory. What is held is counted elsewhere; this measures what
 * the process really takes: garbage that is not collected yet, free memory that was not given back,
 * buffers of the network. Above marks it has the process relieved, makes the cache smaller, and in the
 * end lets publishers wait.
 *
 * @module
 */

/** The process' memory. */
export interface MemoryGauge {
  /** Bytes that are resident now. */
  resident(): number;
  /** Collects garbage, and gives free memory back; takes some milliseconds. */
  relieve(): void;
}

/** What a guard watches over. */
export interface MemoryGuardOptions {
  /** Bytes that are to be enough. */
  limitBytes: number;
  /** The process. */
  gauge: MemoryGauge;
  /** Groups are to be held in so many bytes less than the cache's own bound. */
  shrink: (bytes: number) => void;
}

/** Counters of a guard. */
export interface MemoryCounters {
  /** Bytes of the process that were resident when they were last looked at; 0: nobody looks. */
  memoryBytes: number;
  /** How often garbage was collected, and free memory given back, because the process was large. */
  memoryReliefs: number;
  /** How often all publishers were let wait. */
  memoryHolds: number;
}

/** Shares of the limit from which on something is done. */
const RELIEVE_AT = 0.75;
const SHRINK_AT = 0.875;
const HOLD_AT = 0.95;
/** What a process that was small at first may grow by whatever the limit. */
const LEAST_GROWTH = 64 << 20;
/** The process is relieved again when it has grown by so much. */
const STEP_BYTES = 8 << 20;
/** Bytes that come between two looks. */
const LOOK_BYTES = 4 << 20;
/** What a stream or a datagram that comes takes beside its bytes, roughly. */
const ENTRY_BYTES = 4 << 10;
/** The longest that publishers wait in one go, in milliseconds, and what then passes at least. */
const HOLD_MS = 1_000;
const PASS_MS = 200;

/** Watches over one process. */
export class MemoryGuard {
  readonly #gauge: MemoryGauge;
  readonly #shrink: (bytes: number) => void;
  readonly #limit: number;
  readonly #counters: MemoryCounters = { memoryBytes: 0, memoryReliefs: 0, memoryHolds: 0 };
  #shrunkBy = 0;
  #came = 0;
  /** What was left after the last relief. */
  #floor = 0;
  #gate: { promise: Promise<void>; resolve: () => void; since: number } | undefined;
  #passUntil = 0;

  /** Begins with a process that has not grown yet. */
  constructor({ limitBytes, gauge, shrink }: MemoryGuardOptions) {
    this.#gauge = gauge;
    this.#shrink = shrink;
    this.#limit = Math.max(limitBytes, gauge.resident() + LEAST_GROWTH);
  }

  /** Counters now. */
  get counters(): MemoryCounters {
    return this.#counters;
  }

  /** Something came, of so many bytes. What to wait for before more is read; undefined: nothing. */
  came(bytes: number): Promise<void> | undefined {
    this.#came += bytes + ENTRY_BYTES;
    if (this.#came >= LOOK_BYTES) this.look(performance.now());
    return this.#gate?.promise;
  }

  /** Looks at the process; to be called now and then, as bytes are not all that takes memory. */
  look(now: number): void {
    this.#came = 0;
    let bytes = this.#gauge.resident();
    if (bytes >= this.#limit * RELIEVE_AT) bytes = this.#relieve(bytes);
    else this.#relax();
    this.#counters.memoryBytes = bytes;
    const above = bytes - this.#limit * SHRINK_AT;
    if (above > 0) this.#shrinkBy(this.#shrunkBy + above);
    if (bytes >= this.#limit * HOLD_AT) this.#hold(now);
    else this.open();
  }

  #relieve(bytes: number): number {
    this.#floor = Math.min(this.#floor, bytes);
    if (bytes < this.#floor + STEP_BYTES) return bytes;
    this.#counters.memoryReliefs++;
    this.#gauge.relieve();
    return this.#floor = this.#gauge.resident();
  }

  #relax(): void {
    this.#floor = 0;
    if (this.#shrunkBy > 0) this.#shrinkBy(Math.max(0, this.#shrunkBy - STEP_BYTES / 8));
  }

  #shrinkBy(bytes: number): void {
    this.#shrunkBy = Math.min(bytes, this.#limit);
    this.#shrink(this.#shrunkBy);
    // What the cache lets go is to be given back before the process grows.
    this.#floor = 0;
  }

  /** For a while: where waiting does not help, nobody is helped by it. */
  #hold(now: number): void {
    if (this.#gate === undefined) {
      if (now < this.#passUntil) return;
      this.#counters.memoryHolds++;
      this.#gate = { ...Promise.withResolvers<void>(), since: now };
    } else if (now - this.#gate.since > HOLD_MS) {
      this.#passUntil = now + PASS_MS;
      this.open();
    }
  }

  /** Lets everything pass. */
  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }
}
