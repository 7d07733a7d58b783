/**
 * Every message of moq-lite with its bytes. Tests and the fuzzer go through all of them.
 *
 * @module
 */
import {
  decodeAnnounce,
  decodeAnnounceInit,
  decodeAnnouncePlease,
  decodeClientSetup,
  decodeGroup,
  decodeServerSetup,
  decodeSessionInfo,
  decodeSubscribe,
  decodeSubscribeOk,
  decodeSubscribeUpdate,
  encodeAnnounce,
  encodeAnnounceInit,
  encodeAnnouncePlease,
  encodeClientSetup,
  encodeGroup,
  encodeServerSetup,
  encodeSessionInfo,
  encodeSubscribe,
  encodeSubscribeOk,
  encodeSubscribeUpdate,
} from "../../../lib/moqt/lite/mod.ts";

/** A message. */
export interface LiteCase {
  /** What it is. */
  name: string;
  /** As it goes on the wire. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Bytes in front of the body: a stream's type, a size. */
  head: number;
  /** What it means. */
  value: unknown;
  /** Reads a body. */
  decode: (body: Uint8Array) => unknown;
  /** Writes the message; absent: it is not written like this here. */
  encode?: () => Uint8Array;
}

/** Bytes of hexadecimal digits, among them spaces. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    digits.replaceAll(" ", "").match(/../g) ?? [],
    (pair) => parseInt(pair, 16),
  );
}

const offer = { versions: [0xff0dad02, 0xff0dad01], options: { implementation: "xoq" } };
const all = {
  versions: [0xff0dad02, 0xff0dad01, 0xff00000e],
  options: { maxRequestId: 0xffffffff, implementation: "moq-lite-rs" },
};
const init = ["", "cam/front", "cam/rear"];
const subscribe = { id: 300, broadcast: "anon/camera-0", track: "video", priority: 7 };

/** All of them. */
export const LITE_CASES: readonly LiteCase[] = [
  {
    name: "CLIENT_SETUP",
    bytes: hex("20 0017 02 c0000000ff0dad02 c0000000ff0dad01 01 07 03 786f71"),
    head: 3,
    value: offer,
    decode: decodeClientSetup,
    encode: () => encodeClientSetup(offer),
  },
  {
    name: "CLIENT_SETUP with draft-14 and its parameters",
    bytes: hex(
      "20 0030 03 c0000000ff0dad02 c0000000ff0dad01 c0000000ff00000e 02 " +
        "02 c0000000ffffffff 07 0b 6d6f712d6c6974652d7273",
    ),
    head: 3,
    value: all,
    decode: decodeClientSetup,
    encode: () => encodeClientSetup(all),
  },
  {
    name: "CLIENT_SETUP with parameters nobody knows",
    bytes: hex("20 0014 01 c0000000ff0dad02 03 01 02 2f61 30 05 31 02 beef"),
    head: 3,
    value: { versions: [0xff0dad02], options: { path: "/a" } },
    decode: decodeClientSetup,
  },
  {
    name: "SERVER_SETUP",
    bytes: hex("21 000e c0000000ff0dad02 01 07 03 786f71"),
    head: 3,
    value: { version: 0xff0dad02, options: { implementation: "xoq" } },
    decode: decodeServerSetup,
    encode: () => encodeServerSetup({ version: 0xff0dad02, options: { implementation: "xoq" } }),
  },
  {
    name: "ANNOUNCE_PLEASE",
    bytes: hex("01 05 04 616e6f6e"),
    head: 2,
    value: "anon",
    decode: decodeAnnouncePlease,
    encode: () => encodeAnnouncePlease("anon"),
  },
  {
    name: "ANNOUNCE_INIT",
    bytes: hex("15 03 00 09 63616d2f66726f6e74 08 63616d2f72656172"),
    head: 1,
    value: init,
    decode: decodeAnnounceInit,
    encode: () => encodeAnnounceInit(init),
  },
  {
    name: "ANNOUNCE_INIT with nothing",
    bytes: hex("01 00"),
    head: 1,
    value: [],
    decode: decodeAnnounceInit,
    encode: () => encodeAnnounceInit([]),
  },
  {
    name: "ANNOUNCE of what is there",
    bytes: hex("05 01 03 63616d"),
    head: 1,
    value: { active: true, suffix: "cam" },
    decode: decodeAnnounce,
    encode: () => encodeAnnounce({ active: true, suffix: "cam" }),
  },
  {
    name: "ANNOUNCE of what is not, slashes around it",
    bytes: hex("09 00 07 2f612f2f622f2f"),
    head: 1,
    value: { active: false, suffix: "a/b" },
    decode: decodeAnnounce,
  },
  {
    name: "SUBSCRIBE",
    bytes: hex("02 17 412c 0d 616e6f6e2f63616d6572612d30 05 766964656f 07"),
    head: 2,
    value: subscribe,
    decode: decodeSubscribe,
    encode: () => encodeSubscribe(subscribe),
  },
  {
    name: "SUBSCRIBE_UPDATE",
    bytes: hex("01 c8"),
    head: 1,
    value: 200,
    decode: decodeSubscribeUpdate,
    encode: () => encodeSubscribeUpdate(200),
  },
  {
    name: "SUBSCRIBE_OK",
    bytes: hex("00"),
    head: 1,
    value: undefined,
    decode: (body) => decodeSubscribeOk(body, 2),
    encode: () => encodeSubscribeOk(2, 9),
  },
  {
    name: "SUBSCRIBE_OK of moq-lite-01",
    bytes: hex("01 09"),
    head: 1,
    value: 9,
    decode: (body) => decodeSubscribeOk(body, 1),
    encode: () => encodeSubscribeOk(1, 9),
  },
  {
    name: "GROUP",
    bytes: hex("00 05 05 80010000"),
    head: 2,
    value: { subscribe: 5, sequence: 0x10000 },
    decode: decodeGroup,
    encode: () => encodeGroup({ subscribe: 5, sequence: 0x10000 }),
  },
  {
    name: "SESSION_INFO",
    bytes: hex("04 80989680"),
    head: 1,
    value: 10_000_000n,
    decode: decodeSessionInfo,
    encode: () => encodeSessionInfo(10_000_000),
  },
];
