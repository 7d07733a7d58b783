/**
 * Decoders of the system's libavcodec.
 *
 * Copies: the access unit once, into memory with the padding decoders need; the picture not at all
 * where the decoder gives 4:2:0 (its planes are handed out until `release()`), once where 4:2:2 or
 * 4:4:4 (many JPEG cameras) become I420.
 *
 * @module
 */
import { CodecContext } from "../../ffi/libav/codec_context.ts";
import { AvFrame } from "../../ffi/libav/frame.ts";
import type { Libav } from "../../ffi/libav/libav.ts";
import type { VideoDecoder } from "./codec.ts";
import { halveChroma, i420Planes, i420Size } from "./convert.ts";
import type { EncodedFrame, Plane, RawFrame, VideoCodec } from "./frame.ts";
import { isWholeJpeg } from "./jpeg_info.ts";

/** Most pictures kept for reuse. */
const MAX_SPARE_FRAMES = 4;

/** One decoder. */
export class LibavDecoder implements VideoDecoder {
  readonly name: string;
  readonly #libav: Libav;
  readonly #codec: VideoCodec;
  readonly #context: CodecContext;
  readonly #spare: AvFrame[] = [];
  #corrupt = 0;
  #needKey = true;
  #pending: Promise<RawFrame | undefined> | undefined;
  #closed = false;

  private constructor(libav: Libav, codec: VideoCodec, name: string, context: CodecContext) {
    this.name = `libav ${name}`;
    this.#libav = libav;
    this.#codec = codec;
    this.#context = context;
  }

  /** Opens one. Throws `FfiError`. */
  static async open(
    libav: Libav,
    codec: VideoCodec,
    name: string,
    options: Record<string, string>,
  ): Promise<LibavDecoder> {
    const context = await CodecContext.open(libav, "decoder", name, {
      required: {},
      preferred: options,
    });
    return new LibavDecoder(libav, codec, name, context);
  }

  get corrupt(): number {
    return this.#corrupt;
  }

  decode(frame: EncodedFrame): Promise<RawFrame | undefined> {
    if (this.#closed) return Promise.reject(closedError());
    if (this.#pending !== undefined) {
      return Promise.reject(new TypeError("decode() is called while another call is pending"));
    }
    const pending = this.#decode(frame).finally(() => this.#pending = undefined);
    return this.#pending = pending;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pending?.catch(() => {});
    this.#context.free();
    for (const spare of this.#spare.splice(0)) spare.free();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #decode(frame: EncodedFrame): Promise<RawFrame | undefined> {
    if (this.#codec === "jpeg" && !isWholeJpeg(frame.data)) return this.#broken();
    if (frame.key) this.#needKey = false;
    if (this.#needKey) return undefined;
    const code = await this.#context.sendPacket(frame.data, BigInt(frame.sequence), frame.key);
    if (this.#closed) throw closedError();
    const picture = this.#spare.pop() ?? new AvFrame(this.#libav);
    const received = code < 0 ? code : this.#context.receiveFrame(picture.pointer);
    if (received < 0 || picture.damaged) {
      this.#recycle(picture);
      return this.#broken();
    }
    return this.#raw(picture, frame);
  }

  /** Counts a unit that gave no picture; what depends on it is not shown either. */
  #broken(): undefined {
    this.#corrupt++;
    if (this.#codec === "jpeg") return;
    this.#needKey = true;
    this.#context.flush();
  }

  /** The picture as I420, in the decoder's memory where it can be. */
  #raw(picture: AvFrame, frame: EncodedFrame): RawFrame | undefined {
    const { layout } = this.#libav;
    const { width, height, format } = picture;
    const chromaHeight = (height + 1) >> 1;
    const fullRange = picture.colorRange === layout.AVCOL_RANGE_JPEG ||
      format === layout.AV_PIX_FMT_YUVJ420P || format === layout.AV_PIX_FMT_YUVJ422P ||
      format === layout.AV_PIX_FMT_YUVJ444P;
    const described = {
      format: "I420" as const,
      width,
      height,
      fullRange: fullRange || this.#codec === "jpeg",
      captureTime: frame.captureTime,
      sequence: frame.sequence,
    };
    switch (format) {
      case layout.AV_PIX_FMT_YUV420P:
      case layout.AV_PIX_FMT_YUVJ420P: {
        const planes = [
          picture.plane(0, height),
          picture.plane(1, chromaHeight),
          picture.plane(2, chromaHeight),
        ];
        return { ...described, planes, release: once(() => this.#recycle(picture)) };
      }
      case layout.AV_PIX_FMT_YUV422P:
      case layout.AV_PIX_FMT_YUVJ422P:
      case layout.AV_PIX_FMT_YUV444P:
      case layout.AV_PIX_FMT_YUVJ444P: {
        const wide = format === layout.AV_PIX_FMT_YUV444P || format === layout.AV_PIX_FMT_YUVJ444P;
        const source = [0, 1, 2].map((plane) => picture.plane(plane, height));
        return { ...described, ...this.#converted(picture, source, width, height, wide) };
      }
      case layout.AV_PIX_FMT_GRAY8: {
        const grey = new Uint8Array(((width + 1) >> 1) * chromaHeight).fill(128);
        const chroma: Plane = { data: grey, stride: (width + 1) >> 1 };
        const planes = [picture.plane(0, height), chroma, chroma];
        return { ...described, planes, release: once(() => this.#recycle(picture)) };
      }
      default:
        this.#recycle(picture);
        return this.#broken();
    }
  }

  /** Luma as it lies in the decoder's memory, chroma thinned out into memory of ours. */
  #converted(
    picture: AvFrame,
    source: readonly Plane[],
    width: number,
    height: number,
    wide: boolean,
  ): Pick<RawFrame, "planes" | "release"> {
    const [, u, v] = i420Planes(new Uint8Array(i420Size(width, height)), width, height);
    halveChroma(source[1]!, u, (width + 1) >> 1, height, wide ? width : 0);
    halveChroma(source[2]!, v, (width + 1) >> 1, height, wide ? width : 0);
    return { planes: [source[0]!, u, v], release: once(() => this.#recycle(picture)) };
  }

  #recycle(picture: AvFrame): void {
    picture.unref();
    if (this.#closed || this.#spare.length >= MAX_SPARE_FRAMES) picture.free();
    else this.#spare.push(picture);
  }
}

/** The function, at its first call only. */
function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}

function closedError(): DOMException {
  return new DOMException("the decoder is closed", "AbortError");
}
