/**
 * `xoq moq probe`: what relays speak, and what works there.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import type { OptionTable } from "../../device.ts";
import { parseRelayList, type ProbeTarget } from "../../moq_tools/probe/list.ts";
import type { EndpointReport, ProbeReport } from "../../moq_tools/probe/probe.ts";
import { probeAll } from "../../moq_tools/probe/schedule.ts";
import { sessionUrl } from "../../moqt/dial.ts";
import { type Command, defineCommand } from "../command.ts";
import { readTextFile, replaceTextFile } from "../files.ts";
import { connectOptions, DIAL_OPTIONS, parseDrafts } from "../moq_options.ts";

const { timeout: _timeout, ...DIALLING } = DIAL_OPTIONS;

const OPTIONS = {
  "relays-file": {
    type: "string",
    short: "f",
    value: "FILE",
    brief: "list of relays in JSON; else from RELAYS_FILE",
  },
  "url": {
    type: "list",
    value: "URL",
    brief: "a relay, as arguments name them; may be repeated",
  },
  "output-file": {
    type: "string",
    short: "o",
    value: "FILE",
    brief: "where the report goes; else from OUTPUT_FILE, else stdout",
  },
  "timeout": {
    type: "string",
    value: "SECONDS",
    brief: "most that a set-up may take; else from PROBE_TIMEOUT, else 8",
  },
  "interval": {
    type: "string",
    value: "SECONDS",
    brief: "probe again so often, 0: once; else from PROBE_INTERVAL, else once",
  },
  "once": { type: "boolean", brief: "probe once, whatever the interval is" },
  "setup-only": { type: "boolean", brief: "try set-ups, and nothing else" },
  "offer": {
    type: "boolean",
    brief: "offer all drafts of --draft in one session, and tell which one the relay chooses",
  },
  "both-transports": {
    type: "boolean",
    brief: "try each address over plain QUIC and over WebTransport",
  },
  ...DIALLING,
} as const satisfies OptionTable;

/** The command. */
export const moqProbeCommand: Command = defineCommand({
  positionals: [{
    value: "URL",
    brief: "relays, beside those of the list",
    optional: true,
    many: true,
  }],
  options: OPTIONS,
  description:
    "Tries each address with each draft: the set-up, then whether namespaces and tracks can\n" +
    "be published, subscribed to and fetched. The report is JSON. Nothing is dialled but the given\n" +
    "addresses. Ends with 0 when some relay answers, else with 1. Flags go before variables, and\n" +
    "XOQ_TIMEOUT and the like before PROBE_TIMEOUT.",
  examples: [
    ["xoq moq probe moqt://localhost:4443 https://localhost:4443 --insecure", "one relay"],
    ["xoq moq probe -f relays.json -o status.json --interval 300", "a list, every five minutes"],
    [
      "xoq moq probe moqt://localhost:4443 --draft 18 --setup-only",
      "only whether it speaks draft 18",
    ],
  ],
  dataOnStdout: (values) => values["output-file"] === undefined,
  run: async (urls, values, { output, signal, env }) => {
    const file = values["relays-file"] ?? (env("RELAYS_FILE") || undefined);
    const listed = file === undefined ? [] : parseRelayList(await readTextFile(file), file);
    const named = [...urls, ...values.url].map((text): ProbeTarget => {
      const { href } = sessionUrl(text);
      return { id: text, name: text, endpoints: [{ url: href }] };
    });
    if (listed.length + named.length === 0) {
      throw new UsageError("no relays are given", { hint: "write URLs, or -f FILE" });
    }
    const interval = seconds(values.interval ?? (env("PROBE_INTERVAL") || "0"), "--interval");
    const timeoutMs = 1000 *
      seconds(values.timeout ?? (env("PROBE_TIMEOUT") || "8"), "--timeout");
    const target = values["output-file"] ?? (env("OUTPUT_FILE") || undefined);
    const connect = await connectOptions({ ...values, timeout: timeoutMs });
    const report = await probeAll([...named, ...listed], {
      versions: parseDrafts(values.draft),
      connect,
      timeoutMs,
      setupOnly: values["setup-only"],
      offer: values.offer,
      bothTransports: values["both-transports"],
      intervalSeconds: values.once ? 0 : interval,
      signal,
      onReport: async (report) => {
        for (const line of linesOf(report)) output.notice(line);
        const text = `${JSON.stringify(report, null, 2)}\n`;
        if (target === undefined) return output.print(text);
        await replaceTextFile(target, text);
      },
    });
    const live = Object.values(report?.relays ?? {}).some((relay) => relay.live);
    return live ? 0 : 1;
  },
});

function seconds(text: string, source: string): number {
  const value = /^(\d{1,6}(?:\.\d{1,3})?)s?$/.exec(text)?.[1];
  if (value === undefined) {
    throw new UsageError(`${source}: ${JSON.stringify(text)} is no number of seconds`, {
      hint: "write 8, or 0.5",
    });
  }
  return Number(value);
}

function* linesOf({ relays }: ProbeReport): Generator<string, void, undefined> {
  for (const { endpoints } of Object.values(relays)) {
    for (const endpoint of endpoints) yield lineOf(endpoint);
  }
}

function lineOf({ url, transport, live, drafts, error, probes }: EndpointReport): string {
  if (!live) return `${url} (${transport}): ${error}`;
  const failing = probes.flatMap(({ draft, checks = {} }) =>
    Object.entries(checks).filter(([, { ok }]) => ok === false)
      .map(([name]) => `${name} in draft ${draft}`)
  );
  const but = failing.length === 0 ? "" : `; not ${failing.join(", ")}`;
  const name = probes.find(({ implementation }) => implementation)?.implementation;
  return `${url} (${transport}): ${name === undefined ? "" : `${name}, `}drafts ` +
    `${drafts.join(", ")}${but}`;
}
