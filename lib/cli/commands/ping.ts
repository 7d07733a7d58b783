/**
 * `xoq ping TICKET`: round trips, the path they take, and where each millisecond of a camera's
 * picture goes.
 *
 * @module
 */
import { UnreachableError } from "../../errors.ts";
import type { PathInfo } from "../../transport/connection.ts";
import { type Command, defineCommand } from "../command.ts";
import { ENDPOINT_OPTIONS } from "../common_options.ts";

/** The command. */
export const pingCommand: Command = defineCommand({
  positionals: [{ value: "TICKET", brief: "as the server printed it" }],
  options: {
    count: {
      type: "number",
      short: "c",
      min: 1,
      max: 1_000_000,
      default: 5,
      value: "N",
      brief: "round trips",
    },
    interval: {
      type: "duration",
      min: 1,
      max: 60_000,
      default: 200,
      value: "TIME",
      brief: "from one to the next",
    },
    timeout: {
      type: "duration",
      min: 100,
      max: 3_600_000,
      default: 15_000,
      value: "TIME",
      brief: "give up on a peer never reached",
      section: "Network",
    },
    ...ENDPOINT_OPTIONS,
  },
  examples: [["xoq ping TICKET", "five round trips, the path, and the camera's own delays"]],
  run: async ([ticket = ""], values, { output, signal }) => {
    const { Opener } = await import("../open_device.ts");
    await using opener = await Opener.start(ticket, values);
    const dialled = performance.now();
    await using session = await opener.session(values.timeout, signal);
    const connectMs = performance.now() - dialled;
    const trips: number[] = [];
    for (let n = 0; n < values.count; n++) {
      if (n > 0) await sleep(values.interval, signal);
      signal.throwIfAborted();
      const answer = AbortSignal.any([signal, AbortSignal.timeout(3_000)]);
      const ms = await session.ping(answer).catch((cause) => {
        if (!answer.aborted || signal.aborted) throw cause;
        throw new UnreachableError("no answer within 3 s", { cause });
      });
      trips.push(ms);
      const path = session.connection.paths().find(({ selected }) => selected);
      if (output.json) output.event({ type: "pong", n, ms: round(ms), ...describePath(path) });
      else output.print(`${opener.label}: ${ms.toFixed(2)} ms, ${pathText(path)}`);
    }
    const devices = await session.stats(AbortSignal.any([signal, AbortSignal.timeout(3_000)]));
    const summary = {
      connect_ms: round(connectMs),
      ...spread(trips),
      clock_offset_ms: round((session.clockOffset ?? 0) / 1000),
      devices: Object.fromEntries(
        Object.entries(devices).map(([name, counters]) => [name, stages(counters, trips)]),
      ),
    };
    if (output.json) output.event({ type: "ping", ...summary });
    else output.print(summaryText(summary));
  },
});

interface Summary {
  connect_ms: number;
  min_ms: number;
  p50_ms: number;
  max_ms: number;
  clock_offset_ms: number;
  devices: Record<string, Record<string, number>>;
}

function summaryText(summary: Summary): string {
  const lines = [
    `connected in ${summary.connect_ms} ms; round trip ${summary.min_ms} / ${summary.p50_ms} / ` +
    `${summary.max_ms} ms (min, median, max); their clock is ${-summary.clock_offset_ms} ms ahead`,
  ];
  for (const [name, delays] of Object.entries(summary.devices)) {
    const parts = Object.entries(delays).map(([stage, ms]) => `${stage} ${ms} ms`);
    if (parts.length > 0) lines.push(`${name}: ${parts.join(", ")}`);
  }
  return lines.join("\n");
}

/** What the server measured of its own part, and the way here as half a round trip. */
function stages(
  counters: Record<string, unknown>,
  trips: readonly number[],
): Record<string, number> {
  const found: Record<string, number> = {};
  const take = (key: string, stage: string) => {
    const value = counters[key];
    if (typeof value === "number") found[stage] = round(value);
  };
  take("captureToEncodedMs", "capture to encoded");
  take("encodeMs", "of it in the encoder");
  take("encodedToSentMs", "encoded to sent");
  if (Object.keys(found).length > 0) found["network one way"] = round(spread(trips).p50_ms / 2);
  return found;
}

function spread(trips: readonly number[]): { min_ms: number; p50_ms: number; max_ms: number } {
  const sorted = trips.toSorted((a, b) => a - b);
  const at = (index: number) => round(sorted[index] ?? 0);
  return {
    min_ms: at(0),
    p50_ms: at(Math.floor((sorted.length - 1) / 2)),
    max_ms: at(sorted.length - 1),
  };
}

function describePath(path: PathInfo | undefined): Record<string, unknown> {
  return path === undefined ? {} : { path: path.kind, remote: path.remote };
}

function pathText(path: PathInfo | undefined): string {
  if (path === undefined) return "no path known";
  return path.kind === "relay" ? `through the relay ${path.remote}` : `direct to ${path.remote}`;
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
