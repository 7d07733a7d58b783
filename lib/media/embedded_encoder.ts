/**
 * H.264 from the embedded library (`@napi-rs/webcodecs`, an FFmpeg with x264 of its own).
 *
 * Copies: the planes are copied once, into the addon's picture (packed 4:2:2, NV12 and full-range
 * pictures are converted into a buffer of ours first, which is then that picture's source); the chunk is copied once, out
 * of the addon's memory into the array of the {@link EncodedFrame}.
 *
 * @module
 */
import { UnsupportedError, XoqError } from "../errors.ts";
import { nowMicros } from "./clock.ts";
import type { EncodeOptions, EncoderConfig, VideoEncoder } from "./codec.ts";
import { i420Planes, i420Size, limitRange, writeI420 } from "./convert.ts";
import type {
  AddonChunk,
  AddonEncoder,
  AddonPlaneLayout,
  WebCodecsAddon,
} from "./embedded_addon.ts";
import type { EncodedFrame, RawFrame } from "./frame.ts";

/** How long one picture may take before the encoder counts as broken, ms. */
const ENCODE_TIMEOUT_MS = 10_000;

/** What is waited for: the one picture that is being encoded. */
interface PendingPicture {
  resolve(frame: EncodedFrame): void;
  reject(error: unknown): void;
  captureTime: number;
  sequence: number;
  width: number;
  height: number;
  /** Also keeps the event loop alive, which the addon's own callbacks do not. */
  timer: ReturnType<typeof setTimeout>;
}

/** Encoder of the embedded library. Odd sizes lose their last column or row: 4:2:0 needs even ones. */
export class EmbeddedEncoder implements VideoEncoder {
  readonly name = "embedded x264";
  readonly #addon: WebCodecsAddon;
  readonly #config: EncoderConfig;
  #encoder: AddonEncoder | undefined;
  #shape = "";
  #bitrate: number;
  #appliedBitrate = 0;
  #sinceKey = 0;
  #pending: PendingPicture | undefined;
  #scratch: Uint8Array<ArrayBuffer> | undefined;
  #closed = false;

  /** Makes the encoder; the library's own is opened with the first picture, whose size holds. */
  constructor(addon: WebCodecsAddon, config: EncoderConfig) {
    this.#addon = addon;
    this.#config = config;
    this.#bitrate = config.bitrate;
  }

  get bitrate(): number {
    return this.#bitrate;
  }

  set bitrate(bitsPerSecond: number) {
    if (!(bitsPerSecond > 0)) throw new RangeError("a bit rate is a positive number of bits/s");
    this.#bitrate = Math.round(bitsPerSecond);
  }

  encode(frame: RawFrame, options: EncodeOptions = {}): Promise<EncodedFrame> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#pending !== undefined) {
      return Promise.reject(new TypeError("encode() is called while another call is pending"));
    }
    const { promise, resolve, reject } = Promise.withResolvers<EncodedFrame>();
    try {
      const width = frame.width & ~1;
      const height = frame.height & ~1;
      const fresh = this.#open(width, height);
      const keyFrame = fresh || options.keyFrame === true || this.#sinceKey >= this.#config.gop;
      this.#sinceKey = keyFrame ? 1 : this.#sinceKey + 1;
      const picture = this.#picture(frame, width, height);
      const timer = setTimeout(
        () => this.#fail(new XoqError("failed", "the embedded encoder does not answer")),
        ENCODE_TIMEOUT_MS,
      );
      const { captureTime, sequence } = frame;
      this.#pending = { resolve, reject, captureTime, sequence, width, height, timer };
      try {
        this.#encoder!.encode(picture, { keyFrame });
      } finally {
        picture.close();
      }
    } catch (error) {
      this.#fail(error);
      reject(error);
    }
    return promise;
  }

  /** The next picture is a key frame, as if it were the first. */
  restart(): void {
    this.#sinceKey = Infinity;
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#fail(closedError());
    }
    return Promise.resolve();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Opens or reopens the library's encoder where something changed that it fixes at the start. */
  #open(width: number, height: number): boolean {
    const shape = `${width}x${height}`;
    const reopened = this.#encoder === undefined || shape !== this.#shape;
    if (!reopened && this.#bitrate === this.#appliedBitrate) return false;
    this.#encoder?.close();
    this.#encoder = new this.#addon.VideoEncoder({
      output: (chunk) => this.#output(chunk),
      error: (cause) =>
        this.#fail(
          new XoqError("failed", `the embedded encoder failed: ${cause.message}`, { cause }),
        ),
    });
    this.#encoder.configure({
      codec: "avc1.42E028",
      avc: { format: "annexb" },
      width,
      height,
      bitrate: this.#bitrate,
      framerate: this.#config.fps,
      latencyMode: "realtime",
    });
    this.#shape = shape;
    this.#appliedBitrate = this.#bitrate;
    return true;
  }

  /** The addon's picture of ours; I420 straight from the planes where they share one buffer. */
  #picture(frame: RawFrame, width: number, height: number) {
    const init = {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      timestamp: frame.captureTime,
      colorSpace: {
        fullRange: false,
        matrix: "smpte170m",
        primaries: "bt709",
        transfer: "bt709",
      },
    };
    // The addon does not write the range into the stream, so that players take it for limited.
    const squeeze = frame.fullRange === true;
    const direct = frame.format === "I420" && !squeeze ? sharedLayout(frame) : undefined;
    if (direct !== undefined) {
      return new this.#addon.VideoFrame(direct.data, { ...init, layout: direct.layout });
    }
    const size = i420Size(width, height);
    if (this.#scratch?.byteLength !== size) this.#scratch = new Uint8Array(size);
    const planes = i420Planes(this.#scratch, width, height);
    writeI420(frame, planes, width, height);
    if (squeeze) limitRange(planes, width, height);
    return new this.#addon.VideoFrame(this.#scratch, init);
  }

  #output(chunk: AddonChunk): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    clearTimeout(pending.timer);
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    pending.resolve({
      codec: "h264",
      data,
      key: chunk.type === "key",
      width: pending.width,
      height: pending.height,
      captureTime: pending.captureTime,
      sequence: pending.sequence,
      encodedTime: nowMicros(),
    });
  }

  /** Ends the pending picture and drops the library's encoder; the next picture opens a new one. */
  #fail(error: unknown): void {
    const pending = this.#pending;
    this.#pending = undefined;
    const encoder = this.#encoder;
    this.#encoder = undefined;
    if (encoder !== undefined && encoder.state !== "closed") encoder.close();
    if (pending !== undefined) {
      clearTimeout(pending.timer);
      pending.reject(error);
    }
  }
}

/** Rejects what the library can't do within the contract. */
export function checkEmbeddedConfig(config: EncoderConfig): void {
  if (config.codec === "hevc" || config.codec === "av1") {
    // Measured: 8 pictures (x265) and 26 (libaom) go in before the first one comes out, and the
    // addon has no setting for either.
    throw new UnsupportedError(
      `the embedded encoder holds ${config.codec} pictures back, so it is not live`,
      { hint: "install FFmpeg's libavcodec (apt install libavcodec-extra), or choose --h264" },
    );
  }
}

/** Planes of one buffer as one array and a layout; `undefined` where they lie in several. */
function sharedLayout(
  frame: RawFrame,
): { data: Uint8Array; layout: AddonPlaneLayout[] } | undefined {
  const buffer = frame.planes[0]?.data.buffer;
  if (buffer === undefined || frame.planes.some((plane) => plane.data.buffer !== buffer)) {
    return undefined;
  }
  const starts = frame.planes.map((plane) => plane.data.byteOffset);
  const ends = frame.planes.map((plane) => plane.data.byteOffset + plane.data.byteLength);
  const start = Math.min(...starts);
  return {
    data: new Uint8Array(buffer, start, Math.max(...ends) - start),
    layout: frame.planes.map((plane, i) => ({ offset: starts[i]! - start, stride: plane.stride })),
  };
}

function closedError(): DOMException {
  return new DOMException("the encoder is closed", "AbortError");
}
