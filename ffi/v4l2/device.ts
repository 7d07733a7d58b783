/**
 * An open V4L2 node: one method a request of <linux/videodev2.h>, structures in and out as plain
 * objects. Failures are {@link FfiError} with the request's name and errno.
 *
 * @module
 */
import { FfiError } from "../errors.ts";
import { ERRNO, strerror } from "../libc.ts";
import { kernelIo, type V4l2Io } from "./io.ts";
import {
  BUF,
  CAP,
  FRAME,
  v4l2_capability,
  v4l2_fmtdesc,
  v4l2_format,
  v4l2_frmivalenum,
  v4l2_frmsizeenum,
  v4l2_plane_pix_format,
  v4l2_streamparm,
  VIDIOC,
} from "./layout.ts";

/** `struct v4l2_capability`. */
export interface Capability {
  /** Driver's name: `uvcvideo`. */
  driver: string;
  /** Device's name. */
  card: string;
  /** Where it is: `usb-0000:00:14.0-1`. */
  bus: string;
  /** V4L2_CAP_* of this node (`device_caps` where the driver has them). */
  caps: number;
}

/** One entry of VIDIOC_ENUM_FMT. */
export interface FormatDescription {
  /** FourCC as a number. */
  pixelFormat: number;
  /** In the driver's words. */
  description: string;
  /** V4L2_FMT_FLAG_*. */
  flags: number;
}

/** What VIDIOC_ENUM_FRAMESIZES says: single sizes, or one range with steps. */
export type FrameSizes =
  | { kind: "discrete"; sizes: { width: number; height: number }[] }
  | {
    kind: "stepwise";
    min: { width: number; height: number };
    max: { width: number; height: number };
    step: { width: number; height: number };
  };

/** A fraction: seconds from frame to frame. */
export interface Interval {
  /** Seconds. */
  numerator: number;
  /** Frames in them. */
  denominator: number;
}

/** What VIDIOC_ENUM_FRAMEINTERVALS says. */
export type FrameIntervals =
  | { kind: "discrete"; intervals: Interval[] }
  | { kind: "stepwise"; min: Interval; max: Interval };

/** Memory layout of one plane, as the driver decides it. */
export interface PlaneLayout {
  /** Bytes from row to row; 0 for compressed formats. */
  bytesPerLine: number;
  /** Bytes the plane may take. */
  sizeImage: number;
}

/** A format in force. */
export interface PixFormat {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** FourCC as a number. */
  pixelFormat: number;
  /** One in the single-planar interface. */
  planes: PlaneLayout[];
}

/** Most entries taken of one enumeration: a driver that never ends it is broken. */
const MAX_ENTRIES = 512;
const decoder = new TextDecoder();

/** A fixed-size, NUL-padded string field. */
export function textField(bytes: Uint8Array, offset: number, size: number): string {
  const field = bytes.subarray(offset, offset + size);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end)).trim();
}

/** A zeroed structure with a view on it. */
export function structure(size: number): { bytes: Uint8Array<ArrayBuffer>; view: DataView } {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** An open node. */
export class V4l2Device {
  /** Descriptor. */
  readonly fd: number;
  /** Node it was opened by. */
  readonly path: string;
  /** System calls. */
  readonly io: V4l2Io;
  /** V4L2_BUF_TYPE_* of its pictures: capture or output, single- or multi-planar. */
  readonly bufferType: number;
  /** What it says of itself. */
  readonly capability: Capability;

  /**
   * Opens a node.
   *
   * @param role which of the node's sides is meant; nodes with both exist (v4l2loopback).
   * @throws FfiError: `open` with ENOENT, EACCES, EBUSY…, VIDIOC_QUERYCAP where it is no video node.
   */
  constructor(path: string, role: "capture" | "output" = "capture", io: V4l2Io = kernelIo) {
    const fd = io.open(path);
    if (fd < 0) throw new FfiError("libc", "open", -fd, `${path}: ${strerror(-fd)}`);
    this.fd = fd;
    this.path = path;
    this.io = io;
    try {
      this.capability = this.#queryCapability();
    } catch (error) {
      void io.close(fd);
      throw error;
    }
    const { caps } = this.capability;
    const planar = role === "capture"
      ? caps & (CAP.V4L2_CAP_VIDEO_CAPTURE_MPLANE | CAP.V4L2_CAP_VIDEO_M2M_MPLANE)
      : caps & (CAP.V4L2_CAP_VIDEO_OUTPUT_MPLANE | CAP.V4L2_CAP_VIDEO_M2M_MPLANE);
    this.bufferType = role === "capture"
      ? planar ? BUF.V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : BUF.V4L2_BUF_TYPE_VIDEO_CAPTURE
      : planar
      ? BUF.V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE
      : BUF.V4L2_BUF_TYPE_VIDEO_OUTPUT;
  }

  /** Whether pictures lie in several memory planes. */
  get multiPlanar(): boolean {
    return this.bufferType === BUF.V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE ||
      this.bufferType === BUF.V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
  }

  /** One request: its result, or FfiError. */
  request(name: keyof typeof VIDIOC, argument: Uint8Array<ArrayBuffer>): number {
    const result = this.io.ioctl(this.fd, VIDIOC[name], argument);
    if (result < 0) {
      throw new FfiError("v4l2", name, -result, `${this.path}: ${strerror(-result)}`);
    }
    return result;
  }

  /** One request: its result or the negated errno, for those that may fail in ordinary life. */
  tryRequest(name: keyof typeof VIDIOC, argument: Uint8Array<ArrayBuffer>): number {
    return this.io.ioctl(this.fd, VIDIOC[name], argument);
  }

  #queryCapability(): Capability {
    const { bytes, view } = structure(v4l2_capability.size);
    this.request("VIDIOC_QUERYCAP", bytes);
    const all = view.getUint32(v4l2_capability.capabilities, true);
    return {
      driver: textField(bytes, v4l2_capability.driver, 16),
      card: textField(bytes, v4l2_capability.card, 32),
      bus: textField(bytes, v4l2_capability.bus_info, 32),
      caps: all & CAP.V4L2_CAP_DEVICE_CAPS
        ? view.getUint32(v4l2_capability.device_caps, true)
        : all,
    };
  }

  /** VIDIOC_ENUM_FMT, all entries. */
  formats(): FormatDescription[] {
    const found: FormatDescription[] = [];
    for (let index = 0; index < MAX_ENTRIES; index++) {
      const { bytes, view } = structure(v4l2_fmtdesc.size);
      view.setUint32(v4l2_fmtdesc.index, index, true);
      view.setUint32(v4l2_fmtdesc.type, this.bufferType, true);
      if (this.tryRequest("VIDIOC_ENUM_FMT", bytes) < 0) break;
      found.push({
        pixelFormat: view.getUint32(v4l2_fmtdesc.pixelformat, true),
        description: textField(bytes, v4l2_fmtdesc.description, 32),
        flags: view.getUint32(v4l2_fmtdesc.flags, true),
      });
    }
    return found;
  }

  /** VIDIOC_ENUM_FRAMESIZES; `undefined` where the driver doesn't say. */
  frameSizes(pixelFormat: number): FrameSizes | undefined {
    const sizes: { width: number; height: number }[] = [];
    for (let index = 0; index < MAX_ENTRIES; index++) {
      const { bytes, view } = structure(v4l2_frmsizeenum.size);
      view.setUint32(v4l2_frmsizeenum.index, index, true);
      view.setUint32(v4l2_frmsizeenum.pixel_format, pixelFormat, true);
      if (this.tryRequest("VIDIOC_ENUM_FRAMESIZES", bytes) < 0) break;
      const get = (offset: number) => view.getUint32(offset, true);
      if (get(v4l2_frmsizeenum.type) !== FRAME.V4L2_FRMSIZE_TYPE_DISCRETE) {
        const pair = (which: "min" | "max" | "step") => ({
          width: get(v4l2_frmsizeenum[`stepwise.${which}_width`]),
          height: get(v4l2_frmsizeenum[`stepwise.${which}_height`]),
        });
        return { kind: "stepwise", min: pair("min"), max: pair("max"), step: pair("step") };
      }
      sizes.push({
        width: get(v4l2_frmsizeenum["discrete.width"]),
        height: get(v4l2_frmsizeenum["discrete.height"]),
      });
    }
    return sizes.length === 0 ? undefined : { kind: "discrete", sizes };
  }

  /** VIDIOC_ENUM_FRAMEINTERVALS; `undefined` where the driver doesn't say. */
  frameIntervals(pixelFormat: number, width: number, height: number): FrameIntervals | undefined {
    const intervals: Interval[] = [];
    for (let index = 0; index < MAX_ENTRIES; index++) {
      const { bytes, view } = structure(v4l2_frmivalenum.size);
      view.setUint32(v4l2_frmivalenum.index, index, true);
      view.setUint32(v4l2_frmivalenum.pixel_format, pixelFormat, true);
      view.setUint32(v4l2_frmivalenum.width, width, true);
      view.setUint32(v4l2_frmivalenum.height, height, true);
      if (this.tryRequest("VIDIOC_ENUM_FRAMEINTERVALS", bytes) < 0) break;
      const fraction = (which: "discrete" | "stepwise.min" | "stepwise.max") => ({
        numerator: view.getUint32(v4l2_frmivalenum[`${which}.numerator`], true),
        denominator: view.getUint32(v4l2_frmivalenum[`${which}.denominator`], true),
      });
      if (
        view.getUint32(v4l2_frmivalenum.type, true) !== FRAME.V4L2_FRMIVAL_TYPE_DISCRETE
      ) {
        return { kind: "stepwise", min: fraction("stepwise.min"), max: fraction("stepwise.max") };
      }
      intervals.push(fraction("discrete"));
    }
    return intervals.length === 0 ? undefined : { kind: "discrete", intervals };
  }

  /** VIDIOC_G_FMT: the format in force. */
  getFormat(): PixFormat {
    const { bytes, view } = structure(v4l2_format.size);
    view.setUint32(v4l2_format.type, this.bufferType, true);
    this.request("VIDIOC_G_FMT", bytes);
    return this.#readFormat(view);
  }

  /** VIDIOC_S_FMT: answers what the driver made of it. `sizeImage` matters for compressed output. */
  setFormat(
    wish: { width: number; height: number; pixelFormat: number; sizeImage?: number },
  ): PixFormat {
    const { bytes, view } = structure(v4l2_format.size);
    const set = (offset: number, value: number) => view.setUint32(offset, value, true);
    const pix = this.multiPlanar ? "fmt.pix_mp" : "fmt.pix";
    set(v4l2_format.type, this.bufferType);
    set(v4l2_format[`${pix}.width`], wish.width);
    set(v4l2_format[`${pix}.height`], wish.height);
    set(v4l2_format[`${pix}.pixelformat`], wish.pixelFormat);
    set(v4l2_format[`${pix}.field`], FRAME.V4L2_FIELD_ANY);
    if (!this.multiPlanar) set(v4l2_format["fmt.pix.sizeimage"], wish.sizeImage ?? 0);
    this.request("VIDIOC_S_FMT", bytes);
    return this.#readFormat(view);
  }

  #readFormat(view: DataView): PixFormat {
    const get = (offset: number) => view.getUint32(offset, true);
    if (!this.multiPlanar) {
      return {
        width: get(v4l2_format["fmt.pix.width"]),
        height: get(v4l2_format["fmt.pix.height"]),
        pixelFormat: get(v4l2_format["fmt.pix.pixelformat"]),
        planes: [{
          bytesPerLine: get(v4l2_format["fmt.pix.bytesperline"]),
          sizeImage: get(v4l2_format["fmt.pix.sizeimage"]),
        }],
      };
    }
    const planes: PlaneLayout[] = [];
    const count = Math.min(
      view.getUint8(v4l2_format["fmt.pix_mp.num_planes"]),
      BUF.VIDEO_MAX_PLANES,
    );
    for (let index = 0; index < count; index++) {
      const base = v4l2_format["fmt.pix_mp.plane_fmt"] + index * v4l2_plane_pix_format.size;
      planes.push({
        bytesPerLine: get(base + v4l2_plane_pix_format.bytesperline),
        sizeImage: get(base + v4l2_plane_pix_format.sizeimage),
      });
    }
    return {
      width: get(v4l2_format["fmt.pix_mp.width"]),
      height: get(v4l2_format["fmt.pix_mp.height"]),
      pixelFormat: get(v4l2_format["fmt.pix_mp.pixelformat"]),
      planes,
    };
  }

  /**
   * VIDIOC_S_PARM (VIDIOC_G_PARM without `interval`): the interval in force, or `undefined` where
   * the driver knows none.
   */
  frameInterval(interval?: Interval): Interval | undefined {
    const { bytes, view } = structure(v4l2_streamparm.size);
    const numerator = v4l2_streamparm["parm.capture.timeperframe.numerator"];
    const denominator = v4l2_streamparm["parm.capture.timeperframe.denominator"];
    view.setUint32(v4l2_streamparm.type, this.bufferType, true);
    if (interval !== undefined) {
      view.setUint32(numerator, interval.numerator, true);
      view.setUint32(denominator, interval.denominator, true);
    }
    const name = interval === undefined ? "VIDIOC_G_PARM" : "VIDIOC_S_PARM";
    const result = this.tryRequest(name, bytes);
    if (result === -ERRNO.ENODEV) this.request(name, bytes);
    if (result < 0) return undefined;
    const answer = {
      numerator: view.getUint32(numerator, true),
      denominator: view.getUint32(denominator, true),
    };
    return answer.numerator > 0 && answer.denominator > 0 ? answer : undefined;
  }

  /** Closes the descriptor; mapped buffers stay valid until they are unmapped. */
  close(): Promise<void> {
    return this.io.close(this.fd);
  }
}
