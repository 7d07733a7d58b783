/**
 * Frames waiting for a way out that may be slower than they come: first come, first served, and
 * when it falls behind, as on a bus, the lowest identifiers first. What has waited too long is
 * dropped, never sent late.
 *
 * @module
 */
import { arbitrationOf, type CanFrame } from "./frame.ts";
import type { DropCause } from "./wire.ts";

/** A frame that waits. */
export interface Waiting {
  /** The frame. */
  readonly frame: CanFrame;
  /** When it was meant to be sent, µs since the epoch by our clock; its age counts from here. */
  readonly born: number;
  /** When it came into the queue, µs since the epoch, where that is not when it was born. */
  readonly since?: number;
  /** Whatever its owner needs to know it again. */
  readonly tag?: unknown;
}

/** How a queue is bounded. */
export interface SendQueueOptions {
  /**
   * Most frames. Policy of a full queue: the oldest frame of the highest identifier makes room
   * (`"overflow"`).
   */
  capacity: number;
  /** Age in µs beyond which a frame is dropped (`"stale"`) when its turn comes; absent: never. */
  staleMicros?: number | undefined;
  /** Called for each dropped frame. */
  onDrop: (waiting: Waiting, cause: DropCause) => void;
}

/** See the module. */
export class SendQueue {
  readonly #options: SendQueueOptions;
  /** In order of arrival, from `#head` on; empty while there are buckets. */
  #arrivals: Waiting[] = [];
  #head = 0;
  /** By arbitration, each in order of arrival; used while the queue is behind. */
  readonly #buckets = new Map<number, Waiting[]>();
  #size = 0;
  /** What was taken last was taken by priority. */
  #tookByPriority = false;

  /** Makes an empty queue. */
  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /** Frames waiting. */
  get size(): number {
    return this.#size;
  }

  /** Whether lower identifiers go first at present. */
  get prioritizing(): boolean {
    return this.#buckets.size > 0;
  }

  /** The frame that came first; `undefined` when empty or prioritizing. */
  get oldest(): Waiting | undefined {
    return this.#arrivals[this.#head];
  }

  /** Adds a frame. */
  push(waiting: Waiting): void {
    if (this.#size >= this.#options.capacity) this.#makeRoom();
    this.#size++;
    if (this.prioritizing) this.#bucketOf(waiting.frame).push(waiting);
    else this.#arrivals.push(waiting);
  }

  /** From now on, until it is empty, lower identifiers go first. */
  prioritize(): void {
    if (this.prioritizing) return;
    for (let i = this.#head; i < this.#arrivals.length; i++) {
      const waiting = this.#arrivals[i]!;
      this.#bucketOf(waiting.frame).push(waiting);
    }
    this.#arrivals = [];
    this.#head = 0;
  }

  /**
   * Takes the frames whose turn it is.
   *
   * @param now µs since the epoch.
   * @param admit called with each frame in turn: whether there is still room for it.
   */
  take(now: number, admit: (frame: CanFrame) => boolean): Waiting[] {
    this.#tookByPriority = this.prioritizing;
    return this.prioritizing ? this.#takeLowest(now, admit) : this.#takeOldest(now, admit);
  }

  /** Gives frames back that were just taken: it is still their turn. */
  putBack(taken: readonly Waiting[]): void {
    this.#size += taken.length;
    if (this.#tookByPriority) {
      this.prioritize();
      for (let i = taken.length - 1; i >= 0; i--) {
        this.#bucketOf(taken[i]!.frame).unshift(taken[i]!);
      }
    } else {
      this.#arrivals = [...taken, ...this.#arrivals.slice(this.#head)];
      this.#head = 0;
    }
  }

  /** Drops everything, or what the test picks, for this cause. */
  clear(cause: DropCause, test: (waiting: Waiting) => boolean = () => true): void {
    const all = this.#all();
    this.#arrivals = [];
    this.#head = 0;
    this.#buckets.clear();
    this.#size = 0;
    for (const waiting of all) {
      if (test(waiting)) this.#options.onDrop(waiting, cause);
      else {
        this.#arrivals.push(waiting);
        this.#size++;
      }
    }
  }

  #all(): Waiting[] {
    if (!this.prioritizing) return this.#arrivals.slice(this.#head);
    return this.#keys().flatMap((key) => this.#buckets.get(key)!);
  }

  #keys(): number[] {
    return [...this.#buckets.keys()].sort((a, b) => a - b);
  }

  #bucketOf(frame: CanFrame): Waiting[] {
    const key = arbitrationOf(frame);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, bucket = []);
    return bucket;
  }

  #takeOldest(now: number, admit: (frame: CanFrame) => boolean): Waiting[] {
    const taken: Waiting[] = [];
    while (this.#head < this.#arrivals.length) {
      const waiting = this.#arrivals[this.#head]!;
      if (this.#isStale(waiting, now)) this.#options.onDrop(waiting, "stale");
      else if (admit(waiting.frame)) taken.push(waiting);
      else break;
      this.#head++;
      this.#size--;
    }
    if (this.#head === this.#arrivals.length) {
      this.#arrivals = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#arrivals.length) {
      this.#arrivals = this.#arrivals.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  #takeLowest(now: number, admit: (frame: CanFrame) => boolean): Waiting[] {
    const taken: Waiting[] = [];
    for (const key of this.#keys()) {
      const bucket = this.#buckets.get(key)!;
      let used = 0;
      let full = false;
      for (; used < bucket.length; used++) {
        const waiting = bucket[used]!;
        if (this.#isStale(waiting, now)) this.#options.onDrop(waiting, "stale");
        else if (admit(waiting.frame)) taken.push(waiting);
        else {
          full = true;
          break;
        }
      }
      this.#size -= used;
      if (used === bucket.length) this.#buckets.delete(key);
      else this.#buckets.set(key, bucket.slice(used));
      if (full) break;
    }
    return taken;
  }

  #isStale(waiting: Waiting, now: number): boolean {
    const { staleMicros } = this.#options;
    return staleMicros !== undefined && now - waiting.born > staleMicros;
  }

  #makeRoom(): void {
    this.prioritize();
    let highest = -Infinity;
    for (const key of this.#buckets.keys()) if (key > highest) highest = key;
    const bucket = this.#buckets.get(highest)!;
    const dropped = bucket.shift()!;
    if (bucket.length === 0) this.#buckets.delete(highest);
    this.#size--;
    this.#options.onDrop(dropped, "overflow");
  }
}
