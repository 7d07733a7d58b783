/**
 * What a camera on this machine is, whatever drives it: V4L2, AVFoundation, or the test pattern.
 *
 * Contract, checked by `tests/compliance/camera.ts` against every implementation:
 * - `open()` negotiates: it takes the wish and answers what the device will really give; it never
 *   fails for a size or rate alone (it takes the nearest), only for a format it can't give.
 * - `next()` gives pictures in capture order. A picture not asked for in time is dropped by the
 *   driver, oldest first, and shows as a gap in `sequence`.
 * - A device that goes away ends a pending `next()` with `LostError`, and every later one; what was
 *   captured before is given first. `close()` ends it with an `AbortError`.
 * - Buffers handed out are valid until their `release()`; holding all of them stops capture.
 *
 * @module
 */
import type { PixelFormat, RawFrame } from "../media/frame.ts";

/** Formats of captured pictures: raw ones, and what cameras encode by themselves. */
export type CaptureFormat = PixelFormat | "MJPG" | "H264" | "HEVC";

/** One combination a camera offers. */
export interface CameraMode {
  /** Format. */
  format: CaptureFormat;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Frames per second offered, highest first; empty when the driver doesn't say. */
  rates: number[];
}

/** A control of a camera (brightness, exposure, …). */
export interface CameraControl {
  /** Name for `--control`: lower case, words joined by `_`, as v4l2-ctl writes it. */
  name: string;
  /** Kind of value. */
  type: "integer" | "boolean" | "menu" | "button";
  /** Bounds, step, default and present value; a menu's items by their index. */
  min: number;
  /** Largest. */
  max: number;
  /** Step. */
  step: number;
  /** Default. */
  default: number;
  /** Now. */
  value: number;
  /** Menu items by value. */
  items?: Record<number, string>;
  /** Whether it can't be set now. */
  inactive: boolean;
}

/** A camera that could be opened. */
export interface CameraInfo {
  /** The stable id by which it is found again after replugging: by-id name, by-path name, or card name. */
  id: string;
  /** Device node now: `/dev/video0`; `test` for the pattern. */
  path: string;
  /** Name for people. */
  label: string;
  /** All names it answers to (`0`, `/dev/video0`, by-id, by-path, `vid:pid:serial`). */
  aliases: string[];
  /** Driver's name. */
  driver: string;
  /** Bus, as the driver tells. */
  bus: string;
}

/** What is wished of a camera. Absent: the camera's own best. */
export interface CameraWish {
  /** Formats in order of preference; the first the camera offers at a fitting size wins. */
  formats: CaptureFormat[];
  /** Pixels. */
  width?: number;
  /** Pixels. */
  height?: number;
  /** Frames per second. */
  fps?: number;
  /** Controls to set by name. */
  controls?: Record<string, number>;
}

/** What was agreed. */
export interface CameraFormat {
  /** Format. */
  format: CaptureFormat;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Frames per second; 0 when the driver doesn't say. */
  fps: number;
}

/** A captured picture that the camera itself encoded. */
export interface CompressedPicture {
  /** Which. */
  format: "MJPG" | "H264" | "HEVC";
  /** The bytes; may lie in the kernel's buffer. */
  data: Uint8Array;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Capture instant, µs since the epoch. */
  captureTime: number;
  /** Counts pictures; gaps are drops. */
  sequence: number;
  /** Gives the buffer back. */
  release(): void;
}

/** What `next()` gives. */
export type Picture = RawFrame | CompressedPicture;

/** An opened camera. */
export interface OpenCamera extends AsyncDisposable {
  /** What it gives. */
  readonly format: CameraFormat;
  /** The next picture. At most one call is pending at a time. */
  next(): Promise<Picture>;
  /** Controls now. */
  controls(): CameraControl[];
  /** Sets a control. Throws `UsageError` for an unknown name, `RangeError` for a bad value. */
  setControl(name: string, value: number): void;
  /** For cameras that encode: makes the next picture a key frame, where the device can. */
  requestKeyFrame(): void;
  /** Stops and frees. Idempotent. */
  close(): Promise<void>;
}

/** A way to reach cameras: one a platform, and the test pattern. */
export interface CameraDriver {
  /** `"v4l2"`, `"test"`, … */
  readonly name: string;
  /** Cameras here now. */
  list(): Promise<CameraInfo[]>;
  /** What the camera offers, without disturbing it. */
  modes(info: CameraInfo): Promise<CameraMode[]>;
  /** Opens it. Throws `NotFoundError`, `BusyError`, `DeniedError` (each with a hint), `UnsupportedError`. */
  open(info: CameraInfo, wish: CameraWish): Promise<OpenCamera>;
  /**
   * Waits until the camera with this `id` is here (at once when it is) and can be opened, and answers
   * what it is called now: its node may be another. Rejects with the signal's reason.
   */
  reappears(info: CameraInfo, options?: { signal?: AbortSignal }): Promise<CameraInfo>;
}
