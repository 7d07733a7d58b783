/**
 * What a V4L2 camera offers, and which of it fits a wish best.
 *
 * @module
 */
import type { FrameIntervals, Interval, PixFormat, V4l2Device } from "../../ffi/v4l2/device.ts";
import { FfiError } from "../../ffi/errors.ts";
import { ERRNO } from "../../ffi/libc.ts";
import { UnsupportedError } from "../errors.ts";
import type { CameraMode, CameraWish, CaptureFormat } from "./camera.ts";
import { captureFormat, fourccText } from "./v4l2_format.ts";

interface Size {
  width: number;
  height: number;
}

/** A format as the node offers it. */
interface Offer {
  format: CaptureFormat;
  fourcc: number;
}

/** Sizes listed for a camera that takes any within a range. */
const USUAL_SIZES: readonly Size[] = [
  { width: 3840, height: 2160 },
  { width: 1920, height: 1080 },
  { width: 1280, height: 720 },
  { width: 800, height: 600 },
  { width: 640, height: 480 },
  { width: 640, height: 360 },
  { width: 320, height: 240 },
  { width: 160, height: 120 },
];
const USUAL_RATES = [120, 60, 50, 30, 25, 15, 10, 5];
/** The size not exceeded where the wish names none: what networks and encoders take in real time. */
const FULL_HD: Size = { width: 1920, height: 1080 };
const DEFAULT_FPS = 30;
/** Rates within this factor count as the same: 30 and 30000/1001 are. */
const RATE_TOLERANCE = 0.99;

function rateOf({ numerator, denominator }: Interval): number {
  return numerator === 0 ? 0 : Math.round(denominator / numerator * 1000) / 1000;
}

function offers(device: V4l2Device): Offer[] {
  const found: Offer[] = [];
  for (const { pixelFormat } of device.formats()) {
    const format = captureFormat(pixelFormat);
    if (format !== undefined && !found.some((offer) => offer.format === format)) {
      found.push({ format, fourcc: pixelFormat });
    }
  }
  return found;
}

function rates(intervals: FrameIntervals | undefined): number[] {
  if (intervals === undefined) return [];
  if (intervals.kind === "discrete") {
    return [...new Set(intervals.intervals.map(rateOf))].sort((a, b) => b - a);
  }
  // The longest interval is the lowest rate.
  const [low, high] = [rateOf(intervals.max), rateOf(intervals.min)];
  const within = USUAL_RATES.filter((rate) => rate >= low && rate <= high);
  return within.length > 0 ? within : [high];
}

function snap(value: number, min: number, max: number, step: number): number {
  const clamped = Math.min(max, Math.max(min, value));
  return step > 1 ? min + Math.round((clamped - min) / step) * step : clamped;
}

function distance(a: Size, b: Size): number {
  return Math.abs(a.width - b.width) / b.width + Math.abs(a.height - b.height) / b.height;
}

/** Sizes of a format; with `near`, of a range the one nearest to it. Empty when the driver doesn't say. */
function sizes(device: V4l2Device, fourcc: number, near?: Size): Size[] {
  const found = device.frameSizes(fourcc);
  if (found === undefined) return [];
  if (found.kind === "discrete") return found.sizes;
  const { min, max, step } = found;
  if (near !== undefined) {
    return [{
      width: snap(near.width, min.width, max.width, step.width),
      height: snap(near.height, min.height, max.height, step.height),
    }];
  }
  const within = USUAL_SIZES.filter(({ width, height }) =>
    width >= min.width && width <= max.width && height >= min.height && height <= max.height &&
    (width - min.width) % Math.max(1, step.width) === 0 &&
    (height - min.height) % Math.max(1, step.height) === 0
  );
  return within.length > 0 ? [...within] : [max];
}

/** Everything the node offers that something here can read. */
export function listModes(device: V4l2Device): CameraMode[] {
  const modes: CameraMode[] = [];
  for (const { format, fourcc } of offers(device)) {
    for (const { width, height } of sizes(device, fourcc)) {
      modes.push({
        format,
        width,
        height,
        rates: rates(device.frameIntervals(fourcc, width, height)),
      });
    }
  }
  return modes;
}

/** One candidate: a format at the size nearest to the wish. */
interface Candidate extends Offer {
  size: Size;
  /**
   * 0: the wished size at the wished rate. 1: the size, at a lower rate. 2 and more: another size,
   * the farther the more.
   */
  misfit: number;
}

function offersRate(device: V4l2Device, offer: Offer, size: Size, fps: number): boolean {
  const intervals = device.frameIntervals(offer.fourcc, size.width, size.height);
  if (intervals === undefined) return true;
  const best = intervals.kind === "discrete"
    ? Math.max(...intervals.intervals.map(rateOf))
    : rateOf(intervals.min);
  return best >= fps * RATE_TOLERANCE;
}

function candidate(device: V4l2Device, offer: Offer, wish: CameraWish): Candidate {
  const fps = wish.fps ?? DEFAULT_FPS;
  if (wish.width === undefined && wish.height === undefined) {
    const list = sizes(device, offer.fourcc)
      .filter(({ width, height }) => width <= FULL_HD.width && height <= FULL_HD.height)
      .sort((a, b) => b.width * b.height - a.width * a.height);
    const fast = list.find((size) => offersRate(device, offer, size, fps));
    const size = fast ?? list[0] ?? device.getFormat();
    return { ...offer, size, misfit: fast === undefined ? 1 : 0 };
  }
  const near: Size = {
    width: wish.width ?? Math.round(wish.height! * 16 / 9),
    height: wish.height ?? Math.round(wish.width! * 9 / 16),
  };
  const list = sizes(device, offer.fourcc, near);
  const asked = (size: Size) =>
    (wish.width === undefined || size.width === wish.width) &&
    (wish.height === undefined || size.height === wish.height);
  const size = list.find(asked) ??
    list.toSorted((a, b) => distance(a, near) - distance(b, near))[0] ?? near;
  const misfit = !asked(size)
    ? 2 + distance(size, near)
    : offersRate(device, offer, size, fps)
    ? 0
    : 1;
  return { ...offer, size, misfit };
}

/** What was agreed with the driver. */
export interface Agreement {
  /** Capture format. */
  format: CaptureFormat;
  /** Size and memory layout. */
  pix: PixFormat;
  /** Frames per second; 0 when the driver doesn't say. */
  fps: number;
}

/**
 * Sets format, size and rate: the first wished format that the camera gives at the wished size and
 * rate; failing that at the size; failing that the one that comes nearest to the size.
 *
 * @throws UnsupportedError where it gives none of the formats, FfiError from the driver.
 */
export function negotiate(device: V4l2Device, wish: CameraWish): Agreement {
  const offered = offers(device);
  const wanted = wish.formats.length === 0
    ? offered
    : wish.formats.flatMap((format) => offered.find((offer) => offer.format === format) ?? []);
  const candidates = wanted.map((offer) => candidate(device, offer, wish))
    .sort((a, b) => a.misfit - b.misfit);
  for (const { fourcc, size } of candidates) {
    const pix = setFormat(device, fourcc, size);
    const format = pix === undefined ? undefined : captureFormat(pix.pixelFormat);
    if (pix === undefined || format === undefined) continue;
    if (wish.formats.length > 0 && !wish.formats.includes(format)) continue;
    return { format, pix, fps: setRate(device, wish.fps) };
  }
  const given = device.formats().map(({ pixelFormat }) => fourccText(pixelFormat));
  throw new UnsupportedError(
    `${device.path} gives ${given.join(", ") || "no format at all"}` +
      (wish.formats.length === 0 ? "" : `, not ${wish.formats.join(" or ")}`),
  );
}

/** S_FMT; a format the driver lists but refuses is passed over. */
function setFormat(device: V4l2Device, fourcc: number, size: Size): PixFormat | undefined {
  try {
    return device.setFormat({ ...size, pixelFormat: fourcc });
  } catch (error) {
    if (error instanceof FfiError && error.code === ERRNO.EINVAL) return undefined;
    throw error;
  }
}

function setRate(device: V4l2Device, fps: number | undefined): number {
  const wished = fps === undefined
    ? undefined
    : { numerator: 1000, denominator: Math.round(fps * 1000) };
  const interval = device.frameInterval(wished) ?? device.frameInterval();
  return interval === undefined ? 0 : rateOf(interval);
}
