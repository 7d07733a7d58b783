/** A pipeline whose pictures a test gives by hand. */
import type { Pipeline, PipelineEvent, PipelineStats } from "../../lib/camera/pipeline.ts";
import { nowMicros } from "../../lib/media/clock.ts";
import type { EncodedFrame, StreamDescription, VideoCodec } from "../../lib/media/frame.ts";

/** A NAL unit that is a key frame's slice, and one that is not (H.264, Annex B). */
const IDR = [0, 0, 0, 1, 0x65];
const SLICE = [0, 0, 0, 1, 0x41];
const PARAMETERS = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1];

/** See above. */
export class FakePipeline implements Pipeline {
  readonly description: StreamDescription;
  readonly device = { id: "fake", path: "/dev/fake", label: "Fake" };
  onFrame: ((frame: EncodedFrame) => void) | undefined;
  onEvent: ((event: PipelineEvent) => void) | undefined;
  running = false;
  starts = 0;
  keyFramesAsked = 0;
  bitrate = 0;
  /** What `start()` rejects with, while set. */
  failure: Error | undefined;
  sequence = 0;

  constructor(codec: VideoCodec = "h264") {
    this.description = { codec, width: 64, height: 48, fps: 30, encoder: "fake" };
  }

  prepare() {
    return Promise.resolve();
  }

  start() {
    this.starts++;
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.running = true;
    return Promise.resolve();
  }

  stop() {
    this.running = false;
    return Promise.resolve();
  }

  requestKeyFrame() {
    this.keyFramesAsked++;
  }

  setBitrate(bitsPerSecond: number) {
    this.bitrate = bitsPerSecond;
  }

  /** Gives a picture of about this many bytes, captured so long ago. */
  give(key: boolean, options: { bytes?: number; agoMs?: number } = {}): EncodedFrame {
    const { bytes = 100, agoMs = 0 } = options;
    const { codec, width, height } = this.description;
    const head = codec === "jpeg"
      ? [0xff, 0xd8, 0xff, 0xd9]
      : key
      ? [...PARAMETERS, ...IDR]
      : SLICE;
    const data = new Uint8Array(Math.max(bytes, head.length)).fill(7);
    data.set(head);
    const captureTime = nowMicros() - agoMs * 1000;
    const frame: EncodedFrame = {
      codec,
      data,
      key: key || codec === "jpeg",
      width,
      height,
      captureTime,
      sequence: this.sequence++,
      encodedTime: nowMicros(),
    };
    this.onFrame?.(frame);
    return frame;
  }

  stats(): PipelineStats {
    return {
      captured: this.sequence,
      driverDropped: 0,
      encoderDropped: 0,
      encoded: this.sequence,
      corrupt: 0,
      encodeMs: 0,
    };
  }

  close() {
    return this.stop();
  }

  [Symbol.asyncDispose]() {
    return this.close();
  }
}
