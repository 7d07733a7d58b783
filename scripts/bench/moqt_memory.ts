/**
 * A relay's memory under loads that are hard on it, each with a relay of its own.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { End } from "./moqt_end.ts";
import type { Report } from "./report.ts";

const LOAD = fileURLToPath(new URL("moqt_load.ts", import.meta.url));
const LIMIT = "≤ 200";

/** A load: what publishes (`xoq moq bench` arguments behind the URL), and what subscribes. */
interface Load {
  /** In words. */
  readonly name: string;
  /** Options of `xoq moq bench pub`; absent: the load publishes itself. */
  readonly publisher?: readonly string[];
  /** A load of `moqt_load.ts`, or options of `xoq moq bench sub` or `fanout`. */
  readonly load: string | readonly string[];
}

const FULL = ["-g", "4096", "-r", "0"];

const LOADS: readonly Load[] = [
  {
    name: "1 KiB at full speed, 1 subscriber",
    publisher: ["-s", "1024", ...FULL],
    load: ["sub"],
  },
  {
    name: "8 KiB at full speed, 1 subscriber",
    publisher: ["-s", "8192", ...FULL],
    load: ["sub"],
  },
  {
    name: "1 KiB at full speed, 100 that never read",
    publisher: ["-s", "1024", ...FULL],
    load: "idle",
  },
  {
    name: "one small object a group, as many as go",
    publisher: ["-s", "100", "-g", "1", "-r", "0"],
    load: ["sub"],
  },
  {
    name: "one small object a group, 100 that never read",
    publisher: ["-s", "100", "-g", "1", "-r", "0"],
    load: "idle",
  },
  { name: "720p, 100 subscribers", load: ["fanout", "-n", "100", "--video", "720p"] },
  {
    name: "connections that come and go",
    publisher: ["-s", "1024", "-g", "100", "-r", "5000"],
    load: "visitors",
  },
  { name: "500 tracks, 20,000 objects a second", load: "tracks" },
  { name: "objects of 32 MiB", load: "large" },
];

/** Runs all loads for so many seconds each; reports the most memory that the relay had resident. */
export async function memory(report: Report, seconds: number): Promise<void> {
  report.section("the relay's memory");
  for (const load of LOADS) {
    const { peak, atFirst } = await measure(load, seconds);
    report.add({ case: load.name, unit: "MB", ours: peak / 1e6, aim: LIMIT });
    report.note(`  of which ${(atFirst / 1e6).toFixed(0)} MB before anybody came`);
  }
}

async function measure(
  { publisher, load }: Load,
  seconds: number,
): Promise<{ peak: number; atFirst: number }> {
  await using relay = End.xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
  const [, address] = await relay.line(/"(moqt:\/\/127\.0\.0\.1:\d+)/, 20_000);
  const url = `${address}/`;
  // What an executable takes while it starts is not what is asked about.
  relay.forgetPeak();
  const { peakBytes: atFirst } = relay.used;
  const name = ["--namespace", "bench", "--trackname", "track"];
  await using stack = new AsyncDisposableStack();
  if (publisher !== undefined) {
    const pub = stack.use(
      End.xoq(["moq", "bench", "pub", url, "-k", "--pub-ns", "--json", "-i", "600", ...[
        ...["-t", "600", ...name, ...publisher],
      ]]),
    );
    await pub.line(/"event":"offered"/, 20_000);
  }
  const subscriber = stack.use(
    typeof load === "string"
      ? new End(Deno.execPath(), ["run", "-A", "--no-check", LOAD, load, url, `${seconds}`])
      : End.xoq([
        ...["moq", "bench", load[0]!, url, "-k", "-t", `${seconds}`, "-i", "600", "--json"],
        ...(load[0] === "sub" ? name : []),
        ...load.slice(1),
      ]),
  );
  await subscriber.ended(seconds * 1000 + 30_000);
  return { peak: relay.used.peakBytes, atFirst };
}
