/**
 * An open V4L2 camera: memory-mapped streaming without a copy. Pictures lie in the driver's
 * buffers; `release()` gives a buffer back to it.
 *
 * The newest picture is kept while nobody asks for it, and the one before goes straight back to the
 * driver: the driver always has buffers to fill, and `next()` never gives what is older than one
 * frame. Pictures held beyond `close()` stay readable until they are released.
 *
 * Capture times: the driver stamps the buffers with the monotonic clock (for USB cameras, the
 * arrival or the exposure of the frame, as the driver has it). The distance between that clock and
 * the epoch's is measured with each picture, and taken anew when it moved by more than a
 * millisecond. Drivers that stamp nothing get the time of dequeueing.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { ERRNO, POLL } from "../../ffi/libc.ts";
import { setControl } from "../../ffi/v4l2/controls.ts";
import type { V4l2Device } from "../../ffi/v4l2/device.ts";
import { BUF, CTRL } from "../../ffi/v4l2/layout.ts";
import { type FilledBuffer, V4l2Stream } from "../../ffi/v4l2/stream.ts";
import { LostError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import type { CameraControl, CameraFormat, OpenCamera, Picture } from "./camera.ts";
import { listControls, setControlByName } from "./v4l2_controls.ts";
import { translateStreamError } from "./v4l2_errors.ts";
import { isCompressed, planesOf } from "./v4l2_format.ts";
import type { Agreement } from "./v4l2_modes.ts";

/** Buffers asked for: one being encoded, one kept as the newest, two for the driver. */
export const V4L2_BUFFERS = 4;
/** A stamp further from now than this isn't one of the monotonic clock. */
const MAX_STAMP_AGE = 10e6;
/** How far the distance between the clocks may wander before it is taken anew, in µs. */
const MAX_OFFSET_ERROR = 1000;

/** Whether a compressed picture is one at all: drivers hand over empty and torn buffers as well. */
function plausible(format: string, data: Uint8Array): boolean {
  if (format === "MJPG") return data[0] === 0xff && data[1] === 0xd8;
  return data.length > 0;
}

/** A camera that streams. Made by `V4l2Driver.open()`. */
export class V4l2Camera implements OpenCamera {
  /** What was agreed. */
  readonly format: CameraFormat;
  /** Pictures that the driver marked as damaged, or that were cut short. */
  corrupt = 0;
  readonly #device: V4l2Device;
  readonly #agreement: Agreement;
  readonly #stream: V4l2Stream;
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;
  /** Buffers with the driver. */
  readonly #queued = new Set<number>();
  /** Resolved when a buffer comes back while the driver has none. */
  #room: PromiseWithResolvers<void> | undefined;
  #newest: Picture | undefined;
  #pending: PromiseWithResolvers<Picture> | undefined;
  #ended: unknown;
  #closed: Promise<void> | undefined;
  #clockOffset: number | undefined;
  #lastSequence = -1;
  /** Added to the driver's counter, for drivers that begin anew or don't count. */
  #sequenceOffset = 0;

  /** Maps the buffers and starts the stream. Throws FfiError; the device stays the caller's then. */
  constructor(device: V4l2Device, agreement: Agreement) {
    this.#device = device;
    this.#agreement = agreement;
    const { format, pix, fps } = agreement;
    this.format = { format, width: pix.width, height: pix.height, fps };
    this.#stream = new V4l2Stream(device, V4L2_BUFFERS);
    try {
      for (let index = 0; index < this.#stream.count; index++) {
        this.#stream.queue(index);
        this.#queued.add(index);
      }
      this.#stream.start();
    } catch (error) {
      for (let index = 0; index < this.#stream.count; index++) this.#stream.unmap(index);
      throw error;
    }
    this.#loop = this.#run();
  }

  /** The next picture. */
  next(): Promise<Picture> {
    if (this.#pending !== undefined) {
      return Promise.reject(new TypeError("next() is called while another call is pending"));
    }
    const picture = this.#newest;
    if (picture !== undefined) {
      this.#newest = undefined;
      return Promise.resolve(picture);
    }
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#pending = Promise.withResolvers<Picture>();
    return this.#pending.promise;
  }

  async #run(): Promise<void> {
    const { io, fd } = this.#device;
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) {
        if (this.#queued.size === 0) await this.#waitForRoom();
        else {
          const events = await io.wait(fd, POLL.POLLIN, signal);
          const count = this.#drain();
          // With an error pending there is nothing more to come, and poll would answer it forever.
          if (count === 0 && (events & (POLL.POLLERR | POLL.POLLHUP | POLL.POLLNVAL)) !== 0) {
            throw new FfiError(
              "v4l2",
              "poll",
              ERRNO.ENODEV,
              `${this.#device.path}: events ${events}`,
            );
          }
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#end(translateStreamError(error, this.#device.path));
    }
  }

  #waitForRoom(): Promise<void> {
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  /** Takes every filled buffer; keeps the newest picture. Answers how many buffers there were. */
  #drain(): number {
    let count = 0;
    for (;;) {
      const buffer = this.#stream.dequeue();
      if (buffer === undefined) break;
      count++;
      this.#queued.delete(buffer.index);
      const picture = this.#picture(buffer);
      if (picture === undefined) {
        this.corrupt++;
        this.#giveBack(buffer.index);
        continue;
      }
      this.#newest?.release();
      this.#newest = picture;
    }
    if (this.#newest !== undefined && this.#pending !== undefined) {
      const pending = this.#pending;
      this.#pending = undefined;
      const picture = this.#newest;
      this.#newest = undefined;
      pending.resolve(picture);
    }
    return count;
  }

  #picture(buffer: FilledBuffer): Picture | undefined {
    // Counted even when damaged: the gap shows that a picture was lost.
    const sequence = this.#sequence(buffer.sequence);
    if ((buffer.flags & BUF.V4L2_BUF_FLAG_ERROR) !== 0) return undefined;
    const { format, pix } = this.#agreement;
    const { width, height } = pix;
    let released = false;
    const common = {
      width,
      height,
      captureTime: this.#captureTime(buffer),
      sequence,
      release: () => {
        if (released) return;
        released = true;
        this.#giveBack(buffer.index);
      },
    };
    if (isCompressed(format)) {
      const data = buffer.planes[0];
      return data === undefined || !plausible(format, data)
        ? undefined
        : { format, data, ...common };
    }
    const planes = planesOf(format, pix, buffer.planes);
    return planes === undefined ? undefined : { format, planes, ...common };
  }

  #sequence(raw: number): number {
    if (raw + this.#sequenceOffset <= this.#lastSequence) {
      this.#sequenceOffset = this.#lastSequence + 1 - raw;
    }
    return this.#lastSequence = raw + this.#sequenceOffset;
  }

  #captureTime(buffer: FilledBuffer): number {
    const now = this.#device.io.monotonicMicros();
    const measured = nowMicros() - now;
    if (
      this.#clockOffset === undefined ||
      Math.abs(measured - this.#clockOffset) > MAX_OFFSET_ERROR
    ) {
      this.#clockOffset = measured;
    }
    const age = now - buffer.timestamp;
    const stamp = age >= 0 && age < MAX_STAMP_AGE ? buffer.timestamp : now;
    return Math.round(stamp + this.#clockOffset);
  }

  /** Returns a buffer to the driver, or its memory to the system after the end. */
  #giveBack(index: number): void {
    if (this.#closed !== undefined) {
      this.#stream.unmap(index);
      return;
    }
    this.#queued.add(index);
    try {
      this.#stream.queue(index);
    } catch {
      // The device is gone: the loop hears of it as well, and close() unmaps what is here.
    }
    this.#room?.resolve();
    this.#room = undefined;
  }

  #end(error: unknown): void {
    this.#ended ??= error;
    this.#pending?.reject(this.#ended);
    this.#pending = undefined;
  }

  /** Controls now; none once the device is gone. */
  controls(): CameraControl[] {
    return this.#closed === undefined ? listControls(this.#device) : [];
  }

  /** Sets a control. */
  setControl(name: string, value: number): void {
    if (this.#closed !== undefined) throw new LostError(`${this.#device.path} is closed`);
    setControlByName(this.#device, name, value);
  }

  /** Asks an encoding camera for a key frame; cameras without that control send them when they like. */
  requestKeyFrame(): void {
    if (this.#closed !== undefined || !isCompressed(this.format.format)) return;
    try {
      setControl(this.#device, CTRL.V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
    } catch {
      // The camera has no such control.
    }
  }

  /** Stops the stream and closes the node. Pictures still held stay readable until released. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#ended = new DOMException("the camera is closed", "AbortError");
    this.#end(this.#ended);
    const kept = this.#newest;
    this.#newest = undefined;
    this.#stop.abort();
    this.#room?.resolve();
    await this.#loop;
    this.#stream.stop();
    kept?.release();
    for (let index = 0; index < this.#stream.count; index++) {
      // What is still held outlives the device: its bytes stay where they are.
      if (this.#queued.has(index)) this.#stream.unmap(index);
      else this.#stream.detach(index);
    }
    await this.#device.close();
  }

  /** Same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
