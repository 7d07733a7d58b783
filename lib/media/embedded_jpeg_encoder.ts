/**
 * JPEG without any library: {@link JpegPlaneEncoder} behind the encoders' contract. It works on the
 * calling thread, which for a camera is its worker.
 *
 * Copies: I420 is read where it lies; other layouts are converted once.
 *
 * @module
 */
import { nowMicros } from "./clock.ts";
import type { EncoderConfig, VideoEncoder } from "./codec.ts";
import { i420Planes, i420Size, writeI420 } from "./convert.ts";
import type { EncodedFrame, Plane, RawFrame } from "./frame.ts";
import { JpegPlaneEncoder } from "./jpeg_encoder.ts";

/** JPEG by this program itself. */
export class EmbeddedJpegEncoder implements VideoEncoder {
  readonly name = "embedded jpeg";
  /** Without meaning for JPEG, whose size follows from its quality. */
  bitrate: number;
  readonly #quality: number;
  #encoder: JpegPlaneEncoder | undefined;
  #shape = "";
  #scratch: Uint8Array<ArrayBuffer> | undefined;
  #closed = false;

  /** Makes it. */
  constructor(config: EncoderConfig) {
    this.bitrate = config.bitrate;
    this.#quality = config.quality;
  }

  encode(frame: RawFrame): Promise<EncodedFrame> {
    return Promise.try(() => {
      if (this.#closed) throw new DOMException("the encoder is closed", "AbortError");
      const { width, height, captureTime, sequence } = frame;
      const fullRange = frame.fullRange === true || frame.format === "GREY";
      const shape = `${width}x${height}${fullRange ? "f" : ""}`;
      if (this.#encoder === undefined || shape !== this.#shape) {
        this.#encoder = new JpegPlaneEncoder(width, height, this.#quality, fullRange);
        this.#shape = shape;
      }
      const data = this.#encoder.encode(this.#planes(frame));
      const encodedTime = nowMicros();
      return { codec: "jpeg", data, key: true, width, height, captureTime, sequence, encodedTime };
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#encoder = undefined;
    return Promise.resolve();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #planes(frame: RawFrame): readonly Plane[] {
    if (frame.format === "I420") return frame.planes;
    const size = i420Size(frame.width, frame.height);
    if (this.#scratch?.byteLength !== size) this.#scratch = new Uint8Array(size);
    const planes = i420Planes(this.#scratch, frame.width, frame.height);
    writeI420(frame, planes);
    return planes;
  }
}
