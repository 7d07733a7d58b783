/**
 * A camera's own stream on its way through: untouched but for parameter sets, which go in front of
 * every key frame, and for what could not be decoded, which is held back.
 *
 * Copies: one, out of the driver's buffer.
 *
 * @module
 */
import { splitNalUnits } from "../media/annexb.ts";
import { isKeyFrame } from "../media/bitstream.ts";
import type { VideoCodec } from "../media/frame.ts";
import { H264_NAL, h264NalType } from "../media/h264.ts";
import { HEVC_NAL, hevcNalType } from "../media/hevc.ts";
import { isWholeJpeg } from "../media/jpeg_info.ts";

const START_CODE = Uint8Array.of(0, 0, 0, 1);

/** What became of a picture. */
export type Passed =
  | { data: Uint8Array<ArrayBuffer>; key: boolean }
  /** It can't be decoded by itself or at all. */
  | "corrupt"
  /** It depends on one that is missing. */
  | "waiting";

/** Passes one stream through. */
export class Passthrough {
  readonly #codec: VideoCodec;
  #parameterSets: Uint8Array[] = [];
  #needKey = true;

  /** Begins; nothing passes before the first key frame. */
  constructor(codec: VideoCodec) {
    this.#codec = codec;
  }

  /** Pictures are missing: nothing passes until the next key frame. */
  interrupt(): void {
    this.#needKey = this.#codec !== "jpeg";
  }

  /** Whether a key frame is waited for. */
  get needsKeyFrame(): boolean {
    return this.#needKey && this.#codec !== "jpeg";
  }

  /** Copies one picture out of the driver's buffer, in the form that `EncodedFrame` promises. */
  pass(data: Uint8Array): Passed {
    if (this.#codec === "jpeg") {
      return isWholeJpeg(data) ? { data: new Uint8Array(data), key: true } : "corrupt";
    }
    if (data.byteLength === 0) return "corrupt";
    const key = isKeyFrame(this.#codec, data);
    const found = this.#findParameterSets(data);
    if (found.length > 0) this.#parameterSets = found.map((unit) => unit.slice());
    if (!key && this.#needKey) return "waiting";
    if (!key) return { data: new Uint8Array(data), key };
    if (this.#parameterSets.length === 0) return "waiting";
    this.#needKey = false;
    if (found.length > 0) return { data: new Uint8Array(data), key };
    return { data: withParameterSets(this.#parameterSets, data), key };
  }

  /** Parameter sets of this access unit, as views. */
  #findParameterSets(data: Uint8Array): Uint8Array[] {
    return splitNalUnits(data).filter((unit) => {
      if (this.#codec === "hevc") {
        const type = hevcNalType(unit[0]!);
        return type >= HEVC_NAL.VPS && type <= HEVC_NAL.PPS;
      }
      const type = h264NalType(unit[0]!);
      return type === H264_NAL.SPS || type === H264_NAL.PPS;
    });
  }
}

/** One array: parameter sets, then the picture. */
function withParameterSets(sets: readonly Uint8Array[], data: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = sets.reduce((sum, set) => sum + START_CODE.length + set.length, data.length);
  const out = new Uint8Array(size);
  let at = 0;
  for (const part of [...sets.flatMap((set) => [START_CODE, set]), data]) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
