/**
 * XoQ's camera stream: for each picture a 20-byte little-endian header (`u32 width, u32 height,
 * u64 timestamp_us, u32 length`) and then `length` bytes. Source: XoQ 0.3.7, camera server and
 * OpenCV client; docs/xoq-1.md for the ALPNs.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { EncodedFrame, VideoCodec } from "../media/frame.ts";
import { isKeyFrame } from "../media/bitstream.ts";

/** Header bytes before each picture. */
export const HEADER_BYTES = 20;
/** Longest picture accepted from a peer; an 8K JPEG at quality 95 is some 20 MB. */
export const MAX_PICTURE_BYTES = 64 * 1024 * 1024;
/** Largest width or height accepted from a peer. */
export const MAX_DIMENSION = 16_384;

/** ALPN of each codec's stream. */
export const CAMERA_PROTOCOLS: Readonly<Record<VideoCodec, string>> = {
  h264: "xoq/camera-h264/0",
  hevc: "xoq/camera-hevc/0",
  av1: "xoq/camera-av1/0",
  jpeg: "xoq/camera-jpeg/0",
};

/** ALPN under which XoQ's older programs expect JPEG. */
export const LEGACY_JPEG_PROTOCOL = "xoq/camera/0";

/** The codec an ALPN carries. */
export function codecOfProtocol(protocol: string): VideoCodec | undefined {
  if (protocol === LEGACY_JPEG_PROTOCOL) return "jpeg";
  for (const [codec, name] of Object.entries(CAMERA_PROTOCOLS)) {
    if (name === protocol) return codec as VideoCodec;
  }
  return undefined;
}

/** Header and picture in one array. The picture is copied, once for all viewers of the frame. */
export function encodePicture(frame: EncodedFrame): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + frame.data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, frame.width, true);
  view.setUint32(4, frame.height, true);
  view.setBigUint64(8, BigInt(Math.round(frame.captureTime)), true);
  view.setUint32(16, frame.data.length, true);
  bytes.set(frame.data, HEADER_BYTES);
  return bytes;
}

/**
 * Push parser of the stream. Pictures are assembled in one array each, sized by the header, so that
 * a picture is copied once however it was cut by the network.
 */
export class PictureParser {
  readonly #codec: VideoCodec;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #view = new DataView(this.#header.buffer);
  #headerFill = 0;
  #body: Uint8Array<ArrayBuffer> | undefined;
  #bodyFill = 0;
  #sequence = 0;

  /** Makes a parser for a stream of the given codec. */
  constructor(codec: VideoCodec) {
    this.#codec = codec;
  }

  /** Takes bytes as they came; gives the pictures that are now whole. Throws `ProtocolError`. */
  push(chunk: Uint8Array): EncodedFrame[] {
    const frames: EncodedFrame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        const n = Math.min(HEADER_BYTES - this.#headerFill, chunk.length - at);
        this.#header.set(chunk.subarray(at, at + n), this.#headerFill);
        this.#headerFill += n;
        at += n;
        if (this.#headerFill < HEADER_BYTES) break;
        this.#body = new Uint8Array(this.#checkedLength());
        this.#bodyFill = 0;
      } else {
        const n = Math.min(this.#body.length - this.#bodyFill, chunk.length - at);
        this.#body.set(chunk.subarray(at, at + n), this.#bodyFill);
        this.#bodyFill += n;
        at += n;
      }
      if (this.#bodyFill === this.#body.length) {
        frames.push(this.#finish(this.#body));
        this.#body = undefined;
        this.#headerFill = 0;
      }
    }
    return frames;
  }

  /** Whether the stream may end here: no picture is cut off. */
  get atBoundary(): boolean {
    return this.#body === undefined && this.#headerFill === 0;
  }

  #checkedLength(): number {
    const width = this.#view.getUint32(0, true);
    const height = this.#view.getUint32(4, true);
    const length = this.#view.getUint32(16, true);
    if (width > MAX_DIMENSION || height > MAX_DIMENSION) {
      throw new ProtocolError(`picture of ${width}×${height}, at most ${MAX_DIMENSION} a side`);
    }
    if (length === 0 || length > MAX_PICTURE_BYTES) {
      throw new ProtocolError(`picture of ${length} bytes, at most ${MAX_PICTURE_BYTES}`);
    }
    return length;
  }

  #finish(data: Uint8Array): EncodedFrame {
    return {
      codec: this.#codec,
      data,
      key: isKeyFrame(this.#codec, data),
      width: this.#view.getUint32(0, true),
      height: this.#view.getUint32(4, true),
      captureTime: Number(this.#view.getBigUint64(8, true)),
      sequence: this.#sequence++,
    };
  }
}
