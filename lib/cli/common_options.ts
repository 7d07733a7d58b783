/**
 * Options that several commands share. A command spreads the tables it needs into its own.
 *
 * @module
 */
import type { OptionTable } from "../device.ts";

/** Of every command. */
export const GENERAL_OPTIONS = {
  "json": {
    type: "boolean",
    brief: "events as JSON, one object a line",
    section: "General",
  },
  "verbose": {
    type: "boolean",
    short: "v",
    brief: "say more; stack traces with errors",
    section: "General",
  },
  "quiet": { type: "boolean", short: "q", brief: "errors only", section: "General" },
} as const satisfies OptionTable;

/** Of every command that opens an iroh endpoint. */
export const ENDPOINT_OPTIONS = {
  "iroh-relay": {
    type: "string",
    value: "URL|none",
    brief: "iroh relay; none: no relay and no DNS discovery; absent: n0's relays",
    section: "Network",
  },
  "bind": {
    type: "string",
    value: "ADDR[:PORT]",
    brief: "UDP address of the endpoint; absent: all addresses, the port it had last",
    section: "Network",
  },
  "no-announce": {
    type: "boolean",
    brief: "neither announce on the LAN (mDNS) nor look there",
    section: "Network",
  },
} as const satisfies OptionTable;

/** Of every command that serves. */
export const SERVER_OPTIONS = {
  "name": {
    type: "string",
    value: "NAME",
    brief: "identity and device name; absent: from the kind and the device's id",
    section: "Access",
  },
  "key-dir": {
    type: "string",
    value: "DIR",
    brief: "read and write XoQ's key files here instead of the state folder",
    section: "Access",
  },
  "public": {
    type: "boolean",
    brief: "let anybody in who knows the endpoint id (XoQ's clients need it)",
    section: "Access",
  },
  "allow": {
    type: "list",
    value: "ENDPOINT-ID",
    brief: "let this endpoint in without a grant; may be repeated",
    section: "Access",
  },
  "no-qr": { type: "boolean", brief: "no QR code of the ticket", section: "General" },
} as const satisfies OptionTable;

/** Of every command that dials a device and stays. */
export const CLIENT_OPTIONS = {
  "timeout": {
    type: "duration",
    value: "TIME",
    default: 15_000,
    min: 100,
    max: 3_600_000,
    brief: "give up on a peer never reached",
    section: "Network",
  },
  "no-reconnect": {
    type: "boolean",
    brief: "end when the connection is lost (exit 7) instead of dialling again",
    section: "Network",
  },
  "take": {
    type: "boolean",
    brief: "take control over from whoever holds it",
    section: "Access",
  },
} as const satisfies OptionTable;
