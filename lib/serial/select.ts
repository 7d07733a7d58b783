/**
 * Which port a person means: `test`, a path, a by-id name, `vid:pid:serial`, a number of the list, a
 * piece of the name, `COM3`.
 *
 * @module
 */
import { NotFoundError, UsageError } from "../errors.ts";
import type { SerialDriver, SerialPortInfo } from "./port.ts";
import { TEST_PORT, testSerialDriver } from "./test_port.ts";
import { plainPort, ttyDriver } from "./tty_driver.ts";
import { windowsDriver } from "./windows_driver.ts";

/** A port, and what reaches it. */
export interface SelectedPort {
  /** The driver. */
  driver: SerialDriver;
  /** The port. */
  info: SerialPortInfo;
}

/** This system's driver. */
export function systemDriver(): SerialDriver {
  return Deno.build.os === "windows" ? windowsDriver : ttyDriver;
}

/** Finds the port that is meant. Throws `NotFoundError`, `UsageError` where several are. */
export async function selectPort(
  selector: string,
  driver: SerialDriver = systemDriver(),
): Promise<SelectedPort> {
  if (selector === "test") return { driver: testSerialDriver, info: TEST_PORT };
  const ports = await driver.list();
  const info = chooseOne(selector, ports);
  if (info !== undefined) return { driver, info };
  if (selector.startsWith("/")) {
    const path = await Deno.realPath(selector).catch(() => undefined);
    const known = ports.find((port) => port.path === path);
    if (known !== undefined) return { driver, info: known };
    if (path !== undefined) return { driver, info: plainPort(path) };
  }
  const names = ports.map((port) => port.path).join(", ");
  throw new NotFoundError(`there is no serial port "${selector}"`, {
    hint: names === ""
      ? "no serial port is plugged in; test is an echo that needs no hardware"
      : `there are: ${names}, and test (an echo)`,
  });
}

/** The port that a selector means, by the most exact of the ways that match any. */
export function chooseOne(
  selector: string,
  ports: readonly SerialPortInfo[],
): SerialPortInfo | undefined {
  if (/^\d{1,3}$/.test(selector)) return ports[Number(selector)];
  const wanted = selector.toLowerCase();
  const ways: ((port: SerialPortInfo) => boolean)[] = [
    (port) => port.aliases.some((alias) => alias.toLowerCase() === wanted),
    ({ vendorId, productId }) => `${vendorId}:${productId}` === wanted,
    (port) =>
      !selector.startsWith("/") &&
      [port.id, port.label].some((name) => name.toLowerCase().includes(wanted)),
  ];
  for (const way of ways) {
    const found = ports.filter(way);
    if (found.length === 1) return found[0];
    if (found.length > 1) {
      throw new UsageError(`"${selector}" fits several ports`, {
        hint: `name one of: ${found.map((port) => port.id).join(", ")}`,
      });
    }
  }
  return undefined;
}
