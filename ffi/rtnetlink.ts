/**
 * rtnetlink(7) as far as CAN interfaces need it: list them, watch them, bring them up and down, set
 * bit timings (the data bit timing of CAN FD too), make and remove virtual ones. Linux only.
 *
 * Requests are synchronous: the kernel answers an rtnetlink request before the send returns.
 *
 * @module
 */
import { FfiError } from "./errors.ts";
import { bind, check, close, ERRNO, read, socket, strerror, write } from "./libc.ts";
import { sockaddr_nl, SOCKET } from "./libc_layout.ts";
import {
  type Attribute,
  attribute,
  attributes,
  concat,
  parseLink,
  readMessages,
} from "./rtnetlink_message.ts";
import type { LinkInfo } from "./rtnetlink_message.ts";
import { CAN_LINK, ifinfomsg, nlmsghdr, RTNETLINK } from "./socketcan_layout.ts";
import { bitTiming, controlMode, u32 } from "./rtnetlink_message.ts";

export type { CanLink, LinkInfo } from "./rtnetlink_message.ts";

/** Bytes read at once: the kernel's messages are at most 32 KiB. */
const BUFFER_BYTES = 65_536;
/** Most reads for one answer. */
const MAX_READS = 4_096;

/** What to set on a CAN interface that is down. */
export interface CanLinkSettings {
  /** Bits per second in the arbitration phase. */
  bitrate?: number;
  /** Sample point of it, 0 to 1; the kernel's choice where absent. */
  samplePoint?: number;
  /** Bits per second in the data phase. */
  dataBitrate?: number;
  /** Sample point of it, 0 to 1. */
  dataSamplePoint?: number;
  /** CAN FD on or off. */
  fd?: boolean;
  /** Report bus errors as error frames. */
  errorReporting?: boolean;
  /** Hear what is sent, with no other node. */
  loopback?: boolean;
  /** Never send, not even acknowledge. */
  listenOnly?: boolean;
  /** Milliseconds after which the controller leaves bus-off by itself; 0: never. */
  restartMs?: number;
}

function openSocket(groups: number): number {
  const type = SOCKET.SOCK_RAW | SOCKET.SOCK_CLOEXEC | SOCKET.SOCK_NONBLOCK;
  const fd = check(socket(SOCKET.AF_NETLINK, type, RTNETLINK.NETLINK_ROUTE), "socket", "netlink");
  const address = new Uint8Array(sockaddr_nl.size);
  const view = new DataView(address.buffer);
  view.setUint16(sockaddr_nl.nl_family, SOCKET.AF_NETLINK, true);
  view.setUint32(sockaddr_nl.nl_groups, groups, true);
  try {
    check(bind(fd, address), "bind", "netlink");
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}

let sequence = 1;

/** One request and its answer: the payloads of its messages. Throws {@link FfiError}. */
function request(
  operation: string,
  type: number,
  flags: number,
  index: number,
  linkFlags: { flags: number; change: number },
  payload: Uint8Array,
): { type: number; payload: Uint8Array }[] {
  const size = nlmsghdr.size + ifinfomsg.size + payload.length;
  const message = new Uint8Array(size);
  const view = new DataView(message.buffer);
  const number = sequence++ >>> 0;
  view.setUint32(nlmsghdr.nlmsg_len, size, true);
  view.setUint16(nlmsghdr.nlmsg_type, type, true);
  view.setUint16(nlmsghdr.nlmsg_flags, RTNETLINK.NLM_F_REQUEST | flags, true);
  view.setUint32(nlmsghdr.nlmsg_seq, number, true);
  view.setInt32(nlmsghdr.size + ifinfomsg.ifi_index, index, true);
  view.setUint32(nlmsghdr.size + ifinfomsg.ifi_flags, linkFlags.flags, true);
  view.setUint32(nlmsghdr.size + ifinfomsg.ifi_change, linkFlags.change, true);
  message.set(payload, nlmsghdr.size + ifinfomsg.size);
  const fd = openSocket(0);
  try {
    check(write(fd, message), operation);
    return answer(fd, operation, number, (flags & RTNETLINK.NLM_F_DUMP) !== 0);
  } finally {
    close(fd);
  }
}

function answer(
  fd: number,
  operation: string,
  number: number,
  dump: boolean,
): { type: number; payload: Uint8Array }[] {
  const messages: { type: number; payload: Uint8Array }[] = [];
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let reads = 0; reads < MAX_READS; reads++) {
    const count = check(read(fd, buffer), operation);
    for (const message of readMessages(buffer.subarray(0, count))) {
      if (message.sequence !== number) continue;
      if (message.type === RTNETLINK.NLMSG_DONE) return messages;
      if (message.type === RTNETLINK.NLMSG_ERROR) {
        const view = new DataView(message.payload.buffer, message.payload.byteOffset, 4);
        const code = -view.getInt32(0, true);
        if (code !== 0) throw new FfiError("libc", operation, code, strerror(code));
        return messages;
      }
      messages.push({ type: message.type, payload: message.payload.slice() });
      if (!dump) return messages;
    }
  }
  throw new FfiError("libc", operation, ERRNO.EPROTO, "no end of the answer");
}

const NO_FLAGS = { flags: 0, change: 0 };
const NOTHING = new Uint8Array(0);

/** All interfaces of this network namespace. Throws {@link FfiError}. */
export function listLinks(): LinkInfo[] {
  const { RTM_GETLINK, NLM_F_DUMP } = RTNETLINK;
  return request("RTM_GETLINK", RTM_GETLINK, NLM_F_DUMP, 0, NO_FLAGS, NOTHING)
    .filter(({ type }) => type === RTNETLINK.RTM_NEWLINK)
    .map(({ payload }) => parseLink(payload));
}

/** The interface of this name; `undefined` where there is none. Throws {@link FfiError}. */
export function findLink(name: string): LinkInfo | undefined {
  try {
    const [first] = request(
      "RTM_GETLINK",
      RTNETLINK.RTM_GETLINK,
      0,
      0,
      NO_FLAGS,
      attribute(RTNETLINK.IFLA_IFNAME, text(name)),
    );
    return first === undefined ? undefined : parseLink(first.payload);
  } catch (error) {
    if (error instanceof FfiError && error.code === ERRNO.ENODEV) return undefined;
    throw error;
  }
}

function change(
  operation: string,
  index: number,
  linkFlags: { flags: number; change: number },
  list: readonly Attribute[],
): void {
  const { RTM_NEWLINK, NLM_F_ACK } = RTNETLINK;
  request(operation, RTM_NEWLINK, NLM_F_ACK, index, linkFlags, attributes(list));
}

/** Brings an interface up or down. Throws {@link FfiError}. */
export function setLinkUp(index: number, up: boolean): void {
  const { IFF_UP } = RTNETLINK;
  change(up ? "link up" : "link down", index, { flags: up ? IFF_UP : 0, change: IFF_UP }, []);
}

/** Sets the frame size: 16 classic, 72 CAN FD, where the driver lets it be set. Throws {@link FfiError}. */
export function setLinkMtu(index: number, bytes: number): void {
  change("link mtu", index, NO_FLAGS, [[RTNETLINK.IFLA_MTU, u32(bytes)]]);
}

/** Sets how many frames may wait for the controller. Throws {@link FfiError}. */
export function setLinkQueue(index: number, frames: number): void {
  change("link txqueuelen", index, NO_FLAGS, [[RTNETLINK.IFLA_TXQLEN, u32(frames)]]);
}

/** Configures a CAN interface, which must be down, in one request. Throws {@link FfiError}. */
export function configureCan(index: number, settings: CanLinkSettings): void {
  const { bitrate, samplePoint, dataBitrate, dataSamplePoint, restartMs } = settings;
  const list: Attribute[] = [];
  if (bitrate !== undefined) {
    list.push([CAN_LINK.IFLA_CAN_BITTIMING, bitTiming(bitrate, samplePoint)]);
  }
  if (dataBitrate !== undefined) {
    list.push([CAN_LINK.IFLA_CAN_DATA_BITTIMING, bitTiming(dataBitrate, dataSamplePoint)]);
  }
  const modes = controlMode([
    [CAN_LINK.CAN_CTRLMODE_FD, settings.fd],
    [CAN_LINK.CAN_CTRLMODE_BERR_REPORTING, settings.errorReporting],
    [CAN_LINK.CAN_CTRLMODE_LOOPBACK, settings.loopback],
    [CAN_LINK.CAN_CTRLMODE_LISTENONLY, settings.listenOnly],
  ]);
  if (modes !== undefined) list.push([CAN_LINK.IFLA_CAN_CTRLMODE, modes]);
  if (restartMs !== undefined) list.push([CAN_LINK.IFLA_CAN_RESTART_MS, u32(restartMs)]);
  change("link type can", index, NO_FLAGS, [linkInfo("can", list)]);
}

/** Takes the controller out of bus-off. Throws {@link FfiError}: EBUSY where it restarts by itself. */
export function restartCan(index: number): void {
  change("link restart", index, NO_FLAGS, [
    linkInfo("can", [[CAN_LINK.IFLA_CAN_RESTART, u32(1)]]),
  ]);
}

/** Makes a virtual CAN interface, down. Throws {@link FfiError}: EOPNOTSUPP without the kernel's module. */
export function createVcan(name: string, mtu: number): void {
  const { RTM_NEWLINK, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL } = RTNETLINK;
  const payload = attributes([
    [RTNETLINK.IFLA_IFNAME, text(name)],
    [RTNETLINK.IFLA_MTU, u32(mtu)],
    linkInfo("vcan", []),
  ]);
  const flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  request("link add", RTM_NEWLINK, flags, 0, NO_FLAGS, payload);
}

/** Removes a virtual interface. Throws {@link FfiError}. */
export function deleteLink(index: number): void {
  const { RTM_DELLINK, NLM_F_ACK } = RTNETLINK;
  request("link delete", RTM_DELLINK, NLM_F_ACK, index, NO_FLAGS, NOTHING);
}

/** What happened to an interface. */
export interface LinkChange {
  /** It is gone. */
  deleted: boolean;
  /** What it is, or was. */
  link: LinkInfo;
}

/** Hears of every change of an interface. Waiting is the caller's: poll {@link LinkMonitor.fd}. */
export class LinkMonitor {
  /** The descriptor, for polling. */
  readonly fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #closed = false;

  /** Begins to listen. Throws {@link FfiError}. */
  constructor() {
    this.fd = openSocket(RTNETLINK.RTMGRP_LINK);
  }

  /** Changes since the last call; `undefined` where some were lost, and all must be looked at anew. */
  read(): LinkChange[] | undefined {
    const changes: LinkChange[] = [];
    for (;;) {
      const count = read(this.fd, this.#buffer);
      if (count === -ERRNO.ENOBUFS) return undefined;
      if (count <= 0) return changes;
      for (const { type, payload } of readMessages(this.#buffer.subarray(0, count))) {
        const deleted = type === RTNETLINK.RTM_DELLINK;
        if (deleted || type === RTNETLINK.RTM_NEWLINK) {
          changes.push({ deleted, link: parseLink(payload) });
        }
      }
    }
  }

  /** Closes it. Idempotent. Nobody may be polling the descriptor any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.fd);
  }
}

function linkInfo(kind: string, data: readonly Attribute[]): Attribute {
  const info: Attribute[] = [[RTNETLINK.IFLA_INFO_KIND, text(kind)]];
  if (data.length > 0) info.push([RTNETLINK.IFLA_INFO_DATA, attributes(data)]);
  return [RTNETLINK.IFLA_LINKINFO, attributes(info)];
}

function text(value: string): Uint8Array {
  if (value.includes("\0")) throw new TypeError("a name holds a NUL");
  return concat([new TextEncoder().encode(value), new Uint8Array(1)]);
}
