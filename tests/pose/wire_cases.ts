/**
 * Every message of both dialects: its bytes (written by Python's `struct`, see `wire_struct.py`), what
 * they say, and how to write them. Drives decoding, encoding, truncation and the fuzzer's seeds.
 */
import { decodeHex } from "../../lib/bytes/text.ts";
import type { Datagram } from "../../lib/pose/wire/datagram.ts";
import {
  encodePoseBye,
  encodePoseHello,
  encodePosePose,
  fillPoseAck,
  newPoseAck,
} from "../../lib/pose/wire/pose.ts";
import {
  encodeTeleBye,
  encodeTeleCommand,
  encodeTeleHaptic,
  encodeTeleHello,
  encodeTelePose,
  newTeleAck,
} from "../../lib/pose/wire/tele.ts";

/** One message. */
export interface WireCase {
  name: string;
  bytes: Uint8Array;
  value: Partial<Datagram> & { text?: string };
  encode: () => Uint8Array;
}

const token = new TextEncoder().encode("K7QX2M");
const place = { x: 1.5, y: -0.25, z: 2, qx: 0, qy: 0.5, qz: -0.5, qw: 0.75 };
const floats = "3fc00000be80000040000000000000003f000000bf0000003f400000";
const elStaolf = "0000c03f000080be00000040000000000000003f000000bf0000403f";
const small = { seq: 1, timestampUs: 2, ...place };
const large = { seq: 65535, timestampUs: 1700000000123456, ...place };

/** The table. */
export const WIRE_CASES: readonly WireCase[] = [
  {
    name: "POSE HELLO",
    bytes: decodeHex("504f53450101c351064b375158324d"),
    value: { dialect: "POSE", type: "hello", version: 1, clientPort: 50001, text: "K7QX2M" },
    encode: () => encodePoseHello({ clientPort: 50001, token }),
  },
  {
    name: "POSE HELLO without a token",
    bytes: decodeHex("504f53450101ffff00"),
    value: { dialect: "POSE", type: "hello", clientPort: 65535, text: "" },
    encode: () => encodePoseHello({ clientPort: 65535, token: new Uint8Array(0) }),
  },
  {
    name: "POSE ACK",
    bytes: decodeHex("504f53450201fedcba98c35003"),
    value: {
      dialect: "POSE",
      type: "ack",
      serverTimeMs: 0xfedcba98,
      streamPort: 50000,
      status: 3,
    },
    encode: () => {
      const ack = newPoseAck();
      fillPoseAck(ack, 0xfedcba98, 50000, 3);
      return ack;
    },
  },
  {
    name: "POSE POSE",
    bytes: decodeHex(`504f53450301ffff00060a2418202240${floats}`),
    value: { dialect: "POSE", type: "pose", ...large, flags: -1, confidence: NaN, frameId: -1 },
    encode: () => encodePosePose(large),
  },
  {
    name: "POSE POSE with flags",
    bytes: decodeHex(`504f5345030100010000000000000002${floats}8001`),
    value: { type: "pose", ...small, flags: 0x8001, confidence: NaN, frameId: -1 },
    encode: () => encodePosePose({ ...small, flags: 0x8001 }),
  },
  {
    name: "POSE POSE with flags and confidence",
    bytes: decodeHex(`504f5345030100010000000000000002${floats}00003f600000`),
    value: { type: "pose", ...small, flags: 0, confidence: 0.875, frameId: -1 },
    encode: () => encodePosePose({ ...small, flags: 0, confidence: 0.875 }),
  },
  {
    name: "POSE POSE with everything",
    bytes: decodeHex(`504f5345030100010000000000000002${floats}00003f600000c8`),
    value: { type: "pose", ...small, flags: 0, confidence: 0.875, frameId: 200 },
    encode: () => encodePosePose({ ...small, flags: 0, confidence: 0.875, frameId: 200 }),
  },
  {
    name: "POSE BYE",
    bytes: decodeHex("504f53450401"),
    value: { dialect: "POSE", type: "bye" },
    encode: encodePoseBye,
  },
  {
    name: "TELE HELLO",
    bytes: decodeHex("54454c450101efbeadde4b375158324d0000"),
    value: { dialect: "TELE", type: "hello", sessionId: 0xdeadbeef, text: "K7QX2M" },
    encode: () => encodeTeleHello({ sessionId: 0xdeadbeef, code: token }),
  },
  {
    name: "TELE ACK",
    bytes: decodeHex("54454c4502010200"),
    value: { dialect: "TELE", type: "ack", status: 2 },
    encode: () => {
      const ack = newTeleAck();
      ack[6] = 2;
      return ack;
    },
  },
  {
    name: "TELE POSE",
    bytes: decodeHex(`54454c450301ffff40222018240a06000100${elStaolf}`),
    value: { dialect: "TELE", type: "pose", ...large, flags: 1, confidence: NaN, frameId: -1 },
    encode: () => encodeTelePose({ ...large, flags: 1 }),
  },
  {
    name: "TELE BYE",
    bytes: decodeHex("54454c450401efbeadde"),
    value: { dialect: "TELE", type: "bye", sessionId: 0xdeadbeef },
    encode: () => encodeTeleBye(0xdeadbeef),
  },
  {
    name: "TELE CMD",
    bytes: decodeHex("54454c4505010201"),
    value: { dialect: "TELE", type: "command", command: 2, value: 1 },
    encode: () => encodeTeleCommand(2, 1),
  },
  {
    name: "TELE HAPTIC",
    bytes: decodeHex("54454c4507010000003f0300"),
    value: { dialect: "TELE", type: "haptic", intensity: 0.5, channel: 3 },
    encode: () => encodeTeleHaptic(0.5, 3),
  },
];
