/**
 * The serial ports of a Linux machine, from sysfs alone: udev's names are used where there are any,
 * and made in udev's manner where there are none (containers, small systems).
 *
 * @module
 */
import type { SerialPortInfo } from "./port.ts";

/** Where the system keeps things; another root stands in for it in tests. */
export interface SystemPaths {
  /** `/sys`. */
  sys: string;
  /** `/dev`. */
  dev: string;
}

const SYSTEM: SystemPaths = { sys: "/sys", dev: "/dev" };
/** Ports that a driver offers whether hardware is there or not say so by this type. */
const NO_HARDWARE = "0";

/** Ports with hardware behind them, in the order of their names. */
export async function listTtys(paths: SystemPaths = SYSTEM): Promise<SerialPortInfo[]> {
  const links = await namesOf(paths);
  const ports: SerialPortInfo[] = [];
  for (const name of await entries(`${paths.sys}/class/tty`)) {
    const port = await describe(name, paths, links);
    if (port !== undefined) ports.push(port);
  }
  return ports.sort((a, b) => a.path.localeCompare(b.path, "en", { numeric: true }));
}

async function describe(
  name: string,
  paths: SystemPaths,
  links: ReadonlyMap<string, string[]>,
): Promise<SerialPortInfo | undefined> {
  const folder = `${paths.sys}/class/tty/${name}`;
  const device = await real(`${folder}/device`);
  if (device === undefined || await text(`${folder}/type`) === NO_HARDWARE) return undefined;
  const path = `${paths.dev}/${name}`;
  const driver = await driverOf(device);
  const usb = await usbAncestor(device);
  const ownLinks = links.get(path) ?? [];
  const byId = ownLinks.find((link) => link.includes("/by-id/"));
  const made = usb === undefined ? undefined : madeId(usb, device);
  const id = basename(byId) ?? made ?? basename(ownLinks[0]) ?? name;
  const vendorId = usb?.vendorId;
  const productId = usb?.productId;
  const numbers = vendorId === undefined
    ? []
    : [[vendorId, productId, usb?.serialNumber].filter(Boolean).join(":")];
  const label = [usb?.manufacturer, usb?.product].filter(Boolean).join(" ");
  return {
    id,
    path,
    label: label === "" ? driver ?? name : label,
    aliases: [...new Set([...ownLinks, id, path, name, ...numbers])],
    driver,
    vendorId,
    productId,
    serialNumber: usb?.serialNumber,
    manufacturer: usb?.manufacturer,
    location: usb?.location,
  };
}

/** The driver of the hardware. The serial core's own devices stand between it and the terminal. */
async function driverOf(device: string): Promise<string | undefined> {
  for (let folder = device; folder.length > 1; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    const driver = basename(await real(`${folder}/driver`));
    if (driver !== undefined && driver !== "port" && driver !== "ctrl") return driver;
  }
  return undefined;
}

interface UsbDevice {
  vendorId: string | undefined;
  productId: string | undefined;
  serialNumber: string | undefined;
  manufacturer: string | undefined;
  product: string | undefined;
  location: string | undefined;
  interfaceNumber: string | undefined;
}

/** The USB device that a terminal's device hangs on, if it does. */
async function usbAncestor(device: string): Promise<UsbDevice | undefined> {
  let interfaceNumber: string | undefined;
  for (let folder = device; folder.length > 1; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    interfaceNumber ??= await text(`${folder}/bInterfaceNumber`);
    const vendorId = await text(`${folder}/idVendor`);
    if (vendorId === undefined) continue;
    return {
      vendorId,
      productId: await text(`${folder}/idProduct`),
      serialNumber: await text(`${folder}/serial`),
      manufacturer: await text(`${folder}/manufacturer`),
      product: await text(`${folder}/product`),
      location: basename(folder),
      interfaceNumber,
    };
  }
  return undefined;
}

/** What udev would call it: `usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0`. */
function madeId(usb: UsbDevice, device: string): string {
  const words = [
    usb.manufacturer ?? usb.vendorId,
    usb.product ?? usb.productId,
    usb.serialNumber,
  ].filter((word) => word !== undefined).map((word) => word.trim().replace(/[^\w#+\-.:=@]+/g, "_"));
  const port = /\/ttyUSB\d+$/.test(device) ? "-port0" : "";
  return `usb-${words.join("_")}-if${usb.interfaceNumber ?? "00"}${port}`;
}

/** udev's links to each device, by the device's path. */
async function namesOf({ dev }: SystemPaths): Promise<Map<string, string[]>> {
  const names = new Map<string, string[]>();
  for (const folder of ["by-id", "by-path"]) {
    for (const name of await entries(`${dev}/serial/${folder}`)) {
      const link = `${dev}/serial/${folder}/${name}`;
      const target = await real(link);
      if (target !== undefined) names.set(target, [...names.get(target) ?? [], link]);
    }
  }
  return names;
}

async function entries(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) names.push(name);
  } catch {
    // A system without it has none.
  }
  return names.sort();
}

async function text(path: string): Promise<string | undefined> {
  try {
    const content = (await Deno.readTextFile(path)).trim();
    return content === "" ? undefined : content;
  } catch {
    return undefined;
  }
}

async function real(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch {
    return undefined;
  }
}

function basename(path: string | undefined): string | undefined {
  return path?.slice(path.lastIndexOf("/") + 1);
}
