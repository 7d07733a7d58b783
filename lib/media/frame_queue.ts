/**
 * The bounded, latest-wins queue of one reader: a ring that knows where its newest key frame is.
 *
 * Policy: what overflows is dropped from the front up to the next key frame in the queue; where
 * none waits, everything is dropped and frames are refused until a key frame comes. So whatever
 * leaves the queue can be decoded: a delta frame only ever follows the frame it followed when it
 * was pushed.
 *
 * @module
 */
import type { EncodedFrame } from "./frame.ts";

/** Most frames a queue may hold. */
export const MAX_QUEUE = 64;

/** A ring of frames. Every operation is O(1), dropping is O(1) for each frame that was pushed. */
export class FrameQueue {
  /** Frames dropped: by overflow, by age, or refused while a key frame is awaited after a drop. */
  dropped = 0;
  /** Whether only a key frame is taken next. */
  needsKey = true;
  readonly #slots: (EncodedFrame | undefined)[];
  readonly #capacity: number;
  readonly #keyFrameCapacity: number;
  // Positions count frames ever taken; a slot is its position modulo the capacity.
  #head = 0;
  #tail = 0;
  #newestKey = -1;
  #started = false;

  /**
   * Makes an empty queue.
   *
   * @param capacity most frames waiting, 1 to {@link MAX_QUEUE}.
   * @param keyFrameCapacity most frames waiting of a codec whose frames are all key frames.
   */
  constructor(capacity: number, keyFrameCapacity: number = capacity) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_QUEUE) {
      throw new RangeError(`a frame queue holds 1 to ${MAX_QUEUE} frames, not ${capacity}`);
    }
    this.#capacity = capacity;
    this.#keyFrameCapacity = Math.min(capacity, keyFrameCapacity);
    this.#slots = new Array(capacity).fill(undefined);
  }

  /** Frames waiting. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** The frame that is next, if any waits. */
  get first(): EncodedFrame | undefined {
    return this.length === 0 ? undefined : this.#slots[this.#head % this.#capacity];
  }

  /** The newest key frame waiting, if any. */
  get newestKey(): EncodedFrame | undefined {
    return this.#newestKey < this.#head ? undefined : this.#slots[this.#newestKey % this.#capacity];
  }

  /** Whether `frame` would be taken now, apart from room; counts a refusal as a drop once started. */
  admits(frame: EncodedFrame): boolean {
    if (frame.key) {
      this.needsKey = false;
      this.#started = true;
      return true;
    }
    if (!this.needsKey) return true;
    if (this.#started) this.dropped++;
    return false;
  }

  /** Takes an admitted frame, dropping older ones where there is no room. False: it was dropped itself. */
  push(frame: EncodedFrame): boolean {
    const capacity = frame.codec === "jpeg" ? this.#keyFrameCapacity : this.#capacity;
    if (this.length >= capacity) {
      if (frame.key && frame.codec !== "jpeg") this.clear();
      else if (frame.key) this.#dropTo(this.#tail - capacity + 1);
      else if (!this.skipToNewestKey()) {
        this.dropped++;
        return false;
      }
    }
    if (frame.key) this.#newestKey = this.#tail;
    this.#slots[this.#tail % this.#capacity] = frame;
    this.#tail++;
    return true;
  }

  /** Takes the next frame out. */
  shift(): EncodedFrame | undefined {
    if (this.length === 0) return undefined;
    const slot = this.#head % this.#capacity;
    const frame = this.#slots[slot];
    this.#slots[slot] = undefined;
    this.#head++;
    return frame;
  }

  /**
   * Drops what is older than the newest waiting key frame. Where that drops nothing, drops
   * everything and awaits a key frame: false.
   */
  skipToNewestKey(): boolean {
    if (this.#newestKey > this.#head) {
      this.#dropTo(this.#newestKey);
      return true;
    }
    this.clear();
    this.needsKey = true;
    return false;
  }

  /** Drops everything, counted. */
  clear(): void {
    this.#dropTo(this.#tail);
  }

  #dropTo(position: number): void {
    while (this.#head < position) {
      this.#slots[this.#head % this.#capacity] = undefined;
      this.#head++;
      this.dropped++;
    }
  }
}
