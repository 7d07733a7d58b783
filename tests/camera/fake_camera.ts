/**
 * A camera whose pictures a test hands over one by one.
 *
 * @module
 */
import type {
  CameraDriver,
  CameraInfo,
  CameraMode,
  CameraWish,
  CaptureFormat,
  OpenCamera,
  Picture,
} from "../../lib/camera/camera.ts";
import { LostError } from "../../lib/errors.ts";

const INFO: CameraInfo = {
  id: "usb-Fake-0",
  path: "/dev/video7",
  label: "Fake camera",
  aliases: [],
  driver: "fake",
  bus: "none",
};

/** Driver and camera in one; what is pushed comes out of `next()`. */
export class FakeCamera implements CameraDriver {
  readonly name = "fake";
  /** How often it was opened. */
  opened = 0;
  /** Whether it is open now. */
  isOpen = false;
  /** Pictures given back. */
  released = 0;
  /** Pictures handed out and not given back. */
  held = 0;
  /** Key frames asked for. */
  keyFramesAsked = 0;
  /** What it was opened with last. */
  wish: CameraWish | undefined;
  readonly #format: CaptureFormat;
  readonly #width: number;
  readonly #height: number;
  readonly #queue: Picture[] = [];
  #pending: PromiseWithResolvers<Picture> | undefined;
  #lost = false;

  constructor(format: CaptureFormat, width: number, height: number) {
    this.#format = format;
    this.#width = width;
    this.#height = height;
  }

  info(): CameraInfo {
    return INFO;
  }

  list(): Promise<CameraInfo[]> {
    return Promise.resolve([INFO]);
  }

  modes(): Promise<CameraMode[]> {
    return Promise.resolve([{
      format: this.#format,
      width: this.#width,
      height: this.#height,
      rates: [30],
    }]);
  }

  open(_info: CameraInfo, wish: CameraWish): Promise<OpenCamera> {
    this.opened++;
    this.isOpen = true;
    this.wish = wish;
    this.#lost = false;
    const end = (error: unknown) => {
      this.isOpen = false;
      this.#pending?.reject(error);
      this.#pending = undefined;
    };
    return Promise.resolve({
      format: { format: this.#format, width: this.#width, height: this.#height, fps: 30 },
      next: () => {
        if (this.#lost) return Promise.reject(new LostError("the fake camera is gone"));
        const picture = this.#queue.shift();
        if (picture !== undefined) return Promise.resolve(picture);
        this.#pending = Promise.withResolvers<Picture>();
        return this.#pending.promise;
      },
      controls: () => [],
      setControl: () => {},
      requestKeyFrame: () => void this.keyFramesAsked++,
      close: () => {
        end(new DOMException("the camera is closed", "AbortError"));
        return Promise.resolve();
      },
      async [Symbol.asyncDispose]() {
        await this.close();
      },
    });
  }

  reappears(info: CameraInfo): Promise<CameraInfo> {
    return Promise.resolve({ ...info, path: "/dev/video9" });
  }

  /** Hands a picture over. */
  push(picture: Picture): void {
    this.held++;
    picture.release = () => {
      this.held--;
      this.released++;
    };
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) this.#queue.push(picture);
    else pending.resolve(picture);
  }

  /** A compressed picture. */
  pushData(format: "MJPG" | "H264" | "HEVC", data: Uint8Array, sequence: number): void {
    this.push({
      format,
      data,
      width: this.#width,
      height: this.#height,
      captureTime: 1_700_000_000_000_000 + sequence * 33_333,
      sequence,
      release: () => {},
    });
  }

  /** The device goes away. */
  lose(): void {
    this.#lost = true;
    this.#pending?.reject(new LostError("the fake camera is gone"));
    this.#pending = undefined;
  }
}
