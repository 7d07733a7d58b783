import assert from "node:assert/strict";
import type { CameraDriver, CameraInfo } from "../../lib/camera/camera.ts";
import { NotFoundError, UsageError } from "../../lib/errors.ts";
import { selectCamera } from "../../lib/camera/select.ts";
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";

function camera(number: number, label: string, ...names: string[]): CameraInfo {
  const path = `/dev/no-such-video${number}`;
  return {
    id: names[0] ?? label,
    path,
    label,
    aliases: [String(number), path, ...names],
    driver: "fake",
    bus: "",
  };
}

const CAMERAS = [
  camera(0, "Logitech HD Webcam", "usb-046d_HD_A1-video-index0", "046d:0825:A1", "046d:0825"),
  camera(2, "Logitech HD Webcam", "usb-046d_HD_B2-video-index0", "046d:0825:B2", "046d:0825"),
  camera(4, "Arducam 64MP", "usb-arducam-video-index0"),
];
const unused = () => Promise.reject(new Error("not used"));
const fake: CameraDriver = {
  name: "fake",
  list: () => Promise.resolve(CAMERAS),
  modes: unused,
  open: unused,
  reappears: unused,
};
const drivers = [fake, new TestCameraDriver()];

const FOUND: [selector: string, path: string][] = [
  ["0", "/dev/no-such-video0"],
  ["2", "/dev/no-such-video2"],
  ["/dev/no-such-video4", "/dev/no-such-video4"],
  ["usb-046d_HD_B2-video-index0", "/dev/no-such-video2"],
  ["046d:0825:A1", "/dev/no-such-video0"],
  ["arducam", "/dev/no-such-video4"],
  ["64mp", "/dev/no-such-video4"],
  ["Arducam 64MP", "/dev/no-such-video4"],
  ["_b2-", "/dev/no-such-video2"],
  ["test", "test"],
  ["test:320x240@5", "test:320x240@5"],
];
for (const [selector, path] of FOUND) {
  Deno.test(`"${selector}" means ${path}`, async () => {
    assert.equal((await selectCamera(selector, drivers)).info.path, path);
  });
}

for (const selector of ["logitech", "046d:0825", "webcam"]) {
  Deno.test(`"${selector}" fits two cameras, and the error lists them`, async () => {
    await assert.rejects(
      selectCamera(selector, drivers),
      (error: unknown) =>
        error instanceof UsageError && error.message.includes("/dev/no-such-video0") &&
        error.message.includes("/dev/no-such-video2") && !error.message.includes("Arducam"),
    );
  });
}

for (const selector of ["9", "/dev/video99", "nikon", "4x"]) {
  Deno.test(`"${selector}" is not found, and the error says what is here`, async () => {
    await assert.rejects(
      selectCamera(selector, drivers),
      (error: unknown) =>
        error instanceof NotFoundError && error.message.includes("Arducam 64MP") &&
        error.hint !== undefined,
    );
  });
}

Deno.test("without any camera the error names the test pattern", async () => {
  const none = { ...fake, list: () => Promise.resolve([]) };
  await assert.rejects(
    selectCamera("0", [none]),
    (error: unknown) => error instanceof NotFoundError && (error.hint ?? "").includes("test"),
  );
});
