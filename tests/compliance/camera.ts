/**
 * The contract of `lib/camera/camera.ts` as tests, run against every camera driver: the test
 * pattern, V4L2 over a fake device, and V4L2 on a kernel driver in the lab.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  CameraDriver,
  CameraInfo,
  CaptureFormat,
  OpenCamera,
  Picture,
} from "../../lib/camera/camera.ts";
import { NotFoundError, UnsupportedError, UsageError } from "../../lib/errors.ts";

/** What the suite needs to know of the camera under test. */
export interface CameraSubject {
  /** Stands in front of each test's name. */
  name: string;
  /** Skips everything. */
  ignore?: boolean;
  /** The driver and one camera of it, free and streaming when asked. */
  setUp(): Promise<{ driver: CameraDriver; info: CameraInfo } & AsyncDisposable>;
  /** A format the camera gives. */
  format: CaptureFormat;
  /** One it can't give. */
  missing: CaptureFormat;
  /** A size it gives exactly. */
  size: { width: number; height: number };
  /** Rate to ask for. */
  fps: number;
  /** Buffers it has at most. */
  buffers: number;
  /** Makes the open camera go away; absent where that can't be done. */
  remove?: (info: CameraInfo) => Promise<void> | void;
  /** Brings it back. */
  restore?: (info: CameraInfo) => Promise<void> | void;
}

/** Bytes a raw picture's planes must have at least. */
function checkShape(picture: Picture): void {
  assert.ok(Number.isSafeInteger(picture.captureTime), "capture time is an integer");
  assert.ok(Number.isSafeInteger(picture.sequence) && picture.sequence >= 0);
  if ("data" in picture) {
    assert.ok(picture.data.length > 0);
    return;
  }
  const { width, height, planes } = picture;
  const chroma = [Math.ceil(width / 2), Math.ceil(height / 2)] as const;
  const shapes: Record<string, (readonly [number, number])[]> = {
    I420: [[width, height], chroma, chroma],
    NV12: [[width, height], [chroma[0] * 2, chroma[1]]],
    YUYV: [[width * 2, height]],
    UYVY: [[width * 2, height]],
    GREY: [[width, height]],
    RGBA: [[width * 4, height]],
  };
  const shape = shapes[picture.format]!;
  assert.equal(planes.length, shape.length);
  for (const [index, [bytes, rows]] of shape.entries()) {
    const { data, stride } = planes[index]!;
    assert.ok(stride >= bytes, `stride ${stride} of plane ${index} holds ${bytes} bytes`);
    assert.ok(data.length >= stride * (rows - 1) + bytes, `plane ${index} holds ${rows} rows`);
  }
}

async function take(camera: OpenCamera, count: number): Promise<[number, number][]> {
  const seen: [number, number][] = [];
  for (let i = 0; i < count; i++) {
    const picture = await camera.next();
    seen.push([picture.sequence, picture.captureTime]);
    picture.release();
  }
  return seen;
}

/** Registers the suite's tests for one camera. */
export function testCamera(subject: CameraSubject): void {
  const { format, size, fps } = subject;
  const wish = { formats: [format], ...size, fps };
  const test = (name: string, body: (driver: CameraDriver, info: CameraInfo) => Promise<void>) =>
    Deno.test({
      name: `${subject.name}: ${name}`,
      ignore: subject.ignore ?? false,
      fn: async () => {
        await using subjectNow = await subject.setUp();
        await body(subjectNow.driver, subjectNow.info);
      },
    });

  test("the list has the camera, with an id, a node and its names", async (driver, info) => {
    const found = (await driver.list()).find((each) => each.id === info.id);
    assert.ok(found, `${info.id} is listed`);
    assert.ok(found.label.length > 0 && found.driver.length > 0);
    assert.ok(found.aliases.length > 0);
  });

  test("the modes hold the size and the format, rates highest first", async (driver, info) => {
    const modes = await driver.modes(info);
    assert.ok(
      modes.some((mode) =>
        mode.format === format && mode.width === size.width && mode.height === size.height
      ),
    );
    for (const mode of modes) {
      assert.deepEqual(mode.rates, mode.rates.toSorted((a, b) => b - a));
    }
  });

  test("open answers what was agreed, and pictures have that shape", async (driver, info) => {
    await using camera = await driver.open(info, wish);
    assert.equal(camera.format.format, format);
    assert.deepEqual({ width: camera.format.width, height: camera.format.height }, size);
    const picture = await camera.next();
    assert.equal(picture.format, format);
    assert.deepEqual({ width: picture.width, height: picture.height }, size);
    checkShape(picture);
    picture.release();
  });

  test("sequence and capture time grow, and the time is now's", async (driver, info) => {
    const before = Date.now() * 1000;
    await using camera = await driver.open(info, wish);
    const seen = await take(camera, 8);
    for (const [index, [sequence, time]] of seen.entries()) {
      const previous = seen[index - 1];
      if (previous === undefined) continue;
      assert.ok(sequence > previous[0], `${sequence} comes after ${previous[0]}`);
      assert.ok(time > previous[1], `${time} comes after ${previous[1]}`);
    }
    // Clocks are compared across sources: a tick of the kernel's plus the drift that is allowed.
    const slack = 10_000;
    assert.ok(seen[0]![1] >= before - slack, "not before the camera was opened");
    assert.ok(seen.at(-1)![1] <= Date.now() * 1000 + slack, "not in the future");
  });

  test("an odd size and an odd rate get the nearest there is", async (driver, info) => {
    await using camera = await driver.open(info, {
      formats: [format],
      width: size.width + 3,
      height: size.height + 1,
      fps: 29.7,
    });
    assert.ok(camera.format.width > 0 && camera.format.height > 0);
    const picture = await camera.next();
    checkShape(picture);
    picture.release();
  });

  test("a format it can't give is refused as unsupported", async (driver, info) => {
    await assert.rejects(driver.open(info, { formats: [subject.missing] }), UnsupportedError);
  });

  test("the first format of the wish that it offers wins", async (driver, info) => {
    await using camera = await driver.open(info, { ...wish, formats: [subject.missing, format] });
    assert.equal(camera.format.format, format);
  });

  test("an unknown control is a usage error", async (driver, info) => {
    await using camera = await driver.open(info, wish);
    assert.throws(() => camera.setControl("no_such_control", 1), UsageError);
    await assert.rejects(
      driver.open(info, { ...wish, controls: { no_such_control: 1 } }),
      UsageError,
    );
  });

  test("pictures not asked for in time are dropped and show as a gap", async (driver, info) => {
    await using camera = await driver.open(info, wish);
    const [first] = await take(camera, 1);
    // The wait is the thing tested: a consumer that is late by more than the buffers hold.
    await new Promise((resolve) => setTimeout(resolve, (subject.buffers + 6) * 1000 / fps));
    const seen = await take(camera, subject.buffers + 2);
    const last = seen.at(-1)!;
    assert.ok(
      last[0] - first![0] > subject.buffers + 2,
      `${last[0]} − ${first![0]} shows that pictures were dropped`,
    );
  });

  test("holding every buffer stops capture, a release starts it again", async (driver, info) => {
    await using camera = await driver.open(info, wish);
    const held: Picture[] = [];
    let waiting: Promise<Picture> | undefined;
    while (waiting === undefined) {
      assert.ok(held.length <= subject.buffers, "there is an end to the buffers");
      const next = camera.next();
      const timer = Promise.withResolvers<undefined>();
      const timeout = setTimeout(() => timer.resolve(undefined), 20_000 / fps);
      const picture = await Promise.race([next, timer.promise]);
      clearTimeout(timeout);
      if (picture === undefined) waiting = next;
      else held.push(picture);
    }
    assert.ok(held.length >= 2, `${held.length} pictures can be held`);
    held.shift()!.release();
    const picture = await waiting;
    assert.ok(picture.sequence > held.at(-1)!.sequence);
    picture.release();
    for (const each of held) each.release();
    await take(camera, 2);
  });

  test("a second next() while one is pending is the caller's mistake", async (driver, info) => {
    await using camera = await driver.open(info, wish);
    await take(camera, 1);
    const pending = camera.next();
    await assert.rejects(camera.next(), TypeError);
    (await pending).release();
  });

  test("release() twice does nothing the second time", async (driver, info) => {
    await using camera = await driver.open(info, wish);
    const picture = await camera.next();
    picture.release();
    picture.release();
    await take(camera, subject.buffers + 1);
  });

  test("close() ends a pending next() and later ones with AbortError", async (driver, info) => {
    const camera = await driver.open(info, wish);
    await take(camera, 1);
    const pending = assert.rejects(camera.next(), { name: "AbortError" });
    await camera.close();
    await pending;
    await assert.rejects(camera.next(), { name: "AbortError" });
    await camera.close();
  });

  test("a picture outlives close(), and doesn't keep the camera busy", async (driver, info) => {
    const camera = await driver.open(info, wish);
    const picture = await camera.next();
    const bytes = "data" in picture ? picture.data : picture.planes[0]!.data;
    const before = bytes.slice();
    await camera.close();
    assert.deepEqual(bytes.subarray(), before);
    await using again = await driver.open(info, wish);
    await take(again, 1);
    assert.deepEqual(bytes.subarray(), before);
    picture.release();
  });

  test("after close() the camera opens again", async (driver, info) => {
    for (let round = 0; round < 3; round++) {
      await using camera = await driver.open(info, wish);
      await take(camera, 1);
    }
  });

  test("reappears() answers at once while the camera is here", async (driver, info) => {
    const again = await driver.reappears(info);
    assert.equal(again.id, info.id);
  });

  const { remove, restore } = subject;
  if (remove === undefined || restore === undefined) return;

  test("a camera that goes away ends next() as lost, then is found again", async (driver, info) => {
    const camera = await driver.open(info, wish);
    await take(camera, 2);
    const lost = (async () => {
      // Pictures captured before come first.
      for (let i = 0; i < subject.buffers + 2; i++) (await camera.next()).release();
    })();
    const rejected = assert.rejects(lost, { code: "lost" });
    await remove(info);
    await rejected;
    await assert.rejects(camera.next(), { code: "lost" });
    await camera.close();
    await assert.rejects(driver.open(info, wish), NotFoundError);

    const back = driver.reappears(info);
    await restore(info);
    const again = await back;
    assert.equal(again.id, info.id);
    await using reopened = await driver.open(again, wish);
    await take(reopened, 2);
  });

  test("waiting for a camera that stays away ends with the signal", async (driver, info) => {
    await remove(info);
    try {
      const controller = new AbortController();
      const waiting = assert.rejects(driver.reappears(info, controller), { name: "AbortError" });
      controller.abort();
      await waiting;
    } finally {
      await restore(info);
      await driver.reappears(info);
    }
  });
}
