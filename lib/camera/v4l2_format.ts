/**
 * V4L2's pixel formats as this program's capture formats, and where their planes lie in a buffer.
 *
 * @module
 */
import { PIX_FMT } from "../../ffi/v4l2/layout.ts";
import type { PixFormat } from "../../ffi/v4l2/device.ts";
import type { Plane } from "../media/frame.ts";
import type { CaptureFormat } from "./camera.ts";

/** FourCCs by capture format, the usual one first. */
const FOURCCS: Readonly<Partial<Record<CaptureFormat, readonly number[]>>> = {
  MJPG: [PIX_FMT.V4L2_PIX_FMT_MJPEG, PIX_FMT.V4L2_PIX_FMT_JPEG],
  H264: [PIX_FMT.V4L2_PIX_FMT_H264],
  HEVC: [PIX_FMT.V4L2_PIX_FMT_HEVC],
  NV12: [PIX_FMT.V4L2_PIX_FMT_NV12, PIX_FMT.V4L2_PIX_FMT_NV12M],
  I420: [PIX_FMT.V4L2_PIX_FMT_YUV420, PIX_FMT.V4L2_PIX_FMT_YUV420M],
  YUYV: [PIX_FMT.V4L2_PIX_FMT_YUYV],
  UYVY: [PIX_FMT.V4L2_PIX_FMT_UYVY],
  GREY: [PIX_FMT.V4L2_PIX_FMT_GREY],
};

/** The capture format of a FourCC; `undefined` for one that nothing here reads. */
export function captureFormat(fourcc: number): CaptureFormat | undefined {
  for (const [format, fourccs] of Object.entries(FOURCCS)) {
    if (fourccs.includes(fourcc)) return format as CaptureFormat;
  }
  return undefined;
}

/** The usual FourCC of a capture format; `undefined` where V4L2 has none (RGBA). */
export function fourccOf(format: CaptureFormat): number | undefined {
  return FOURCCS[format]?.[0];
}

/** A FourCC as text: `YUYV`. */
export function fourccText(fourcc: number): string {
  return String.fromCharCode(
    fourcc & 0xff,
    fourcc >>> 8 & 0xff,
    fourcc >>> 16 & 0xff,
    fourcc >>> 24 & 0x7f,
  ).trim();
}

/** Whether pictures of this format come encoded by the camera. */
export function isCompressed(format: CaptureFormat): format is "MJPG" | "H264" | "HEVC" {
  return format === "MJPG" || format === "H264" || format === "HEVC";
}

/** Bytes and rows of each plane with stride `s` at height `h`. */
type Shape = (s: number, h: number) => readonly (readonly [stride: number, rows: number])[];
const PACKED: Shape = (s, h) => [[s, h]];
const SHAPES: Readonly<Partial<Record<CaptureFormat, Shape>>> = {
  I420: (s, h) => [[s, h], [s / 2, Math.ceil(h / 2)], [s / 2, Math.ceil(h / 2)]],
  NV12: (s, h) => [[s, h], [s, Math.ceil(h / 2)]],
  YUYV: PACKED,
  UYVY: PACKED,
  GREY: PACKED,
};

/**
 * A raw picture's planes within the driver's memory; `undefined` where the buffer is too short to
 * hold the picture (a broken transfer).
 *
 * @param memory the buffer's used bytes, one array a memory plane.
 */
export function planesOf(
  format: CaptureFormat,
  pix: PixFormat,
  memory: readonly Uint8Array[],
): Plane[] | undefined {
  const shape = SHAPES[format]?.(pix.planes[0]?.bytesPerLine ?? 0, pix.height);
  if (shape === undefined) return undefined;
  const planes: Plane[] = [];
  let offset = 0;
  for (const [index, [stride, rows]] of shape.entries()) {
    // Either each plane has memory of its own, or all lie one after the other in the first.
    const own = memory.length > 1;
    const from = memory[own ? index : 0];
    const start = own ? 0 : offset;
    const step = own ? pix.planes[index]?.bytesPerLine ?? stride : stride;
    if (from === undefined || start + step * rows > from.length) return undefined;
    planes.push({ data: from.subarray(start, start + step * rows), stride: step });
    offset += step * rows;
  }
  return planes;
}
