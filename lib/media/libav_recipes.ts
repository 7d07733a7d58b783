/**
 * The encoders of libavcodec that are tried for each codec, best first, with the settings that make
 * them live: no B frames, no lookahead, parameter sets before every key frame, forced key frames
 * that decoding can begin at. Whether one keeps to that is found out when it is opened.
 *
 * @module
 */
import { libaomVersion } from "../../ffi/libav/libaom.ts";
import type { EncoderConfig } from "./codec.ts";
import type { VideoCodec } from "./frame.ts";

/** One encoder and its settings. */
export interface LibavRecipe {
  /** libavcodec's name. */
  name: string;
  /** Whether a new bit rate holds from the next picture on; where not, the encoder is opened anew. */
  followsRate: boolean;
  /** Whether it takes NV12 as it is. */
  nv12: boolean;
  /** Why it must not even be opened here; `undefined` where it may. */
  broken?(): string | undefined;
  /** Settings beyond size, rate and time base; those a version does not know are left out. */
  options(config: EncoderConfig): Record<string, string>;
}

/** libaom 3.11 (PyAV 14's): its real-time mode writes where it may not, and the process is aborted. */
const LIBAOM_BROKEN = 3 << 16 | 11 << 8;

function libaomBroken(): string | undefined {
  const version = libaomVersion();
  return version !== undefined && (version & ~0xff) === LIBAOM_BROKEN
    ? "libaom 3.11 is broken in real time: 3.12 is not"
    : undefined;
}

/** Threads for encoders that cut pictures into slices: more add little and cost compression. */
const THREADS = String(Math.min(4, Math.max(1, navigator.hardwareConcurrency)));

const nvencOptions = (): Record<string, string> => ({
  preset: "p1",
  tune: "ull",
  zerolatency: "1",
  delay: "0",
  rc: "cbr",
  "forced-idr": "1",
});

const videotoolboxOptions = (): Record<string, string> => ({
  realtime: "1",
  prio_speed: "1",
  allow_sw: "0",
});

const mjpeg: LibavRecipe = {
  name: "mjpeg",
  followsRate: true,
  nv12: false,
  options: () => ({
    flags: "+qscale",
    huffman: "default",
    thread_type: "slice",
    threads: THREADS,
    strict: "unofficial",
  }),
};

const h264: readonly LibavRecipe[] = [
  { name: "h264_nvenc", followsRate: true, nv12: true, options: nvencOptions },
  {
    name: "h264_videotoolbox",
    followsRate: false,
    nv12: true,
    options: videotoolboxOptions,
  },
  { name: "h264_v4l2m2m", followsRate: false, nv12: true, options: () => ({}) },
  {
    name: "libx264",
    followsRate: true,
    nv12: true,
    options: () => ({
      preset: "superfast",
      tune: "zerolatency",
      "forced-idr": "1",
      sc_threshold: "0",
      threads: THREADS,
    }),
  },
  {
    name: "libopenh264",
    followsRate: false,
    nv12: false,
    options: () => ({ rc_mode: "bitrate", allow_skip_frames: "0", threads: THREADS }),
  },
];

const hevc: readonly LibavRecipe[] = [
  { name: "hevc_nvenc", followsRate: true, nv12: true, options: nvencOptions },
  {
    name: "hevc_videotoolbox",
    followsRate: false,
    nv12: true,
    options: videotoolboxOptions,
  },
  { name: "hevc_v4l2m2m", followsRate: false, nv12: true, options: () => ({}) },
  {
    name: "libx265",
    followsRate: false,
    nv12: false,
    options: () => ({
      preset: "ultrafast",
      tune: "zerolatency",
      "forced-idr": "1",
      "x265-params": "log-level=none:repeat-headers=1:scenecut=0:frame-threads=1",
    }),
  },
];

const av1: readonly LibavRecipe[] = [
  { name: "av1_nvenc", followsRate: true, nv12: true, options: nvencOptions },
  {
    name: "libaom-av1",
    followsRate: false,
    nv12: false,
    broken: libaomBroken,
    options: () => ({
      usage: "realtime",
      "cpu-used": "8",
      "lag-in-frames": "0",
      "row-mt": "1",
      tiles: "2x1",
      threads: THREADS,
    }),
  },
  // Its low delay mode holds pictures back now and then, and those at 1 Mbit/s are worse.
  {
    name: "libsvtav1",
    followsRate: false,
    nv12: false,
    options: () => ({
      preset: "12",
      "svtav1-params": "pred-struct=1:lookahead=0:rc=2",
      maxrate: "0",
      bufsize: "0",
    }),
  },
  {
    name: "librav1e",
    followsRate: false,
    nv12: false,
    options: () => ({ speed: "10", "rav1e-params": "low_latency=true", tiles: "4" }),
  },
];

/** Encoders to try, best first. */
export const LIBAV_ENCODERS: Readonly<Record<VideoCodec, readonly LibavRecipe[]>> = {
  h264,
  hevc,
  av1,
  jpeg: [mjpeg],
};

/** Decoders to try, best first, with what keeps them from holding pictures back. */
export const LIBAV_DECODERS: Readonly<
  Record<VideoCodec, readonly { name: string; options: Record<string, string> }[]>
> = {
  h264: [{
    name: "h264",
    options: { flags: "+low_delay", thread_type: "slice", threads: THREADS },
  }],
  hevc: [{
    name: "hevc",
    options: { flags: "+low_delay", thread_type: "slice", threads: THREADS },
  }],
  av1: [
    {
      name: "libdav1d",
      // The first is FFmpeg 4.4's and newer's name, the second older ones'.
      options: { flags: "+low_delay", max_frame_delay: "1", framethreads: "1", threads: THREADS },
    },
    { name: "libaom-av1", options: { threads: THREADS } },
    { name: "av1", options: {} },
  ],
  jpeg: [{ name: "mjpeg", options: { err_detect: "explode", thread_type: "slice", threads: "1" } }],
};

/** How many seconds of the bit rate the rate control may save up and spend at once. */
const BUFFER_SECONDS = 0.5;

/** Size of the rate control's buffer in bits. */
export function rateBuffer(bitsPerSecond: number): number {
  return Math.min(0x7fffffff, Math.round(bitsPerSecond * BUFFER_SECONDS));
}

/** `FF_QP2LAMBDA`. */
const QP_TO_LAMBDA = 118;

/**
 * Picture quality for the MJPEG encoder. It scales MPEG-1's matrix by n/8 where libjpeg scales its
 * own by S/100 (S = 5000/Q below 50, else 200 - 2Q); n = 0.08 S gives matrices of about one size.
 */
export function jpegLambda(quality: number): number {
  const bounded = Math.min(100, Math.max(1, quality));
  const scale = bounded < 50 ? 5000 / bounded : 200 - 2 * bounded;
  return Math.min(31, Math.max(1, Math.round(0.08 * scale))) * QP_TO_LAMBDA;
}
