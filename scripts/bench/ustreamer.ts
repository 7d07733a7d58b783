/**
 * A camera's own JPEGs over HTTP, `xoq camera --jpeg --http` beside `ustreamer`, in the lab's machine:
 * the same pictures at the same rate into a v4l2loopback node, the servers in turn, the same reader.
 *
 *     deno task bench ustreamer [--json] [--only 640x480@30] [--seconds 6] [--rounds 2]
 *
 * ustreamer passes pictures through (`--encoder=HW`) and looks for a new one at intervals. It is
 * measured twice: `usual` with its default, every 16 ms, and `eager` with the highest `--desired-fps`
 * it takes, every 4 ms, its best for latency. (With the camera's own rate, in place of either, it
 * leaves out a third of the pictures.)
 *
 * The machine is emulated, some ten times slower than this one: ratios count, times don't.
 */
import { parseArgs } from "node:util";
import { progress, quote, runInLab } from "../lab/boot.ts";
import { has, LabError, labError, run } from "../lab/run.ts";
import { type Figure, Report } from "./report.ts";
import type { GuestJob, StreamCase } from "./ustreamer_guest.ts";

const GUEST = "scripts/bench/ustreamer_guest.ts";
const CASES: readonly StreamCase[] = [
  { width: 640, height: 480, fps: 15 },
  { width: 640, height: 480, fps: 30 },
  { width: 1280, height: 720, fps: 15 },
  { width: 1280, height: 720, fps: 30 },
];
/** JPEGs of a size, fed over and over. */
const PICTURES = 10;
/** What booting, and starting the servers of a case, may take, in seconds. */
const BOOT_S = 180;
const START_S = 120;

/** Pictures with the detail of a camera's: noise over the test pattern. */
async function makePictures(folder: string, { width, height }: StreamCase): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const source = `testsrc2=size=${width}x${height}:rate=10,noise=alls=12:allf=t:all_seed=1`;
  const quiet = ["-v", "error", "-y", "-f", "lavfi", "-i", source];
  const frames = ["-frames:v", String(PICTURES), "-c:v", "mjpeg", "-pix_fmt", "yuvj422p"];
  await run("ffmpeg", [...quiet, ...frames, "-q:v", "5", `${folder}/%02d.jpg`]);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      json: { type: "boolean", default: false },
      only: { type: "string" },
      seconds: { type: "string", default: "6" },
      rounds: { type: "string", default: "2" },
    },
  });
  const name = ({ width, height, fps }: StreamCase) => `${width}x${height}@${fps}`;
  const cases = CASES.filter((each) => values.only === undefined || name(each) === values.only);
  if (cases.length === 0) throw labError(`--only takes one of ${CASES.map(name).join(", ")}`);
  const seconds = Number(values.seconds);
  const rounds = Number(values.rounds);
  if (!(seconds > 0) || !(rounds > 0)) throw labError("--seconds and --rounds take numbers");
  if (!await has("ustreamer")) {
    throw labError("ustreamer is missing here: sudo apt-get install -y ustreamer");
  }

  const job: GuestJob = { cases, seconds, rounds, folder: "/lab", results: "/lab/figures" };
  const figures: Figure[] = [];
  const code = await runInLab({
    command: `${quote(Deno.execPath())} run -A --no-check --cached-only ${GUEST} ` +
      quote(JSON.stringify(job)),
    modules: ["main.ts", "scripts/bench/mjpeg_feeder.ts", GUEST],
    console: "stderr",
    // Two numbers of clients with three servers, each as long again until it runs evenly.
    timeout: BOOT_S + cases.length * (START_S + rounds * 6 * 4 * seconds),
    before: async (share) => {
      for (const each of cases) {
        await makePictures(`${share}/${each.width}x${each.height}`, each);
      }
    },
    after: async (share) => {
      const text = await Deno.readTextFile(`${share}/figures`).catch(() => "");
      for (const line of text.split("\n")) if (line !== "") figures.push(JSON.parse(line));
    },
  });
  const report = new Report(values.json);
  report.section("MJPEG over HTTP beside ustreamer, both in the lab's emulated machine");
  for (const figure of figures) report.add(figure);
  if (code !== 0) progress(`failed: the benchmark ended with ${code}`);
  return code;
}

try {
  Deno.exit(await main());
} catch (error) {
  if (!(error instanceof LabError)) throw error;
  console.error(`bench: ${error.message}`);
  Deno.exit(1);
}
