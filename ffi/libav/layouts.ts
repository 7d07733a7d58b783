/**
 * Where the fields of libavcodec's and libavutil's structs lie, and constants that differ, by major
 * version of libavcodec. Printed by `layout.c` from the public headers of FFmpeg 4.4 (58), 5.1 (59),
 * 6.1 (60), 7.0 (61) and 8.0 (62), for 64-bit systems; within a major version both stay as they are.
 *
 * @module
 */

/** Offsets in bytes, and constants, of one major version. Names as `layout.c` prints them. */
export interface LibavLayout {
  /** Of the headers. */
  readonly major: number;
  /** Offset. */
  readonly frame_data: number;
  /** Offset. */
  readonly frame_linesize: number;
  /** Offset. */
  readonly frame_width: number;
  /** Offset. */
  readonly frame_height: number;
  /** Offset. */
  readonly frame_format: number;
  /** Offset. */
  readonly frame_pict_type: number;
  /** Offset. */
  readonly frame_pts: number;
  /** Offset. */
  readonly frame_quality: number;
  /** Offset. */
  readonly frame_flags: number;
  /** Offset. */
  readonly frame_color_range: number;
  /** Offset. */
  readonly frame_decode_error_flags: number;
  /** Offset. */
  readonly packet_pts: number;
  /** Offset. */
  readonly packet_data: number;
  /** Offset. */
  readonly packet_size: number;
  /** Offset. */
  readonly packet_flags: number;
  /** Offset. */
  readonly context_bit_rate: number;
  /** Offset. */
  readonly context_rc_max_rate: number;
  /** Offset. */
  readonly context_rc_buffer_size: number;
  /** Constant. */
  readonly AV_PICTURE_TYPE_NONE: number;
  /** Constant. */
  readonly AV_PICTURE_TYPE_I: number;
  /** Constant. */
  readonly AV_PKT_FLAG_KEY: number;
  /** Constant. */
  readonly AV_PIX_FMT_YUV420P: number;
  /** Constant. */
  readonly AV_PIX_FMT_YUV422P: number;
  /** Constant. */
  readonly AV_PIX_FMT_YUV444P: number;
  /** Constant. */
  readonly AV_PIX_FMT_GRAY8: number;
  /** Constant. */
  readonly AV_PIX_FMT_YUVJ420P: number;
  /** Constant. */
  readonly AV_PIX_FMT_YUVJ422P: number;
  /** Constant. */
  readonly AV_PIX_FMT_YUVJ444P: number;
  /** Constant. */
  readonly AV_PIX_FMT_NV12: number;
  /** Constant. */
  readonly AVCOL_RANGE_MPEG: number;
  /** Constant. */
  readonly AVCOL_RANGE_JPEG: number;
}

/** What all five versions share. */
const COMMON = {
  frame_data: 0,
  frame_linesize: 64,
  frame_width: 104,
  frame_height: 108,
  frame_format: 116,
  frame_pts: 136,
  packet_pts: 8,
  packet_data: 24,
  packet_size: 32,
  packet_flags: 40,
  context_bit_rate: 56,
  AV_PICTURE_TYPE_NONE: 0,
  AV_PICTURE_TYPE_I: 1,
  AV_PKT_FLAG_KEY: 1,
  AV_PIX_FMT_YUV420P: 0,
  AV_PIX_FMT_YUV422P: 4,
  AV_PIX_FMT_YUV444P: 5,
  AV_PIX_FMT_GRAY8: 8,
  AV_PIX_FMT_YUVJ420P: 12,
  AV_PIX_FMT_YUVJ422P: 13,
  AV_PIX_FMT_YUVJ444P: 14,
  AV_PIX_FMT_NV12: 23,
  AVCOL_RANGE_MPEG: 1,
  AVCOL_RANGE_JPEG: 2,
} as const;

/** Layouts by major version of libavcodec. */
export const LIBAV_LAYOUTS: Readonly<Record<number, LibavLayout>> = {
  58: {
    ...COMMON,
    major: 58,
    frame_pict_type: 124,
    frame_quality: 168,
    frame_flags: 380,
    frame_color_range: 384,
    frame_decode_error_flags: 440,
    context_rc_max_rate: 504,
    context_rc_buffer_size: 488,
  },
  59: {
    ...COMMON,
    major: 59,
    frame_pict_type: 124,
    frame_quality: 168,
    frame_flags: 316,
    frame_color_range: 320,
    frame_decode_error_flags: 376,
    context_rc_max_rate: 456,
    context_rc_buffer_size: 436,
  },
  60: {
    ...COMMON,
    major: 60,
    frame_pict_type: 124,
    frame_quality: 168,
    frame_flags: 316,
    frame_color_range: 320,
    frame_decode_error_flags: 376,
    context_rc_max_rate: 456,
    context_rc_buffer_size: 436,
  },
  61: {
    ...COMMON,
    major: 61,
    frame_pict_type: 124,
    frame_quality: 160,
    frame_flags: 292,
    frame_color_range: 296,
    frame_decode_error_flags: 344,
    context_rc_max_rate: 464,
    context_rc_buffer_size: 448,
  },
  62: {
    ...COMMON,
    major: 62,
    frame_pict_type: 120,
    frame_quality: 160,
    frame_flags: 276,
    frame_color_range: 280,
    frame_decode_error_flags: 320,
    context_rc_max_rate: 464,
    context_rc_buffer_size: 448,
  },
};
