/**
 * Encoders and decoders, in the shape of W3C WebCodecs: configured once, fed pictures, giving
 * chunks through a callback. One implementation a library: libavcodec (the system's), embedded
 * (`@napi-rs/webcodecs`). V4L2 memory-to-memory, NVENC and VideoToolbox have their place here.
 *
 * Contract, checked by the compliance suite in `tests/compliance/codec.ts`:
 * - One picture in, one chunk out, in order, before the next picture is needed: no B frames, no
 *   lookahead. `encode()` never waits for anything but the encoder itself and never blocks the
 *   calling thread for the time of encoding.
 * - The picture's planes are read before the promise of `encode()` settles, and not after; the
 *   caller then calls `frame.release()`.
 * - `{ keyFrame: true }` makes this very picture a key frame, with parameter sets in front.
 * - `bitrate` may be set while running and holds from the next picture on.
 * - A picture whose size or format differs from the configuration: the encoder follows (a new
 *   parameter set and a key frame), or throws `UnsupportedError` before anything was taken.
 * - `close()` is idempotent; a pending `encode()` ends with an `AbortError`.
 *
 * @module
 */
import type { EncodedFrame, PixelFormat, RawFrame, VideoCodec } from "./frame.ts";

/** What to encode to. */
export interface EncoderConfig {
  /** Codec. */
  codec: VideoCodec;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Nominal frames per second: rate control and level only; time stamps come from the frames. */
  fps: number;
  /** Bits per second; ignored for JPEG. */
  bitrate: number;
  /** JPEG quality, 1 to 100. */
  quality: number;
  /** Most frames from one key frame to the next. */
  gop: number;
  /** Layout of the pictures to come, so that the encoder is opened for it; default I420. */
  format?: PixelFormat;
  /** Whether their luma spans 0 to 255; default false. */
  fullRange?: boolean;
}

/** Options of one picture. */
export interface EncodeOptions {
  /** Make it a key frame. */
  keyFrame?: boolean;
}

/** An encoder of one stream. */
export interface VideoEncoder extends AsyncDisposable {
  /** For people and `stats`: `"libav libx264"`. */
  readonly name: string;
  /** Bits per second; settable while running. */
  bitrate: number;
  /** Takes one picture, gives its encoded form. At most one call is pending at a time. */
  encode(frame: RawFrame, options?: EncodeOptions): Promise<EncodedFrame>;
  /** Frees everything. */
  close(): Promise<void>;
}

/** A decoder of one stream: encoded pictures in, raw pictures (I420) out. */
export interface VideoDecoder extends AsyncDisposable {
  /** For people. */
  readonly name: string;
  /**
   * Takes one access unit, gives its picture, or `undefined` where the unit gave none (before the
   * first key frame; a corrupt unit, which is counted). The caller releases the picture. Where a
   * library can only work on several units at a time, the picture is that of an earlier unit, and
   * carries that one's capture time and sequence number.
   */
  decode(frame: EncodedFrame): Promise<RawFrame | undefined>;
  /** Units that could not be decoded. */
  readonly corrupt: number;
  /** Frees everything. */
  close(): Promise<void>;
}

/** A library that encodes and decodes. */
export interface CodecLibrary {
  /** The name `--encoder` takes. */
  readonly name: "libav" | "embedded" | "v4l2m2m" | "nvenc" | "videotoolbox";
  /** What it can do here, or why it can't (one line, for `xoq doctor`). Never throws. */
  probe(): Promise<CodecProbe>;
  /**
   * Makes an encoder, the best one here, open and warm: its first picture takes no longer than the
   * others. Throws `UnsupportedError` with what was tried.
   * @param options.exclude names of encoders not to take, because they failed before.
   */
  createEncoder(
    config: EncoderConfig,
    options?: { exclude?: ReadonlySet<string> },
  ): Promise<VideoEncoder>;
  /** Makes a decoder. Throws `UnsupportedError`. */
  createDecoder(codec: VideoCodec): Promise<VideoDecoder>;
}

/** What a library can do on this machine. */
export interface CodecProbe {
  /** Whether it can be used at all. */
  available: boolean;
  /** Version, or the reason it is not available with what to do about it. */
  detail: string;
  /** Codecs it encodes here, best encoder first: `{ h264: ["libx264"] }`. */
  encoders: Partial<Record<VideoCodec, string[]>>;
  /** Codecs it decodes here. */
  decoders: VideoCodec[];
}
