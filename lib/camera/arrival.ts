/**
 * What the opening side of a camera does with each picture beside handing it on: counts it, tells
 * the server, judges whether it is still news, and notices that nobody looks any more.
 *
 * @module
 */
import { nowMicros } from "../media/clock.ts";
import type { EncodedFrame, VideoCodec } from "../media/frame.ts";
import type { RemoteControl } from "../remote.ts";
import { Freshness } from "./freshness.ts";

/** How long the stream stays open after its last reader went, in milliseconds. */
const LINGER_MS = 1_000;
/** At most this often the server is told what has arrived, in milliseconds. */
const REPORT_INTERVAL_MS = 50;

/** What has arrived on one connection, reported to the server and judged for freshness. */
export class Arrival {
  /** Capture to arrival of the newest picture, ms, by both clocks. */
  latencyMs: number | undefined;
  /** Whether the newest picture is the first of some that came too late. */
  firstStale = false;
  readonly #control: RemoteControl | undefined;
  readonly #freshness: Freshness;
  #frames = 0;
  #bytes = 0;
  #captured = 0;
  #reportedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to count. */
  constructor(control: RemoteControl | undefined, codec: VideoCodec) {
    this.#control = control;
    this.#freshness = new Freshness(codec);
  }

  /** Counts a picture; the server hears of it now, or at the end of the interval. */
  count(frame: EncodedFrame): void {
    this.#frames++;
    this.#bytes += frame.data.length;
    this.#captured = frame.captureTime;
    if (this.#timer !== undefined) return;
    const wait = this.#reportedAt + REPORT_INTERVAL_MS - performance.now();
    if (wait <= 0) this.#report();
    // The last picture of a burst must be reported too: a server that waits for that sends nothing more.
    else this.#timer = setTimeout(() => this.#report(), wait);
  }

  /** Reports no more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #report(): void {
    this.#timer = undefined;
    this.#reportedAt = performance.now();
    this.#control?.report({ frames: this.#frames, bytes: this.#bytes, captured: this.#captured });
  }

  /** Whether the picture is still news. */
  judge(frame: EncodedFrame): boolean {
    const offset = this.#control?.clockOffset;
    if (offset === undefined) return true;
    this.latencyMs = (nowMicros() - frame.captureTime - offset) / 1000;
    const wasFresh = this.#freshness.fresh;
    const fresh = this.#freshness.judge(frame, this.latencyMs);
    this.firstStale = wasFresh && !fresh;
    return fresh;
  }
}

/** Closes a stream that nobody reads any more, after a while. */
export class Linger {
  /** Whether the stream was closed because nobody looked. */
  left = false;
  readonly #wanted: () => boolean;
  readonly #leave: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Calls `leave` once `wanted` has been false for a while. */
  constructor(wanted: () => boolean, leave: () => void) {
    this.#wanted = wanted;
    this.#leave = leave;
  }

  /** Called with each picture: no picture, no cost, nothing to stop. */
  check(): void {
    if (this.#wanted()) {
      this.stop();
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.left = true;
      this.#leave();
    }, LINGER_MS);
  }

  /** Forgets it. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
