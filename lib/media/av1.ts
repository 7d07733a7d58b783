/**
 * What must be known of an AV1 stream to label it: OBUs and the sequence header (AV1 Bitstream &
 * Decoding Process Specification, section 5), the codec string and the `av1C` record (AV1 Codec ISO
 * Media File Format Binding, sections 2.3 and 5).
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { BitReader } from "./bit_reader.ts";

/** OBU types (6.2.2). */
export const OBU = {
  SEQUENCE_HEADER: 1,
  TEMPORAL_DELIMITER: 2,
  FRAME_HEADER: 3,
  FRAME: 6,
  PADDING: 15,
} as const;

/** Most OBUs looked at in one temporal unit. */
const MAX_OBUS = 4096;

/** One open bitstream unit. */
export interface Obu {
  /** Type, see {@link OBU}. */
  type: number;
  /** With header and size. */
  bytes: Uint8Array;
  /** Without. */
  payload: Uint8Array;
}

/** The OBUs of a temporal unit in low-overhead format (5.2, 5.3). Throws `ProtocolError` where one is cut short. */
export function splitObus(data: Uint8Array): Obu[] {
  const obus: Obu[] = [];
  for (let at = 0; at < data.length;) {
    if (obus.length >= MAX_OBUS) throw new ProtocolError("AV1: too many OBUs in a temporal unit");
    const header = data[at]!;
    if (header & 0x80) throw new ProtocolError("AV1: obu_forbidden_bit is set");
    let start = at + (header & 4 ? 2 : 1);
    let size = data.length - start;
    if (header & 2) {
      // leb128 (4.10.5): at most 8 bytes, at most 2^32-1
      size = 0;
      for (let i = 0;; i++) {
        const byte = data[start++];
        if (byte === undefined || i === 8) {
          throw new ProtocolError("AV1: an OBU's size is cut short");
        }
        size += (byte & 0x7f) * 2 ** (7 * i);
        if (!(byte & 0x80)) break;
      }
    }
    if (size < 0 || start + size > data.length) throw new ProtocolError("AV1: an OBU is cut short");
    const end = start + size;
    obus.push({
      type: (header >> 3) & 15,
      bytes: data.subarray(at, end),
      payload: data.subarray(start, end),
    });
    at = end;
  }
  return obus;
}

/** What a sequence header says. */
export interface Av1Sequence {
  /** seq_profile: 0 Main, 1 High, 2 Professional. */
  profile: number;
  /** seq_level_idx[0]. */
  level: number;
  /** seq_tier[0]. */
  tier: number;
  /** max_frame_width, pixels. */
  width: number;
  /** max_frame_height, pixels. */
  height: number;
  /** 8, 10 or 12. */
  bitDepth: number;
  /** mono_chrome. */
  monochrome: boolean;
  /** subsampling_x. */
  subsamplingX: number;
  /** subsampling_y. */
  subsamplingY: number;
  /** chroma_sample_position. */
  chromaSamplePosition: number;
  /** Whether every frame is a key frame without a frame type. */
  reducedStillPicture: boolean;
}

/** Parses a sequence header's payload (5.5.1 to 5.5.2). Throws `ProtocolError`. */
export function parseAv1Sequence(payload: Uint8Array): Av1Sequence {
  const bits = new BitReader(payload, "AV1 sequence header");
  const profile = bits.bits(3);
  if (profile > 2) throw bits.error("seq_profile is above 2");
  bits.skip(1); // still_picture
  const reduced = bits.flag();
  const { level, tier } = reduced ? { level: bits.bits(5), tier: 0 } : operatingPoints(bits);
  const widthBits = bits.bits(4) + 1, heightBits = bits.bits(4) + 1;
  const width = bits.bits(widthBits) + 1, height = bits.bits(heightBits) + 1;
  if (!reduced && bits.flag()) bits.skip(7); // frame ids
  bits.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!reduced) skipTools(bits);
  bits.skip(3); // enable_superres, enable_cdef, enable_restoration
  return {
    profile,
    level,
    tier,
    width,
    height,
    reducedStillPicture: reduced,
    ...colorConfig(bits, profile),
  };
}

function operatingPoints(bits: BitReader): { level: number; tier: number } {
  let delayBits = 0;
  if (bits.flag()) {
    bits.skip(64);
    if (bits.flag()) bits.ue();
    if (bits.flag()) {
      delayBits = bits.bits(5) + 1;
      bits.skip(32 + 5 + 5);
    }
  }
  const displayDelay = bits.flag();
  const count = bits.bits(5) + 1;
  let first: { level: number; tier: number } | undefined;
  for (let i = 0; i < count; i++) {
    bits.skip(12);
    const level = bits.bits(5);
    const tier = level > 7 ? bits.bits(1) : 0;
    first ??= { level, tier };
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (displayDelay && bits.flag()) bits.skip(4);
  }
  return first!;
}

function skipTools(bits: BitReader): void {
  bits.skip(4);
  const orderHint = bits.flag();
  if (orderHint) bits.skip(2);
  const screenContent = bits.flag() ? 2 : bits.bits(1);
  if (screenContent > 0 && !bits.flag()) bits.skip(1);
  if (orderHint) bits.skip(3);
}

function colorConfig(bits: BitReader, profile: number) {
  const high = bits.flag();
  const bitDepth = high ? (profile === 2 && bits.flag() ? 12 : 10) : 8;
  const monochrome = profile !== 1 && bits.flag();
  const described = bits.flag();
  const primaries = described ? bits.bits(8) : 2;
  const transfer = described ? bits.bits(8) : 2;
  const matrix = described ? bits.bits(8) : 2;
  let subsamplingX = 1, subsamplingY = 1, chromaSamplePosition = 0;
  if (monochrome) bits.skip(1);
  else if (primaries === 1 && transfer === 13 && matrix === 0) subsamplingX = subsamplingY = 0;
  else {
    bits.skip(1);
    if (profile === 1) subsamplingX = subsamplingY = 0;
    else if (profile === 2) {
      subsamplingX = bitDepth === 12 ? bits.bits(1) : 1;
      subsamplingY = bitDepth === 12 && subsamplingX ? bits.bits(1) : 0;
    }
    if (subsamplingX && subsamplingY) chromaSamplePosition = bits.bits(2);
  }
  return { bitDepth, monochrome, subsamplingX, subsamplingY, chromaSamplePosition };
}

/** Whether a temporal unit begins with a sequence header and a key frame (5.9.2). False for what can't be read. */
export function isAv1KeyFrame(data: Uint8Array): boolean {
  let obus: Obu[];
  try {
    obus = splitObus(data);
  } catch {
    return false;
  }
  const sequence = obus.find((obu) => obu.type === OBU.SEQUENCE_HEADER);
  const frame = obus.find((obu) => obu.type === OBU.FRAME || obu.type === OBU.FRAME_HEADER);
  const first = frame?.payload[0];
  if (sequence === undefined || first === undefined) return false;
  // reduced_still_picture_header; else show_existing_frame is 0 and frame_type is KEY_FRAME
  return ((sequence.payload[0] ?? 0) & 0x08) !== 0 || (first & 0xe0) === 0;
}

/** The codec string: `av01.0.04M.08`. */
export function av1CodecString(sequence: Av1Sequence): string {
  const two = (value: number) => value.toString().padStart(2, "0");
  return `av01.${sequence.profile}.${two(sequence.level)}${sequence.tier ? "H" : "M"}.${
    two(sequence.bitDepth)
  }`;
}

/** AV1CodecConfigurationRecord with the sequence header as its only OBU (binding, 2.3.3). */
export function av1Configuration(sequenceHeader: Obu): Uint8Array<ArrayBuffer> {
  const s = parseAv1Sequence(sequenceHeader.payload);
  const out = new Uint8Array(4 + sequenceHeader.bytes.length);
  out[0] = 0x81;
  out[1] = (s.profile << 5) | s.level;
  out[2] = (s.tier << 7) | (s.bitDepth > 8 ? 0x40 : 0) | (s.bitDepth === 12 ? 0x20 : 0) |
    (s.monochrome ? 0x10 : 0) | (s.subsamplingX << 3) | (s.subsamplingY << 2) |
    s.chromaSamplePosition;
  out.set(sequenceHeader.bytes, 4);
  return out;
}
