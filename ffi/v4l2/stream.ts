/**
 * Memory-mapped streaming: VIDIOC_REQBUFS, QUERYBUF, QBUF, DQBUF, STREAMON and STREAMOFF, for the
 * single- and the multi-planar interface.
 *
 * @module
 */
import { FfiError } from "../errors.ts";
import { ERRNO, strerror } from "../libc.ts";
import { structure, type V4l2Device } from "./device.ts";
import type { MappedMemory } from "./io.ts";
import { BUF, v4l2_buffer, v4l2_plane, v4l2_requestbuffers } from "./layout.ts";

/** A buffer that the driver filled. */
export interface FilledBuffer {
  /** Which one. */
  index: number;
  /** Its used bytes, one array a memory plane, in the mapped memory itself. */
  planes: Uint8Array<ArrayBuffer>[];
  /** V4L2_BUF_FLAG_*. */
  flags: number;
  /** The driver's counter. */
  sequence: number;
  /** The driver's timestamp in µs; by which clock, the flags say. */
  timestamp: number;
}

/** `struct v4l2_buffer` for one request, with room for the planes that it points to. */
class BufferRequest {
  readonly buffer = structure(v4l2_buffer.size);
  readonly planes: { bytes: Uint8Array<ArrayBuffer>; view: DataView } | undefined;
  readonly #type: number;

  constructor(device: V4l2Device) {
    this.#type = device.bufferType;
    if (device.multiPlanar) this.planes = structure(v4l2_plane.size * BUF.VIDEO_MAX_PLANES);
  }

  /** Zeroes it and names a buffer. */
  reset(index: number): Uint8Array<ArrayBuffer> {
    const { bytes, view } = this.buffer;
    bytes.fill(0);
    view.setUint32(v4l2_buffer.index, index, true);
    view.setUint32(v4l2_buffer.type, this.#type, true);
    view.setUint32(v4l2_buffer.memory, BUF.V4L2_MEMORY_MMAP, true);
    if (this.planes !== undefined) {
      this.planes.bytes.fill(0);
      const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.planes.bytes));
      view.setBigUint64(v4l2_buffer["m.planes"], address, true);
      view.setUint32(v4l2_buffer.length, BUF.VIDEO_MAX_PLANES, true);
    }
    return bytes;
  }
}

/** The buffers of one node. */
export class V4l2Stream {
  readonly #device: V4l2Device;
  readonly #request: BufferRequest;
  /** Mapped memory by buffer, then by plane. */
  readonly #mapped: MappedMemory[][] = [];

  /**
   * Asks for buffers and maps them. FfiError: EBUSY while another program streams, EINVAL where the
   * node doesn't stream, ENOMEM.
   */
  constructor(device: V4l2Device, count: number) {
    this.#device = device;
    this.#request = new BufferRequest(device);
    const granted = this.#requestBuffers(count);
    try {
      for (let index = 0; index < granted; index++) this.#mapped.push(this.#map(index));
    } catch (error) {
      for (let index = 0; index < this.#mapped.length; index++) this.unmap(index);
      throw error;
    }
  }

  /** How many buffers the driver gave. */
  get count(): number {
    return this.#mapped.length;
  }

  /** A buffer's whole memory, one array a plane, for filling it before `queue()`. */
  memory(index: number): Uint8Array<ArrayBuffer>[] {
    return this.#mapped[index]!.map((plane) => plane.memory);
  }

  #requestBuffers(count: number): number {
    const { bytes, view } = structure(v4l2_requestbuffers.size);
    view.setUint32(v4l2_requestbuffers.count, count, true);
    view.setUint32(v4l2_requestbuffers.type, this.#device.bufferType, true);
    view.setUint32(v4l2_requestbuffers.memory, BUF.V4L2_MEMORY_MMAP, true);
    this.#device.request("VIDIOC_REQBUFS", bytes);
    return view.getUint32(v4l2_requestbuffers.count, true);
  }

  #map(index: number): MappedMemory[] {
    const { view } = this.#request.buffer;
    this.#device.request("VIDIOC_QUERYBUF", this.#request.reset(index));
    const places: { length: number; offset: number }[] = [];
    const planes = this.#request.planes?.view;
    if (planes === undefined) {
      places.push({
        length: view.getUint32(v4l2_buffer.length, true),
        offset: view.getUint32(v4l2_buffer["m.offset"], true),
      });
    } else {
      for (let plane = 0; plane < view.getUint32(v4l2_buffer.length, true); plane++) {
        const base = plane * v4l2_plane.size;
        places.push({
          length: planes.getUint32(base + v4l2_plane.length, true),
          offset: planes.getUint32(base + v4l2_plane["m.mem_offset"], true),
        });
      }
    }
    const mapped: MappedMemory[] = [];
    for (const { length, offset } of places) {
      const memory = this.#device.io.map(this.#device.fd, length, offset);
      if (typeof memory === "number") {
        for (const each of mapped) each.unmap();
        throw new FfiError("libc", "mmap", -memory, `${this.#device.path}: ${strerror(-memory)}`);
      }
      mapped.push(memory);
    }
    return mapped;
  }

  /** VIDIOC_QBUF: gives a buffer to the driver. `bytesUsed` matters for output. */
  queue(index: number, bytesUsed?: number): void {
    const bytes = this.#request.reset(index);
    const planes = this.#request.planes?.view;
    if (planes !== undefined) {
      this.#request.buffer.view.setUint32(v4l2_buffer.length, this.#mapped[index]!.length, true);
    }
    if (bytesUsed !== undefined) {
      if (planes === undefined) {
        this.#request.buffer.view.setUint32(v4l2_buffer.bytesused, bytesUsed, true);
      } else planes.setUint32(v4l2_plane.bytesused, bytesUsed, true);
    }
    this.#device.request("VIDIOC_QBUF", bytes);
  }

  /** VIDIOC_DQBUF: the next filled buffer; `undefined` when there is none yet. */
  dequeue(): FilledBuffer | undefined {
    const { view } = this.#request.buffer;
    const result = this.#device.tryRequest("VIDIOC_DQBUF", this.#request.reset(0));
    if (result === -ERRNO.EAGAIN) return undefined;
    if (result < 0) {
      const { path } = this.#device;
      throw new FfiError("v4l2", "VIDIOC_DQBUF", -result, `${path}: ${strerror(-result)}`);
    }
    const index = view.getUint32(v4l2_buffer.index, true);
    const seconds = Number(view.getBigInt64(v4l2_buffer["timestamp.tv_sec"], true));
    const micros = Number(view.getBigInt64(v4l2_buffer["timestamp.tv_usec"], true));
    return {
      index,
      planes: this.#used(index),
      flags: view.getUint32(v4l2_buffer.flags, true),
      sequence: view.getUint32(v4l2_buffer.sequence, true),
      timestamp: seconds * 1e6 + micros,
    };
  }

  #used(index: number): Uint8Array<ArrayBuffer>[] {
    const mapped = this.#mapped[index]!;
    const planes = this.#request.planes?.view;
    if (planes === undefined) {
      const used = this.#request.buffer.view.getUint32(v4l2_buffer.bytesused, true);
      return [mapped[0]!.memory.subarray(0, used)];
    }
    return mapped.map(({ memory }, plane) => {
      const base = plane * v4l2_plane.size;
      const used = planes.getUint32(base + v4l2_plane.bytesused, true);
      return memory.subarray(planes.getUint32(base + v4l2_plane.data_offset, true), used);
    });
  }

  /** VIDIOC_STREAMON. FfiError: ENOSPC where the USB bus has no bandwidth left, EBUSY, EPIPE. */
  start(): void {
    this.#device.request("VIDIOC_STREAMON", this.#bufferType());
  }

  /** VIDIOC_STREAMOFF; a device that is gone is off already. */
  stop(): void {
    this.#device.tryRequest("VIDIOC_STREAMOFF", this.#bufferType());
  }

  #bufferType(): Uint8Array<ArrayBuffer> {
    const type = new Uint8Array(4);
    new DataView(type.buffer).setUint32(0, this.#device.bufferType, true);
    return type;
  }

  /** Keeps a buffer's bytes readable after the device is closed, without keeping the device busy. */
  detach(index: number): void {
    for (const plane of this.#mapped[index] ?? []) plane.detach();
  }

  /** Unmaps one buffer: its memory must not be touched any more. Idempotent. */
  unmap(index: number): void {
    for (const plane of this.#mapped[index] ?? []) plane.unmap();
    this.#mapped[index] = [];
  }
}
