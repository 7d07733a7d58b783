/**
 * A virtual camera: pictures written to a v4l2loopback device, which every program that knows
 * cameras then reads.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { ERRNO, strerror } from "../../ffi/libc.ts";
import { type PixFormat, V4l2Device } from "../../ffi/v4l2/device.ts";
import { kernelIo, type V4l2Io } from "../../ffi/v4l2/io.ts";
import { CAP } from "../../ffi/v4l2/layout.ts";
import {
  BusyError,
  DeniedError,
  LostError,
  NotFoundError,
  UnsupportedError,
  XoqError,
} from "../errors.ts";
import type { RawFrame } from "../media/frame.ts";
import { findHolders, type Holder } from "./v4l2_errors.ts";
import { fourccOf, fourccText } from "./v4l2_format.ts";

/** Formats that can be written. I420 and YUYV are what programs that read cameras want. */
export type OutputFormat = "I420" | "YUYV" | "NV12" | "UYVY" | "GREY" | "MJPG";

/** What is wished of a virtual camera. */
export interface VideoOutputWish extends Omit<VideoOutputConfig, "format"> {
  /**
   * Layout of the pictures; of several, in order of preference, the first that the device takes now.
   * A device takes anything unless programs that read it hold it at one format.
   */
  format: OutputFormat | readonly OutputFormat[];
}

/** What will be written. */
export interface VideoOutputConfig {
  /** Layout of the pictures. */
  format: OutputFormat;
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Frames per second that readers are told. */
  fps: number;
}

/** An open virtual camera. */
export interface VideoOutput extends AsyncDisposable {
  /** What was agreed. */
  readonly config: Readonly<VideoOutputConfig>;
  /** Pictures that the device had no room for. */
  readonly dropped: number;
  /**
   * Writes one picture: a raw frame of the agreed format and size, or a JPEG where the format is
   * MJPG. Does not keep it. Latest-wins belongs to the caller: this returns at once, and a picture
   * that the device has no room for is dropped and counted.
   *
   * @throws RangeError for another format or size, LostError when the device is gone.
   */
  write(picture: RawFrame | Uint8Array): void;
  /** Closes it; readers see the last picture until they give up. Idempotent. */
  close(): Promise<void>;
}

/** What the module calls itself in VIDIOC_QUERYCAP. */
const LOOPBACK_DRIVER = "v4l2 loopback";
const MODPROBE = "sudo modprobe v4l2loopback video_nr=20 card_label=xoq exclusive_caps=1";
/** The most a compressed picture may take: as many bytes as 4:2:2 raw ones. */
const BYTES_PER_PIXEL = 2;

/** Rows and bytes a row of each plane, without padding. */
function planeShape(config: VideoOutputConfig): [bytes: number, rows: number][] {
  const { format, width, height } = config;
  const half = Math.ceil(height / 2);
  switch (format) {
    case "I420":
      return [[width, height], [Math.ceil(width / 2), half], [Math.ceil(width / 2), half]];
    case "NV12":
      return [[width, height], [Math.ceil(width / 2) * 2, half]];
    case "GREY":
      return [[width, height]];
    default:
      return [[width * 2, height]];
  }
}

class LoopbackOutput implements VideoOutput {
  readonly config: Readonly<VideoOutputConfig>;
  dropped = 0;
  readonly #device: V4l2Device;
  /** Bytes from row to row of each plane, as the device wants them. */
  readonly #rows: { bytes: number; rows: number; stride: number }[];
  /** One picture as the device wants it; not needed for JPEGs. */
  readonly #picture: Uint8Array<ArrayBuffer>;
  readonly #sizeImage: number;
  #closed: Promise<void> | undefined;

  constructor(device: V4l2Device, config: VideoOutputConfig, pix: PixFormat) {
    this.#device = device;
    this.config = config;
    const stride = pix.planes[0]?.bytesPerLine ?? 0;
    this.#sizeImage = pix.planes[0]?.sizeImage ?? 0;
    const [luma] = planeShape(config);
    // Chroma planes' strides follow the first plane's.
    const ratio = Math.max(1, stride / luma![0]);
    this.#rows = config.format === "MJPG" ? [] : planeShape(config).map(([bytes, rows]) => ({
      bytes,
      rows,
      stride: Math.round(bytes * ratio),
    }));
    // Exactly the picture: the image size that the device names is rounded up to whole pages, and
    // readers would be told that much.
    const total = this.#rows.reduce((sum, plane) => sum + plane.stride * plane.rows, 0);
    this.#picture = new Uint8Array(total);
  }

  write(picture: RawFrame | Uint8Array): void {
    if (this.#closed !== undefined) throw new TypeError("the video output is closed");
    const bytes = picture instanceof Uint8Array ? this.#jpeg(picture) : this.#raw(picture);
    const { io, fd, path } = this.#device;
    const written = io.write(fd, bytes);
    if (written === -ERRNO.EAGAIN) this.dropped++;
    else if (written < 0) {
      throw new LostError(`${path} takes no more pictures: ${strerror(-written)}`, {
        cause: new FfiError("libc", "write", -written, path),
      });
    }
  }

  #jpeg(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.config.format !== "MJPG") {
      throw new RangeError(`a ${this.config.format} output takes raw pictures, not JPEG`);
    }
    if (this.#sizeImage > 0 && bytes.length > this.#sizeImage) {
      throw new RangeError(`a JPEG of ${bytes.length} bytes: at most ${this.#sizeImage} fit`);
    }
    return bytes as Uint8Array<ArrayBuffer>;
  }

  #raw(frame: RawFrame): Uint8Array<ArrayBuffer> {
    const { format, width, height } = this.config;
    if (frame.format !== format || frame.width !== width || frame.height !== height) {
      throw new RangeError(
        `a ${frame.format} picture of ${frame.width}×${frame.height} for an output of ` +
          `${format} ${width}×${height}`,
      );
    }
    let offset = 0;
    for (const [index, { bytes, rows, stride }] of this.#rows.entries()) {
      const plane = frame.planes[index]!;
      if (plane.stride === stride) {
        const length = stride * (rows - 1) + bytes;
        this.#picture.set(plane.data.subarray(0, length), offset);
      } else {
        for (let row = 0; row < rows; row++) {
          const start = row * plane.stride;
          this.#picture.set(plane.data.subarray(start, start + bytes), offset + row * stride);
        }
      }
      offset += stride * rows;
    }
    return this.#picture;
  }

  close(): Promise<void> {
    return this.#closed ??= this.#device.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function translate(error: unknown, path: string): Promise<unknown> {
  if (!(error instanceof FfiError)) return error;
  const cause = error;
  switch (error.code) {
    case ERRNO.ENOENT:
    case ERRNO.ENXIO:
    case ERRNO.ENODEV:
      return new NotFoundError(`there is no virtual camera ${path}`, {
        hint: `load the module: ${MODPROBE.replace("20", /(\d+)$/.exec(path)?.[1] ?? "20")}`,
        cause,
      });
    case ERRNO.EACCES:
    case ERRNO.EPERM:
      return new DeniedError(`no permission to write to ${path}`, {
        hint: "join the group that owns it (sudo usermod -aG video $USER), then log in again",
        cause,
      });
    case ERRNO.EBUSY:
      return busy(path, await findHolders(path).catch(() => []), cause);
    case ERRNO.ENOTTY:
      return new UnsupportedError(`${path} is no video device`, {
        hint: `make one: ${MODPROBE}`,
        cause,
      });
    default:
      return new XoqError("failed", `${path}: ${error.message}`, { cause });
  }
}

/**
 * Opens a v4l2loopback device for writing.
 *
 * @throws NotFoundError where there is none (with the line that makes it), UnsupportedError where
 *   the node is no output or refuses the format, BusyError, DeniedError.
 */
export async function openVideoOutput(
  path: string,
  wish: VideoOutputWish,
  io: V4l2Io = kernelIo,
): Promise<VideoOutput> {
  try {
    const device = new V4l2Device(path, "output", io);
    try {
      await requireOutput(device);
      const { config, pix } = agree(device, wish);
      return new LoopbackOutput(device, config, pix);
    } catch (error) {
      await device.close();
      throw error;
    }
  } catch (error) {
    throw await translate(error, path);
  }
}

/** Whether pictures may be written to the node: BusyError or UnsupportedError where not. */
async function requireOutput(device: V4l2Device): Promise<void> {
  const { path, capability } = device;
  if ((capability.caps & CAP.V4L2_CAP_VIDEO_OUTPUT) !== 0) return;
  if (capability.driver !== LOOPBACK_DRIVER) {
    throw new UnsupportedError(
      `${path} (${capability.card}) is a camera, not a device to write pictures to`,
      { hint: `make one: ${MODPROBE}` },
    );
  }
  // With exclusive_caps a device that is fed hides its output side. One whose feeder left by way of
  // write() alone goes on hiding it, though nobody has it open: that one can be taken.
  const holders = await findHolders(path).catch(() => []);
  if (holders.length > 0) throw busy(path, holders);
}

function busy(path: string, holders: readonly Holder[], cause?: unknown): BusyError {
  const who = holders.map(({ pid, name }) => `${name} (pid ${pid})`).join(", ");
  return new BusyError(`${path} is fed by ${who || "another program"}`, { cause });
}

function agree(
  device: V4l2Device,
  wish: VideoOutputWish,
): { config: VideoOutputConfig; pix: PixFormat } {
  const { path } = device;
  const { width, height, fps } = wish;
  const formats = typeof wish.format === "string" ? [wish.format] : wish.format;
  let offered = "nothing";
  for (const format of formats) {
    const pixelFormat = fourccOf(format);
    if (pixelFormat === undefined) continue;
    const sizeImage = format === "MJPG" ? width * height * BYTES_PER_PIXEL : 0;
    const pix = device.setFormat({ width, height, pixelFormat, sizeImage });
    if (pix.pixelFormat === pixelFormat && pix.width === width && pix.height === height) {
      device.frameInterval({ numerator: 1000, denominator: Math.round(fps * 1000) });
      announce(device);
      return { config: { format, width, height, fps }, pix };
    }
    offered = `${fourccText(pix.pixelFormat)} of ${pix.width}×${pix.height}`;
  }
  throw new UnsupportedError(
    `${path} takes no ${formats.join(" or ")} of ${width}×${height} now, but ${offered}`,
    { hint: "a program that reads it holds it at that size: close it" },
  );
}

/**
 * Makes the device known as fed before the first picture, and free again after `close()`:
 * v4l2loopback 0.12 counts as its feeder only who asked to stream, even when pictures come by
 * write(). Pictures come by write() because a reader may change the number of buffers at any time,
 * which the module heeds in write() only. Later versions refuse the request, and need none.
 */
function announce(device: V4l2Device): void {
  const type = new Uint8Array(4);
  new DataView(type.buffer).setUint32(0, device.bufferType, true);
  device.tryRequest("VIDIOC_STREAMON", type);
}
