/**
 * Encoders of the system's libavcodec.
 *
 * Copies: I420, NV12 (where the encoder takes it) and GREY pictures are pointed at where they lie,
 * in the kernel's or anybody's memory, and libavcodec copies them once, off the thread, while it
 * takes them. YUYV, UYVY and everything whose luma must be stretched to JPEG's range are converted
 * straight into the encoder's own frame: that is their one copy. What comes out is copied once, from
 * libavcodec's packet into the array of the {@link EncodedFrame}.
 *
 * @module
 */
import { AvFrame } from "../../ffi/libav/frame.ts";
import { CodecContext } from "../../ffi/libav/codec_context.ts";
import type { Libav } from "../../ffi/libav/libav.ts";
import { XoqError } from "../errors.ts";
import { nowMicros } from "./clock.ts";
import type { EncodeOptions, EncoderConfig, VideoEncoder } from "./codec.ts";
import { expandRange, type I420Planes, writeI420 } from "./convert.ts";
import type { EncodedFrame, Plane, RawFrame } from "./frame.ts";
import { jpegLambda, type LibavRecipe, rateBuffer } from "./libav_recipes.ts";

/** What a context is opened for; another picture opens it anew. */
interface Shape {
  width: number;
  height: number;
  nv12: boolean;
  fullRange: boolean;
}

/**
 * One encoder. Sizes are even for video codecs: a last odd column or row is left out, since 4:2:0
 * pictures of odd size are not taken everywhere. JPEG keeps them.
 */
export class LibavEncoder implements VideoEncoder {
  readonly name: string;
  readonly #libav: Libav;
  readonly #recipe: LibavRecipe;
  readonly #config: EncoderConfig;
  readonly #input: AvFrame;
  #owned: AvFrame | undefined;
  #grey: [Plane, Plane] | undefined;
  #context: CodecContext;
  #shape: Shape;
  #bitrate: number;
  #appliedBitrate: number;
  #pts = 0n;
  #first = true;
  #pending: Promise<EncodedFrame> | undefined;
  #closed = false;

  private constructor(
    libav: Libav,
    recipe: LibavRecipe,
    config: EncoderConfig,
    context: CodecContext,
    shape: Shape,
  ) {
    this.name = `libav ${recipe.name}`;
    this.#libav = libav;
    this.#recipe = recipe;
    this.#config = config;
    this.#context = context;
    this.#shape = shape;
    this.#bitrate = this.#appliedBitrate = config.bitrate;
    this.#input = new AvFrame(libav);
  }

  /**
   * Opens one and puts a grey picture through it: encoders of hardware that is not there refuse
   * here, and one that holds pictures back is found out. Throws `FfiError` and `XoqError`.
   */
  static async open(
    libav: Libav,
    recipe: LibavRecipe,
    config: EncoderConfig,
  ): Promise<LibavEncoder> {
    const shape = shapeOf(recipe, config, {
      width: config.width,
      height: config.height,
      format: config.format ?? "I420",
      fullRange: config.fullRange ?? false,
    });
    const context = await openContext(libav, recipe, config, shape, config.bitrate);
    const encoder = new LibavEncoder(libav, recipe, config, context, shape);
    try {
      await encoder.#warm();
      return encoder;
    } catch (error) {
      await encoder.close();
      throw error;
    }
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
    const pending = this.#encode(frame, options).finally(() => this.#pending = undefined);
    return this.#pending = pending;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // The library is in the middle of a picture: its memory is freed after that.
    await this.#pending?.catch(() => {});
    this.#context.free();
    this.#input.free();
    this.#owned?.free();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #encode(frame: RawFrame, options: EncodeOptions): Promise<EncodedFrame> {
    const shape = shapeOf(this.#recipe, this.#config, frame);
    const { codec } = this.#config;
    if (!sameShape(shape, this.#shape) || this.#bitrate !== this.#appliedBitrate) {
      await this.#follow(shape);
    }
    const keyFrame = this.#first || options.keyFrame === true;
    const input = this.#fill(frame, keyFrame);
    await this.#context.sendFrame(input.pointer);
    if (this.#closed) throw closedError();
    const packet = this.#context.receivePacket();
    if (packet === undefined) {
      throw new XoqError("failed", `${this.#recipe.name} holds pictures back`);
    }
    this.#first = false;
    return {
      codec,
      data: packet.data,
      key: codec === "jpeg" || packet.key,
      width: shape.width,
      height: shape.height,
      captureTime: frame.captureTime,
      sequence: frame.sequence,
      encodedTime: nowMicros(),
    };
  }

  /** Brings a new bit rate or picture shape to the encoder, by opening it anew where it must be. */
  async #follow(shape: Shape): Promise<void> {
    const same = sameShape(shape, this.#shape);
    const bitrate = this.#bitrate;
    if (same && this.#recipe.followsRate) {
      this.#context.setRate(bitrate, rateBuffer(bitrate));
    } else {
      const context = await openContext(this.#libav, this.#recipe, this.#config, shape, bitrate);
      this.#context.free();
      this.#context = context;
      this.#shape = shape;
      this.#first = true;
      this.#owned?.free();
      this.#owned = undefined;
      this.#grey = undefined;
    }
    this.#appliedBitrate = bitrate;
  }

  /** The AVFrame of a picture: one that points at it, or one of ours that it is converted into. */
  #fill(frame: RawFrame, keyFrame: boolean): AvFrame {
    const { layout } = this.#libav;
    const { width, height, nv12, fullRange } = this.#shape;
    const jpeg = this.#config.codec === "jpeg";
    const description = {
      width,
      height,
      format: nv12
        ? layout.AV_PIX_FMT_NV12
        : jpeg
        ? layout.AV_PIX_FMT_YUVJ420P
        : layout.AV_PIX_FMT_YUV420P,
      pts: this.#pts++,
      keyFrame,
      fullRange,
      quality: jpeg ? jpegLambda(this.#config.quality) : 0,
    };
    const stretch = jpeg && frame.fullRange !== true && frame.format !== "GREY";
    const planes = stretch ? undefined : this.#borrowed(frame);
    if (planes !== undefined) {
      this.#input.describe(description);
      this.#input.borrow(planes);
      return this.#input;
    }
    const owned = this.#ownFrame(description);
    const chroma = (height + 1) >> 1;
    const target: I420Planes = [
      owned.plane(0, height),
      owned.plane(1, chroma),
      owned.plane(2, chroma),
    ];
    writeI420(frame, target, width, height);
    if (stretch) expandRange(target, width, height);
    return owned;
  }

  /** Planes as the encoder takes them, where they are; `undefined` where it does not. */
  #borrowed(frame: RawFrame): readonly Plane[] | undefined {
    if (this.#shape.nv12 || frame.format === "I420") return frame.planes;
    if (frame.format !== "GREY") return undefined;
    const chromaWidth = (this.#shape.width + 1) >> 1;
    const chromaHeight = (this.#shape.height + 1) >> 1;
    if (this.#grey === undefined) {
      const data = new Uint8Array(chromaWidth * chromaHeight).fill(128);
      this.#grey = [{ data, stride: chromaWidth }, { data, stride: chromaWidth }];
    }
    return [frame.planes[0]!, ...this.#grey];
  }

  #ownFrame(description: Parameters<AvFrame["describe"]>[0]): AvFrame {
    if (this.#owned !== undefined) {
      this.#owned.makeWritable();
      this.#owned.describe(description);
      return this.#owned;
    }
    const owned = new AvFrame(this.#libav);
    owned.describe(description);
    try {
      owned.allocate();
    } catch (error) {
      owned.free();
      throw error;
    }
    return this.#owned = owned;
  }

  async #warm(): Promise<void> {
    const { width, height, nv12, fullRange } = this.#shape;
    const luma = new Uint8Array(width * height).fill(128);
    const chroma: Plane = { data: luma, stride: nv12 ? width : (width + 1) >> 1 };
    await this.encode({
      format: nv12 ? "NV12" : "I420",
      width,
      height,
      planes: [{ data: luma, stride: width }, chroma, chroma],
      fullRange,
      captureTime: 0,
      sequence: 0,
      release: () => {},
    });
    this.#first = true;
  }
}

function shapeOf(
  recipe: LibavRecipe,
  config: EncoderConfig,
  picture: Pick<RawFrame, "width" | "height" | "format" | "fullRange">,
): Shape {
  const jpeg = config.codec === "jpeg";
  return {
    width: jpeg ? picture.width : picture.width & ~1,
    height: jpeg ? picture.height : picture.height & ~1,
    nv12: recipe.nv12 && picture.format === "NV12",
    fullRange: jpeg || picture.fullRange === true,
  };
}

function sameShape(a: Shape, b: Shape): boolean {
  return a.width === b.width && a.height === b.height && a.nv12 === b.nv12 &&
    a.fullRange === b.fullRange;
}

function openContext(
  libav: Libav,
  recipe: LibavRecipe,
  config: EncoderConfig,
  shape: Shape,
  bitrate: number,
): Promise<CodecContext> {
  const jpeg = config.codec === "jpeg";
  // Frames per second as a fraction that keeps 29.97 apart from 30.
  const rate = `${Math.max(1, Math.round(config.fps * 1000))}/1000`;
  const timeBase = `1000/${Math.max(1, Math.round(config.fps * 1000))}`;
  return CodecContext.open(libav, "encoder", recipe.name, {
    required: {
      video_size: `${shape.width}x${shape.height}`,
      pixel_format: shape.nv12 ? "nv12" : jpeg ? "yuvj420p" : "yuv420p",
      time_base: timeBase,
      bf: "0",
      g: String(config.gop),
      ...(jpeg ? {} : {
        b: String(bitrate),
        maxrate: String(bitrate),
        bufsize: String(rateBuffer(bitrate)),
      }),
    },
    preferred: {
      framerate: rate,
      color_range: shape.fullRange ? "pc" : "tv",
      ...recipe.options(config),
    },
  });
}

function closedError(): DOMException {
  return new DOMException("the encoder is closed", "AbortError");
}
