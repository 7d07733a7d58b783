/**
 * A camera that gives one large JPEG again and again: what passing MJPEG through costs, without
 * what making it costs.
 *
 * @module
 */
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";
import type { Pipeline, PipelineEvent, PipelineStats } from "../../lib/camera/pipeline.ts";
import { openEncoder } from "../../lib/media/auto.ts";
import { nowMicros } from "../../lib/media/clock.ts";
import type { EncodedFrame, RawFrame, StreamDescription } from "../../lib/media/frame.ts";

/** See the module. */
export class ReplayPipeline implements Pipeline {
  readonly description: StreamDescription;
  readonly device = { id: "replay", path: "replay", label: "one JPEG, replayed" };
  onFrame: ((frame: EncodedFrame) => void) | undefined;
  onEvent: ((event: PipelineEvent) => void) | undefined;
  readonly #picture: EncodedFrame;
  readonly #intervalMs: number;
  #sent = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(picture: EncodedFrame, fps: number) {
    const { width, height } = picture;
    this.#picture = picture;
    this.#intervalMs = 1000 / fps;
    this.description = { codec: "jpeg", width, height, fps, encoder: "device" };
  }

  /** Encodes the test pattern once, at the highest quality. */
  static async create(width: number, height: number, fps: number): Promise<ReplayPipeline> {
    const driver = new TestCameraDriver();
    const wish = { formats: ["I420" as const], width, height, fps: 30 };
    await using camera = await driver.open(driver.info("test"), wish);
    const raw = await camera.next() as RawFrame;
    const config = { codec: "jpeg" as const, width, height, fps, bitrate: 0, quality: 100, gop: 1 };
    await using encoder = await openEncoder("auto", config);
    const picture = await encoder.encode(raw);
    raw.release();
    return new ReplayPipeline(picture, fps);
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  start(): Promise<void> {
    const begun = performance.now();
    let given = 0;
    this.#timer ??= setInterval(() => {
      // As many as are due: a timer that comes late must not lower the rate.
      const due = Math.floor((performance.now() - begun) / this.#intervalMs);
      for (; given < due; given++) this.#give();
    }, Math.max(1, this.#intervalMs / 2));
    return Promise.resolve();
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    return Promise.resolve();
  }

  requestKeyFrame(): void {}

  setBitrate(): void {}

  stats(): PipelineStats {
    return {
      captured: this.#sent,
      driverDropped: 0,
      encoderDropped: 0,
      encoded: this.#sent,
      corrupt: 0,
      encodeMs: 0,
    };
  }

  close(): Promise<void> {
    return this.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #give(): void {
    const now = nowMicros();
    const sequence = this.#sent++;
    this.onFrame?.({ ...this.#picture, captureTime: now, encodedTime: now, sequence });
  }
}
