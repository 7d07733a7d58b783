/**
 * Made by `scripts/layouts.ts` from `ffi/v4l2/layout.c`: do not edit.
 * The same on every 64-bit little-endian Linux (x86_64 and arm64, GNU and musl).
 *
 * @module
 */

/** Constants VIDIOC. */
export const VIDIOC = {
  VIDIOC_QUERYCAP: 0x80685600,
  VIDIOC_ENUM_FMT: 0xc0405602,
  VIDIOC_G_FMT: 0xc0d05604,
  VIDIOC_S_FMT: 0xc0d05605,
  VIDIOC_TRY_FMT: 0xc0d05640,
  VIDIOC_REQBUFS: 0xc0145608,
  VIDIOC_QUERYBUF: 0xc0585609,
  VIDIOC_QBUF: 0xc058560f,
  VIDIOC_DQBUF: 0xc0585611,
  VIDIOC_STREAMON: 0x40045612,
  VIDIOC_STREAMOFF: 0x40045613,
  VIDIOC_G_PARM: 0xc0cc5615,
  VIDIOC_S_PARM: 0xc0cc5616,
  VIDIOC_G_CTRL: 0xc008561b,
  VIDIOC_S_CTRL: 0xc008561c,
  VIDIOC_QUERYMENU: 0xc02c5625,
  VIDIOC_QUERY_EXT_CTRL: 0xc0e85667,
  VIDIOC_ENUM_FRAMESIZES: 0xc02c564a,
  VIDIOC_ENUM_FRAMEINTERVALS: 0xc034564b,
  VIDIOC_ENUMINPUT: 0xc050561a,
  VIDIOC_G_INPUT: 0x80045626,
} as const;

/** Constants CAP. */
export const CAP = {
  V4L2_CAP_VIDEO_CAPTURE: 1,
  V4L2_CAP_VIDEO_OUTPUT: 2,
  V4L2_CAP_VIDEO_CAPTURE_MPLANE: 4096,
  V4L2_CAP_VIDEO_OUTPUT_MPLANE: 8192,
  V4L2_CAP_VIDEO_M2M: 32768,
  V4L2_CAP_VIDEO_M2M_MPLANE: 16384,
  V4L2_CAP_TOUCH: 0x10000000,
  V4L2_CAP_READWRITE: 0x1000000,
  V4L2_CAP_STREAMING: 0x4000000,
  V4L2_CAP_DEVICE_CAPS: 0x80000000,
  V4L2_CAP_TIMEPERFRAME: 4096,
} as const;

/** Constants BUF. */
export const BUF = {
  V4L2_BUF_TYPE_VIDEO_CAPTURE: 1,
  V4L2_BUF_TYPE_VIDEO_OUTPUT: 2,
  V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE: 9,
  V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE: 10,
  V4L2_MEMORY_MMAP: 1,
  V4L2_BUF_FLAG_ERROR: 64,
  V4L2_BUF_FLAG_KEYFRAME: 8,
  V4L2_BUF_FLAG_TIMESTAMP_MASK: 57344,
  V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC: 8192,
  V4L2_BUF_FLAG_TIMESTAMP_COPY: 16384,
  VIDEO_MAX_PLANES: 8,
} as const;

/** Constants FRAME. */
export const FRAME = {
  V4L2_FRMSIZE_TYPE_DISCRETE: 1,
  V4L2_FRMSIZE_TYPE_CONTINUOUS: 2,
  V4L2_FRMSIZE_TYPE_STEPWISE: 3,
  V4L2_FRMIVAL_TYPE_DISCRETE: 1,
  V4L2_FRMIVAL_TYPE_CONTINUOUS: 2,
  V4L2_FRMIVAL_TYPE_STEPWISE: 3,
  V4L2_FIELD_ANY: 0,
  V4L2_FIELD_NONE: 1,
  V4L2_FMT_FLAG_EMULATED: 2,
  V4L2_COLORSPACE_DEFAULT: 0,
  V4L2_COLORSPACE_SRGB: 8,
  V4L2_COLORSPACE_JPEG: 7,
} as const;

/** Constants PIX_FMT. */
export const PIX_FMT = {
  V4L2_PIX_FMT_MJPEG: 0x47504a4d,
  V4L2_PIX_FMT_JPEG: 0x4745504a,
  V4L2_PIX_FMT_H264: 0x34363248,
  V4L2_PIX_FMT_HEVC: 0x43564548,
  V4L2_PIX_FMT_YUYV: 0x56595559,
  V4L2_PIX_FMT_UYVY: 0x59565955,
  V4L2_PIX_FMT_NV12: 0x3231564e,
  V4L2_PIX_FMT_NV12M: 0x32314d4e,
  V4L2_PIX_FMT_YUV420: 0x32315559,
  V4L2_PIX_FMT_YUV420M: 0x32314d59,
  V4L2_PIX_FMT_GREY: 0x59455247,
} as const;

/** Constants CTRL. */
export const CTRL = {
  V4L2_CTRL_TYPE_INTEGER: 1,
  V4L2_CTRL_TYPE_BOOLEAN: 2,
  V4L2_CTRL_TYPE_MENU: 3,
  V4L2_CTRL_TYPE_BUTTON: 4,
  V4L2_CTRL_TYPE_INTEGER64: 5,
  V4L2_CTRL_TYPE_CTRL_CLASS: 6,
  V4L2_CTRL_TYPE_STRING: 7,
  V4L2_CTRL_TYPE_BITMASK: 8,
  V4L2_CTRL_TYPE_INTEGER_MENU: 9,
  V4L2_CTRL_FLAG_DISABLED: 1,
  V4L2_CTRL_FLAG_GRABBED: 2,
  V4L2_CTRL_FLAG_READ_ONLY: 4,
  V4L2_CTRL_FLAG_INACTIVE: 16,
  V4L2_CTRL_FLAG_WRITE_ONLY: 64,
  V4L2_CTRL_FLAG_NEXT_CTRL: 0x80000000,
  V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME: 0x9909e5,
  V4L2_CID_MPEG_VIDEO_BITRATE: 0x9909cf,
} as const;

/** `struct v4l2_capability`: its size and its fields' offsets, in bytes. */
export const v4l2_capability = {
  size: 104,
  driver: 0,
  card: 16,
  bus_info: 48,
  version: 80,
  capabilities: 84,
  device_caps: 88,
} as const;

/** `struct v4l2_fmtdesc`: its size and its fields' offsets, in bytes. */
export const v4l2_fmtdesc = {
  size: 64,
  index: 0,
  type: 4,
  flags: 8,
  description: 12,
  pixelformat: 44,
} as const;

/** `struct v4l2_frmsizeenum`: its size and its fields' offsets, in bytes. */
export const v4l2_frmsizeenum = {
  size: 44,
  index: 0,
  pixel_format: 4,
  type: 8,
  "discrete.width": 12,
  "discrete.height": 16,
  "stepwise.min_width": 12,
  "stepwise.max_width": 16,
  "stepwise.step_width": 20,
  "stepwise.min_height": 24,
  "stepwise.max_height": 28,
  "stepwise.step_height": 32,
} as const;

/** `struct v4l2_frmivalenum`: its size and its fields' offsets, in bytes. */
export const v4l2_frmivalenum = {
  size: 52,
  index: 0,
  pixel_format: 4,
  width: 8,
  height: 12,
  type: 16,
  "discrete.numerator": 20,
  "discrete.denominator": 24,
  "stepwise.min.numerator": 20,
  "stepwise.min.denominator": 24,
  "stepwise.max.numerator": 28,
  "stepwise.max.denominator": 32,
  "stepwise.step.numerator": 36,
  "stepwise.step.denominator": 40,
} as const;

/** `struct v4l2_format`: its size and its fields' offsets, in bytes. */
export const v4l2_format = {
  size: 208,
  type: 0,
  "fmt.pix.width": 8,
  "fmt.pix.height": 12,
  "fmt.pix.pixelformat": 16,
  "fmt.pix.field": 20,
  "fmt.pix.bytesperline": 24,
  "fmt.pix.sizeimage": 28,
  "fmt.pix.colorspace": 32,
  "fmt.pix_mp.width": 8,
  "fmt.pix_mp.height": 12,
  "fmt.pix_mp.pixelformat": 16,
  "fmt.pix_mp.field": 20,
  "fmt.pix_mp.plane_fmt": 28,
  "fmt.pix_mp.num_planes": 188,
} as const;

/** `struct v4l2_plane_pix_format`: its size and its fields' offsets, in bytes. */
export const v4l2_plane_pix_format = {
  size: 20,
  sizeimage: 0,
  bytesperline: 4,
} as const;

/** `struct v4l2_streamparm`: its size and its fields' offsets, in bytes. */
export const v4l2_streamparm = {
  size: 204,
  type: 0,
  "parm.capture.capability": 4,
  "parm.capture.timeperframe.numerator": 12,
  "parm.capture.timeperframe.denominator": 16,
} as const;

/** `struct v4l2_requestbuffers`: its size and its fields' offsets, in bytes. */
export const v4l2_requestbuffers = {
  size: 20,
  count: 0,
  type: 4,
  memory: 8,
} as const;

/** `struct v4l2_buffer`: its size and its fields' offsets, in bytes. */
export const v4l2_buffer = {
  size: 88,
  index: 0,
  type: 4,
  bytesused: 8,
  flags: 12,
  field: 16,
  "timestamp.tv_sec": 24,
  "timestamp.tv_usec": 32,
  sequence: 56,
  memory: 60,
  "m.offset": 64,
  "m.planes": 64,
  length: 72,
} as const;

/** `struct v4l2_plane`: its size and its fields' offsets, in bytes. */
export const v4l2_plane = {
  size: 64,
  bytesused: 0,
  length: 4,
  "m.mem_offset": 8,
  data_offset: 16,
} as const;

/** `struct v4l2_query_ext_ctrl`: its size and its fields' offsets, in bytes. */
export const v4l2_query_ext_ctrl = {
  size: 232,
  id: 0,
  type: 4,
  name: 8,
  minimum: 40,
  maximum: 48,
  step: 56,
  default_value: 64,
  flags: 72,
  nr_of_dims: 84,
} as const;

/** `struct v4l2_querymenu`: its size and its fields' offsets, in bytes. */
export const v4l2_querymenu = {
  size: 44,
  id: 0,
  index: 4,
  name: 8,
  value: 8,
} as const;

/** `struct v4l2_control`: its size and its fields' offsets, in bytes. */
export const v4l2_control = {
  size: 8,
  id: 0,
  value: 4,
} as const;
