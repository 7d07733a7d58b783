/**
 * Serial ports of Windows, through npm serialport's own binding. Not run on Windows by the project's
 * tests.
 *
 * @module
 */
import { NotFoundError, UnsupportedError } from "../errors.ts";
import type { BindingOpenOptions, BindingPortInfo } from "./binding_types.ts";
import { ForeignBindingPort, type ForeignPort } from "./foreign_port.ts";
import { pause } from "./pause.ts";
import type { SerialDriver, SerialPortInfo, WaitOptions } from "./port.ts";

/** How often a lost port is looked for, in milliseconds. */
const LOOK_INTERVAL_MS = 250;

/** What is used of npm serialport's binding. */
interface Windows {
  list(): Promise<(BindingPortInfo & { friendlyName?: string })[]>;
  open(options: BindingOpenOptions): Promise<ForeignPort>;
}

/** Not written where it is imported, so that executables for other systems don't carry it. */
const PACKAGE: string = "@serialport/bindings-cpp";

async function windowsBinding(): Promise<Windows> {
  try {
    return (await import(PACKAGE)).WindowsBinding;
  } catch (cause) {
    throw new UnsupportedError("npm serialport's binding can't be loaded", { cause });
  }
}

/** Ports of Windows. */
export const windowsDriver: SerialDriver = {
  name: "windows",

  async list() {
    const ports = await (await windowsBinding()).list();
    return ports.map((port): SerialPortInfo => {
      const { path, pnpId, serialNumber, manufacturer, vendorId, productId, locationId } = port;
      const numbers = [vendorId, productId, serialNumber].filter(Boolean).join(":").toLowerCase();
      return {
        id: pnpId ?? path,
        path,
        label: port.friendlyName ?? manufacturer ?? path,
        aliases: [path, pnpId, numbers].filter((name): name is string => Boolean(name)),
        driver: undefined,
        vendorId: vendorId?.toLowerCase(),
        productId: productId?.toLowerCase(),
        serialNumber,
        manufacturer,
        location: locationId,
      };
    });
  },

  async open(info, options) {
    const { baudRate, dataBits, parity, stopBits, rtscts, xonxoff } = options.format;
    const binding = await windowsBinding();
    try {
      const port = await binding.open({
        path: info.path,
        baudRate,
        dataBits,
        parity,
        stopBits,
        rtscts,
        xon: xonxoff,
        xoff: xonxoff,
        lock: options.exclusive,
        hupcl: options.hangUpOnClose ?? true,
      });
      const opened = new ForeignBindingPort(info.path, port, options.format);
      if (options.lines !== undefined) await opened.setLines(options.lines);
      return opened;
    } catch (cause) {
      throw new NotFoundError(
        `${info.path} can't be opened: ${cause instanceof Error ? cause.message : cause}`,
        { hint: "is it plugged in, and not open in another program?", cause },
      );
    }
  },

  async reappears(info, options: WaitOptions = {}) {
    for (;;) {
      options.signal?.throwIfAborted();
      const found = (await windowsDriver.list()).find((port) => port.id === info.id);
      if (found !== undefined) return found;
      await pause(LOOK_INTERVAL_MS, options.signal);
    }
  },
};
