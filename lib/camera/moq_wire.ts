/**
 * A camera's pictures as XoQ's programs send them through MoQ relays: the broadcast's path, the track's
 * name, and what a frame of moq-lite holds. JPEG is the track `camera`, a picture a group; video is the
 * track `video` in CMAF (ISO/IEC 23000-19), a group from key frame to key frame, each beginning with an
 * initialization segment.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { CmafWriter } from "../media/cmaf.ts";
import type { EncodedFrame, VideoCodec } from "../media/frame.ts";

/** The track of JPEG pictures. */
export const MOQ_JPEG_TRACK = "camera";
/** The track of video. */
export const MOQ_VIDEO_TRACK = "video";

/** Wall-clock milliseconds since the epoch, little-endian, in front of everything. */
const STAMP_BYTES = 8;
/** Then, for JPEG: width, height and the low 32 bits of the capture instant in µs, little-endian. */
const JPEG_HEADER_BYTES = 12;

/** The track that carries a codec. */
export function moqTrackName(codec: VideoCodec): string {
  return codec === "jpeg" ? MOQ_JPEG_TRACK : MOQ_VIDEO_TRACK;
}

/** Where XoQ publishes a camera that was given no path: by its number, here else by its name. */
export function defaultMoqPath(device: string, name: string): string {
  const number = /^(?:\/dev\/video)?(\d+)$/.exec(device)?.[1];
  return `anon/camera-${number ?? name.replace(/^camera-/, "")}`;
}

/** A frame of moq-lite. */
export interface MoqFrame {
  /** Its bytes. */
  payload: Uint8Array<ArrayBuffer>;
  /** Whether a group begins with it. */
  begins: boolean;
  /** Whether the group is whole with it. */
  ends: boolean;
}

/** Writes a stream's pictures, from a key frame on. */
export class MoqPictureWriter {
  readonly #cmaf: CmafWriter;

  /** Begins. `fps` is nominal; 0 where unknown. */
  constructor(fps = 0) {
    this.#cmaf = new CmafWriter({ fps });
  }

  /**
   * Writes a picture; undefined for those before the first key frame. Throws `ProtocolError` where the
   * picture's headers can't be read.
   */
  write(frame: EncodedFrame): MoqFrame | undefined {
    if (frame.codec === "jpeg") return { payload: jpeg(frame), begins: true, ends: true };
    const chunk = this.#cmaf.write(frame);
    if (chunk === undefined) return undefined;
    const init = frame.key ? chunk.init ?? this.#cmaf.initSegment() : undefined;
    return { payload: stamped(frame, init, chunk.fragment), begins: frame.key, ends: false };
  }
}

function stamped(
  frame: EncodedFrame,
  ...parts: (Uint8Array | undefined)[]
): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + (part?.length ?? 0), STAMP_BYTES);
  const payload = new Uint8Array(length);
  const milliseconds = BigInt(Math.round(frame.captureTime / 1000));
  new DataView(payload.buffer).setBigUint64(0, milliseconds, true);
  let at = STAMP_BYTES;
  for (const part of parts) {
    if (part === undefined) continue;
    payload.set(part, at);
    at += part.length;
  }
  return payload;
}

function jpeg(frame: EncodedFrame): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(JPEG_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, frame.width, true);
  view.setUint32(4, frame.height, true);
  view.setUint32(8, Number(BigInt(Math.round(frame.captureTime)) & 0xffff_ffffn), true);
  return stamped(frame, header, frame.data);
}

/** A picture of the track `camera`. */
export interface MoqJpeg {
  /** When it was captured, or sent: milliseconds since the epoch by the sender's clock. */
  stampMs: number;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Low 32 bits of the sender's time in µs. */
  timestamp: number;
  /** The JPEG: a view. */
  data: Uint8Array;
}

/** Reads a picture of the track `camera`. Throws `ProtocolError` where it is cut short. */
export function decodeMoqJpeg(payload: Uint8Array): MoqJpeg {
  if (payload.length <= STAMP_BYTES + JPEG_HEADER_BYTES) {
    throw new ProtocolError(`a picture of ${payload.length} bytes is cut short`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset);
  return {
    stampMs: Number(view.getBigUint64(0, true)),
    width: view.getUint32(8, true),
    height: view.getUint32(12, true),
    timestamp: view.getUint32(16, true),
    data: payload.subarray(STAMP_BYTES + JPEG_HEADER_BYTES),
  };
}

/** Reads a frame of the track `video`: its stamp, and CMAF. Throws `ProtocolError` where it is cut short. */
export function decodeMoqVideo(payload: Uint8Array): { stampMs: number; data: Uint8Array } {
  if (payload.length <= STAMP_BYTES) {
    throw new ProtocolError(`a video frame of ${payload.length} bytes is cut short`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset);
  return { stampMs: Number(view.getBigUint64(0, true)), data: payload.subarray(STAMP_BYTES) };
}
