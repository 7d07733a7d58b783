/**
 * `deno task bench can [--json] [--seconds N] [--quick]`: frames between two buses inside two
 * processes, over loopback iroh: how many a second with nothing lost, and how much later each
 * arrives on a full 1 Mbit/s bus.
 */
import type { Arrived, Traffic } from "./can_traffic.ts";
import { Child } from "./child.ts";
import { percentile, Report } from "./report.ts";

/** Frames a second of 8 bytes that fill a bus of 1 Mbit/s. */
const FULL_BUS = 8_771;
/** How long to wait for the last frames, in milliseconds. */
const TAIL_MS = 400;

const json = Deno.args.includes("--json");
const quick = Deno.args.includes("--quick");
const at = Deno.args.indexOf("--seconds");
const seconds = at < 0 ? (quick ? 2 : 5) : Number(Deno.args[at + 1]);
const report = new Report(json);

report.section("as many as come through");
for (const direction of ["down", "up"] as const) {
  for (const [label, bytes, aim] of [["classic", 8, 50_000], ["64-byte FD", 64, 30_000]] as const) {
    const best = await fastest({ direction, bytes, rate: aim, seconds });
    report.add({
      case: `${label}, ${direction === "down" ? "bus to client" : "client to bus"}, none lost`,
      unit: "frames/s",
      ours: best,
      higherIsBetter: true,
      aim: `≥ ${aim.toLocaleString("en-US")}`,
    });
  }
}
report.section(`added latency at ${FULL_BUS.toLocaleString("en-US")} frames/s`);
for (const direction of ["down", "up"] as const) {
  const { arrived, sent } = await run({ direction, bytes: 8, rate: FULL_BUS, seconds });
  const name = direction === "down" ? "bus to client" : "client to bus";
  // The first half second is the start-up's.
  const steady = arrived.latencies.slice(Math.floor(FULL_BUS / 16));
  for (const [label, share, aim] of [["p50", 0.5, 0.5], ["p99", 0.99, 2]] as const) {
    report.add({
      case: `${name} ${label}`,
      unit: "ms",
      ours: percentile(steady, share),
      aim: `≤ ${aim}`,
    });
  }
  report.add({ case: `${name}: lost of ${sent}`, unit: "", ours: sent - arrived.count });
}

/** The highest rate, in steps of a quarter above the aim, at which nothing is lost; 0: not even half the aim. */
async function fastest(traffic: Traffic): Promise<number> {
  let best = 0;
  for (const factor of quick ? [1] : [1, 1.25, 1.5, 2]) {
    const rate = await attempt({ ...traffic, rate: traffic.rate * factor });
    if (rate === undefined) break;
    best = Math.max(best, rate);
  }
  for (const factor of [0.75, 0.5]) {
    if (best > 0) break;
    best = await attempt({ ...traffic, rate: traffic.rate * factor }) ?? 0;
  }
  return best;
}

/** Frames a second that arrived, where all did and in order. */
async function attempt(traffic: Traffic): Promise<number | undefined> {
  const { arrived, sent } = await run(traffic);
  const lost = sent - arrived.count;
  report.note(
    `offered ${traffic.rate} frames/s of ${traffic.bytes} bytes, ${traffic.direction}: sent ${sent}, ` +
      `lost ${lost}, disordered ${arrived.disordered}`,
  );
  return lost === 0 && arrived.disordered === 0 ? arrived.count / arrived.seconds : undefined;
}

async function run(traffic: Traffic): Promise<{ arrived: Arrived; sent: number }> {
  await using server = Child.script("can_server.ts", traffic);
  const { ticket } = await server.json() as { ticket: string };
  await using client = Child.script("can_client.ts", { ...traffic, ticket });
  const [fromServer, fromClient] = await Promise.all([server.json(), client.json()]) as [
    { sent: number },
    { sent: number },
  ];
  await new Promise((resolve) => setTimeout(resolve, TAIL_MS));
  server.closeInput();
  client.closeInput();
  const [atServer, atClient] = await Promise.all([server.json(), client.json()]) as [
    { arrived?: Arrived; stats: unknown },
    { arrived?: Arrived; stats: unknown },
  ];
  if (Deno.env.get("XOQ_BENCH_VERBOSE")) console.error(atServer, atClient);
  return {
    sent: fromServer.sent + fromClient.sent,
    arrived: (atServer.arrived ?? atClient.arrived)!,
  };
}
