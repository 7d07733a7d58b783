/**
 * Flags of `xoq pose` and of `xoq open` for poses. Loads nothing native.
 *
 * @module
 */
import { type OptionTable, TRACK_OPTIONS } from "../device.ts";

/** Flags of `xoq pose`, named as the specification of the stream names them. */
export const POSE_OPTIONS = {
  transport: {
    type: "enum",
    values: ["wifi", "ble"],
    default: "wifi",
    brief: "how the phone sends; ble is not there yet",
  },
  "wifi-port": {
    type: "number",
    min: 0,
    max: 65_535,
    default: 50_000,
    value: "PORT",
    brief: "UDP port that phones send to; 0: a free one",
  },
  "service-name": {
    type: "string",
    default: "PoseStream",
    value: "NAME",
    brief: "name that phones find it by",
  },
  "pairing-token": {
    type: "string",
    value: "TOKEN",
    brief:
      "what phones must show, 1 to 32 bytes (six for today's app); absent: a new one each start",
  },
  "no-token": { type: "boolean", brief: "let any phone in" },
  interface: {
    type: "list",
    value: "NAME",
    brief:
      "announce on this network interface instead of the default route's; lo: receive from here only",
  },
  simulate: {
    type: "string",
    value: "HOST[:PORT]",
    brief: "be a phone that sends to this receiver, instead of receiving",
    section: "Simulated phone",
  },
  dialect: {
    type: "enum",
    values: ["pose", "tele"],
    default: "pose",
    brief: "how the simulated phone speaks: as the specification has it, or as today's app",
    section: "Simulated phone",
  },
  rate: {
    type: "number",
    min: 1,
    max: 1_000,
    default: 60,
    value: "HZ",
    brief: "poses a second of the simulated phone",
    section: "Simulated phone",
  },
  duration: {
    type: "duration",
    min: 1,
    max: 86_400_000,
    value: "TIME",
    brief: "how long the simulated phone sends; absent: until it is told to end",
    section: "Simulated phone",
  },
  ...TRACK_OPTIONS,
} as const satisfies OptionTable;

/** Flags of `xoq open` for poses. */
export const POSE_OPEN_OPTIONS = {
  stdout: { type: "optional", brief: "JSON lines on standard output (the default)" },
  udp: {
    type: "string",
    value: "HOST:PORT",
    brief: "send the phone's datagrams on to a receiver there, as if the phone were here",
  },
  reverse: {
    type: "boolean",
    brief: "take haptic and message lines from standard input for the phone",
  },
  "receiver-token": {
    type: "string",
    value: "TOKEN",
    brief: "token that the receiver of --udp wants",
  },
} as const satisfies OptionTable;
