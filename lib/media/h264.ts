/**
 * What must be known of an H.264 stream to label it: parameter sets, size, profile and level
 * (ITU-T H.264), the codec string (RFC 6381) and the `avcC` record (ISO/IEC 14496-15 5.3.3.1).
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { unescape } from "./annexb.ts";
import { BitReader } from "./bit_reader.ts";

/** NAL unit types (ITU-T H.264 table 7-1). */
export const H264_NAL = { SLICE: 1, IDR: 5, SEI: 6, SPS: 7, PPS: 8, AUD: 9, FILLER: 12 } as const;

/** Largest width and height believed, in pixels. */
const MAX_SIZE = 16384;

/** The type of a NAL unit by its first byte. */
export function h264NalType(firstByte: number): number {
  return firstByte & 0x1f;
}

/** What a sequence parameter set says. */
export interface H264Sps {
  /** profile_idc. */
  profile: number;
  /** The byte of constraint_set flags. */
  constraints: number;
  /** level_idc: ten times the level. */
  level: number;
  /** Pixels, cropped. */
  width: number;
  /** Pixels, cropped. */
  height: number;
  /** chroma_format_idc: 1 is 4:2:0. */
  chromaFormat: number;
  /** Bits a luma sample. */
  bitDepthLuma: number;
  /** Bits a chroma sample. */
  bitDepthChroma: number;
}

// Profiles whose parameter sets carry chroma format and bit depths (7.3.2.1.1).
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8, next = 8;
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.se() + 256) % 256;
    if (next !== 0) last = next;
  }
}

/** Parses a sequence parameter set NAL unit (7.3.2.1.1), up to the size. Throws `ProtocolError`. */
export function parseH264Sps(unit: Uint8Array): H264Sps {
  const bits = new BitReader(unescape(unit), "H.264 sequence parameter set");
  if (h264NalType(bits.bits(8)) !== H264_NAL.SPS) throw bits.error("another NAL unit");
  const profile = bits.bits(8);
  const constraints = bits.bits(8);
  const level = bits.bits(8);
  if (bits.ue() > 31) throw bits.error("seq_parameter_set_id is above 31");
  let chromaFormat = 1, bitDepthLuma = 8, bitDepthChroma = 8, separatePlanes = false;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = bits.ue();
    if (chromaFormat > 3) throw bits.error("chroma_format_idc is above 3");
    if (chromaFormat === 3) separatePlanes = bits.flag();
    bitDepthLuma = 8 + bits.ue();
    bitDepthChroma = 8 + bits.ue();
    if (bitDepthLuma > 14 || bitDepthChroma > 14) throw bits.error("bit depth is above 14");
    bits.skip(1); // qpprime_y_zero_transform_bypass_flag
    if (bits.flag()) {
      for (let i = 0; i < (chromaFormat === 3 ? 12 : 8); i++) {
        if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
      }
    }
  }
  bits.ue(); // log2_max_frame_num_minus4
  const orderType = bits.ue();
  if (orderType === 0) bits.ue();
  else if (orderType === 1) {
    bits.skip(1);
    bits.se();
    bits.se();
    const cycle = bits.ue();
    if (cycle > 255) throw bits.error("num_ref_frames_in_pic_order_cnt_cycle is above 255");
    for (let i = 0; i < cycle; i++) bits.se();
  } else if (orderType > 2) throw bits.error("pic_order_cnt_type is above 2");
  bits.ue(); // max_num_ref_frames
  bits.skip(1);
  const widthInMacroblocks = bits.ue() + 1;
  const heightInMapUnits = bits.ue() + 1;
  const framesOnly = bits.flag();
  if (!framesOnly) bits.skip(1);
  bits.skip(1); // direct_8x8_inference_flag
  let width = widthInMacroblocks * 16;
  let height = heightInMapUnits * 16 * (framesOnly ? 1 : 2);
  if (bits.flag()) {
    const planar = chromaFormat !== 0 && !separatePlanes;
    const unitX = planar && chromaFormat !== 3 ? 2 : 1;
    const unitY = (planar && chromaFormat === 1 ? 2 : 1) * (framesOnly ? 1 : 2);
    width -= unitX * (bits.ue() + bits.ue());
    height -= unitY * (bits.ue() + bits.ue());
  }
  if (!(width > 0 && height > 0 && width <= MAX_SIZE && height <= MAX_SIZE)) {
    throw bits.error(`a size of ${width}×${height}`);
  }
  return { profile, constraints, level, width, height, chromaFormat, bitDepthLuma, bitDepthChroma };
}

/** Parameter sets of one access unit, each kind in order. */
export interface H264ParameterSets {
  /** Sequence parameter sets, as NAL units. */
  sps: Uint8Array[];
  /** Picture parameter sets, as NAL units. */
  pps: Uint8Array[];
}

/** Takes parameter sets out of NAL units (see `splitNalUnits`). */
export function h264ParameterSets(units: readonly Uint8Array[]): H264ParameterSets {
  const ofType = (type: number) => units.filter((unit) => h264NalType(unit[0]!) === type);
  return { sps: ofType(H264_NAL.SPS), pps: ofType(H264_NAL.PPS) };
}

const hex = (value: number) => value.toString(16).padStart(2, "0");

/** The codec string: `avc1.64001f` (RFC 6381 3.3). */
export function h264CodecString(sps: H264Sps): string {
  return `avc1.${hex(sps.profile)}${hex(sps.constraints)}${hex(sps.level)}`;
}

/**
 * AVCDecoderConfigurationRecord with 4-byte lengths (ISO/IEC 14496-15 5.3.3.1.2). Throws
 * `ProtocolError` where a parameter set is missing or larger than its 16-bit length can say.
 */
export function avcDecoderConfiguration(sets: H264ParameterSets): Uint8Array<ArrayBuffer> {
  const { sps: [first], sps, pps } = sets;
  if (first === undefined || pps.length === 0) {
    throw new ProtocolError("H.264: a key frame without its parameter sets");
  }
  if (sps.length > 31 || pps.length > 255 || [...sps, ...pps].some((s) => s.length > 0xffff)) {
    throw new ProtocolError("H.264: too many or too large parameter sets");
  }
  const info = parseH264Sps(first);
  const out = [1, info.profile, info.constraints, info.level, 0xff, 0xe0 | sps.length];
  for (const set of sps) out.push(set.length >> 8, set.length & 0xff, ...set);
  out.push(pps.length);
  for (const set of pps) out.push(set.length >> 8, set.length & 0xff, ...set);
  if (HIGH_PROFILES.has(info.profile) && info.profile !== 44) {
    out.push(
      0xfc | info.chromaFormat,
      0xf8 | (info.bitDepthLuma - 8),
      0xf8 | (info.bitDepthChroma - 8),
      0,
    );
  }
  return Uint8Array.from(out);
}
