/**
 * One door to the parsers of all codecs: is this a key frame, how large is the picture, what is the
 * stream called.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { lengthPrefixed, someNalUnit, splitNalUnits } from "./annexb.ts";
import {
  av1CodecString,
  av1Configuration,
  isAv1KeyFrame,
  OBU,
  parseAv1Sequence,
  splitObus,
} from "./av1.ts";
import type { VideoCodec } from "./frame.ts";
import {
  avcDecoderConfiguration,
  H264_NAL,
  h264CodecString,
  h264NalType,
  h264ParameterSets,
  parseH264Sps,
} from "./h264.ts";
import {
  HEVC_NAL,
  hevcCodecString,
  hevcDecoderConfiguration,
  hevcNalType,
  hevcParameterSets,
  parseHevcSps,
} from "./hevc.ts";
import { parseJpegInfo } from "./jpeg_info.ts";

/**
 * Whether decoding can begin with this access unit (H.264: an IDR slice, HEVC: an IRAP picture, AV1:
 * a key frame with its sequence header, JPEG: always). False for what can't be read.
 */
export function isKeyFrame(codec: VideoCodec, data: Uint8Array): boolean {
  switch (codec) {
    case "h264":
      return someNalUnit(data, (at) => h264NalType(data[at]!) === H264_NAL.IDR);
    case "hevc":
      return someNalUnit(data, (at) => {
        const type = hevcNalType(data[at]!);
        return type >= HEVC_NAL.IRAP_FIRST && type <= HEVC_NAL.IRAP_LAST;
      });
    case "av1":
      return isAv1KeyFrame(data);
    case "jpeg":
      return true;
  }
}

/** What a key frame says of its stream. */
export interface StreamInfo {
  /** Codec. */
  codec: VideoCodec;
  /** For WebCodecs and MIME types: `avc1.64001f`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`, `mjpeg`. */
  codecString: string;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** The record of the MP4 sample entry (`avcC`, `hvcC`, `av1C`); empty for JPEG. */
  configuration: Uint8Array;
}

/** Reads a key frame's headers. Throws `ProtocolError` where they are missing, broken or cut short. */
export function streamInfo(codec: VideoCodec, keyFrame: Uint8Array): StreamInfo {
  switch (codec) {
    case "h264": {
      const sets = h264ParameterSets(splitNalUnits(keyFrame));
      const configuration = avcDecoderConfiguration(sets);
      const sps = parseH264Sps(sets.sps[0]!);
      const { width, height } = sps;
      return { codec, codecString: h264CodecString(sps), width, height, configuration };
    }
    case "hevc": {
      const sets = hevcParameterSets(splitNalUnits(keyFrame));
      const configuration = hevcDecoderConfiguration(sets);
      const sps = parseHevcSps(sets.sps[0]!);
      const { width, height } = sps;
      return { codec, codecString: hevcCodecString(sps), width, height, configuration };
    }
    case "av1": {
      const header = splitObus(keyFrame).find((obu) => obu.type === OBU.SEQUENCE_HEADER);
      if (header === undefined) throw new ProtocolError("AV1: a key frame without sequence header");
      const sequence = parseAv1Sequence(header.payload);
      const { width, height } = sequence;
      const configuration = av1Configuration(header);
      return { codec, codecString: av1CodecString(sequence), width, height, configuration };
    }
    case "jpeg": {
      const { width, height } = parseJpegInfo(keyFrame);
      return { codec, codecString: "mjpeg", width, height, configuration: new Uint8Array() };
    }
  }
}

/** The picture's size, where this frame says it; `undefined` where not, or where it can't be read. */
export function frameSize(
  codec: VideoCodec,
  data: Uint8Array,
): { width: number; height: number } | undefined {
  try {
    if (codec === "h264" || codec === "hevc") {
      const type = codec === "h264" ? H264_NAL.SPS : HEVC_NAL.SPS;
      const typeOf = codec === "h264" ? h264NalType : hevcNalType;
      const sps = splitNalUnits(data).find((unit) => typeOf(unit[0]!) === type);
      if (sps === undefined) return undefined;
      const { width, height } = codec === "h264" ? parseH264Sps(sps) : parseHevcSps(sps);
      return { width, height };
    }
    const { width, height } = streamInfo(codec, data);
    return { width, height };
  } catch {
    return undefined;
  }
}

/**
 * An access unit as an MP4 sample: lengths for start codes, without what the sample entry holds
 * (parameter sets; ISO/IEC 14496-15 5.3.3, 8.3.3) and what must not be there (access unit
 * delimiters stay out of H.264's `avc1` here, temporal delimiters out of AV1: binding, 2.4). One copy.
 *
 * @param reserve free bytes to leave in front.
 */
export function toSample(
  codec: VideoCodec,
  data: Uint8Array,
  reserve = 0,
): Uint8Array<ArrayBuffer> {
  switch (codec) {
    case "h264":
      return lengthPrefixed(
        splitNalUnits(data).filter((unit) => {
          const type = h264NalType(unit[0]!);
          return type !== H264_NAL.SPS && type !== H264_NAL.PPS && type !== H264_NAL.AUD;
        }),
        reserve,
      );
    case "hevc":
      return lengthPrefixed(
        splitNalUnits(data).filter((unit) => {
          const type = hevcNalType(unit[0]!);
          return type < HEVC_NAL.VPS || type > HEVC_NAL.AUD;
        }),
        reserve,
      );
    case "av1": {
      const kept = splitObus(data).filter((obu) => obu.type !== OBU.TEMPORAL_DELIMITER);
      return join(kept.map((obu) => obu.bytes), reserve);
    }
    case "jpeg":
      return join([data], reserve);
  }
}

function join(parts: readonly Uint8Array[], reserve: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, reserve));
  let at = reserve;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
