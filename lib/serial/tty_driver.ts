/**
 * Serial ports of Linux and macOS as a driver.
 *
 * @module
 */
import { listTtys } from "./listing.ts";
import { pause } from "./pause.ts";
import type { OpenOptions, SerialDriver, SerialPortInfo, WaitOptions } from "./port.ts";
import { openTty, type TtyPort } from "./tty_port.ts";

/** How often a lost port is looked for, in milliseconds. */
const LOOK_INTERVAL_MS = 150;

/** Ports of this system. */
export const ttyDriver: SerialDriver = {
  name: "tty",
  list: () => Deno.build.os === "darwin" ? listCallouts() : listTtys(),
  open: (info: SerialPortInfo, options: OpenOptions): Promise<TtyPort> =>
    new Promise((resolve) => resolve(openTty(info.path, options))),
  async reappears(info, options: WaitOptions = {}) {
    for (;;) {
      options.signal?.throwIfAborted();
      const found = await findAgain(info);
      if (found !== undefined) return found;
      await pause(LOOK_INTERVAL_MS, options.signal);
    }
  },
};

async function findAgain(info: SerialPortInfo): Promise<SerialPortInfo | undefined> {
  const listed = (await ttyDriver.list()).find((port) => port.id === info.id);
  if (listed !== undefined) return listed;
  // Pseudo-terminals and gadgets are listed nowhere: their path is all they are known by.
  if (info.id !== info.path) return undefined;
  return await exists(info.path) ? info : undefined;
}

/** macOS names what is plugged in `cu.*`; not run on a Mac by the project's tests. */
async function listCallouts(): Promise<SerialPortInfo[]> {
  const ports: SerialPortInfo[] = [];
  for await (const { name } of Deno.readDir("/dev")) {
    if (name.startsWith("cu.")) ports.push(plainPort(`/dev/${name}`, name.slice("cu.".length)));
  }
  return ports.sort((a, b) => a.path.localeCompare(b.path));
}

/** A port of which only the path is known. */
export function plainPort(path: string, label = path): SerialPortInfo {
  return {
    id: path,
    path,
    label,
    aliases: [...new Set([path, path.slice(path.lastIndexOf("/") + 1), label])],
    driver: undefined,
    vendorId: undefined,
    productId: undefined,
    serialNumber: undefined,
    manufacturer: undefined,
    location: undefined,
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
