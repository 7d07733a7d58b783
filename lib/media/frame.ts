/**
 * The two things that move through the media rooms: raw pictures and encoded pictures.
 *
 * Times are microseconds since the Unix epoch on this machine's clock, as a `number` (exact to
 * 2^53). They name the instant of capture, as the driver reported it, and travel unchanged.
 *
 * @module
 */

/** Codecs a camera's stream may be in. */
export type VideoCodec = "h264" | "hevc" | "av1" | "jpeg";

/** Every codec, in the order help texts list them. */
export const VIDEO_CODECS: readonly VideoCodec[] = ["h264", "hevc", "av1", "jpeg"];

/** Layouts of raw pictures. Names as in V4L2 and WebCodecs. */
export type PixelFormat = "I420" | "NV12" | "YUYV" | "UYVY" | "GREY" | "RGBA";

/** One plane of a raw picture. */
export interface Plane {
  /** The bytes, `stride` × rows of them. May lie in memory the kernel or a codec owns. */
  data: Uint8Array;
  /** Bytes from one row to the next. */
  stride: number;
}

/** A raw picture. Whoever receives it calls `release()` once, after which the planes are not touched. */
export interface RawFrame {
  /** Layout. */
  format: PixelFormat;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** I420: Y, U, V. NV12: Y, UV. Packed formats: one. */
  planes: readonly Plane[];
  /** Whether luma spans 0 to 255 (JPEG) instead of 16 to 235; absent: it does not. */
  fullRange?: boolean;
  /** Capture instant, µs since the epoch. */
  captureTime: number;
  /** Counts pictures since the source began; a gap is a picture dropped before this point. */
  sequence: number;
  /** Gives the memory back to its owner. */
  release(): void;
}

/**
 * An encoded picture. `data` belongs to whoever holds the frame and is never changed by anyone:
 * fan-out hands one and the same array to every viewer.
 *
 * - `h264`, `hevc`: one access unit in Annex B, parameter sets before every key frame.
 * - `av1`: one temporal unit of OBUs (low-overhead format), sequence header before every key frame.
 * - `jpeg`: one JFIF image; every frame is a key frame.
 */
export interface EncodedFrame {
  /** Codec. */
  codec: VideoCodec;
  /** The bytes. */
  data: Uint8Array;
  /** Whether decoding can begin here. */
  key: boolean;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Capture instant, µs since the epoch. */
  captureTime: number;
  /** Counts captured pictures since the source began; a gap is a dropped picture. */
  sequence: number;
  /** When the encoder handed it over, µs since the epoch by the same clock; absent when unknown (a remote stream). */
  encodedTime?: number;
}

/** What a viewer needs to know of a stream before its first frame. */
export interface StreamDescription {
  /** Codec. */
  codec: VideoCodec;
  /** Pixels; 0 while unknown. */
  width: number;
  /** Pixels; 0 while unknown. */
  height: number;
  /** Nominal frames per second; 0 while unknown. */
  fps: number;
  /** What encodes it, for people: `"device"`, `"libav libx264"`, `"embedded"`. */
  encoder: string;
}
