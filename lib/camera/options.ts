/**
 * Flags of `xoq camera` and of `xoq open` for cameras. Loads nothing native.
 *
 * @module
 */
import { type OptionTable, TRACK_OPTIONS } from "../device.ts";

/** Flags of `xoq camera`. */
export const CAMERA_OPTIONS = {
  codec: {
    type: "enum",
    values: ["auto", "h264", "hevc", "av1", "jpeg"],
    default: "auto",
    brief: "codec of the stream; auto: H.264 where an encoder is at hand, else JPEG",
  },
  h264: { type: "boolean", brief: "short for --codec h264" },
  hevc: { type: "boolean", brief: "short for --codec hevc" },
  av1: { type: "boolean", brief: "short for --codec av1" },
  jpeg: { type: "boolean", brief: "short for --codec jpeg" },
  encoder: {
    type: "enum",
    values: ["auto", "device", "nvenc", "videotoolbox", "v4l2m2m", "libav", "embedded"],
    default: "auto",
    brief: "what encodes; auto: the camera itself, the system's libavcodec, the embedded one",
  },
  width: { type: "number", min: 16, max: 16_384, value: "PIXELS", brief: "picture width" },
  height: { type: "number", min: 16, max: 16_384, value: "PIXELS", brief: "picture height" },
  fps: { type: "number", min: 1, max: 1_000, default: 30, value: "N", brief: "frames per second" },
  quality: { type: "number", min: 1, max: 100, default: 80, value: "N", brief: "JPEG quality" },
  bitrate: {
    type: "number",
    min: 10_000,
    max: 200_000_000,
    default: 2_000_000,
    value: "BIT/S",
    brief: "bits per second of the video codecs",
  },
  gop: {
    type: "number",
    min: 1,
    max: 10_000,
    value: "FRAMES",
    brief: "most frames from key frame to key frame (default: two seconds' worth)",
  },
  control: {
    type: "list",
    value: "NAME=VALUE",
    brief: "set a control of the camera (see xoq ls --json)",
  },
  always: { type: "boolean", brief: "capture also while nobody watches" },
  http: {
    type: "optional",
    value: "ADDR",
    brief: "show it on this machine too (page, MJPEG, MP4); alone: 127.0.0.1:8080 or the next free",
  },
  moq: {
    type: "optional",
    value: "PATH",
    brief: "publish it at this path of a MoQ relay too, as XoQ does; alone: anon/camera-N",
    section: "MoQ relay",
  },
  "moq-relay": {
    type: "string",
    value: "URL",
    alias: "relay",
    brief: "the relay of --moq; whoever may subscribe there sees the camera",
    section: "MoQ relay",
  },
  insecure: {
    type: "boolean",
    brief: "take any certificate of that relay",
    section: "MoQ relay",
  },
  ...TRACK_OPTIONS,
} as const satisfies OptionTable;

/** Flags of `xoq open` for cameras: where the pictures go. */
export const CAMERA_OPEN_OPTIONS = {
  http: {
    type: "optional",
    value: "ADDR",
    brief: "page, MJPEG and MP4 at this address; alone: 127.0.0.1:8080 or the next free",
  },
  v4l2: { type: "string", value: "DEV", brief: "into this v4l2loopback device" },
  out: { type: "string", value: "FILE", brief: "record into this file (.mp4)" },
  force: { type: "boolean", brief: "overwrite the file of --out or --snapshot" },
  snapshot: { type: "string", value: "FILE", brief: "one picture into this file (.jpg)" },
  stdout: {
    type: "optional",
    values: ["h264", "hevc", "av1", "jpeg", "mp4"],
    brief: "bytes on standard output; alone: the stream as it comes",
  },
} as const satisfies OptionTable;
