/**
 * `deno task soak [camera|serial|can] [--minutes 10] [--clients 4] [--json]`: one server for a long
 * time, with clients that come, go, are killed and are stopped. Prints the server's memory and open
 * files as time goes by; the exit code is 1 when they grew, or when the server ended.
 *
 * Everything stays on loopback and ends by itself.
 */
import { parseArgs } from "node:util";
import { percentile } from "./bench/report.ts";
import { eachLine } from "../tests/support/process.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "10" },
    clients: { type: "string", default: "4" },
    json: { type: "boolean", default: false },
  },
});

/** What to serve, and how a client uses it, by kind. */
const KINDS: Readonly<Record<string, { serve: string[]; open: string[] }>> = {
  camera: { serve: ["camera", "test", "--h264"], open: ["--stdout=h264"] },
  serial: { serve: ["serial", "test"], open: ["--stdout", "--watch"] },
  can: { serve: ["can", "test"], open: ["--stdout"] },
};

/** Seconds between two looks at the server. */
const SAMPLE_SECONDS = 5;
/** Growth of memory from the first to the last third of the time that counts as a leak, in bytes. */
const MAX_GROWTH_BYTES = 24e6;
/** Likewise of open files. */
const MAX_GROWTH_FILES = 8;

const kind = positionals[0] ?? "camera";
const plan = KINDS[kind];
if (plan === undefined) {
  console.error(`usage: deno task soak [${Object.keys(KINDS).join("|")}] [--minutes 10]`);
  Deno.exit(2);
}
const ends = performance.now() + Number(values.minutes) * 60_000;
const state = await Deno.makeTempDir({ prefix: "xoq-soak-" });
const server = start([...plan.serve, "--json"]);
const ticket = Promise.withResolvers<string>();
eachLine(server.stdout, (line) => {
  const event = JSON.parse(line) as { event: string; ticket?: string };
  if (event.event === "ready" && event.ticket !== undefined) ticket.resolve(event.ticket);
});
let ended = false;
server.status.then(() => ended = true);
const address = await ticket.promise;

const samples: { bytes: number; files: number }[] = [];
let visits = 0;
const clients = Array.from({ length: Number(values.clients) }, visitAgainAndAgain);
while (performance.now() < ends && !ended) {
  await sleep(SAMPLE_SECONDS * 1000);
  const sample = look(server.pid);
  if (sample === undefined) break;
  samples.push(sample);
  const text = `${(sample.bytes / 1e6).toFixed(1)} MB, ${sample.files} files, ${visits} visits`;
  console.log(values.json ? JSON.stringify({ ...sample, visits }) : text);
}
const alive = !ended;
await Promise.all(clients);
if (alive) server.kill("SIGINT");
await server.status;
await Deno.remove(state, { recursive: true });

const third = Math.max(1, Math.floor(samples.length / 3));
const median = (part: typeof samples, key: "bytes" | "files") =>
  percentile(part.map((sample) => sample[key]), 0.5);
const grown = {
  bytes: median(samples.slice(-third), "bytes") - median(samples.slice(0, third), "bytes"),
  files: median(samples.slice(-third), "files") - median(samples.slice(0, third), "files"),
};
const flat = grown.bytes <= MAX_GROWTH_BYTES && grown.files <= MAX_GROWTH_FILES;
console.log(
  `${kind}: ${visits} visits; memory ${grown.bytes >= 0 ? "+" : ""}` +
    `${(grown.bytes / 1e6).toFixed(1)} MB, files ${grown.files >= 0 ? "+" : ""}${grown.files}` +
    `${alive ? "" : "; the server ended"}: ${flat && alive ? "flat" : "NOT FLAT"}`,
);
Deno.exit(flat && alive ? 0 : 1);

/** A client that comes, stays for some seconds, and goes in one of the ways clients go. */
async function visitAgainAndAgain(): Promise<void> {
  while (performance.now() < ends && !ended) {
    const client = start(["open", address, ...plan!.open, "-q"]);
    const drained = client.stdout.pipeTo(new WritableStream()).catch(() => {});
    await sleep(2_000 + Math.random() * 4_000);
    visits++;
    const how = Math.random();
    if (how < 0.3) client.kill("SIGKILL");
    else if (how < 0.5) {
      // Stopped for longer than the idle timeout: the server gives it up, and it comes back.
      client.kill("SIGSTOP");
      await sleep(4_000);
      client.kill("SIGCONT");
      await sleep(1_000);
      client.kill("SIGINT");
    } else client.kill("SIGINT");
    await client.status;
    await drained;
  }
}

function start(args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("../main.ts", import.meta.url).pathname, ...args],
    env: {
      XOQ_IROH_RELAY: "none",
      XOQ_BIND: "127.0.0.1",
      XOQ_NO_ANNOUNCE: "1",
      XDG_STATE_HOME: state,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
}

/** Memory and open files of a process now (Linux); `undefined` when it has ended. */
function look(pid: number): { bytes: number; files: number } | undefined {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    const bytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    return { bytes, files: [...Deno.readDirSync(`/proc/${pid}/fd`)].length };
  } catch {
    return undefined;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
