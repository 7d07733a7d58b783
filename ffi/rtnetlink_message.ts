/**
 * Messages of rtnetlink(7): headers, attributes, and what is said of CAN interfaces
 * (linux/rtnetlink.h, linux/if_link.h, linux/can/netlink.h). Pure; bytes from the kernel are still
 * not trusted with their own lengths.
 *
 * @module
 */
import {
  can_berr_counter,
  can_bittiming,
  can_clock,
  can_ctrlmode,
  CAN_LINK,
  CAN_STATE,
  ifinfomsg,
  nlmsghdr,
  rtattr,
  RTNETLINK,
} from "./socketcan_layout.ts";

/** Type and payload. */
export type Attribute = readonly [type: number, payload: Uint8Array];

/** A netlink message. */
export interface NetlinkMessage {
  /** `nlmsg_type`. */
  type: number;
  /** `nlmsg_seq`. */
  sequence: number;
  /** What follows the header. */
  payload: Uint8Array;
}

/** What a CAN controller's driver says of an interface. */
export interface CanLink {
  /** `enum can_state`; `undefined` where the driver doesn't say. */
  state: number | undefined;
  /** Bits per second; 0 where not set. */
  bitrate: number;
  /** 0 to 1. */
  samplePoint: number;
  /** Bits per second in the data phase; 0 where not set. */
  dataBitrate: number;
  /** 0 to 1. */
  dataSamplePoint: number;
  /** CAN FD is on. */
  fd: boolean;
  /** Milliseconds until it leaves bus-off by itself; 0: never. */
  restartMs: number;
  /** Transmit error counter. */
  txErrors: number;
  /** Receive error counter. */
  rxErrors: number;
  /** The controller's clock in Hz. */
  clockHz: number;
}

/** What there is to know of an interface. */
export interface LinkInfo {
  /** Index. */
  index: number;
  /** Name. */
  name: string;
  /** ARPHRD_ type; 280 is CAN. */
  hardwareType: number;
  /** Driver's kind: `can`, `vcan`, `vxcan`, `slcan`; empty where it has none. */
  kind: string;
  /** IFF_UP. */
  up: boolean;
  /** IFF_RUNNING: it has a carrier, which a bus-off controller has not. */
  running: boolean;
  /** Largest frame: 16 classic, 72 CAN FD. */
  mtu: number;
  /** Frames that may wait for the controller. */
  queue: number;
  /** What the controller says; `undefined` where there is none. */
  can: CanLink | undefined;
}

/** ARPHRD_CAN of linux/if_arp.h. */
export const ARPHRD_CAN = 280;

const align = (bytes: number) => (bytes + 3) & ~3;

/** Bytes one after the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** One attribute with its padding. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align(rtattr.size + payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(rtattr.rta_len, rtattr.size + payload.length, true);
  view.setUint16(rtattr.rta_type, type, true);
  bytes.set(payload, rtattr.size);
  return bytes;
}

/** Attributes one after the other. */
export function attributes(list: readonly Attribute[]): Uint8Array {
  return concat(list.map(([type, payload]) => attribute(type, payload)));
}

/** A number of 32 bits. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** `struct can_bittiming` that leaves the time quanta to the kernel. Sample point 0 to 1. */
export function bitTiming(bitrate: number, samplePoint = 0): Uint8Array {
  const bytes = new Uint8Array(can_bittiming.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(can_bittiming.bitrate, bitrate, true);
  view.setUint32(can_bittiming.sample_point, Math.round(samplePoint * 1000), true);
  return bytes;
}

/** `struct can_ctrlmode` of what is to be changed; `undefined` where that is nothing. */
export function controlMode(
  modes: readonly (readonly [bit: number, on: boolean | undefined])[],
): Uint8Array | undefined {
  let mask = 0;
  let flags = 0;
  for (const [bit, on] of modes) {
    if (on === undefined) continue;
    mask |= bit;
    if (on) flags |= bit;
  }
  if (mask === 0) return undefined;
  const bytes = new Uint8Array(can_ctrlmode.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(can_ctrlmode.mask, mask, true);
  view.setUint32(can_ctrlmode.flags, flags, true);
  return bytes;
}

/** Cuts what was read from a netlink socket into messages; a cut-off one is left out. */
export function* readMessages(bytes: Uint8Array): Generator<NetlinkMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + nlmsghdr.size <= bytes.length;) {
    const length = view.getUint32(at + nlmsghdr.nlmsg_len, true);
    if (length < nlmsghdr.size || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + nlmsghdr.nlmsg_type, true),
      sequence: view.getUint32(at + nlmsghdr.nlmsg_seq, true),
      payload: bytes.subarray(at + nlmsghdr.size, at + length),
    };
    at += align(length);
  }
}

/** Attributes by type; of two of one type the later one. */
function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + rtattr.size <= bytes.length;) {
    const length = view.getUint16(at + rtattr.rta_len, true);
    if (length < rtattr.size || at + length > bytes.length) break;
    const type = view.getUint16(at + rtattr.rta_type, true) & ~RTNETLINK.NLA_F_NESTED;
    found.set(type, bytes.subarray(at + rtattr.size, at + length));
    at += align(length);
  }
  return found;
}

const NOTHING = new Uint8Array(0);

/** A field of a structure in an attribute; 0 where the attribute is too short or missing. */
function field(bytes: Uint8Array | undefined, offset: number, size: 2 | 4): number {
  if (bytes === undefined || bytes.length < offset + size) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return size === 2 ? view.getUint16(offset, true) : view.getUint32(offset, true);
}

function string(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "";
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Reads the payload of an RTM_NEWLINK or RTM_DELLINK message. */
export function parseLink(payload: Uint8Array): LinkInfo {
  const list = readAttributes(payload.subarray(ifinfomsg.size));
  const info = readAttributes(list.get(RTNETLINK.IFLA_LINKINFO) ?? NOTHING);
  const data = info.get(RTNETLINK.IFLA_INFO_DATA);
  const kind = string(info.get(RTNETLINK.IFLA_INFO_KIND));
  const flags = field(payload, ifinfomsg.ifi_flags, 4);
  return {
    index: field(payload, ifinfomsg.ifi_index, 4) | 0,
    name: string(list.get(RTNETLINK.IFLA_IFNAME)),
    hardwareType: field(payload, ifinfomsg.ifi_type, 2),
    kind,
    up: (flags & RTNETLINK.IFF_UP) !== 0,
    running: (flags & RTNETLINK.IFF_RUNNING) !== 0,
    mtu: field(list.get(RTNETLINK.IFLA_MTU), 0, 4),
    queue: field(list.get(RTNETLINK.IFLA_TXQLEN), 0, 4),
    can: kind === "can" && data !== undefined ? parseCan(data) : undefined,
  };
}

function parseCan(data: Uint8Array): CanLink {
  const list = readAttributes(data);
  const timing = list.get(CAN_LINK.IFLA_CAN_BITTIMING);
  const dataTiming = list.get(CAN_LINK.IFLA_CAN_DATA_BITTIMING);
  const errors = list.get(CAN_LINK.IFLA_CAN_BERR_COUNTER);
  const state = list.get(CAN_LINK.IFLA_CAN_STATE);
  const modes = field(list.get(CAN_LINK.IFLA_CAN_CTRLMODE), can_ctrlmode.flags, 4);
  return {
    state: state === undefined ? undefined : Math.min(field(state, 0, 4), LAST_STATE),
    bitrate: field(timing, can_bittiming.bitrate, 4),
    samplePoint: field(timing, can_bittiming.sample_point, 4) / 1000,
    dataBitrate: field(dataTiming, can_bittiming.bitrate, 4),
    dataSamplePoint: field(dataTiming, can_bittiming.sample_point, 4) / 1000,
    fd: (modes & CAN_LINK.CAN_CTRLMODE_FD) !== 0,
    restartMs: field(list.get(CAN_LINK.IFLA_CAN_RESTART_MS), 0, 4),
    txErrors: field(errors, can_berr_counter.txerr, 2),
    rxErrors: field(errors, can_berr_counter.rxerr, 2),
    clockHz: field(list.get(CAN_LINK.IFLA_CAN_CLOCK), can_clock.freq, 4),
  };
}

const LAST_STATE = CAN_STATE.CAN_STATE_SLEEPING;
