/**
 * A V4L2 kernel side in memory: nodes that answer requests byte by byte as drivers do, for tests on
 * machines without cameras and for faults that no driver makes on demand.
 *
 * @module
 */
import { ERRNO, monotonicMicros, POLL } from "../../ffi/libc.ts";
import type { MappedMemory, V4l2Io } from "../../ffi/v4l2/io.ts";
import * as v4l2 from "../../ffi/v4l2/layout.ts";
import type { V4l2Host } from "../../lib/camera/v4l2_list.ts";

const { VIDIOC, CAP, BUF, FRAME } = v4l2;

/** One format of a fake camera. */
export interface FakeFormat {
  fourcc: number;
  /** Sizes, or the ends of a range. */
  sizes: [number, number][] | { min: [number, number]; max: [number, number]; step: number };
  /** Frames per second. */
  rates: number[];
}

/** One control of a fake camera. */
export interface FakeControl {
  id: number;
  name: string;
  type: number;
  min: number;
  max: number;
  value: number;
  flags?: number;
  items?: Record<number, string>;
}

/** What a fake camera is and how it misbehaves. */
export interface FakeCamera {
  card: string;
  bus: string;
  caps: number;
  formats: FakeFormat[];
  controls?: FakeControl[];
  /** Negated errno values by request; `open` too. */
  failures?: Partial<Record<keyof typeof VIDIOC | "open", number>>;
  /** Changes a filled buffer before it is handed over. */
  tamper?: (buffer: FilledFake) => void;
}

/** A buffer as the fake driver fills it. */
export interface FilledFake {
  index: number;
  sequence: number;
  flags: number;
  timestamp: number;
  bytesUsed: number;
  memory: Uint8Array;
}

interface Descriptor {
  camera: FakeCamera;
  path: string;
  width: number;
  height: number;
  fourcc: number;
  fps: number;
  buffers: { memory: Uint8Array<ArrayBuffer>; mapped: boolean; queued: boolean }[];
  filled: FilledFake[];
  timer: ReturnType<typeof setInterval> | undefined;
  sequence: number;
  closed: boolean;
  wakeUps: Set<() => void>;
}

/** Bytes of a line and of a picture. */
function pictureShape(fourcc: number, width: number, height: number): [number, number] {
  switch (fourcc) {
    case v4l2.PIX_FMT.V4L2_PIX_FMT_YUV420:
    case v4l2.PIX_FMT.V4L2_PIX_FMT_NV12:
      return [width, width * height * 3 / 2];
    case v4l2.PIX_FMT.V4L2_PIX_FMT_GREY:
      return [width, width * height];
    case v4l2.PIX_FMT.V4L2_PIX_FMT_MJPEG:
    case v4l2.PIX_FMT.V4L2_PIX_FMT_H264:
      return [0, width * height];
    default:
      return [width * 2, width * height * 2];
  }
}

/** The fake kernel. */
export class FakeV4l2 implements V4l2Io {
  readonly cameras = new Map<string, FakeCamera>();
  readonly #descriptors = new Map<number, Descriptor>();
  #nextFd = 1000;
  #folder: string | undefined;

  /** Makes a host of it, with a class folder that lists its nodes. */
  async host(): Promise<V4l2Host & AsyncDisposable> {
    const folder = this.#folder = await Deno.makeTempDir();
    await Deno.mkdir(`${folder}/class`);
    for (const path of this.cameras.keys()) await this.#plug(path);
    return {
      io: this,
      classFolder: `${folder}/class`,
      deviceFolder: "/fake",
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  }

  async #plug(path: string): Promise<void> {
    const node = `${this.#folder}/class/${path.slice(path.lastIndexOf("/") + 1)}`;
    await Deno.mkdir(node);
    await Deno.writeTextFile(`${node}/index`, "0\n");
    await Deno.writeTextFile(`${node}/name`, `${this.cameras.get(path)!.card}\n`);
  }

  /** Puts a camera in. */
  async plug(path: string, camera: FakeCamera): Promise<void> {
    this.cameras.set(path, camera);
    await this.#plug(path);
  }

  /** Takes a camera out: whoever has it open gets ENODEV from now on. */
  async unplug(path: string): Promise<void> {
    this.cameras.delete(path);
    await Deno.remove(`${this.#folder}/class/${path.slice(path.lastIndexOf("/") + 1)}`, {
      recursive: true,
    });
    for (const each of this.#descriptors.values()) {
      if (each.path === path) { for (const wake of [...each.wakeUps]) wake(); }
    }
  }

  open(path: string): number {
    const camera = this.cameras.get(path);
    if (camera === undefined) return -ERRNO.ENOENT;
    if (camera.failures?.open !== undefined) return camera.failures.open;
    const fd = this.#nextFd++;
    const format = camera.formats[0];
    this.#descriptors.set(fd, {
      camera,
      path,
      width: 640,
      height: 480,
      fourcc: format?.fourcc ?? 0,
      fps: 30,
      buffers: [],
      filled: [],
      timer: undefined,
      sequence: 0,
      closed: false,
      wakeUps: new Set(),
    });
    return fd;
  }

  close(fd: number): Promise<void> {
    const each = this.#descriptors.get(fd);
    if (each !== undefined) {
      clearInterval(each.timer);
      each.closed = true;
    }
    return Promise.resolve();
  }

  write(): number {
    return -ERRNO.EINVAL;
  }

  monotonicMicros(): number {
    return monotonicMicros();
  }

  map(fd: number, length: number, offset: number): MappedMemory {
    const buffer = this.#descriptors.get(fd)!.buffers[offset / 4096]!;
    if (length !== buffer.memory.length) throw new Error("mapped with another length");
    buffer.mapped = true;
    return {
      memory: buffer.memory,
      unmap: () => {
        // What is read after this shows.
        buffer.memory.fill(0xdd);
        buffer.mapped = false;
      },
      detach: () => {
        buffer.mapped = false;
      },
    };
  }

  wait(fd: number, _events: number, signal: AbortSignal): Promise<number> {
    const each = this.#descriptors.get(fd)!;
    return new Promise((resolve, reject) => {
      const settle = () => {
        const gone = this.cameras.get(each.path) !== each.camera;
        if (!gone && each.filled.length === 0) return;
        done();
        resolve(gone ? POLL.POLLERR | POLL.POLLHUP : POLL.POLLIN);
      };
      const abort = () => {
        done();
        reject(signal.reason);
      };
      const done = () => {
        each.wakeUps.delete(settle);
        signal.removeEventListener("abort", abort);
      };
      each.wakeUps.add(settle);
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      else settle();
    });
  }

  ioctl(fd: number, request: number, bytes: Uint8Array<ArrayBuffer>): number {
    const each = this.#descriptors.get(fd);
    if (each === undefined || each.closed) return -ERRNO.EBADF;
    if (this.cameras.get(each.path) !== each.camera) return -ERRNO.ENODEV;
    const name = Object.entries(VIDIOC).find(([, code]) => code === request)?.[0];
    const failure = each.camera.failures?.[name as keyof typeof VIDIOC];
    if (failure !== undefined) return failure;
    const view = new DataView(bytes.buffer);
    switch (name) {
      case "VIDIOC_QUERYCAP":
        return this.#queryCap(each, bytes, view);
      case "VIDIOC_ENUM_FMT":
        return this.#enumFormat(each, view);
      case "VIDIOC_ENUM_FRAMESIZES":
        return this.#enumSizes(each, view);
      case "VIDIOC_ENUM_FRAMEINTERVALS":
        return this.#enumIntervals(each, view);
      case "VIDIOC_S_FMT":
      case "VIDIOC_G_FMT":
        return this.#format(each, view, name === "VIDIOC_S_FMT");
      case "VIDIOC_S_PARM":
      case "VIDIOC_G_PARM":
        return this.#parameters(each, view, name === "VIDIOC_S_PARM");
      case "VIDIOC_REQBUFS":
        return this.#requestBuffers(each, view);
      case "VIDIOC_QUERYBUF": {
        const index = view.getUint32(v4l2.v4l2_buffer.index, true);
        view.setUint32(v4l2.v4l2_buffer.length, each.buffers[index]!.memory.length, true);
        view.setUint32(v4l2.v4l2_buffer["m.offset"], index * 4096, true);
        return 0;
      }
      case "VIDIOC_QBUF": {
        const buffer = each.buffers[view.getUint32(v4l2.v4l2_buffer.index, true)]!;
        if (buffer.queued || !buffer.mapped) return -ERRNO.EINVAL;
        buffer.queued = true;
        return 0;
      }
      case "VIDIOC_DQBUF":
        return this.#dequeue(each, view);
      case "VIDIOC_STREAMON":
        each.timer = setInterval(() => this.#tick(each), 1000 / each.fps);
        return 0;
      case "VIDIOC_STREAMOFF":
        clearInterval(each.timer);
        return 0;
      case "VIDIOC_QUERY_EXT_CTRL":
        return this.#queryControl(each, bytes, view);
      case "VIDIOC_QUERYMENU": {
        const control = each.camera.controls?.find(({ id }) => id === view.getUint32(0, true));
        const item = control?.items?.[view.getUint32(v4l2.v4l2_querymenu.index, true)];
        if (item === undefined) return -ERRNO.EINVAL;
        bytes.set(new TextEncoder().encode(item), v4l2.v4l2_querymenu.name);
        return 0;
      }
      case "VIDIOC_G_CTRL":
      case "VIDIOC_S_CTRL": {
        const control = each.camera.controls?.find(({ id }) => id === view.getUint32(0, true));
        if (control === undefined) return -ERRNO.EINVAL;
        const { value } = v4l2.v4l2_control;
        if (name === "VIDIOC_S_CTRL") control.value = view.getInt32(value, true);
        else view.setInt32(value, control.value, true);
        return 0;
      }
      default:
        return -ERRNO.ENOTTY;
    }
  }

  #queryCap({ camera }: Descriptor, bytes: Uint8Array, view: DataView): number {
    const encoder = new TextEncoder();
    bytes.set(encoder.encode("fake"), v4l2.v4l2_capability.driver);
    bytes.set(encoder.encode(camera.card), v4l2.v4l2_capability.card);
    bytes.set(encoder.encode(camera.bus), v4l2.v4l2_capability.bus_info);
    view.setUint32(
      v4l2.v4l2_capability.capabilities,
      (camera.caps | CAP.V4L2_CAP_DEVICE_CAPS) >>> 0,
      true,
    );
    view.setUint32(v4l2.v4l2_capability.device_caps, camera.caps, true);
    return 0;
  }

  #enumFormat({ camera }: Descriptor, view: DataView): number {
    const format = camera.formats[view.getUint32(v4l2.v4l2_fmtdesc.index, true)];
    if (format === undefined) return -ERRNO.EINVAL;
    view.setUint32(v4l2.v4l2_fmtdesc.pixelformat, format.fourcc, true);
    return 0;
  }

  #enumSizes({ camera }: Descriptor, view: DataView): number {
    const at = v4l2.v4l2_frmsizeenum;
    const index = view.getUint32(at.index, true);
    const fourcc = view.getUint32(at.pixel_format, true);
    const sizes = camera.formats.find((format) => format.fourcc === fourcc)?.sizes;
    if (sizes === undefined) return -ERRNO.EINVAL;
    const set = (offset: number, value: number) => view.setUint32(offset, value, true);
    if (!Array.isArray(sizes)) {
      if (index > 0) return -ERRNO.EINVAL;
      set(at.type, FRAME.V4L2_FRMSIZE_TYPE_STEPWISE);
      for (const end of ["min", "max"] as const) {
        set(at[`stepwise.${end}_width`], sizes[end][0]);
        set(at[`stepwise.${end}_height`], sizes[end][1]);
      }
      set(at["stepwise.step_width"], sizes.step);
      set(at["stepwise.step_height"], sizes.step);
      return 0;
    }
    const size = sizes[index];
    if (size === undefined) return -ERRNO.EINVAL;
    set(at.type, FRAME.V4L2_FRMSIZE_TYPE_DISCRETE);
    set(at["discrete.width"], size[0]);
    set(at["discrete.height"], size[1]);
    return 0;
  }

  #enumIntervals({ camera }: Descriptor, view: DataView): number {
    const at = v4l2.v4l2_frmivalenum;
    const fourcc = view.getUint32(at.pixel_format, true);
    const rates = camera.formats.find((format) => format.fourcc === fourcc)?.rates ?? [];
    const rate = rates[view.getUint32(at.index, true)];
    if (rate === undefined) return -ERRNO.EINVAL;
    view.setUint32(at.type, FRAME.V4L2_FRMIVAL_TYPE_DISCRETE, true);
    view.setUint32(at["discrete.numerator"], 1, true);
    view.setUint32(at["discrete.denominator"], rate, true);
    return 0;
  }

  #format(each: Descriptor, view: DataView, set: boolean): number {
    const at = v4l2.v4l2_format;
    if (set) {
      const fourcc = view.getUint32(at["fmt.pix.pixelformat"], true);
      const format = each.camera.formats.find((each) => each.fourcc === fourcc) ??
        each.camera.formats[0]!;
      each.fourcc = format.fourcc;
      const [width, height] = [
        view.getUint32(at["fmt.pix.width"], true),
        view.getUint32(at["fmt.pix.height"], true),
      ];
      const distance = ([w, h]: [number, number]) => Math.abs(w - width) + Math.abs(h - height);
      [each.width, each.height] = Array.isArray(format.sizes)
        ? format.sizes.toSorted((a, b) => distance(a) - distance(b))[0]!
        : [width, height];
    }
    const [line, size] = pictureShape(each.fourcc, each.width, each.height);
    view.setUint32(at["fmt.pix.width"], each.width, true);
    view.setUint32(at["fmt.pix.height"], each.height, true);
    view.setUint32(at["fmt.pix.pixelformat"], each.fourcc, true);
    view.setUint32(at["fmt.pix.bytesperline"], line, true);
    view.setUint32(at["fmt.pix.sizeimage"], size, true);
    return 0;
  }

  #parameters(each: Descriptor, view: DataView, set: boolean): number {
    const numerator = v4l2.v4l2_streamparm["parm.capture.timeperframe.numerator"];
    const denominator = v4l2.v4l2_streamparm["parm.capture.timeperframe.denominator"];
    if (set) {
      const wish = view.getUint32(denominator, true) / view.getUint32(numerator, true);
      const rates = each.camera.formats.find(({ fourcc }) => fourcc === each.fourcc)?.rates ?? [];
      each.fps = rates.toSorted((a, b) => Math.abs(a - wish) - Math.abs(b - wish))[0] ?? 30;
    }
    view.setUint32(numerator, 1, true);
    view.setUint32(denominator, each.fps, true);
    return 0;
  }

  #requestBuffers(each: Descriptor, view: DataView): number {
    // An open mapping keeps the node as busy as an open descriptor does.
    const busy = [...this.#descriptors.values()].some((other) =>
      other !== each && other.path === each.path && other.buffers.length > 0 &&
      (!other.closed || other.buffers.some(({ mapped }) => mapped))
    );
    if (busy) return -ERRNO.EBUSY;
    const count = view.getUint32(v4l2.v4l2_requestbuffers.count, true);
    const [, size] = pictureShape(each.fourcc, each.width, each.height);
    each.buffers = Array.from({ length: count }, () => ({
      memory: new Uint8Array(size),
      mapped: false,
      queued: false,
    }));
    return 0;
  }

  #tick(each: Descriptor): void {
    const sequence = each.sequence++;
    const index = each.buffers.findIndex(({ queued }, index) =>
      queued && !each.filled.some((filled) => filled.index === index)
    );
    if (index < 0) return;
    const { memory } = each.buffers[index]!;
    memory.fill(sequence & 0xff);
    const filled: FilledFake = {
      index,
      sequence,
      flags: BUF.V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC,
      timestamp: monotonicMicros(),
      bytesUsed: memory.length,
      memory,
    };
    each.camera.tamper?.(filled);
    each.filled.push(filled);
    for (const wake of [...each.wakeUps]) wake();
  }

  #dequeue(each: Descriptor, view: DataView): number {
    const filled = each.filled.shift();
    if (filled === undefined) return -ERRNO.EAGAIN;
    each.buffers[filled.index]!.queued = false;
    const at = v4l2.v4l2_buffer;
    view.setUint32(at.index, filled.index, true);
    view.setUint32(at.bytesused, filled.bytesUsed, true);
    view.setUint32(at.flags, filled.flags, true);
    view.setUint32(at.sequence, filled.sequence, true);
    view.setBigInt64(at["timestamp.tv_sec"], BigInt(Math.floor(filled.timestamp / 1e6)), true);
    view.setBigInt64(at["timestamp.tv_usec"], BigInt(filled.timestamp % 1e6), true);
    return 0;
  }

  #queryControl({ camera }: Descriptor, bytes: Uint8Array, view: DataView): number {
    const at = v4l2.v4l2_query_ext_ctrl;
    const after = view.getUint32(at.id, true) & 0x0fffffff;
    const control = camera.controls?.find(({ id }) => id > after);
    if (control === undefined) return -ERRNO.EINVAL;
    bytes.set(new TextEncoder().encode(control.name), at.name);
    view.setUint32(at.id, control.id, true);
    view.setUint32(at.type, control.type, true);
    view.setBigInt64(at.minimum, BigInt(control.min), true);
    view.setBigInt64(at.maximum, BigInt(control.max), true);
    view.setBigUint64(at.step, 1n, true);
    view.setUint32(at.flags, control.flags ?? 0, true);
    return 0;
  }
}
