/**
 * What must be known of an HEVC stream to label it: parameter sets, size, profile, tier and level
 * (ITU-T H.265), the codec string (ISO/IEC 14496-15 E.3) and the `hvcC` record (8.3.3.1).
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { unescape } from "./annexb.ts";
import { BitReader } from "./bit_reader.ts";

/** NAL unit types (ITU-T H.265 table 7-1). 16 to 23 are random access points. */
export const HEVC_NAL = {
  IRAP_FIRST: 16,
  IRAP_LAST: 23,
  VPS: 32,
  SPS: 33,
  PPS: 34,
  AUD: 35,
} as const;

/** Largest width and height believed, in pixels. */
const MAX_SIZE = 16384;

/** The type of a NAL unit by its first byte (7.3.1.2). */
export function hevcNalType(firstByte: number): number {
  return (firstByte >> 1) & 0x3f;
}

/** What a sequence parameter set says. */
export interface HevcSps {
  /** general_profile_space to general_level_idc, the 12 bytes as they stand in `hvcC` too. */
  profileTierLevel: Uint8Array;
  /** Temporal layers. */
  temporalLayers: number;
  /** sps_temporal_id_nesting_flag. */
  temporalIdNested: boolean;
  /** chroma_format_idc: 1 is 4:2:0. */
  chromaFormat: number;
  /** Pixels, cropped. */
  width: number;
  /** Pixels, cropped. */
  height: number;
  /** Bits a luma sample. */
  bitDepthLuma: number;
  /** Bits a chroma sample. */
  bitDepthChroma: number;
}

/** Parses a sequence parameter set NAL unit (7.3.2.2), up to the bit depths. Throws `ProtocolError`. */
export function parseHevcSps(unit: Uint8Array): HevcSps {
  const bits = new BitReader(unescape(unit), "HEVC sequence parameter set");
  if (hevcNalType(bits.bits(8)) !== HEVC_NAL.SPS) throw bits.error("another NAL unit");
  bits.skip(8 + 4);
  const temporalLayers = bits.bits(3) + 1;
  const temporalIdNested = bits.flag();
  // profile_tier_level(1, sps_max_sub_layers_minus1), 7.3.3
  const profileTierLevel = Uint8Array.from({ length: 12 }, () => bits.bits(8));
  const subLayers = Array.from({ length: temporalLayers - 1 }, () => [bits.flag(), bits.flag()]);
  if (temporalLayers > 1) bits.skip(2 * (8 - subLayers.length));
  for (const [profile, level] of subLayers) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
  if (bits.ue() > 15) throw bits.error("sps_seq_parameter_set_id is above 15");
  const chromaFormat = bits.ue();
  if (chromaFormat > 3) throw bits.error("chroma_format_idc is above 3");
  const separatePlanes = chromaFormat === 3 && bits.flag();
  let width = bits.ue(), height = bits.ue();
  if (bits.flag()) {
    const unitX = !separatePlanes && (chromaFormat === 1 || chromaFormat === 2) ? 2 : 1;
    const unitY = !separatePlanes && chromaFormat === 1 ? 2 : 1;
    width -= unitX * (bits.ue() + bits.ue());
    height -= unitY * (bits.ue() + bits.ue());
  }
  if (!(width > 0 && height > 0 && width <= MAX_SIZE && height <= MAX_SIZE)) {
    throw bits.error(`a size of ${width}×${height}`);
  }
  const bitDepthLuma = 8 + bits.ue(), bitDepthChroma = 8 + bits.ue();
  if (bitDepthLuma > 16 || bitDepthChroma > 16) throw bits.error("bit depth is above 16");
  return {
    profileTierLevel,
    temporalLayers,
    temporalIdNested,
    chromaFormat,
    width,
    height,
    bitDepthLuma,
    bitDepthChroma,
  };
}

/** Parameter sets of one access unit. */
export interface HevcParameterSets {
  /** Video parameter sets, as NAL units. */
  vps: Uint8Array[];
  /** Sequence parameter sets, as NAL units. */
  sps: Uint8Array[];
  /** Picture parameter sets, as NAL units. */
  pps: Uint8Array[];
}

/** Takes parameter sets out of NAL units (see `splitNalUnits`). */
export function hevcParameterSets(units: readonly Uint8Array[]): HevcParameterSets {
  const ofType = (type: number) => units.filter((unit) => hevcNalType(unit[0]!) === type);
  return { vps: ofType(HEVC_NAL.VPS), sps: ofType(HEVC_NAL.SPS), pps: ofType(HEVC_NAL.PPS) };
}

/** The codec string: `hvc1.1.6.L93.B0` (ISO/IEC 14496-15 E.3). */
export function hevcCodecString(sps: HevcSps): string {
  const [general = 0, ...rest] = sps.profileTierLevel;
  const space = ["", "A", "B", "C"][general >> 6];
  // The compatibility flags are written in reverse bit order.
  let compatibility = 0;
  for (let bit = 0; bit < 32; bit++) {
    if ((rest[bit >> 3]! >> (7 - (bit & 7))) & 1) compatibility += 2 ** bit;
  }
  const constraints = rest.slice(4, 10);
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    `hvc1.${space}${general & 0x1f}`,
    compatibility.toString(16),
    `${general & 0x20 ? "H" : "L"}${rest[10]}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join(".");
}

/**
 * HEVCDecoderConfigurationRecord with 4-byte lengths (ISO/IEC 14496-15 8.3.3.1.2). Throws
 * `ProtocolError` where a parameter set is missing or larger than its 16-bit length can say.
 */
export function hevcDecoderConfiguration(sets: HevcParameterSets): Uint8Array<ArrayBuffer> {
  const { vps, sps, pps } = sets;
  const [first] = sps;
  if (first === undefined || vps.length === 0 || pps.length === 0) {
    throw new ProtocolError("HEVC: a key frame without its parameter sets");
  }
  if ([...vps, ...sps, ...pps].some((set) => set.length > 0xffff)) {
    throw new ProtocolError("HEVC: a parameter set is larger than 65,535 bytes");
  }
  const info = parseHevcSps(first);
  const out = [
    1,
    ...info.profileTierLevel,
    0xf0,
    0, // min_spatial_segmentation_idc: unknown
    0xfc, // parallelismType: unknown
    0xfc | info.chromaFormat,
    0xf8 | (info.bitDepthLuma - 8),
    0xf8 | (info.bitDepthChroma - 8),
    0,
    0, // avgFrameRate: unspecified
    (info.temporalLayers << 3) | (info.temporalIdNested ? 4 : 0) | 3,
    3,
  ];
  for (const [type, units] of [[32, vps], [33, sps], [34, pps]] as const) {
    out.push(0x80 | type, units.length >> 8, units.length & 0xff);
    for (const unit of units) out.push(unit.length >> 8, unit.length & 0xff, ...unit);
  }
  return Uint8Array.from(out);
}
