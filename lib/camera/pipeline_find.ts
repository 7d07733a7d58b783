import { NotFoundError } from "../errors.ts";
import type { CameraDriver, CameraInfo } from "./camera.ts";
import { TestCameraDriver } from "./test_camera.ts";

export function findCamera(selector: string): Promise<{ driver: CameraDriver; info: CameraInfo }> {
  return Promise.try(() => {
    if (!selector.startsWith("test")) throw new NotFoundError(`no camera "${selector}"`);
    const driver = new TestCameraDriver();
    return { driver, info: driver.info(selector) };
  });
}
