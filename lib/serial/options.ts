/**
 * Flags of `xoq serial` and of `xoq open` for serial ports. Loads nothing native.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";

/** Flags of `xoq serial`. */
export const SERIAL_OPTIONS = {
  baud: {
    type: "number",
    min: 1,
    max: 100_000_000,
    default: 115_200,
    value: "BAUD",
    brief: "bits per second, any number",
  },
  frame: {
    type: "string",
    default: "8N1",
    value: "FRAME",
    brief: "data bits, parity (N E O M S), stop bits: 8N1, 7E1, 8N2",
  },
  flow: {
    type: "enum",
    values: ["none", "rtscts", "xonxoff"],
    default: "none",
    brief: "flow control",
  },
  dtr: { type: "enum", values: ["keep", "on", "off"], default: "keep", brief: "DTR at first" },
  rts: { type: "enum", values: ["keep", "on", "off"], default: "keep", brief: "RTS at first" },
  shared: { type: "boolean", brief: "let other programs here open the port, too" },
  scrollback: {
    type: "number",
    min: 0,
    max: 16_777_216,
    default: 65_536,
    value: "BYTES",
    brief: "what a new observer gets of what was said before",
  },
  "on-lost": {
    type: "list",
    value: "ACTION",
    brief: "when nobody is in control any more: hex:FF…, text:STOP\\n, or a line script (rts=0)",
  },
  deadline: {
    type: "duration",
    min: 20,
    max: 3_600_000,
    value: "TIME",
    brief: "silence of a controller after which --on-lost is due; default: the connection's end",
  },
} as const satisfies OptionTable;

/** Flags of `xoq open` for serial ports: what it becomes here. */
export const SERIAL_OPEN_OPTIONS = {
  pty: {
    type: "optional",
    value: "LINK",
    brief: "a pseudo-terminal, with a link of this name to it (the default)",
  },
  rfc2217: {
    type: "optional",
    value: "ADDR",
    brief: "an RFC 2217 server, with all lines; alone: 127.0.0.1:2217",
  },
  tcp: {
    type: "optional",
    value: "ADDR",
    brief: "a TCP port of plain bytes; alone: 127.0.0.1:7000",
  },
  console: { type: "boolean", brief: "this terminal; Ctrl-] q quits" },
  log: { type: "string", value: "FILE", brief: "with --console: lines with their times, appended" },
  stdout: { type: "optional", brief: "what the port says on standard output" },
  stdin: { type: "boolean", brief: "what comes on standard input to the port" },
  watch: { type: "boolean", brief: "only watch: what was said before, then what is said" },
  take: { type: "boolean", brief: "take it over from whoever holds it" },
  baud: {
    type: "number",
    min: 1,
    max: 100_000_000,
    value: "BAUD",
    brief: "bits per second at the port (default: as served)",
  },
  frame: { type: "string", value: "FRAME", brief: "frame at the port: 8N1, 7E1, …" },
  flow: {
    type: "enum",
    values: ["none", "rtscts", "xonxoff"],
    brief: "flow control at the port",
  },
  reset: {
    type: "string",
    value: "SCRIPT",
    brief:
      "run a line script at the port first (esp32, esp32-run, arduino, stm32, dtr=0,rts=1,100ms,…)",
  },
} as const satisfies OptionTable;
