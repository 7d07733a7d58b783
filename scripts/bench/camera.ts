/**
 * `deno task bench camera [--json] [--seconds N] [--quick]`: the camera's way over loopback iroh.
 *
 * Server and viewers are processes of their own; the server notes when each picture was encoded, the
 * viewers when it arrived, both by the wall clock, brought together by the offset that `xoq/1`
 * measured. The first second of every run is left out.
 */
import { percentile, Report } from "./report.ts";
import type { ServerJob } from "./camera_server.ts";
import type { ViewerResult, ViewersJob } from "./camera_viewers.ts";
import { Child } from "./child.ts";

/** What a run gave. */
interface Run {
  /** Encoded to received, ms, all viewers. */
  network: number[];
  /** Capture to decoded, ms, the first viewer. */
  toDecoded: number[];
  /** Dialling to first picture, ms, each viewer. */
  firstFrame: number[];
  /** Pictures that a viewer should have had and had not. */
  lost: number;
  /** Pictures in all. */
  received: number;
  /** Server's CPU, in seconds a second. */
  serverCpu: number;
  /** Server's peak memory. */
  serverPeakBytes: number;
  /** Megabits a second, all viewers together. */
  mbps: number;
}

const json = Deno.args.includes("--json");
const quick = Deno.args.includes("--quick");
const seconds = Number(option("--seconds") ?? (quick ? 4 : 10));
const report = new Report(json);

await startUp();
const sizes: [string, number, number][] = [["720p30", 1280, 720], ["1080p30", 1920, 1080]];
for (const [label, width, height] of quick ? sizes.slice(0, 1) : sizes) {
  let cpuOfOne = 0;
  for (const viewers of quick ? [1, 8] : [1, 8, 32]) {
    const result = await run({ source: "h264", width, height, fps: 30 }, viewers);
    const name = `${label}, ${viewers} viewer${viewers > 1 ? "s" : ""}`;
    report.section(name);
    const one = viewers === 1;
    ms(`${name}: encoded to received p50`, result.network, 0.5, one ? "≤ 1" : undefined);
    ms(`${name}: encoded to received p95`, result.network, 0.95);
    ms(`${name}: encoded to received p99`, result.network, 0.99, one ? "≤ 5" : undefined);
    if (result.toDecoded.length > 0) {
      ms(`${name}: capture to decoded p50`, result.toDecoded, 0.5);
      ms(`${name}: capture to decoded p99`, result.toDecoded, 0.99);
    }
    ms(`${name}: dial to first picture, median`, result.firstFrame, 0.5, "≤ 300");
    report.add({
      case: `${name}: pictures lost of ${result.received}`,
      unit: "",
      ours: result.lost,
    });
    report.add({ case: `${name}: server CPU`, unit: "s/s", ours: result.serverCpu });
    report.add({
      case: `${name}: server peak memory`,
      unit: "MB",
      ours: mb(result.serverPeakBytes),
    });
    if (one) cpuOfOne = result.serverCpu;
    else {
      const ours = result.serverCpu / cpuOfOne;
      const aim = viewers === 8 ? { aim: "≤ 1.5" } : {};
      report.add({ case: `${name}: server CPU over that of one`, unit: "×", ours, ...aim });
    }
  }
}
const passed = await run({ source: "replay", width: 3840, height: 2160, fps: 100 }, 8);
report.section("MJPEG passed through, 2160p100 at full quality, 8 viewers");
report.add({
  case: "MJPEG passthrough, 8 viewers",
  unit: "Mbit/s",
  ours: passed.mbps,
  aim: "≥ 1000",
});
report.add({
  case: `MJPEG passthrough: pictures lost of ${passed.received}`,
  unit: "",
  ours: passed.lost,
});
ms("MJPEG passthrough: handed over to received p50", passed.network, 0.5);
ms("MJPEG passthrough: handed over to received p99", passed.network, 0.99);
report.add({ case: "MJPEG passthrough: server CPU", unit: "s/s", ours: passed.serverCpu });

function ms(name: string, values: readonly number[], p: number, aim?: string): void {
  report.add({
    case: name,
    unit: "ms",
    ours: percentile(values, p),
    ...(aim === undefined ? {} : { aim }),
  });
}

function mb(bytes: number): number {
  return bytes / 1e6;
}

function option(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

/** The real command: from its start to its ticket, and from `xoq open` to the first bytes. */
async function startUp(): Promise<void> {
  const tickets: number[] = [];
  const pictures: number[] = [];
  for (let i = 0; i < (quick ? 3 : 7); i++) {
    const begun = performance.now();
    await using server = Child.xoq(["camera", "test", "--h264", "--json", "--name", "bench-start"]);
    let ticket = "";
    while (ticket === "") {
      const event = await server.json() as { event: string; ticket: string };
      if (event.event === "ready") ticket = event.ticket;
    }
    tickets.push(performance.now() - begun);
    const opened = performance.now();
    await using viewer = Child.xoq(["open", ticket, "--stdout", "h264", "-q"]);
    await viewer.firstByte();
    pictures.push(performance.now() - opened);
  }
  report.section("the command, process start included");
  ms("xoq camera: start to ticket, median", tickets, 0.5, "≤ 500");
  ms("xoq open: start to first picture on stdout, median", pictures, 0.5);
}

async function run(job: ServerJob, viewers: number): Promise<Run> {
  await using server = Child.script("camera_server.ts", job);
  const { ticket } = await server.json() as { ticket: string };
  const watch: ViewersJob = { ticket, viewers, seconds, decode: job.source === "h264" };
  await using watching = Child.script("camera_viewers.ts", watch);
  const seen = await watching.json() as { viewers: ViewerResult[] };
  server.closeInput();
  const made = await server.json() as {
    encoded: [number, number][];
    cpuSeconds: number;
    peakBytes: number;
  };
  const from = Math.min(...made.encoded.map(([captured]) => captured)) + 1e6;
  const encodedAt = new Map(made.encoded);
  const result: Run = {
    network: [],
    toDecoded: [],
    firstFrame: seen.viewers.map((viewer) => viewer.firstFrameMs),
    lost: 0,
    received: 0,
    serverCpu: made.cpuSeconds / seconds,
    serverPeakBytes: made.peakBytes,
    mbps: seen.viewers.reduce((sum, viewer) => sum + viewer.bytes, 0) * 8e-6 / seconds,
  };
  for (const { arrived, decoded, clockOffset } of seen.viewers) {
    const times = arrived.map(([captured]) => captured);
    const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
    const owed = made.encoded.filter(([captured]) => captured >= first && captured <= last);
    result.lost += owed.length - arrived.length;
    result.received += arrived.length;
    for (const [captured, at] of arrived) {
      const encoded = encodedAt.get(captured);
      if (encoded === undefined || captured < from) continue;
      result.network.push((at - clockOffset - encoded) / 1000);
    }
    for (const [captured, at] of decoded) {
      if (captured >= from) result.toDecoded.push((at - clockOffset - captured) / 1000);
    }
  }
  return result;
}
