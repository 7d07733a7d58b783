import assert from "node:assert/strict";
import { ERRNO } from "../../ffi/libc.ts";
import { BUF, CAP, CTRL, PIX_FMT } from "../../ffi/v4l2/layout.ts";
import type { CompressedPicture } from "../../lib/camera/camera.ts";
import { V4L2_BUFFERS, V4l2Camera } from "../../lib/camera/v4l2_camera.ts";
import { V4l2Driver } from "../../lib/camera/v4l2_driver.ts";
import type { RawFrame } from "../../lib/media/frame.ts";
import { testCamera } from "../compliance/camera.ts";
import { type FakeCamera, FakeV4l2, type FilledFake } from "./fake_v4l2.ts";

// The fake stands on the real clock and errno table of Linux.
const ignore = Deno.build.os !== "linux";
const PATH = "/fake/video7";

function webcam(change: Partial<FakeCamera> = {}): FakeCamera {
  return {
    card: "Fake Webcam",
    bus: "usb-fake-1",
    caps: CAP.V4L2_CAP_VIDEO_CAPTURE | CAP.V4L2_CAP_STREAMING,
    formats: [
      { fourcc: PIX_FMT.V4L2_PIX_FMT_YUYV, sizes: [[640, 480], [160, 120]], rates: [100, 30, 5] },
      {
        fourcc: PIX_FMT.V4L2_PIX_FMT_MJPEG,
        sizes: [[1920, 1080], [640, 480], [160, 120]],
        rates: [100, 30],
      },
    ],
    controls: [
      { id: 0x980900, name: "Brightness", type: 1, min: 0, max: 255, value: 128 },
      {
        id: 0x980918,
        name: "Power Line Frequency",
        type: CTRL.V4L2_CTRL_TYPE_MENU,
        min: 0,
        max: 2,
        value: 1,
        items: { 0: "Disabled", 2: "60 Hz" },
      },
      {
        id: 0x9a0902,
        name: "Exposure Time, Absolute",
        type: 1,
        min: 3,
        max: 2047,
        value: 250,
        flags: CTRL.V4L2_CTRL_FLAG_INACTIVE,
      },
    ],
    ...change,
  };
}

/** Runs the body with a driver on a fake kernel that has this one camera. */
async function withFake<T>(
  camera: FakeCamera,
  body: (driver: V4l2Driver, fake: FakeV4l2) => Promise<T>,
): Promise<T> {
  const fake = new FakeV4l2();
  fake.cameras.set(PATH, camera);
  await using host = await fake.host();
  return await body(new V4l2Driver(host), fake);
}

async function firstInfo(driver: V4l2Driver) {
  const [info] = await driver.list();
  assert.ok(info !== undefined);
  return info;
}

const test = (name: string, fn: () => Promise<unknown>) =>
  Deno.test({ name, ignore, fn: async () => void await fn() });

{
  let fake: FakeV4l2;
  let camera: FakeCamera;
  testCamera({
    name: "V4L2 over a fake kernel",
    ignore,
    setUp: async () => {
      fake = new FakeV4l2();
      fake.cameras.set(PATH, camera = webcam());
      const host = await fake.host();
      const driver = new V4l2Driver(host);
      return {
        driver,
        info: await firstInfo(driver),
        [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
      };
    },
    format: "YUYV",
    missing: "H264",
    size: { width: 160, height: 120 },
    fps: 100,
    buffers: V4L2_BUFFERS,
    remove: () => fake.unplug(PATH),
    restore: () => fake.plug(PATH, camera),
  });
}

test("the first wished format that has size and rate wins", () =>
  withFake(webcam(), async (driver) => {
    const info = await firstInfo(driver);
    const agreed = async (wish: Parameters<V4l2Driver["open"]>[1]) => {
      await using camera = await driver.open(info, wish);
      const { format, width, height, fps } = camera.format;
      return `${format} ${width}x${height}@${fps}`;
    };
    const both = { formats: ["YUYV" as const, "MJPG" as const] };
    assert.equal(await agreed({ ...both, width: 640, height: 480 }), "YUYV 640x480@30");
    assert.equal(await agreed({ ...both, width: 1920, height: 1080 }), "MJPG 1920x1080@30");
    assert.equal(await agreed({ ...both, width: 1900, height: 1000 }), "MJPG 1920x1080@30");
    assert.equal(
      await agreed({ formats: ["MJPG"], width: 1900, height: 1000 }),
      "MJPG 1920x1080@30",
    );
    assert.equal(await agreed({ formats: ["MJPG"], height: 480 }), "MJPG 640x480@30");
    assert.equal(await agreed({ formats: ["MJPG"], fps: 60 }), "MJPG 1920x1080@30");
    assert.equal(await agreed({ formats: [] }), "YUYV 640x480@30");
  }));

test("a camera that takes any size in a range is asked for the one that fits its steps", () =>
  withFake(
    webcam({
      formats: [{
        fourcc: PIX_FMT.V4L2_PIX_FMT_YUV420,
        sizes: { min: [16, 16], max: [1920, 1080], step: 8 },
        rates: [30],
      }],
    }),
    async (driver) => {
      const info = await firstInfo(driver);
      await using camera = await driver.open(info, { formats: ["I420"], width: 323, height: 5000 });
      assert.deepEqual([camera.format.width, camera.format.height], [320, 1080]);
      const modes = await driver.modes(info);
      assert.ok(modes.some(({ width, height }) => width === 1920 && height === 1080));
    },
  ));

test("I420's planes lie one after the other in the buffer", () =>
  withFake(
    webcam({
      formats: [{ fourcc: PIX_FMT.V4L2_PIX_FMT_YUV420, sizes: [[64, 48]], rates: [100] }],
    }),
    async (driver) => {
      await using camera = await driver.open(await firstInfo(driver), { formats: [] });
      const picture = await camera.next() as RawFrame;
      const [y, u, v] = picture.planes;
      assert.deepEqual(picture.planes.map(({ stride }) => stride), [64, 32, 32]);
      assert.equal(u!.data.byteOffset - y!.data.byteOffset, 64 * 48);
      assert.equal(v!.data.byteOffset - u!.data.byteOffset, 32 * 24);
      picture.release();
    },
  ));

test("damaged and short buffers are passed over, counted, and show as gaps", () => {
  const broken: Record<number, (buffer: FilledFake) => void> = {
    1: (buffer) => buffer.flags |= BUF.V4L2_BUF_FLAG_ERROR,
    3: (buffer) => buffer.bytesUsed = 100,
  };
  const tamper = (buffer: FilledFake) => broken[buffer.sequence]?.(buffer);
  return withFake(webcam({ tamper }), async (driver) => {
    await using camera = await driver.open(await firstInfo(driver), {
      formats: ["YUYV"],
      width: 160,
      height: 120,
      fps: 100,
    });
    const seen: number[] = [];
    while (seen.length < 4) {
      const picture = await camera.next();
      seen.push(picture.sequence);
      picture.release();
    }
    assert.ok(!seen.includes(1) && !seen.includes(3), `${seen}`);
    assert.ok(camera instanceof V4l2Camera && camera.corrupt === 2);
  });
});

test("an MJPG buffer that doesn't begin as a JPEG is passed over", () =>
  withFake(webcam(), async (driver) => {
    await using camera = await driver.open(await firstInfo(driver), {
      formats: ["MJPG"],
      width: 160,
      height: 120,
      fps: 100,
    });
    const pending = camera.next() as Promise<CompressedPicture>;
    const closed = assert.rejects(pending, { name: "AbortError" });
    while ((camera as V4l2Camera).corrupt < 3) await new Promise((next) => setTimeout(next, 5));
    await camera.close();
    await closed;
  }));

test("a camera's JPEG is the used part of the buffer, and lies in it", () => {
  let memory: Uint8Array | undefined;
  const tamper = (buffer: FilledFake) => {
    memory ??= buffer.memory;
    buffer.memory.set([0xff, 0xd8, buffer.sequence]);
    buffer.bytesUsed = 1000 + buffer.sequence;
  };
  return withFake(webcam({ tamper }), async (driver) => {
    await using camera = await driver.open(await firstInfo(driver), { formats: ["MJPG"] });
    const picture = await camera.next() as CompressedPicture;
    assert.equal(picture.format, "MJPG");
    assert.equal(picture.data.length, 1000 + picture.sequence);
    assert.deepEqual([...picture.data.subarray(0, 3)], [0xff, 0xd8, picture.sequence]);
    if (picture.sequence === 0) assert.equal(picture.data.buffer, memory?.buffer);
    picture.release();
  });
});

test("a key frame is asked for by the camera's control, where it has one", async () => {
  const force = {
    id: CTRL.V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME,
    name: "Force Key Frame",
    type: CTRL.V4L2_CTRL_TYPE_BUTTON,
    min: 0,
    max: 1,
    value: 0,
  };
  const formats = [{
    fourcc: PIX_FMT.V4L2_PIX_FMT_H264,
    sizes: [[640, 480] as [number, number]],
    rates: [30],
  }];
  for (const controls of [[force], []]) {
    await withFake(webcam({ formats, controls }), async (driver) => {
      await using camera = await driver.open(await firstInfo(driver), { formats: ["H264"] });
      assert.equal(force.value, 0);
      camera.requestKeyFrame();
      assert.equal(force.value, controls.length);
      force.value = 0;
    });
  }
});

test("a driver that doesn't count gets counted for, one that doesn't stamp is stamped", () => {
  const tamper = (buffer: FilledFake) => {
    buffer.sequence = 0;
    buffer.timestamp = 0;
    buffer.flags = 0;
  };
  return withFake(webcam({ tamper }), async (driver) => {
    const before = Date.now() * 1000;
    await using camera = await driver.open(await firstInfo(driver), {
      formats: ["YUYV"],
      fps: 100,
    });
    for (let last = -1, i = 0; i < 5; i++) {
      const { sequence, captureTime, release } = await camera.next();
      assert.ok(sequence > last);
      assert.ok(Math.abs(captureTime - before) < 10e6);
      last = sequence;
      release();
    }
  });
});

const FAILURES: [string, FakeCamera["failures"], string, RegExp][] = [
  ["no permission", { open: -ERRNO.EACCES }, "denied", /no permission/],
  ["a node that is gone", { open: -ERRNO.ENODEV }, "not-found", /not there/],
  ["a camera in use", { VIDIOC_REQBUFS: -ERRNO.EBUSY }, "busy", /used by another program/],
  ["a full USB bus", { VIDIOC_STREAMON: -ERRNO.ENOSPC }, "failed", /bandwidth/],
  ["a node that doesn't stream", { VIDIOC_REQBUFS: -ERRNO.EINVAL }, "unsupported", /no camera/],
];
for (const [name, failures, code, message] of FAILURES) {
  test(`${name} is told as such`, () =>
    withFake(webcam(), async (driver, fake) => {
      const info = await firstInfo(driver);
      fake.cameras.get(PATH)!.failures = failures!;
      await assert.rejects(driver.open(info, { formats: [] }), { code, message });
      fake.cameras.get(PATH)!.failures = {};
      await using camera = await driver.open(info, { formats: [] });
      (await camera.next()).release();
    }));
}

test("a camera that may not be opened is listed by its name in sysfs", () =>
  withFake(webcam({ failures: { open: -ERRNO.EACCES } }), async (driver) => {
    const info = await firstInfo(driver);
    assert.equal(info.label, "Fake Webcam");
    assert.equal(info.driver, "unknown");
    await assert.rejects(driver.open(info, { formats: [] }), { code: "denied" });
  }));

test("nodes that only write, and codecs, are no cameras", async () => {
  const fake = new FakeV4l2();
  fake.cameras.set("/fake/video0", webcam({ caps: CAP.V4L2_CAP_VIDEO_OUTPUT }));
  fake.cameras.set("/fake/video1", webcam({ caps: CAP.V4L2_CAP_VIDEO_M2M_MPLANE }));
  fake.cameras.set("/fake/video10", webcam());
  fake.cameras.set("/fake/video2", webcam());
  await using host = await fake.host();
  const found = await new V4l2Driver(host).list();
  assert.deepEqual(found.map(({ path }) => path), ["/fake/video2", "/fake/video10"]);
  assert.deepEqual(found.map(({ id }) => id), ["usb-fake-1", "usb-fake-1#1"]);
});

test("controls have names as v4l2-ctl writes them, and menus their items", () =>
  withFake(webcam(), async (driver) => {
    const controls = await driver.controls(await firstInfo(driver));
    assert.deepEqual(controls.map(({ name, type, inactive }) => [name, type, inactive]), [
      ["brightness", "integer", false],
      ["power_line_frequency", "menu", false],
      ["exposure_time_absolute", "integer", true],
    ]);
    assert.deepEqual(controls[1]?.items, { 0: "Disabled", 2: "60 Hz" });
  }));

test("a control out of its range is refused before the driver sees it", () =>
  withFake(webcam(), async (driver) => {
    const info = await firstInfo(driver);
    await using camera = await driver.open(info, { formats: [], controls: { brightness: 3 } });
    assert.equal(camera.controls()[0]?.value, 3);
    for (const value of [-1, 256, 0.5, NaN]) {
      assert.throws(() => camera.setControl("brightness", value), RangeError);
    }
    assert.equal(camera.controls()[0]?.value, 3);
  }));
