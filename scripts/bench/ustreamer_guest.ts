/**
 * The part of the ustreamer benchmark that runs in the lab's machine: feeds, serves, reads, and
 * leaves figures as lines of JSON.
 */
import { monotonicMicros } from "../../ffi/libc.ts";
import { Child } from "./child.ts";
import { readMjpeg } from "./mjpeg_reader.ts";
import { readStamp } from "./mjpeg_stamp.ts";
import { type Figure, percentile, usage } from "./report.ts";

/** A stream. */
export interface StreamCase {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Pictures a second. */
  fps: number;
}

/** What to measure. */
export interface GuestJob {
  /** Streams. */
  cases: readonly StreamCase[];
  /** Seconds each server is measured at a time. */
  seconds: number;
  /** How often the servers take turns. */
  rounds: number;
  /** Where the pictures are, in a folder of each size. */
  folder: string;
  /** File for the figures. */
  results: string;
}

const CLIENTS = [1, 4];
const OUR_PORT = 8090;
const PEER_PORT = 8091;
/** v4l2loopback's first node; each case has its own. */
const FIRST_NODE = 20;
/** The highest rate that ustreamer takes: it looks for a new picture twice in that time, every 4 ms. */
const EAGER_FPS = 120;
/** Pictures that each client has before measuring begins: caches and compilers are warm then. */
const SETTLED = 60;
/** Longest that settling may take, in ms. */
const PATIENCE_MS = 90_000;
const LONGEST_MS = 1_800_000;

/** A server to read from. */
interface Server {
  name: string;
  port: number;
  path: string;
  pid: number;
}

/** What was measured of a server with so many clients, over all turns. */
class Measured {
  /** Stamp to last byte, ms. */
  latencies: number[] = [];
  /** Pictures that were fed while measuring, once for each client. */
  fed = 0;
  cpuSeconds = 0;
  /** The most memory it had at a turn's end, bytes. */
  residentBytes = 0;
}

/** Memory a process has now, in bytes. */
async function resident(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** One turn: connects clients, waits until they run evenly, measures. */
async function measure(
  { name, port, path, pid }: Server,
  clients: number,
  seconds: number,
  into: Measured,
): Promise<void> {
  const stop = new AbortController();
  let measuring = false;
  const settled: Promise<void>[] = [];
  const seen = Array.from({ length: clients }, () => ({ count: 0, numbers: [] as number[] }));
  const reading = seen.map((client) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    settled.push(promise);
    return readMjpeg(port, path, (jpeg) => {
      const now = monotonicMicros();
      const stamp = readStamp(jpeg);
      // ustreamer shows a picture of its own until the camera's first.
      if (stamp === undefined) return;
      if (++client.count === SETTLED) resolve();
      if (!measuring) return;
      client.numbers.push(stamp.number);
      into.latencies.push((now - stamp.time) / 1000);
    }, stop.signal);
  });
  const late = new DOMException(`${name}: no pictures`, "TimeoutError");
  const timer = setTimeout(() => stop.abort(late), PATIENCE_MS);
  const aborted = new Promise<never>((_, reject) =>
    stop.signal.addEventListener("abort", () => reject(late))
  );
  aborted.catch(() => {});
  try {
    // A reader that ends has failed.
    await Promise.race([Promise.all(settled), aborted, ...reading]);
    clearTimeout(timer);
    const before = usage(pid).cpuSeconds;
    measuring = true;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    measuring = false;
    into.cpuSeconds += usage(pid).cpuSeconds - before;
    into.residentBytes = Math.max(into.residentBytes, await resident(pid));
    for (const { numbers } of seen) into.fed += numbers.at(-1)! - numbers[0]! + 1;
  } finally {
    clearTimeout(timer);
    stop.abort();
    await Promise.allSettled(reading);
  }
}

/** ustreamer passing the camera's pictures through, as fast as it can. */
function startUstreamer(node: string, { width, height }: StreamCase, fps?: number): Child {
  const camera = [`--device=${node}`, "--format=MJPEG", "--encoder=HW"];
  const mode = [`--resolution=${width}x${height}`, "--buffers=4"];
  if (fps !== undefined) mode.push(`--desired-fps=${fps}`);
  const http = ["--host=127.0.0.1", `--port=${PEER_PORT}`, "--tcp-nodelay"];
  return Child.program("ustreamer", [...camera, ...mode, ...http], LONGEST_MS);
}

function figures(
  stream: StreamCase,
  clients: number,
  peerName: string,
  ours: Measured,
  peer: Measured,
): Figure[] {
  const head = `${stream.width}×${stream.height} ${stream.fps}/s, ${clients} client${
    clients === 1 ? "" : "s"
  }, ${peerName}`;
  const both = (what: string, unit: string, value: (measured: Measured) => number): Figure => ({
    case: `${head}: ${what}`,
    unit,
    ours: value(ours),
    peer: value(peer),
  });
  return [
    both("latency p50", "ms", ({ latencies }) => percentile(latencies, 0.5)),
    both("latency p95", "ms", ({ latencies }) => percentile(latencies, 0.95)),
    both("CPU", "ms/picture", (each) => each.cpuSeconds * 1000 / each.latencies.length),
    both("lost", "%", (each) => 100 * (1 - each.latencies.length / each.fed)),
    both("memory", "MB", ({ residentBytes }) => residentBytes / 1e6),
  ];
}

async function run(stream: StreamCase, index: number, job: GuestJob): Promise<Figure[]> {
  const { width, height, fps } = stream;
  const node = `/dev/video${FIRST_NODE + index}`;
  const folder = `${job.folder}/${width}x${height}`;
  const feed = { node, folder, width, height, fps };
  await using feeder = Child.script("mjpeg_feeder.ts", feed, LONGEST_MS);
  await feeder.json();
  const size = [`--width=${width}`, `--height=${height}`, `--fps=${fps}`];
  await using xoq = Child.xoq(
    ["camera", node, "--jpeg", `--http=127.0.0.1:${OUR_PORT}`, ...size, "--quiet"],
    LONGEST_MS,
  );
  const servers: { name: string; start: () => { child?: Child; server: Server } }[] = [
    {
      name: "ours",
      start: () => ({
        server: { name: "xoq", port: OUR_PORT, path: "/stream.mjpg", pid: xoq.pid },
      }),
    },
    ...[{ name: "usual" }, { name: "eager", desired: EAGER_FPS }].map(({ name, desired }) => ({
      name,
      start: () => {
        const child = startUstreamer(node, stream, desired);
        return {
          child,
          server: { name: "ustreamer", port: PEER_PORT, path: "/stream", pid: child.pid },
        };
      },
    })),
  ];
  const measured = new Map<string, Measured>();
  for (let round = 0; round < job.rounds; round++) {
    for (const { name, start } of servers) {
      const { child, server } = start();
      try {
        for (const clients of CLIENTS) {
          const key = `${name} ${clients}`;
          const into = measured.get(key) ?? new Measured();
          measured.set(key, into);
          await measure(server, clients, job.seconds, into);
          console.log(`bench: ${width}x${height}@${fps}, ${key}, round ${round + 1}`);
        }
      } finally {
        await child?.[Symbol.asyncDispose]();
      }
    }
  }
  return CLIENTS.flatMap((clients) =>
    ["usual", "eager"].flatMap((peer) =>
      figures(
        stream,
        clients,
        `${peer} ustreamer`,
        measured.get(`ours ${clients}`)!,
        measured.get(`${peer} ${clients}`)!,
      )
    )
  );
}

if (import.meta.main) {
  const job = JSON.parse(Deno.args[0] ?? "{}") as GuestJob;
  for (const [index, stream] of job.cases.entries()) {
    for (const figure of await run(stream, index, job)) {
      await Deno.writeTextFile(job.results, JSON.stringify(figure) + "\n", { append: true });
    }
  }
  Deno.exit(0);
}
