import assert from "node:assert/strict";
import { TestCameraDriver } from "../../lib/camera/test_camera.ts";
import { readPattern } from "../../lib/camera/pattern_code.ts";
import { UsageError } from "../../lib/errors.ts";
import { testCamera } from "../compliance/camera.ts";

const driver = new TestCameraDriver();

testCamera({
  name: "test camera",
  setUp: () =>
    Promise.resolve({
      driver,
      info: driver.info(),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  format: "I420",
  missing: "H264",
  size: { width: 320, height: 240 },
  fps: 60,
  buffers: 4,
  remove: () => driver.unplug(),
  restore: () => driver.plug(),
});

Deno.test("the picture's strip says its sequence and capture time", async () => {
  await using camera = await driver.open(driver.info("test:640x360@120"), { formats: [] });
  assert.deepEqual(camera.format, { format: "I420", width: 640, height: 360, fps: 120 });
  for (let i = 0; i < 10; i++) {
    const picture = await camera.next();
    assert.ok("planes" in picture);
    const { data, stride } = picture.planes[0]!;
    assert.deepEqual(readPattern(data, 640, 360, stride), {
      sequence: picture.sequence,
      captureTime: picture.captureTime,
    });
    picture.release();
  }
});

Deno.test("the rate is kept without drift", async () => {
  await using camera = await driver.open(driver.info("test:160x120@100"), { formats: ["I420"] });
  const first = await camera.next();
  first.release();
  let last = first;
  while (last.sequence < first.sequence + 100) {
    last = await camera.next();
    last.release();
  }
  const period = (last.captureTime - first.captureTime) / (last.sequence - first.sequence);
  assert.ok(Math.abs(period - 10_000) < 200, `${period} µs from picture to picture`);
});

Deno.test("what the wish names wins over the selector", async () => {
  await using camera = await driver.open(driver.info("test:640x480@15"), {
    formats: ["I420"],
    width: 320,
    height: 200,
    fps: 25,
  });
  assert.deepEqual(camera.format, { format: "I420", width: 320, height: 200, fps: 25 });
});

for (const selector of ["test:", "test:640", "test:640x", "test:640x480@", "tests", "test:@x"]) {
  Deno.test(`"${selector}" is ${selector === "test:" ? "the default" : "a usage error"}`, () => {
    if (selector === "test:") driver.info(selector);
    else assert.throws(() => driver.info(selector), UsageError);
  });
}
