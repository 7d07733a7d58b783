/**
 * A live stream of encoded pictures as its readers see it, wherever it comes from: the camera on
 * this machine or one across the network. Sinks (page, file, virtual camera) know only this.
 *
 * @module
 */
import type { EncodedFrame, StreamDescription } from "./frame.ts";

/** What happened to the stream's source. */
export type FeedState =
  | { state: "live" }
  /** The device or the peer is gone; the feed goes on by itself when it is back. */
  | { state: "lost"; reason: string }
  /** It will not come back. */
  | { state: "ended"; reason: string };

/** Counters of one subscription. */
export interface SubscriptionStats {
  /** Frames handed over. */
  delivered: number;
  /** Frames dropped because this reader was slow, whole groups from the next key frame back. */
  dropped: number;
  /** Bytes handed over. */
  bytes: number;
}

/** How to read a feed. */
export interface SubscribeOptions {
  /** Most frames waiting for this reader, 1 to 64; default 8. */
  queue?: number;
  /**
   * A frame captured this much before the newest one, in milliseconds, is not handed out any more:
   * the reader goes on at a younger key frame. Default 1,000; `Infinity` for recorders.
   */
  maxAgeMs?: number;
  /**
   * What waits when every frame is a key frame (JPEG): `latest` (the default) only the newest one,
   * `queue` up to `queue` frames, the oldest dropped first. Other codecs know no difference.
   */
  policy?: "latest" | "queue";
  /** Ends the subscription as `return()` does. */
  signal?: AbortSignal;
}

/**
 * One reader's view. Latest-wins: a slow reader loses frames, restarts at a key frame, and never
 * sees an old picture as new. Its first frame is a key frame. Iterating ends when the feed ended,
 * or after `return()`/dispose.
 */
export interface Subscription extends AsyncIterableIterator<EncodedFrame>, Disposable {
  /** Counters now. */
  readonly stats: SubscriptionStats;
}

/** A source of live encoded pictures with any number of readers. */
export interface Feed {
  /** What the pictures are; resolves when known, again after each change. */
  description(): Promise<StreamDescription>;
  /** Now. */
  readonly state: FeedState;
  /** Calls back on every change of state. Returns the unsubscriber. */
  onState(listener: (state: FeedState) => void): () => void;
  /** Starts reading; asks for a key frame at once. */
  subscribe(options?: SubscribeOptions): Subscription;
  /** Asks for a key frame soon (rate limited at the source). */
  requestKeyFrame(): void;
}
