/**
 * Cameras of this machine as sysfs and udev's links describe them.
 *
 * @module
 */
import { type Capability, V4l2Device } from "../../ffi/v4l2/device.ts";
import { kernelIo, type V4l2Io } from "../../ffi/v4l2/io.ts";
import { CAP } from "../../ffi/v4l2/layout.ts";
import type { CameraInfo } from "./camera.ts";

/** Where V4L2 is found: the kernel's places, or a test's. */
export interface V4l2Host {
  /** System calls. */
  io: V4l2Io;
  /** Usually `/sys/class/video4linux`. */
  classFolder: string;
  /** Usually `/dev`. */
  deviceFolder: string;
}

/** This machine. */
export const thisHost: V4l2Host = {
  io: kernelIo,
  classFolder: "/sys/class/video4linux",
  deviceFolder: "/dev",
};

const CAPTURE = CAP.V4L2_CAP_VIDEO_CAPTURE | CAP.V4L2_CAP_VIDEO_CAPTURE_MPLANE;
const NOT_A_CAMERA = CAP.V4L2_CAP_VIDEO_M2M | CAP.V4L2_CAP_VIDEO_M2M_MPLANE | CAP.V4L2_CAP_TOUCH;

async function text(path: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch {
    return undefined;
  }
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) found.push(name);
  } catch {
    // No such folder: no V4L2, or no udev.
  }
  return found.sort();
}

/** Names of udev's links in a folder by the node they point to. */
async function links(folder: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const name of await names(folder)) {
    const target = await Deno.realPath(`${folder}/${name}`).catch(() => undefined);
    if (target !== undefined) found.set(target, [...found.get(target) ?? [], name]);
  }
  return found;
}

/** `046d:0825:SERIAL` of a USB device, from its interface's parent in sysfs. */
async function usbName(device: string): Promise<string[]> {
  const folder = await Deno.realPath(`${device}/..`).catch(() => undefined);
  if (folder === undefined) return [];
  const [vendor, product, serial] = await Promise.all(
    ["idVendor", "idProduct", "serial"].map((file) => text(`${folder}/${file}`)),
  );
  if (vendor === undefined || product === undefined) return [];
  const pair = `${vendor}:${product}`;
  return serial === undefined ? [pair] : [`${pair}:${serial}`, pair];
}

/** What the node says of itself; `undefined` where it may not be opened or isn't a video node. */
async function capability(host: V4l2Host, path: string): Promise<Capability | undefined> {
  try {
    const device = new V4l2Device(path, "capture", host.io);
    await device.close();
    return device.capability;
  } catch {
    return undefined;
  }
}

/** Nodes that capture pictures, in the order of their numbers. Metadata and output nodes are left out. */
export async function listV4l2(host: V4l2Host = thisHost): Promise<CameraInfo[]> {
  const [byId, byPath] = await Promise.all([
    links(`${host.deviceFolder}/v4l/by-id`),
    links(`${host.deviceFolder}/v4l/by-path`),
  ]);
  const nodes = (await names(host.classFolder))
    .flatMap((name) => {
      const number = /^video(\d+)$/.exec(name)?.[1];
      return number === undefined ? [] : [{ name, number: Number(number) }];
    })
    .sort((a, b) => a.number - b.number);

  const found: CameraInfo[] = [];
  for (const { name, number } of nodes) {
    const folder = `${host.classFolder}/${name}`;
    const path = `${host.deviceFolder}/${name}`;
    const said = await capability(host, path);
    // One that may not be opened is listed as well, so that opening it can say why.
    if (said !== undefined && ((said.caps & CAPTURE) === 0 || (said.caps & NOT_A_CAMERA) !== 0)) {
      continue;
    }
    if (said === undefined && await text(`${folder}/index`) !== "0") continue;
    const label = said?.card || await text(`${folder}/name`) || name;
    const ids = byId.get(path) ?? [];
    const paths = byPath.get(path) ?? [];
    const usb = await usbName(`${folder}/device`);
    const bus = said?.bus ?? "";
    found.push({
      id: ids[0] ?? paths[0] ?? (bus === "" ? label : bus),
      path,
      label,
      aliases: [
        String(number),
        path,
        ...ids.flatMap((id) => [id, `${host.deviceFolder}/v4l/by-id/${id}`]),
        ...paths.flatMap((id) => [id, `${host.deviceFolder}/v4l/by-path/${id}`]),
        ...usb,
        ...(bus === "" ? [] : [bus]),
      ],
      driver: said?.driver ?? "unknown",
      bus,
    });
  }
  return withUniqueIds(found);
}

/** Two nodes of one device without udev's links share a bus name: the later ones get a number. */
function withUniqueIds(cameras: CameraInfo[]): CameraInfo[] {
  const seen = new Map<string, number>();
  return cameras.map((camera) => {
    const count = seen.get(camera.id) ?? 0;
    seen.set(camera.id, count + 1);
    return count === 0 ? camera : { ...camera, id: `${camera.id}#${count}` };
  });
}
