/**
 * CAN interfaces of Linux: found, described, brought up with their bit rates, made, and what to type
 * where this process may not.
 *
 * @module
 */
import { FfiError } from "../../ffi/errors.ts";
import { getErrorCounters, getState, hasLibsocketcan } from "../../ffi/libsocketcan.ts";
import { ERRNO } from "../../ffi/libc.ts";
import {
  configureCan,
  createVcan,
  findLink,
  type LinkInfo,
  listLinks,
  setLinkMtu,
  setLinkUp,
} from "../../ffi/rtnetlink.ts";
import { ARPHRD_CAN } from "../../ffi/rtnetlink_message.ts";
import { CAN } from "../../ffi/socketcan_layout.ts";
import { DeniedError, NotFoundError, UnsupportedError, UsageError, XoqError } from "../errors.ts";
import type { BitRates, BusState, CanBusInfo, CanBusWish, ControllerState } from "./bus.ts";

/** `enum can_state` in order. */
const STATES: readonly ControllerState[] = [
  "error-active",
  "error-warning",
  "error-passive",
  "bus-off",
  "stopped",
  "sleeping",
];
/** EDOM: what the kernel's bit timing calculation says of a rate that it can't come near. */
const EDOM = 33;
/** EOPNOTSUPP: the driver, or the kernel, can't do it. */
const EOPNOTSUPP = 95;

/** What a link is as a bus. */
export function describeLink(link: LinkInfo): CanBusInfo {
  return {
    id: link.name,
    label: link.kind === "can" ? "CAN controller" : `${link.kind || "CAN"} interface`,
    type: link.kind || "can",
    driver: link.kind === "can" ? driverOf(link.name) : undefined,
    fd: link.mtu >= CAN.CANFD_MTU,
    state: stateOf(link),
    rates: ratesOf(link),
  };
}

/** State of a link's controller. */
export function stateOf(link: LinkInfo): BusState {
  const { up, can } = link;
  if (can === undefined) return { up, controller: undefined, txErrors: 0, rxErrors: 0 };
  const { state, txErrors, rxErrors } = can;
  const controller = state === undefined ? undefined : STATES[state];
  return { up, controller: up ? controller : "stopped", txErrors, rxErrors };
}

/** The controller's state and error counters now, by libsocketcan; `undefined` without it. */
export function queryController(
  name: string,
): Pick<BusState, "controller" | "txErrors" | "rxErrors"> | undefined {
  if (!hasLibsocketcan()) return undefined;
  const state = getState(name);
  if (state === undefined) return undefined;
  const counters = getErrorCounters(name);
  return { controller: STATES[state], txErrors: counters?.tx ?? 0, rxErrors: counters?.rx ?? 0 };
}

function ratesOf({ can }: LinkInfo): BitRates | undefined {
  if (can === undefined || can.bitrate === 0) return undefined;
  return {
    bitrate: can.bitrate,
    samplePoint: can.samplePoint,
    ...(can.dataBitrate === 0
      ? {}
      : { dataBitrate: can.dataBitrate, dataSamplePoint: can.dataSamplePoint }),
  };
}

function driverOf(name: string): string | undefined {
  try {
    return Deno.readLinkSync(`/sys/class/net/${name}/device/driver`).split("/").at(-1);
  } catch {
    return undefined;
  }
}

/** CAN interfaces here now; none where the system has no such thing. */
export function listCanLinks(): LinkInfo[] {
  if (Deno.build.os !== "linux") return [];
  return listLinks().filter(({ hardwareType }) => hardwareType === ARPHRD_CAN);
}

/** The CAN interface of this name. Throws `NotFoundError`, `UnsupportedError`. */
export function requireLink(name: string): LinkInfo {
  if (Deno.build.os !== "linux") {
    throw new UnsupportedError("CAN interfaces are Linux's", {
      hint: "`xoq can test` serves a bus inside this process",
    });
  }
  const link = isInterfaceName(name) ? findLink(name) : undefined;
  if (link === undefined) {
    const names = listCanLinks().map((each) => each.name).join(", ");
    throw new NotFoundError(`no CAN interface ${name}`, {
      hint: names === ""
        ? "there is none here: plug the adapter in, or `xoq can test`"
        : `there are: ${names}`,
    });
  }
  if (link.hardwareType !== ARPHRD_CAN) {
    throw new NotFoundError(`${name} is no CAN interface`, { hint: "`xoq ls` lists them" });
  }
  return link;
}

/** What Linux takes as an interface's name. */
export function isInterfaceName(name: string): boolean {
  return /^[^\s/:]{1,15}$/.test(name) && name !== "." && name !== "..";
}

/** The `ip link` lines that do what `wish` asks for. */
export function setUpCommands(name: string, kind: string, wish: CanBusWish): string {
  const { bitrate, samplePoint, dataBitrate, dataSamplePoint } = wish.rates ?? {};
  if (kind !== "can") {
    return `sudo ip link set ${name} ${wish.fd === true ? `mtu ${CAN.CANFD_MTU} ` : ""}up`;
  }
  const words = [
    ...(bitrate === undefined ? [] : ["bitrate", bitrate]),
    ...(samplePoint === undefined ? [] : ["sample-point", samplePoint]),
    ...(dataBitrate === undefined ? [] : ["dbitrate", dataBitrate]),
    ...(dataSamplePoint === undefined ? [] : ["dsample-point", dataSamplePoint]),
    ...(wish.fd === true ? ["fd on"] : []),
    ...(wish.restartMs === undefined ? [] : ["restart-ms", wish.restartMs]),
  ].join(" ");
  if (words === "") return `sudo ip link set ${name} up`;
  return `sudo ip link set ${name} down; sudo ip link set ${name} type can ${words}; ` +
    `sudo ip link set ${name} up`;
}

/**
 * Makes the interface as it is wished: rates set and up. Does nothing where it is so already. Throws
 * `DeniedError` with the `ip link` lines, `UsageError` for rates that the controller can't do.
 */
export function setUp(link: LinkInfo, wish: CanBusWish): LinkInfo {
  if (isAsWished(link, wish)) return link;
  const commands = setUpCommands(link.name, link.kind, wish);
  if (link.kind === "can" && !link.up && wish.rates === undefined && link.can?.bitrate === 0) {
    throw new UsageError(`${link.name} is down and has no bit rate`, {
      hint: `say --bitrate 500000, or: ${
        setUpCommands(link.name, "can", {
          ...wish,
          rates: { bitrate: 500_000 },
        })
      }`,
    });
  }
  try {
    if (link.kind === "can") {
      const { rates, fd, restartMs } = wish;
      const change = rates !== undefined || restartMs !== undefined ||
        (fd === true && link.can?.fd !== true);
      if (change && link.up) setLinkUp(link.index, false);
      if (change) {
        configureCan(link.index, {
          ...rates,
          ...(fd === undefined ? {} : { fd }),
          ...(restartMs === undefined ? {} : { restartMs }),
        });
      }
    } else if (wish.fd === true && link.mtu < CAN.CANFD_MTU) {
      if (link.up) setLinkUp(link.index, false);
      setLinkMtu(link.index, CAN.CANFD_MTU);
    }
    setLinkUp(link.index, true);
  } catch (error) {
    throw translate(error, `${link.name} can't be set up`, commands);
  }
  return requireLink(link.name);
}

function isAsWished(link: LinkInfo, { fd, rates, restartMs }: CanBusWish): boolean {
  if (!link.up) return false;
  if (fd === true && link.mtu < CAN.CANFD_MTU) return false;
  const { can } = link;
  if (can === undefined) return true;
  if (restartMs !== undefined && can.restartMs !== restartMs) return false;
  const near = (wished: number | undefined, is: number) =>
    wished === undefined || Math.abs(wished - is) <= wished / 200;
  return near(rates?.bitrate, can.bitrate) && near(rates?.dataBitrate, can.dataBitrate);
}

/**
 * A virtual CAN interface of this name, up: made where there is none. Throws `DeniedError` and
 * `UnsupportedError` with what to type.
 */
export function provideVcan(name: string, fd: boolean): LinkInfo {
  if (!isInterfaceName(name)) throw new UsageError(`"${name}" can't be an interface's name`);
  if (Deno.build.os !== "linux") {
    throw new UnsupportedError("virtual CAN interfaces are Linux's", {
      hint: "--socketcand :29536 serves programs on any system",
    });
  }
  const mtu = fd ? CAN.CANFD_MTU : CAN.CAN_MTU;
  const commands = `sudo modprobe vcan; sudo ip link add ${name} type vcan; ` +
    `sudo ip link set ${name} mtu ${CAN.CANFD_MTU} up`;
  try {
    if (findLink(name) === undefined) createVcan(name, Math.max(mtu, CAN.CANFD_MTU));
  } catch (error) {
    throw translate(error, `${name} can't be made`, commands);
  }
  const link = requireLink(name);
  if (link.kind === "can") {
    throw new UsageError(`${name} is a real bus, not a virtual one`, {
      hint: "--vcan wants a name of its own: --vcan vcan0",
    });
  }
  return setUp(link, { fd });
}

/** A failure of the kernel's, for people. */
export function translate(error: unknown, what: string, commands: string): unknown {
  if (error instanceof XoqError || !(error instanceof FfiError)) return error;
  const options = { cause: error };
  switch (error.code) {
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return new DeniedError(`${what}: that needs CAP_NET_ADMIN`, {
        ...options,
        hint: `type: ${commands}`,
      });
    case ERRNO.ENODEV:
    case ERRNO.ENXIO:
      return new NotFoundError(`${what}: it is gone`, options);
    case ERRNO.EINVAL:
    case ERRNO.ERANGE:
    case EDOM:
      return new UsageError(`${what}: the controller can't do these bit rates`, {
        ...options,
        hint: `see what the kernel says of it: ${commands}`,
      });
    case EOPNOTSUPP:
      return new UnsupportedError(`${what}: the driver or the kernel can't`, {
        ...options,
        hint: `try: ${commands}`,
      });
    default:
      return new XoqError("failed", `${what}: ${error.message}`, options);
  }
}
