/**
 * What `xoq doctor` says of CAN.
 *
 * @module
 */
import { hasLibsocketcan } from "../../ffi/libsocketcan.ts";
import { hasCanSockets } from "../../ffi/socketcan.ts";
import type { Check } from "../checks.ts";
import { setUpCommands } from "./interface.ts";
import { SocketCanDriver } from "./socketcan_bus.ts";

/** CAP_NET_ADMIN in `/proc/self/status`'s effective capabilities. */
const CAP_NET_ADMIN = 1n << 12n;

/** See `CheckProvider`. */
export async function canChecks(): Promise<Check[]> {
  if (Deno.build.os !== "linux") {
    return [{
      name: "can",
      status: "ok",
      detail: "CAN interfaces are Linux's; a bus inside the process (test) works here",
    }];
  }
  const checks = [socketCheck(), adminCheck(), libraryCheck()];
  try {
    for (const { id, type, state, rates, fd } of await new SocketCanDriver().list()) {
      const rate = rates?.bitrate === undefined ? "" : `, ${rates.bitrate} bit/s`;
      const detail = `${type}${fd ? ", FD" : ""}${rate}, ${
        state.up ? state.controller ?? "up" : "down"
      }`;
      const usable = state.up && state.controller !== "bus-off";
      checks.push({
        name: `can interface ${id}`,
        status: usable ? "ok" : "warn",
        detail,
        ...(usable ? {} : { fix: fixOf(id, type, state.up) }),
      });
    }
  } catch (error) {
    checks.push({
      name: "can interfaces",
      status: "warn",
      detail: error instanceof Error ? error.message : String(error),
    });
  }
  return checks;
}

function fixOf(id: string, type: string, up: boolean): string {
  if (up) return `sudo ip link set ${id} type can restart`;
  const rates = type === "can" ? { rates: { bitrate: 500_000 } } : {};
  return setUpCommands(id, type, rates);
}

function socketCheck(): Check {
  if (hasCanSockets()) return { name: "can sockets", status: "ok", detail: "the kernel has them" };
  return {
    name: "can sockets",
    status: "warn",
    detail: "this kernel has none loaded: no CAN interface can be used",
    fix: "sudo modprobe can-raw (and vcan for xoq open --vcan); --socketcand needs neither",
  };
}

function adminCheck(): Check {
  const name = "can set-up";
  let held = false;
  try {
    const status = Deno.readTextFileSync("/proc/self/status");
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    held = (BigInt(`0x${effective}`) & CAP_NET_ADMIN) !== 0n;
  } catch {
    // Without /proc nothing is known: as if it were not held.
  }
  if (held) return { name, status: "ok", detail: "bit rates can be set and interfaces made" };
  return {
    name,
    status: "warn",
    detail: "without CAP_NET_ADMIN interfaces are used as they are",
    fix: "set them up with ip link (xoq says the line), or run as root",
  };
}

function libraryCheck(): Check {
  const name = "libsocketcan";
  if (hasLibsocketcan()) {
    return { name, status: "ok", detail: "error counters are read as they change" };
  }
  return {
    name,
    status: "warn",
    detail: "not installed: error counters are known from error frames alone",
    fix: "sudo apt-get install libsocketcan2",
  };
}
