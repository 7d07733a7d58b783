/**
 * Servers of this program on the LAN: `_xoq._udp.local.`, one instance an endpoint. What is said is
 * who and what is there, never what lets in: `v=1`, `id` (the endpoint id in hex), `kinds`, `d0`, `d1`,
 * … (`name:kind` of a device each) and `busy` (names of devices that somebody controls).
 *
 * @module
 */
import { hostname } from "node:os";
import { Browser, type FoundService } from "./browser.ts";
import { type LanInterface, lanInterfaces } from "./interfaces.ts";
import type { ChooseInterfaces } from "./links.ts";
import { Responder } from "./responder.ts";

/** The service's type. */
export const XOQ_SERVICE = "_xoq._udp.local";
/** Most bytes of `kinds` and of `busy`. */
const MAX_LIST_BYTES = 200;
/** Most bytes of all devices' strings; further devices are found by asking the server. */
const MAX_DEVICES_BYTES = 700;
/** Most devices read of one server. */
const MAX_DEVICES = 64;

/** A device as it is announced. */
export interface AnnouncedDevice {
  /** Name in tickets. */
  name: string;
  /** `camera`, … */
  kind: string;
  /** Whether somebody controls it. */
  busy: boolean;
}

/** A server on the LAN. */
export interface LanServer {
  /** The instance's whole name. */
  name: string;
  /** For people: `front @ workshop`. */
  label: string;
  /** Endpoint id, 64 hex digits. */
  id: string;
  /** Its devices. */
  devices: AnnouncedDevice[];
  /** `IP:PORT`. */
  addresses: string[];
}

/** The strings of the TXT record. */
export function xoqTxt(id: string, devices: readonly AnnouncedDevice[]): string[] {
  const kinds = [...new Set(devices.map(({ kind }) => kind))];
  const busy = devices.filter((device) => device.busy).map(({ name }) => name);
  const listed: string[] = [];
  let bytes = 0;
  for (const [index, { name, kind }] of devices.entries()) {
    const text = `d${index}=${name}:${kind}`;
    bytes += text.length + 1;
    if (bytes > MAX_DEVICES_BYTES) break;
    listed.push(text);
  }
  return ["v=1", `id=${id}`, `kinds=${list(kinds)}`, ...listed, `busy=${list(busy)}`];
}

function list(words: readonly string[]): string {
  let text = "";
  for (const word of words) {
    const longer = text === "" ? word : `${text},${word}`;
    if (longer.length > MAX_LIST_BYTES) break;
    text = longer;
  }
  return text;
}

/** Reads what was found; `undefined` for what is no server of this program. */
export function readXoqService(service: FoundService): LanServer | undefined {
  const { txt, name, instance, addresses, port } = service;
  const id = txt.get("id") ?? "";
  if (txt.get("v") !== "1" || !/^[0-9a-f]{64}$/.test(id)) return undefined;
  const busy = new Set((txt.get("busy") ?? "").split(","));
  const devices: AnnouncedDevice[] = [];
  for (let index = 0; index < MAX_DEVICES; index++) {
    const match = /^([a-z0-9][a-z0-9._-]{0,63}):([a-z]{1,16})$/.exec(txt.get(`d${index}`) ?? "");
    if (match === null) break;
    const [, device = "", kind = ""] = match;
    devices.push({ name: device, kind, busy: busy.has(device) });
  }
  // What others write is for a terminal, too.
  const label = instance.replaceAll(/\p{C}/gu, "");
  return { name, label, id, devices, addresses: addresses.map((ip) => hostPort(ip, port)) };
}

/** What to announce. */
export interface XoqAnnouncement {
  /** Endpoint id. */
  id: string;
  /** Where the endpoint can be dialled now, `IP:PORT`; asked again and again. */
  addresses: () => readonly string[];
  /** Its devices. */
  devices: readonly AnnouncedDevice[];
}

/** Announces a server; resolves with `undefined` where it has no address to be found at. */
export async function announceXoq(
  { id, addresses, devices }: XoqAnnouncement,
): Promise<Responder | undefined> {
  const port = Number(/:(\d+)$/.exec(addresses()[0] ?? "")?.[1]);
  if (!(port > 0)) return undefined;
  const [host = "host"] = hostname().split(".");
  return await Responder.start({
    services: [{
      type: XOQ_SERVICE,
      instance: `${devices[0]?.name ?? "xoq"} @ ${host}`,
      port,
      txt: xoqTxt(id, devices),
    }],
    interfaces: () => reachableAt(addresses(), port),
  });
}

/** The interfaces that can be reached at one of these, and by what: a service has one port. */
function reachableAt(addresses: readonly string[], port: number): LanInterface[] {
  const known = new Set(addresses);
  return lanInterfaces().flatMap((found) => {
    const reached = found.addresses.filter((ip) => known.has(hostPort(ip, port)));
    return reached.length === 0 ? [] : [{ ...found, addresses: reached }];
  });
}

function hostPort(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Where servers are looked for: every network there is; on a machine without one, its loopback. */
export const lookEverywhere: ChooseInterfaces = (): LanInterface[] => {
  const all = lanInterfaces();
  const others = all.filter(({ internal }) => !internal);
  return others.length > 0 ? others : all;
};

/** Looks for servers until it is closed. */
export function browseXoq(
  options: {
    onFound: (server: LanServer) => void;
    onLost: (name: string) => void;
    interfaces?: ChooseInterfaces;
  },
): Promise<Browser> {
  const { onFound, onLost, interfaces = lookEverywhere } = options;
  return Browser.start({
    type: XOQ_SERVICE,
    interfaces,
    onLost,
    onFound: (service) => {
      const server = readXoqService(service);
      if (server !== undefined) onFound(server);
    },
  });
}
