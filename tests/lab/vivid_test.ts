import assert from "node:assert/strict";
import { V4l2Driver } from "../../lib/camera/v4l2_driver.ts";
import { V4L2_BUFFERS } from "../../lib/camera/v4l2_camera.ts";
import { selectCamera } from "../../lib/camera/select.ts";
import { testCamera } from "../compliance/camera.ts";
import { inLab, platformDevice } from "./support.ts";

const driver = new V4l2Driver();
const vivid = platformDevice("vivid", "vivid.0");

for (
  const [index, name] of ["vivid, one memory plane", "vivid, several memory planes"].entries()
) {
  testCamera({
    name,
    ignore: !inLab,
    setUp: async () => {
      const { info } = await selectCamera(`platform:vivid-00${index}`);
      return { driver, info, [Symbol.asyncDispose]: () => Promise.resolve() };
    },
    format: "YUYV",
    missing: "H264",
    size: { width: 320, height: 180 },
    fps: 15,
    buffers: V4L2_BUFFERS,
    remove: () => vivid.remove(),
    restore: () => vivid.restore(),
  });
}

Deno.test({
  name: "vivid's nodes are listed, devices to write to are not",
  ignore: !inLab,
  fn: async () => {
    const paths = (await driver.list()).map((each) => each.path);
    assert.ok(paths.length >= 2);
    assert.ok(!paths.includes("/dev/video21"), "an unfed v4l2loopback is no camera");
  },
});
