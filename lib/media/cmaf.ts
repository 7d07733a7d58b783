/**
 * Live fragmented MP4 (ISO/IEC 14496-12), one video track, one fragment a frame, as CMAF wants it
 * (ISO/IEC 23000-19 7.3): an initialization segment, then `moof` + `mdat` chunks.
 *
 * @module
 */
import { UnsupportedError } from "../errors.ts";
import { type StreamInfo, streamInfo, toSample } from "./bitstream.ts";
import type { EncodedFrame, VideoCodec } from "./frame.ts";
import { ascii, box, fullBox, u16, u32, u64, UNITY_MATRIX, zeros } from "./mp4_boxes.ts";
import { type MediaTime, Timeline, type TimelineMode } from "./timeline.ts";

/** Units of media time a second, unless said otherwise. */
export const DEFAULT_TIMESCALE = 90_000;

const TRACK_ID = 1;
/** Sample entry and configuration box by codec (ISO/IEC 14496-15; AV1 binding 2.2). */
const ENTRIES: Partial<Record<VideoCodec, [entry: string, configuration: string]>> = {
  h264: ["avc1", "avcC"],
  hevc: ["hvc1", "hvcC"],
  av1: ["av01", "av1C"],
};

/** Whether frames of this codec can be put into MP4 here. */
export function fitsMp4(codec: VideoCodec): boolean {
  return ENTRIES[codec] !== undefined;
}

/** The MIME type for `<video>` and Media Source Extensions (RFC 6381). */
export function mp4MimeType(info: StreamInfo): string {
  return `video/mp4; codecs="${info.codecString}"`;
}

/** Initialization segment: `ftyp`, `moov` without samples (ISO/IEC 23000-19 7.3.1). Throws `UnsupportedError` for JPEG. */
export function initSegment(
  info: StreamInfo,
  timescale: number = DEFAULT_TIMESCALE,
): Uint8Array<ArrayBuffer> {
  const names = ENTRIES[info.codec];
  if (names === undefined) throw new UnsupportedError(`MP4 takes no ${info.codec} here`);
  const { width, height, configuration } = info;
  // 4.3: cmf2 is the CMAF structural brand, iso6 that of tfdt and default-base-is-moof.
  const ftyp = box("ftyp", ascii("iso6"), u32(0), ascii("iso6cmf2mp41"));
  // 8.2.2
  const mvhd = fullBox(
    "mvhd",
    0,
    0,
    u32(0, 0, timescale, 0), // creation and modification time, timescale, duration: unknown
    u32(0x10000), // rate 1.0
    u16(0x100), // volume 1.0
    zeros(10),
    UNITY_MATRIX,
    zeros(24),
    u32(TRACK_ID + 1),
  );
  // 8.3.2; track_enabled | track_in_movie | track_in_preview
  const tkhd = fullBox(
    "tkhd",
    0,
    7,
    u32(0, 0, TRACK_ID, 0, 0),
    zeros(16), // reserved, layer, alternate_group, volume (0: not audio), reserved
    UNITY_MATRIX,
    u32(width * 65536, height * 65536),
  );
  // 8.4.2; language und
  const mdhd = fullBox("mdhd", 0, 0, u32(0, 0, timescale, 0), u16(0x55c4, 0));
  // 8.4.3
  const hdlr = fullBox("hdlr", 0, 0, u32(0), ascii("vide"), zeros(12), ascii("xoq video\0"));
  // 12.1.2
  const vmhd = fullBox("vmhd", 0, 1, zeros(8));
  // 8.7.1, 8.7.2; flag 1: the media is in this file
  const dinf = box("dinf", fullBox("dref", 0, 0, u32(1), fullBox("url ", 0, 1)));
  // 12.1.3, VisualSampleEntry
  const entry = box(
    names[0],
    zeros(6),
    u16(1), // data_reference_index
    zeros(16),
    u16(width, height),
    u32(0x480000, 0x480000, 0), // 72 dpi
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x18, 0xffff), // depth, pre_defined -1
    box(names[1], configuration),
  );
  const stbl = box(
    "stbl",
    fullBox("stsd", 0, 0, u32(1), entry), // 8.5.2
    fullBox("stts", 0, 0, u32(0)), // 8.6.1.2
    fullBox("stsc", 0, 0, u32(0)), // 8.7.4
    fullBox("stsz", 0, 0, u32(0, 0)), // 8.7.3
    fullBox("stco", 0, 0, u32(0)), // 8.7.5
  );
  const trak = box("trak", tkhd, box("mdia", mdhd, hdlr, box("minf", vmhd, dinf, stbl)));
  // 8.8.1, 8.8.3: one description; durations, sizes and flags stand in the fragments
  const mvex = box("mvex", fullBox("trex", 0, 0, u32(TRACK_ID, 1, 0, 0, 0)));
  const moov = box("moov", mvhd, trak, mvex);
  const out = new Uint8Array(ftyp.length + moov.length);
  out.set(ftyp);
  out.set(moov, ftyp.length);
  return out;
}

// sample_flags (8.8.3.1): depends on nothing; depends on others and is no sync sample
const SYNC_SAMPLE = 0x02000000;
const DELTA_SAMPLE = 0x01010000;
const MOOF_SIZE = 100;

/**
 * One frame as `moof` + `mdat`. The payload is copied once, from start codes to lengths, right to
 * where it goes.
 *
 * @param sequenceNumber counts fragments, from 1 (8.8.5).
 */
export function fragment(
  frame: EncodedFrame,
  sequenceNumber: number,
  { time, duration }: MediaTime,
): Uint8Array<ArrayBuffer> {
  const out = toSample(frame.codec, frame.data, MOOF_SIZE + 8);
  const size = out.length - MOOF_SIZE - 8;
  const moof = box(
    "moof",
    fullBox("mfhd", 0, 0, u32(sequenceNumber)), // 8.8.5
    box(
      "traf",
      fullBox("tfhd", 0, 0x020000, u32(TRACK_ID)), // 8.8.7, default-base-is-moof
      fullBox("tfdt", 1, 0, u64(time)), // 8.8.12
      // 8.8.8: data offset; duration, size and flags of each sample
      fullBox(
        "trun",
        0,
        0x000701,
        u32(1, MOOF_SIZE + 8, duration, size, frame.key ? SYNC_SAMPLE : DELTA_SAMPLE),
      ),
    ),
  );
  out.set(moof);
  out.set(u32(size + 8), MOOF_SIZE);
  out.set(ascii("mdat"), MOOF_SIZE + 4);
  return out;
}

/** What {@link CmafWriter.write} gives. */
export interface CmafChunk {
  /** The initialization segment to send first; only on a key frame that begins a stream or changes its parameters. */
  init: Uint8Array<ArrayBuffer> | undefined;
  /** The fragment. */
  fragment: Uint8Array<ArrayBuffer>;
  /** Where it lies on the timeline. */
  at: MediaTime;
}

/** How a {@link CmafWriter} writes. */
export interface CmafOptions {
  /** Units a second, default {@link DEFAULT_TIMESCALE}. */
  timescale?: number;
  /** Nominal rate, for the first frame's duration; 0 where unknown. */
  fps?: number;
  /** Default `capture`. */
  timeline?: TimelineMode;
}

/** Writes a stream of frames, from a key frame on. Time goes on over changes of parameters and steps of the clock. */
export class CmafWriter {
  readonly #timescale: number;
  readonly #timeline: Timeline;
  #sequenceNumber = 0;
  #info: StreamInfo | undefined;

  /** Makes a writer. */
  constructor(options: CmafOptions = {}) {
    this.#timescale = options.timescale ?? DEFAULT_TIMESCALE;
    this.#timeline = new Timeline(this.#timescale, options.fps ?? 0, options.timeline ?? "capture");
  }

  /** The stream as its last key frame described it. */
  get info(): StreamInfo | undefined {
    return this.#info;
  }

  /**
   * Writes one frame; `undefined` for delta frames before the first key frame. Throws
   * `ProtocolError` for a frame whose headers can't be read, `UnsupportedError` for JPEG.
   */
  write(frame: EncodedFrame): CmafChunk | undefined {
    let init: Uint8Array<ArrayBuffer> | undefined;
    if (frame.key) {
      if (!fitsMp4(frame.codec)) throw new UnsupportedError(`MP4 takes no ${frame.codec} here`);
      const info = streamInfo(frame.codec, frame.data);
      if (this.#info === undefined || !sameStream(this.#info, info)) {
        this.#info = info;
        init = initSegment(info, this.#timescale);
      }
    } else if (this.#info === undefined) return undefined;
    const at = this.#timeline.next(frame.captureTime);
    return { init, fragment: fragment(frame, ++this.#sequenceNumber, at), at };
  }

  /** The initialization segment again: MoQ groups each begin with it. */
  initSegment(): Uint8Array<ArrayBuffer> | undefined {
    return this.#info === undefined ? undefined : initSegment(this.#info, this.#timescale);
  }
}

function sameStream(a: StreamInfo, b: StreamInfo): boolean {
  return a.codec === b.codec && a.configuration.length === b.configuration.length &&
    a.configuration.every((byte, i) => byte === b.configuration[i]);
}
