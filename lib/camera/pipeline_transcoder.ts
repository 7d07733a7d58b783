/**
 * One captured picture to one encoded picture: passed through, encoded, or decoded and encoded. An
 * encoder that fails is replaced by the next one that can.
 *
 * @module
 */
import { XoqError } from "../errors.ts";
import { openDecoder, openEncoder } from "../media/auto.ts";
import { nowMicros } from "../media/clock.ts";
import type { EncoderConfig, VideoDecoder, VideoEncoder } from "../media/codec.ts";
import type { EncodedFrame, PixelFormat, RawFrame, VideoCodec } from "../media/frame.ts";
import type { CameraFormat, CaptureFormat, Picture } from "./camera.ts";
import type { PipelineConfig } from "./pipeline.ts";
import type { PipelineCounters } from "./pipeline_counters.ts";
import { Passthrough } from "./pipeline_passthrough.ts";
import { codecOf } from "./pipeline_plan.ts";

/** What the transcoder tells its owner. */
export interface TranscoderListener {
  /** An encoder failed and another took its place. */
  onReplaced(encoder: string, reason: string): void;
}

/** How an encoder or decoder is come by; tests put their own in. */
export interface CodecOpeners {
  /** Opens an encoder. */
  openEncoder: typeof openEncoder;
  /** Opens a decoder. */
  openDecoder: typeof openDecoder;
}

/** Turns captured pictures into encoded ones, one at a time. */
export class Transcoder {
  readonly #config: PipelineConfig;
  readonly #codec: VideoCodec;
  readonly #mayPass: boolean;
  readonly #counters: PipelineCounters;
  readonly #listener: TranscoderListener;
  readonly #openers: CodecOpeners;
  readonly #failed = new Set<string>();
  #encoder: VideoEncoder | undefined;
  #encoderShape = "";
  #decoder: VideoDecoder | undefined;
  #decoderCodec: VideoCodec | undefined;
  #passthrough: Passthrough | undefined;
  #decodeNeedsKey = false;
  #keyFrame = true;
  #bitrate: number;

  /**
   * Makes one for a codec that is settled; `mayPass` where a camera's own stream in that codec is
   * taken as it is.
   */
  constructor(
    config: PipelineConfig,
    codec: VideoCodec,
    mayPass: boolean,
    counters: PipelineCounters,
    listener: TranscoderListener,
    openers: CodecOpeners = { openEncoder, openDecoder },
  ) {
    this.#config = config;
    this.#codec = codec;
    this.#mayPass = mayPass;
    this.#counters = counters;
    this.#listener = listener;
    this.#openers = openers;
    this.#bitrate = config.bitrate;
  }

  /** For people: `"device"`, or the encoder's name. */
  get encoderName(): string {
    return this.#passthrough === undefined ? this.#encoder?.name ?? "" : "device";
  }

  /** Whether every captured picture matters to the next: none may be skipped before this point. */
  get ordered(): boolean {
    return this.#passthrough !== undefined ||
      (this.#decoderCodec !== undefined && this.#decoderCodec !== "jpeg");
  }

  /** Whether pictures are held back until the camera gives a key frame. */
  get wantsKeyFrame(): boolean {
    return this.#passthrough?.needsKeyFrame ?? this.#decodeNeedsKey;
  }

  /** Bits per second from the next picture on; a camera's own stream keeps its own. */
  set bitrate(bitsPerSecond: number) {
    this.#bitrate = bitsPerSecond;
    if (this.#encoder !== undefined) this.#encoder.bitrate = bitsPerSecond;
  }

  /** The next picture is a key frame. */
  requestKeyFrame(): void {
    this.#keyFrame = true;
  }

  /** Pictures are missing before the next one. */
  interrupt(): void {
    this.#passthrough?.interrupt();
    if (this.#decoder !== undefined && this.#decoderCodec !== "jpeg") this.#decodeNeedsKey = true;
  }

  /** Makes everything ready for pictures of this format; what is already is kept. */
  async prepare(format: CameraFormat): Promise<void> {
    const source = codecOf(format.format);
    this.#keyFrame = true;
    if (source === this.#codec && this.#mayPass) {
      this.#passthrough = new Passthrough(source);
      await this.#closeCodecs();
      return;
    }
    this.#passthrough = undefined;
    if (source !== this.#decoderCodec) {
      await this.#decoder?.close();
      this.#decoder = source === undefined ? undefined : await this.#openers.openDecoder(source);
      this.#decoderCodec = source;
    }
    this.#decodeNeedsKey = source !== undefined && source !== "jpeg";
    const shape = `${format.width}x${format.height}`;
    if (this.#encoder !== undefined && shape === this.#encoderShape) return;
    await this.#encoder?.close();
    this.#encoder = undefined;
    await this.#open({
      width: format.width,
      height: format.height,
      format: isRaw(format.format) ? format.format : "I420",
      fullRange: source === "jpeg",
    });
    this.#encoderShape = shape;
  }

  /**
   * Encodes one picture; `undefined` when it gave none (broken, or before the first key frame). The
   * caller releases the picture afterwards. Throws when no encoder is left.
   */
  async process(picture: Picture): Promise<EncodedFrame | undefined> {
    if ("data" in picture && this.#passthrough !== undefined) {
      const passed = this.#passthrough.pass(picture.data);
      if (passed === "corrupt") this.#counters.add("corrupt");
      if (typeof passed === "string") return undefined;
      const { width, height, captureTime, sequence } = picture;
      return {
        codec: this.#codec,
        data: passed.data,
        key: passed.key,
        width,
        height,
        captureTime,
        sequence,
        encodedTime: nowMicros(),
      };
    }
    if (!("data" in picture)) return await this.#encode(picture);
    const raw = await this.#decode(picture);
    if (raw === undefined) return undefined;
    try {
      return await this.#encode(raw);
    } finally {
      raw.release();
    }
  }

  /** Frees encoder and decoder. */
  async close(): Promise<void> {
    this.#passthrough = undefined;
    await this.#closeCodecs();
  }

  async #closeCodecs(): Promise<void> {
    const codecs = [this.#encoder, this.#decoder];
    this.#encoder = undefined;
    this.#decoder = undefined;
    this.#decoderCodec = undefined;
    this.#encoderShape = "";
    for (const codec of codecs) await codec?.close();
  }

  async #decode(picture: Exclude<Picture, RawFrame>): Promise<RawFrame | undefined> {
    const codec = codecOf(picture.format)!;
    const { data, width, height, captureTime, sequence } = picture;
    if (this.#decoder === undefined) throw new TypeError("a coded picture where none was expected");
    const before = this.#decoder.corrupt;
    const raw = await this.#decoder.decode({
      codec,
      data,
      key: codec === "jpeg",
      width,
      height,
      captureTime,
      sequence,
    });
    const corrupt = this.#decoder.corrupt - before;
    if (corrupt > 0) this.#counters.add("corrupt", corrupt);
    if (raw !== undefined) this.#decodeNeedsKey = false;
    return raw;
  }

  /** Encodes with the present encoder, or with the next one where that fails. */
  async #encode(raw: RawFrame): Promise<EncodedFrame> {
    for (;;) {
      const encoder = this.#encoder ?? await this.#open(raw);
      const keyFrame = this.#keyFrame;
      this.#keyFrame = false;
      const begun = performance.now();
      try {
        const frame = await encoder.encode(raw, { keyFrame });
        const now = performance.now();
        this.#counters.encodeTime(now - begun, now);
        return frame;
      } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") throw error;
        await this.#replace(encoder, error, raw);
      }
    }
  }

  /** Opens an encoder that has not failed yet. */
  async #open(
    picture: Pick<RawFrame, "width" | "height" | "format" | "fullRange">,
  ): Promise<VideoEncoder> {
    const { encoder, fps, quality, gop } = this.#config;
    const config: EncoderConfig = {
      codec: this.#codec,
      width: picture.width,
      height: picture.height,
      fps,
      bitrate: this.#bitrate,
      quality,
      gop,
      format: picture.format,
      fullRange: picture.fullRange ?? false,
    };
    return this.#encoder = await this.#openers.openEncoder(encoder, config, {
      exclude: this.#failed,
    });
  }

  /** Drops an encoder that failed and opens the next; throws the failure where there is none. */
  async #replace(
    failed: VideoEncoder,
    cause: unknown,
    picture: RawFrame,
  ): Promise<void> {
    this.#failed.add(failed.name);
    this.#encoder = undefined;
    await failed.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    try {
      const next = await this.#open(picture);
      this.#keyFrame = true;
      this.#listener.onReplaced(next.name, `${failed.name}: ${reason}`);
    } catch (error) {
      if (!(error instanceof XoqError)) throw error;
      throw new XoqError("failed", `${failed.name} failed (${reason}) and nothing can stand in`, {
        hint: error.hint ?? "choose another codec or encoder",
        cause,
      });
    }
  }
}

function isRaw(format: CaptureFormat): format is PixelFormat {
  return codecOf(format) === undefined;
}
