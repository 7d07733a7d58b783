/**
 * Driver `v4l2`: every camera that Linux knows.
 *
 * @module
 */
import { V4l2Device } from "../../ffi/v4l2/device.ts";
import type {
  CameraControl,
  CameraDriver,
  CameraInfo,
  CameraMode,
  CameraWish,
  OpenCamera,
} from "./camera.ts";
import { waitForDevice } from "./hotplug.ts";
import { V4l2Camera } from "./v4l2_camera.ts";
import { listControls, setControlByName } from "./v4l2_controls.ts";
import { translateOpenError } from "./v4l2_errors.ts";
import { listV4l2, thisHost, type V4l2Host } from "./v4l2_list.ts";
import { listModes, negotiate } from "./v4l2_modes.ts";

/** Cameras by Video4Linux2. */
export class V4l2Driver implements CameraDriver {
  /** `v4l2`. */
  readonly name = "v4l2";
  readonly #host: V4l2Host;

  /** Of this machine, or of a test's. */
  constructor(host: V4l2Host = thisHost) {
    this.#host = host;
  }

  /** Cameras here now. */
  list(): Promise<CameraInfo[]> {
    return listV4l2(this.#host);
  }

  /** What the camera offers, without disturbing it. */
  modes(info: CameraInfo): Promise<CameraMode[]> {
    return this.#with(info, listModes);
  }

  /** Its controls, without streaming from it. */
  controls(info: CameraInfo): Promise<CameraControl[]> {
    return this.#with(info, listControls);
  }

  async #with<T>(info: CameraInfo, use: (device: V4l2Device) => T): Promise<T> {
    try {
      const device = new V4l2Device(info.path, "capture", this.#host.io);
      try {
        return use(device);
      } finally {
        await device.close();
      }
    } catch (error) {
      throw await translateOpenError(error, info.path);
    }
  }

  /** Opens it, sets controls, then format, size and rate, and starts the stream. */
  async open(info: CameraInfo, wish: CameraWish): Promise<OpenCamera> {
    try {
      const device = new V4l2Device(info.path, "capture", this.#host.io);
      try {
        for (const [name, value] of Object.entries(wish.controls ?? {})) {
          setControlByName(device, name, value);
        }
        return new V4l2Camera(device, negotiate(device, wish));
      } catch (error) {
        await device.close();
        throw error;
      }
    } catch (error) {
      throw await translateOpenError(error, info.path);
    }
  }

  /** Waits for the camera with this id, until it is here and may be opened. */
  reappears(info: CameraInfo, options: { signal?: AbortSignal } = {}): Promise<CameraInfo> {
    const { signal } = options;
    return waitForDevice(async () => {
      const found = (await this.list()).find((camera) => camera.id === info.id);
      // `unknown` is one whose node can't be opened: udev hasn't set its permissions yet.
      return found?.driver === "unknown" ? undefined : found;
    }, { subsystem: "video4linux", folder: this.#host.deviceFolder, ...(signal && { signal }) });
  }
}
