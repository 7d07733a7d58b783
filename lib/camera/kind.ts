/**
 * Cameras as a device kind: what the command line, `xoq serve` and `xoq ls` know of them.
 *
 * @module
 */
import type {
  DeviceIdentity,
  DeviceKind,
  DeviceListing,
  OpenContext,
  OptionValues,
  ServeContext,
  ServedDevice,
  ValuesOf,
} from "../device.ts";
import { UsageError } from "../errors.ts";
import type { CameraInfo } from "./camera.ts";
import type { VideoCodec } from "../media/frame.ts";
import type { RemoteDevice } from "../remote.ts";
import { cameraDrivers } from "./drivers.ts";
import { openCamera } from "./open.ts";
import { CAMERA_OPEN_OPTIONS, CAMERA_OPTIONS } from "./options.ts";
import { createPipeline, type PipelineConfig } from "./pipeline.ts";
import { selectCamera } from "./select.ts";
import { CameraServer } from "./serve.ts";

type Values = ValuesOf<typeof CAMERA_OPTIONS>;

/** See {@link DeviceKind}. */
export const cameraKind: DeviceKind = {
  name: "camera",
  options: CAMERA_OPTIONS,
  openOptions: CAMERA_OPEN_OPTIONS,
  list,
  identify,
  serve: (selector, values, context) => serve(selector, values as Values, context),
  open: (remote: RemoteDevice, values: OptionValues, context: OpenContext) =>
    openCamera(remote, values as ValuesOf<typeof CAMERA_OPEN_OPTIONS>, context),
};

async function list(): Promise<DeviceListing[]> {
  const listings: DeviceListing[] = [];
  for (const driver of cameraDrivers()) {
    for (const info of await driver.list()) {
      const modes = await driver.modes(info).catch(() => []);
      listings.push({
        kind: "camera",
        selector: info.path,
        label: info.label,
        detail: { ...info, modes },
      });
    }
  }
  return listings;
}

async function identify(selector: string): Promise<DeviceIdentity> {
  const { info } = await selectCamera(selector);
  return { deviceId: info.id, keyFiles: keyFiles(info) };
}

/** XoQ names a camera's key by udev's ID_PATH, and by its number where there is none. */
function keyFiles({ aliases, path }: CameraInfo): string[] {
  const byPath = aliases
    .map((alias) => /([^/]*)-video-index\d+$/.exec(alias)?.[1])
    .filter((idPath) => idPath !== undefined && idPath.startsWith("p"))
    .map((idPath) => idPath!.replaceAll(":", "-").replaceAll(".", "_"));
  const index = /(\d+)$/.exec(path)?.[1] ?? "0";
  return [...byPath, `idx${index}`].map((name) => `.xoq_camera_key_${name}`);
}

async function serve(
  selector: string,
  values: Values,
  context: ServeContext,
): Promise<ServedDevice> {
  const name = context.name ?? "camera";
  const moq = values.moq === undefined ? undefined : await import("./moq.ts");
  const target = moq?.moqTargetOf(values, selector, name);
  const pipeline = createPipeline(configOf(selector, values));
  await using stack = new AsyncDisposableStack();
  stack.use(pipeline);
  await pipeline.prepare();
  const server = new CameraServer(pipeline, { name, always: values.always });
  if (values.http !== undefined) {
    const { startHttp } = await import("./sinks/page.ts");
    server.attach(startHttp(name, server.feed, values.http, context));
  }
  if (moq !== undefined && target !== undefined) {
    const { insecure } = values;
    const { reporter } = context;
    const options = { device: name, target, insecure, reporter };
    server.attach(await moq.publishMoq(server.feed, options));
  }
  stack.move();
  return server;
}

/** Reads the options. Throws `UsageError` where they contradict each other. */
function configOf(camera: string, values: Values): PipelineConfig {
  const { encoder, width, height, fps, quality, bitrate } = values;
  return {
    camera,
    codec: codecOf(values),
    encoder,
    fps,
    quality,
    bitrate,
    gop: values.gop ?? Math.max(1, Math.round(fps * 2)),
    controls: controlsOf(values.control),
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
  };
}

function codecOf(values: Values): VideoCodec | "auto" {
  const short = (["h264", "hevc", "av1", "jpeg"] as const).filter((codec) => values[codec]);
  const [first, second] = short;
  if (second !== undefined) {
    throw new UsageError(`--${first} and --${second} contradict each other`, {
      hint: "one stream has one codec; serve the camera twice for two",
    });
  }
  if (first !== undefined && values.codec !== "auto" && values.codec !== first) {
    throw new UsageError(`--${first} and --codec ${values.codec} contradict each other`);
  }
  return first ?? values.codec;
}

function controlsOf(assignments: readonly string[]): Record<string, number> {
  const controls: Record<string, number> = {};
  for (const assignment of assignments) {
    const match = /^([a-z0-9_]+)=(-?\d+)$/.exec(assignment);
    if (match === null) {
      throw new UsageError(`--control ${assignment} is not NAME=NUMBER`, {
        hint: "xoq ls --json shows the controls, their ranges and their menus' numbers",
      });
    }
    controls[match[1]!] = Number(match[2]);
  }
  return controls;
}
