/**
 * Flags of `xoq can` and of `xoq open` for CAN buses. Loads nothing native.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";

/** Flags of `xoq can`. */
export const CAN_OPTIONS = {
  bitrate: {
    type: "number",
    min: 1_000,
    max: 20_000_000,
    value: "BIT/S",
    brief: "set the bit rate and bring the interface up (default: take it as it is)",
  },
  "sample-point": {
    type: "number",
    fraction: true,
    min: 0.5,
    max: 0.95,
    value: "0.875",
    brief: "sample point",
  },
  dbitrate: {
    type: "number",
    min: 1_000,
    max: 20_000_000,
    value: "BIT/S",
    brief: "set the data bit rate of CAN FD",
  },
  "dsample-point": {
    type: "number",
    fraction: true,
    min: 0.5,
    max: 0.95,
    value: "0.75",
    brief: "sample point of the data bit rate",
  },
  "restart-ms": {
    type: "number",
    min: 0,
    max: 60_000,
    value: "MS",
    brief: "let the controller leave bus-off by itself after this long; 0: never",
  },
  filter: {
    type: "list",
    value: "ID:MASK",
    brief: "only frames that fit leave this machine (hexadecimal; ID~MASK: the others)",
  },
  stale: {
    type: "duration",
    min: 1,
    max: 3_600_000,
    value: "TIME",
    default: 100,
    brief: "drop commands older than this instead of sending them late",
  },
  pace: {
    type: "duration",
    min: 1,
    max: 60_000,
    value: "TIME",
    brief: "send commands this much later, with the gaps they were sent with",
  },
  "max-load": {
    type: "string",
    value: "PERCENT",
    brief: "hold commands back while the bus is busier than this: 70%",
  },
  "on-lost": {
    type: "list",
    value: "FRAME",
    brief: "send this frame (123#1122) when the controller falls silent or goes",
  },
  deadline: {
    type: "duration",
    min: 20,
    max: 3_600_000,
    value: "TIME",
    brief: "silence of a controller after which --on-lost is due; default: the connection's end",
  },
} as const satisfies OptionTable;

/** Flags of `xoq open` for CAN buses: what they become here. */
export const CAN_OPEN_OPTIONS = {
  vcan: { type: "string", value: "NAME", brief: "as this virtual interface, made where it may be" },
  socketcand: {
    type: "optional",
    value: "ADDR",
    brief: "as a socketcand server; alone: 127.0.0.1:29536",
  },
  cannelloni: { type: "string", value: "ADDR", brief: "as a cannelloni peer (its TCP format)" },
  stdout: { type: "optional", value: "candump", brief: "frames as candump's log" },
  stdin: { type: "boolean", brief: "send the lines of a candump log" },
  filter: {
    type: "list",
    value: "ID:MASK",
    brief: "only frames that fit (hexadecimal; ID~MASK: the others)",
  },
  watch: { type: "boolean", brief: "watch only: control stays free for others" },
  take: { type: "boolean", brief: "take control over from its present holder" },
} as const satisfies OptionTable;
