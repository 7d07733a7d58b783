/**
 * The camera drivers of this system.
 *
 * @module
 */
import type { CameraDriver } from "./camera.ts";
import { TestCameraDriver } from "./test_camera.ts";
import { V4l2Driver } from "./v4l2_driver.ts";

/** The test camera of this isolate. */
export const testDriver: TestCameraDriver = new TestCameraDriver();

let drivers: readonly CameraDriver[] | undefined;

/** Every driver that works on this system, real cameras first, the test pattern last. */
export function cameraDrivers(): readonly CameraDriver[] {
  drivers ??= Deno.build.os === "linux" ? [new V4l2Driver(), testDriver] : [testDriver];
  return drivers;
}
