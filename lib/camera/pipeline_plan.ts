/**
 * Which format to ask a camera for, given what shall come out: the camera's own stream where it is
 * already in the wanted codec, else raw pictures, else pictures that must be decoded first; and
 * whichever of them reaches the wanted size and rate goes before one that does not.
 *
 * @module
 */
import type { VideoCodec } from "../media/frame.ts";
import type { CameraFormat, CameraMode, CaptureFormat } from "./camera.ts";

/** What is wished, as far as it matters here. */
export interface PlanWish {
  /** Wanted codec. */
  codec: VideoCodec;
  /** Whether the camera's own stream may be taken as it is. */
  passthrough: boolean;
  /** Whether anything but the camera's own stream will do. */
  encode: boolean;
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
  /** Frames per second. */
  fps: number;
}

/** Cheapest first: I420 goes into encoders as it is, the others are unpacked, MJPG is decoded. */
const RAW_ORDER: readonly CaptureFormat[] = ["I420", "NV12", "YUYV", "UYVY", "GREY"];
const CODED_ORDER: readonly CaptureFormat[] = ["MJPG", "H264", "HEVC"];

/** The capture format whose pictures are already in this codec. */
export function nativeFormat(codec: VideoCodec): CaptureFormat | undefined {
  return ({ jpeg: "MJPG", h264: "H264", hevc: "HEVC", av1: undefined } as const)[codec];
}

/** The codec of a camera's own stream; `undefined` for raw pictures. */
export function codecOf(format: CaptureFormat): VideoCodec | undefined {
  switch (format) {
    case "MJPG":
      return "jpeg";
    case "H264":
      return "h264";
    case "HEVC":
      return "hevc";
    default:
      return undefined;
  }
}

/** Formats to ask for, best first; empty when the camera offers none that will do. */
export function captureFormats(modes: readonly CameraMode[], wish: PlanWish): CaptureFormat[] {
  const native = nativeFormat(wish.codec);
  const order: CaptureFormat[] = [];
  if (wish.passthrough && native !== undefined) order.push(native);
  if (wish.encode) {
    order.push(...RAW_ORDER, ...CODED_ORDER.filter((format) => !order.includes(format)));
  }
  const offered = order.filter((format) => modes.some((mode) => mode.format === format));
  const reach = new Map(offered.map((format) => [format, reaches(modes, format, wish)]));
  return offered.sort((a, b) => reach.get(b)! - reach.get(a)!);
}

/** How near a format comes: 3 size and rate, 2 the size, 1 neither. */
function reaches(modes: readonly CameraMode[], format: CaptureFormat, wish: PlanWish): number {
  const fitting = modes.filter((mode) => mode.format === format && fits(mode, wish));
  if (fitting.length === 0) return 1;
  return fitting.some((mode) => mode.rates.length === 0 || mode.rates[0]! >= wish.fps - 0.5)
    ? 3
    : 2;
}

/** Whether a mode has the wished size, where one is wished. */
function fits(mode: CameraMode, wish: PlanWish): boolean {
  return (wish.width === undefined || mode.width === wish.width) &&
    (wish.height === undefined || mode.height === wish.height);
}

/**
 * What the camera will probably give: the mode of that format nearest to the wish. For the
 * description before the camera is opened, and to have an encoder of that size ready.
 */
export function expectedFormat(
  modes: readonly CameraMode[],
  format: CaptureFormat,
  wish: PlanWish,
): CameraFormat {
  const width = wish.width ?? 1280;
  const height = wish.height ?? 720;
  const distance = (mode: CameraMode) =>
    Math.abs(mode.width - width) + Math.abs(mode.height - height);
  const candidates = modes.filter((mode) => mode.format === format);
  const nearest = candidates.reduce<CameraMode | undefined>(
    (best, mode) => best === undefined || distance(mode) < distance(best) ? mode : best,
    undefined,
  );
  return {
    format,
    width: nearest?.width ?? width,
    height: nearest?.height ?? height,
    fps: Math.min(wish.fps, nearest?.rates[0] ?? wish.fps),
  };
}
