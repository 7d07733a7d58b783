/**
 * `xoq relay`: a MoQT relay for a LAN, a CI job, a lab.
 *
 * @module
 */
import { type Command, defineCommand } from "../command.ts";
import { ENDPOINT_OPTIONS } from "../common_options.ts";
import { RELAY_NAME } from "../relay_options.ts";

/** The command. */
export const relayCommand: Command = defineCommand({
  positionals: [],
  options: {
    "listen": {
      type: "string",
      value: "ADDR:PORT",
      default: "127.0.0.1:4443",
      brief: "UDP address of QUIC and WebTransport; port 0: any",
      section: "Network",
    },
    "cert": {
      type: "string",
      value: "FILE",
      brief: "certificate chain in PEM; absent: self-signed, its hash is printed",
      section: "Network",
    },
    "key": {
      type: "string",
      value: "FILE",
      brief: "the certificate's private key in PEM",
      section: "Network",
    },
    "iroh": { type: "boolean", brief: "let clients in by iroh ticket, too", section: "Network" },
    "keylogfile": {
      type: "string",
      value: "FILE",
      brief: "append TLS secrets here, for packet analysers",
      section: "Network",
    },
    "public": {
      type: "boolean",
      brief: "let everybody publish and subscribe, without a token",
      section: "Access",
    },
    "name": {
      type: "string",
      value: "NAME",
      brief: `identity, whose key signs tokens; absent: ${RELAY_NAME}`,
      section: "Access",
    },
    "cache": {
      type: "string",
      value: "SIZE",
      default: "64MB",
      brief: "memory for groups: for who joins, and for who is slow",
    },
    "memory": {
      type: "string",
      value: "SIZE",
      default: "200MB",
      brief: "what the process may take; above that the cache shrinks, then publishers wait",
    },
    "max-pending": {
      type: "string",
      value: "SIZE",
      default: "8MB",
      brief: "what may wait for one subscriber before it loses its oldest groups",
    },
    "late": {
      type: "duration",
      value: "TIME",
      default: 2_000,
      min: 10,
      max: 3_600_000,
      brief: "how long an old group may still be sent after a newer one began",
    },
    "hold": {
      type: "duration",
      value: "TIME",
      default: 10_000,
      min: 0,
      max: 3_600_000,
      brief: "how long subscribers are kept while their publisher is away",
    },
    "max-sessions": {
      type: "number",
      value: "N",
      default: 1_000,
      min: 1,
      max: 100_000,
      brief: "sessions at once",
    },
    "metrics": {
      type: "string",
      value: "ADDR:PORT",
      brief: "serve /metrics (Prometheus) and /healthz there over HTTP",
      section: "Network",
    },
    ...ENDPOINT_OPTIONS,
  },
  description:
    "Publishers and subscribers of all drafts and of moq-lite meet here, over QUIC (moqt://) and\n" +
    "WebTransport (https://) on one UDP port. Without --public they need a token: see\n" +
    "xoq relay token --help.",
  examples: [
    ["xoq relay --public", "a relay on this machine"],
    ["xoq relay --listen '[::]:4443' --cert cert.pem --key key.pem", "one for the network"],
    ["xoq relay token --publish example.com/cam --expires 2h", "lets a publisher in"],
  ],
  run: async (_args, values, context) => {
    const { runRelay } = await import("../run_relay.ts");
    await runRelay(values, context);
  },
});
