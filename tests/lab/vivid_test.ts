import assert from "node:assert/strict";
import { V4l2Driver } from "../../lib/camera/v4l2_driver.ts";
import { V4L2_BUFFERS } from "../../lib/camera/v4l2_camera.ts";
import { selectCamera } from "../../lib/camera/select.ts";
import { testCamera } from "../compliance/camera.ts";
import { command, inLab, platformDevice } from "./support.ts";

const driver = new V4l2Driver();
const vivid = platformDevice("vivid", "vivid.0");
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

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
    // Taken away once is enough: both are one device of the platform.
    ...(index === 0 ? { remove: () => vivid.remove(), restore: () => vivid.restore() } : {}),
  });
}

test("vivid's nodes are listed, devices to write to are not", async () => {
  const paths = (await driver.list()).map((each) => each.path);
  assert.ok(paths.length >= 2);
  assert.ok(!paths.includes("/dev/video21"), "an unfed v4l2loopback is no camera");
});

test("sizes are those that v4l2-ctl lists", async () => {
  const { info } = await selectCamera("platform:vivid-000");
  const modes = (await driver.modes(info)).filter(({ format }) => format === "YUYV");
  const listed = await command("v4l2-ctl", "-d", info.path, "--list-framesizes=YUYV");
  const sizes = [...listed.matchAll(/Size: Discrete (\d+x\d+)/g)].map((match) => match[1]);
  assert.ok(sizes.length > 2);
  assert.deepEqual(modes.map(({ width, height }) => `${width}x${height}`), sizes);
});

test("controls have v4l2-ctl's names, values and items", async () => {
  const { info } = await selectCamera("platform:vivid-000");
  const controls = await driver.controls(info);
  const listed = await command("v4l2-ctl", "-d", info.path, "--list-ctrls");
  const names = [
    ...listed.matchAll(/^\s*(\w+) 0x\w+ \((?:int|bool|menu|intmenu|button|bitmask)\)/gm),
  ]
    .map((match) => match[1]!);
  assert.ok(names.length > 10, listed);
  const arrays = new Set([...listed.matchAll(/^\s*(\w+) 0x.*dims=/gm)].map((match) => match[1]));
  assert.deepEqual(
    controls.map(({ name }) => name),
    names.filter((name) => !arrays.has(name)),
  );
  const pattern = controls.find(({ name }) => name === "test_pattern");
  assert.equal(pattern?.type, "menu");
  assert.equal(pattern.items?.[0], "75% Colorbar");
});

test("a control set here has its value for others, and a bad value is refused", async () => {
  const { info } = await selectCamera("platform:vivid-000");
  await using camera = await driver.open(info, { formats: ["YUYV"], controls: { brightness: 77 } });
  const value = async () => await command("v4l2-ctl", "-d", info.path, "-C", "brightness");
  assert.equal((await value()).trim(), "brightness: 77");
  camera.setControl("brightness", 99);
  assert.equal((await value()).trim(), "brightness: 99");
  assert.equal(camera.controls().find(({ name }) => name === "brightness")?.value, 99);
  assert.throws(() => camera.setControl("brightness", 256), RangeError);
  assert.throws(() => camera.setControl("brightness", 1.5), RangeError);
  assert.throws(() => camera.setControl("test_pattern", 1000), RangeError);
});

test("a camera that streams elsewhere is busy, and the error says who has it", async () => {
  const { info } = await selectCamera("platform:vivid-000");
  const other = new Deno.Command("v4l2-ctl", {
    args: ["-d", info.path, "--stream-mmap", "--verbose"],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    // It says something on stderr with its first picture; a closed stderr would end it.
    const reader = other.stderr.getReader();
    await reader.read();
    reader.releaseLock();
    await assert.rejects(
      driver.open(info, { formats: ["YUYV"] }),
      (error: Error & { code?: string }) =>
        error.code === "busy" && error.message.includes(`v4l2-ctl (pid ${other.pid})`),
    );
  } finally {
    other.kill("SIGKILL");
    await other.stderr.cancel();
    await other.status;
  }
});
