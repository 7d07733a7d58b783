/** Feeds for tests, made of real streams that ffmpeg encoded. */
import { nowMicros } from "../../lib/media/clock.ts";
import { Fanout } from "../../lib/media/fanout.ts";
import type { EncodedFrame } from "../../lib/media/frame.ts";

/** A fan-out that knows what these frames are. */
export function fanoutOf(frames: readonly EncodedFrame[], fps = 30): Fanout {
  const fanout = new Fanout();
  describe(fanout, frames, fps);
  return fanout;
}

function describe(fanout: Fanout, [first]: readonly EncodedFrame[], fps: number): void {
  const { codec, width, height } = first!;
  fanout.setDescription({ codec, width, height, fps, encoder: "ffmpeg" });
}

/** Plays frames over and over at their rate, stamped with the time they are played at, while anyone watches. */
export class ReplayFeed implements Disposable {
  /** What to read. */
  readonly feed: Fanout;
  /** Whether anybody watches. */
  watched = false;
  #frames: readonly EncodedFrame[];
  #next = 0;
  #sequence = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #fps: number;

  /** Plays on demand. The frames' first one is a key frame. */
  constructor(frames: readonly EncodedFrame[], fps = 30) {
    this.#frames = frames;
    this.#fps = fps;
    this.feed = new Fanout({
      // The recording has key frames where it has them: on to the next one.
      onKeyFrameWanted: () => {
        while (!this.#frames[this.#next]!.key) this.#next = (this.#next + 1) % this.#frames.length;
      },
      onDemand: (wanted) => {
        this.watched = wanted;
        if (wanted) this.#timer = setInterval(() => this.#play(), 1000 / this.#fps);
        else clearInterval(this.#timer);
      },
    });
    describe(this.feed, frames, fps);
  }

  /** Goes on with another stream. */
  change(frames: readonly EncodedFrame[]): void {
    this.#frames = frames;
    this.#next = 0;
    describe(this.feed, frames, this.#fps);
  }

  #play(): void {
    const frame = this.#frames[this.#next]!;
    this.#next = (this.#next + 1) % this.#frames.length;
    this.feed.push({ ...frame, sequence: this.#sequence++, captureTime: nowMicros() });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.feed.setState({ state: "ended", reason: "the test is over" });
  }
}
