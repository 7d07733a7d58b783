/**
 * One producer of encoded pictures, any number of readers. A frame is handed on by reference, never
 * copied; a reader that doesn't keep up loses frames ({@link FrameQueue}) and delays nobody.
 *
 * Everything happens inside `push()`: O(1) for each reader, no timer, no allocation beyond the
 * queues; a reader that waits is woken by resolving its promise, which takes a microtask.
 *
 * @module
 */
import { LostError } from "../errors.ts";
import type { Feed, FeedState, SubscribeOptions, Subscription, SubscriptionStats } from "./feed.ts";
import type { EncodedFrame, StreamDescription } from "./frame.ts";
import { FrameQueue } from "./frame_queue.ts";

/** Key frames are forced for slow readers at most this often, in milliseconds; the regular ones come besides. */
export const KEY_FRAME_INTERVAL_MS = 500;
/** For a reader that comes new, at most this often, in milliseconds: it sees nothing until then. */
export const JOIN_INTERVAL_MS = 100;
/** Frames waiting for a reader that didn't say. */
export const DEFAULT_QUEUE = 8;
/** Age in milliseconds behind the newest frame at which a frame is stale for a reader that didn't say. */
export const DEFAULT_MAX_AGE_MS = 1000;

/** What a {@link Fanout} asks of its producer. All callbacks run synchronously and must not throw. */
export interface FanoutOptions {
  /**
   * A key frame is wanted as soon as possible. At most once in {@link KEY_FRAME_INTERVAL_MS}, for new
   * readers once in {@link JOIN_INTERVAL_MS}.
   */
  onKeyFrameWanted?: () => void;
  /** The first reader came (true), the last one went (false). */
  onDemand?: (wanted: boolean) => void;
  /** Monotonic milliseconds; for tests. Default `performance.now`. */
  now?: () => number;
}

/** Counters of a {@link Fanout} since it was made. */
export interface FanoutStats {
  /** Readers now. */
  readers: number;
  /** Frames the producer pushed. */
  pushed: number;
  /** Frames dropped for slow readers, summed over all of them, those that left too. */
  dropped: number;
  /** Times the producer was asked for a key frame. */
  keyFramesAsked: number;
}

/** A {@link Feed} with its producing side. */
export class Fanout implements Feed {
  readonly #options: FanoutOptions;
  readonly #now: () => number;
  readonly #readers = new Set<Reader>();
  readonly #stateListeners = new Set<(state: FeedState) => void>();
  #state: FeedState = { state: "live" };
  #description: StreamDescription | undefined;
  #awaitingDescription = Promise.withResolvers<StreamDescription>();
  #newestCaptureTime = -Infinity;
  #pushed = 0;
  #droppedByGone = 0;
  #keyFramesAsked = 0;
  #askedAt = -Infinity;
  /** Milliseconds that must lie between the last forced key frame and the one wanted now. */
  #keyWantedAfter: number | undefined;

  /** Makes a fan-out that is live and has no readers. */
  constructor(options: FanoutOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    // Nobody may be waiting for the description when the feed ends without one.
    this.#awaitingDescription.promise.catch(() => {});
  }

  /** Now. */
  get state(): FeedState {
    return this.#state;
  }

  /** Captured when, µs since the epoch: the newest frame pushed; `-Infinity` before the first. */
  get newestCaptureTime(): number {
    return this.#newestCaptureTime;
  }

  /** Counters now. */
  stats(): FanoutStats {
    let dropped = this.#droppedByGone;
    for (const reader of this.#readers) dropped += reader.stats.dropped;
    return {
      readers: this.#readers.size,
      pushed: this.#pushed,
      dropped,
      keyFramesAsked: this.#keyFramesAsked,
    };
  }

  /** The stream's description; resolves when known. Rejects with `LostError` when the feed ended without one. */
  description(): Promise<StreamDescription> {
    return this.#description === undefined
      ? this.#awaitingDescription.promise
      : Promise.resolve(this.#description);
  }

  /**
   * Says what the frames pushed from now on are. A change of codec is a {@link discontinuity}; a
   * change of size is not: the frames before it are decodable without it.
   */
  setDescription(description: StreamDescription): void {
    const before = this.#description;
    this.#description = description;
    if (before === undefined) this.#awaitingDescription.resolve(description);
    else if (before.codec !== description.codec) this.discontinuity();
  }

  /**
   * Says what happened to the source. `live` after `lost` is a {@link discontinuity}: what was left
   * waiting is old. `ended` is final; readers get what waits for them, then the end.
   */
  setState(state: FeedState): void {
    const before = this.#state;
    if (before.state === "ended") return;
    this.#state = state;
    if (before.state === "lost" && state.state === "live") this.discontinuity();
    if (state.state === "ended") {
      this.#awaitingDescription.reject(new LostError(state.reason));
      for (const reader of [...this.#readers]) reader.finish();
    }
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  /** Calls back on every change of state. Returns the unsubscriber. */
  onState(listener: (state: FeedState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Hands a frame to every reader. Frames come in decoding order; a delta frame needs all since its key frame. */
  push(frame: EncodedFrame): void {
    if (this.#state.state === "ended") return;
    this.#pushed++;
    this.#newestCaptureTime = frame.captureTime;
    if (frame.key) this.#keyWantedAfter = undefined;
    for (const reader of this.#readers) reader.push(frame);
    if (this.#keyWantedAfter !== undefined) this.#askWhenDue(this.#keyWantedAfter);
  }

  /**
   * What is pushed next does not continue what was pushed before (a frame was lost on the way here,
   * the encoder began anew): readers drop what waits and go on at the next key frame.
   */
  discontinuity(): void {
    for (const reader of this.#readers) reader.restart();
    if (this.#readers.size > 0) this.requestKeyFrame();
  }

  /** Starts reading at the next key frame, which is asked for. */
  subscribe(options: SubscribeOptions = {}): Subscription {
    const reader = new Reader(options, {
      stale: (frame, maxAgeMs) => this.#newestCaptureTime - frame.captureTime > maxAgeMs * 1000,
      keyFrameNeeded: () => this.requestKeyFrame(),
      left: (gone) => this.#leave(gone),
    });
    if (this.#state.state === "ended" || options.signal?.aborted) {
      reader.finish();
      return reader;
    }
    this.#readers.add(reader);
    if (this.#readers.size === 1) {
      this.#askedAt = -Infinity;
      this.#options.onDemand?.(true);
    }
    this.#wantKeyFrame(JOIN_INTERVAL_MS);
    return reader;
  }

  /** Asks the producer for a key frame: now, or with the first frame {@link KEY_FRAME_INTERVAL_MS} after the last time. */
  requestKeyFrame(): void {
    this.#wantKeyFrame(KEY_FRAME_INTERVAL_MS);
  }

  #wantKeyFrame(intervalMs: number): void {
    if (this.#state.state === "ended") return;
    this.#keyWantedAfter = Math.min(intervalMs, this.#keyWantedAfter ?? Infinity);
    this.#askWhenDue(this.#keyWantedAfter);
  }

  #askWhenDue(intervalMs: number): void {
    const now = this.#now();
    if (now - this.#askedAt < intervalMs) return;
    // Where the producer doesn't answer, even new readers' asks are repeated slowly.
    this.#keyWantedAfter = KEY_FRAME_INTERVAL_MS;
    this.#askedAt = now;
    this.#keyFramesAsked++;
    this.#options.onKeyFrameWanted?.();
  }

  #leave(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    this.#droppedByGone += reader.stats.dropped;
    if (this.#readers.size === 0) {
      this.#keyWantedAfter = undefined;
      this.#options.onDemand?.(false);
    }
  }
}

/** What a reader needs of its fan-out. */
interface ReaderHost {
  stale(frame: EncodedFrame, maxAgeMs: number): boolean;
  keyFrameNeeded(): void;
  left(reader: Reader): void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

class Reader implements Subscription {
  readonly #queue: FrameQueue;
  readonly #host: ReaderHost;
  readonly #maxAgeMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#close();
  #delivered = 0;
  #bytes = 0;
  #finished = false;
  #wake: ((result: IteratorResult<EncodedFrame>) => void) | undefined;

  constructor(options: SubscribeOptions, host: ReaderHost) {
    const capacity = options.queue ?? DEFAULT_QUEUE;
    this.#queue = new FrameQueue(capacity, options.policy === "queue" ? capacity : 1);
    this.#maxAgeMs = options.maxAgeMs ?? DEFAULT_MAX_AGE_MS;
    if (!(this.#maxAgeMs >= 0)) {
      throw new RangeError(`maxAgeMs is a number of milliseconds from 0, not ${options.maxAgeMs}`);
    }
    this.#host = host;
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#abort, { once: true });
  }

  get stats(): SubscriptionStats {
    return { delivered: this.#delivered, dropped: this.#queue.dropped, bytes: this.#bytes };
  }

  push(frame: EncodedFrame): void {
    if (!this.#queue.admits(frame)) return;
    const wake = this.#wake;
    if (wake !== undefined) {
      this.#wake = undefined;
      wake(this.#deliver(frame));
    } else if (!this.#queue.push(frame)) this.#host.keyFrameNeeded();
  }

  restart(): void {
    this.#queue.clear();
    this.#queue.needsKey = true;
  }

  /** The feed ended: what waits may still be read. */
  finish(): void {
    this.#leave();
    this.#wake?.(DONE);
    this.#wake = undefined;
  }

  next(): Promise<IteratorResult<EncodedFrame>> {
    if (this.#wake !== undefined) {
      return Promise.reject(new TypeError("a subscription has one pending next() at a time"));
    }
    const first = this.#queue.first;
    if (first !== undefined && this.#host.stale(first, this.#maxAgeMs)) this.#dropStale();
    const frame = this.#queue.shift();
    if (frame !== undefined) return Promise.resolve(this.#deliver(frame));
    if (this.#finished) return Promise.resolve(DONE);
    const { promise, resolve } = Promise.withResolvers<IteratorResult<EncodedFrame>>();
    this.#wake = resolve;
    return promise;
  }

  return(): Promise<IteratorResult<EncodedFrame>> {
    this.#close();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  // A key frame that is stale itself would only bring stale frames after it.
  #dropStale(): void {
    const key = this.#queue.newestKey;
    if (key !== undefined && !this.#host.stale(key, this.#maxAgeMs)) {
      this.#queue.skipToNewestKey();
      return;
    }
    this.restart();
    this.#host.keyFrameNeeded();
  }

  #deliver(frame: EncodedFrame): IteratorYieldResult<EncodedFrame> {
    this.#delivered++;
    this.#bytes += frame.data.byteLength;
    return { done: false, value: frame };
  }

  #leave(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#host.left(this);
  }

  #close(): void {
    this.#queue.clear();
    this.finish();
  }
}
