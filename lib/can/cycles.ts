/**
 * Frames sent again and again by the server itself, so that the network's jitter is not on the bus:
 * what Linux's broadcast manager (CAN_BCM) does, for every bus there is here.
 *
 * @module
 */
import { NotFoundError, UsageError, XoqError } from "../errors.ts";
import type { CanFrame } from "./frame.ts";

/** Most cycles on one bus. */
export const MAX_CYCLES = 256;
/** Shortest period, in µs: a timer's. */
export const MIN_PERIOD_MICROS = 1_000;
/** Longest period, in µs: a day. */
export const MAX_PERIOD_MICROS = 86_400e6;
/** A tick that comes this late is not made up for, in periods: it is skipped and counted. */
const LATE_PERIODS = 1;

/** What is repeated. */
export interface CycleSpec {
  /** Name to change and stop it by. */
  key: string;
  /** The frame. */
  frame: CanFrame;
  /** Period in µs. */
  everyMicros: number;
  /** How often; absent: until stopped. */
  count?: number | undefined;
}

/** A cycle now. */
export interface CycleStatus {
  /** Its name. */
  key: string;
  /** Its frame. */
  frame: CanFrame;
  /** Period in µs. */
  everyMicros: number;
  /** Times left; `undefined`: no end. */
  left: number | undefined;
  /** Times sent. */
  sent: number;
  /** Times left out because the process was late. */
  skipped: number;
}

interface Cycle extends CycleStatus {
  /** When it is due, monotonic ms. */
  due: number;
  /** Stands in for the frame the next time only. */
  once: CanFrame | undefined;
}

/** The cycles of one controller. */
export class Cycles implements Disposable {
  readonly #cycles = new Map<string, Cycle>();
  readonly #send: (frames: CanFrame[]) => void;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerDue = Infinity;

  /**
   * Makes a set without cycles.
   * @param send puts frames on their way to the bus.
   * @param now monotonic milliseconds; for tests.
   */
  constructor(send: (frames: CanFrame[]) => void, now: () => number = () => performance.now()) {
    this.#send = send;
    this.#now = now;
  }

  /**
   * Starts a cycle, at once, or replaces the one of this name: its next turn is then where it was,
   * unless the period changed. Throws `UsageError`, and `XoqError` where there are too many.
   */
  set(spec: CycleSpec): void {
    const { key, frame, everyMicros, count } = spec;
    if (!(everyMicros >= MIN_PERIOD_MICROS && everyMicros <= MAX_PERIOD_MICROS)) {
      throw new UsageError(`a period of ${everyMicros} µs: from 1 ms to a day`);
    }
    const known = this.#cycles.get(key);
    if (known === undefined && this.#cycles.size >= MAX_CYCLES) {
      throw new XoqError("failed", `already ${MAX_CYCLES} cyclic frames`, { hint: "stop one" });
    }
    const keepsTime = known !== undefined && known.everyMicros === everyMicros;
    this.#cycles.set(key, {
      key,
      frame,
      everyMicros,
      left: count,
      sent: known?.sent ?? 0,
      skipped: known?.skipped ?? 0,
      due: keepsTime ? known.due : this.#now(),
      once: undefined,
    });
    this.#run();
  }

  /**
   * Changes what a cycle sends, its times untouched; with `once` the next time only. Throws
   * `NotFoundError`.
   */
  change(key: string, frame: CanFrame, options: { once?: boolean } = {}): void {
    const cycle = this.#find(key);
    if (options.once === true) cycle.once = frame;
    else {
      cycle.frame = frame;
      cycle.once = undefined;
    }
  }

  /** The frame a cycle sends. Throws `NotFoundError`. */
  frameOf(key: string): CanFrame {
    return this.#find(key).frame;
  }

  /** Ends a cycle. Throws `NotFoundError`. */
  stop(key: string): void {
    this.#find(key);
    this.#cycles.delete(key);
  }

  /** Cycles now. */
  list(): CycleStatus[] {
    return [...this.#cycles.values()].map((
      { key, frame, everyMicros, left, sent, skipped },
    ) => ({ key, frame, everyMicros, left, sent, skipped }));
  }

  /** Ends all. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDue = Infinity;
    this.#cycles.clear();
  }

  #find(key: string): Cycle {
    const cycle = this.#cycles.get(key);
    if (cycle === undefined) throw new NotFoundError(`no cyclic frame "${key}"`);
    return cycle;
  }

  #run(): void {
    const now = this.#now();
    const frames: CanFrame[] = [];
    for (const cycle of this.#cycles.values()) {
      if (cycle.due > now) continue;
      frames.push(cycle.once ?? cycle.frame);
      cycle.once = undefined;
      cycle.sent++;
      const period = cycle.everyMicros / 1000;
      cycle.due += period;
      const late = Math.floor((now - cycle.due) / period) + 1;
      if (late > LATE_PERIODS) {
        cycle.skipped += late;
        cycle.due += late * period;
      }
      if (cycle.left !== undefined && --cycle.left <= 0) this.#cycles.delete(cycle.key);
    }
    this.#arm(now);
    if (frames.length > 0) this.#send(frames);
  }

  #arm(now: number): void {
    let due = Infinity;
    for (const cycle of this.#cycles.values()) due = Math.min(due, cycle.due);
    if (due === this.#timerDue && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerDue = due;
    if (due === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run();
    }, Math.max(0, Math.round(due - now)));
  }
}
