/**
 * `deno task soak quic [--connections 10000]`: connections and streams of the QUIC library that come and
 * go in one process; no handle, open file or memory is to be left of them.
 *
 * `deno task soak [camera|serial|can|moqt] [--minutes 10] [--clients 4] [--json]`: one server for a long
 * time, with clients that come, go, are killed and are stopped; serial ports and CAN buses also under
 * half of their load, and visited as fast as it goes, and so is a MoQT relay, whose every object is
 * looked at (bytes, order, loss). Prints the server's memory, what its garbage
 * collector leaves of it, and its open files; then how they grew in the second half of the time. The
 * exit code is 1 when that was more than a warm process grows, or when the server ended.
 *
 * iroh remembers every endpoint that was there for a minute, so memory is judged from the fourth
 * minute on; what the garbage collector leaves and open files, always.
 *
 * Everything stays on loopback and ends by itself.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { eachLine, end, signal } from "../tests/support/process.ts";
import type { ClientJob } from "./soak/client.ts";
import { type Sample, trend } from "./soak/trend.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "10" },
    clients: { type: "string", default: "4" },
    connections: { type: "string", default: "10000" },
    json: { type: "boolean", default: false },
  },
});

/** What to serve, how a person's client uses it, and what else uses it, by kind. */
const KINDS: Readonly<
  Record<
    string,
    {
      serve: string[];
      open(address: string): string[];
      roles: readonly ClientJob["role"][];
      /** More of the heap than others may end with, as so much comes and goes. */
      heap?: number;
    }
  >
> = {
  camera: {
    serve: ["camera", "test", "--h264"],
    open: (ticket) => ["open", ticket, "--stdout=h264", "-q"],
    roles: [],
  },
  serial: {
    serve: ["serial", "test"],
    open: (ticket) => ["open", ticket, "--stdout", "--watch", "-q"],
    roles: ["load", "visits"],
  },
  can: {
    serve: ["can", "test"],
    open: (ticket) => ["open", ticket, "--stdout", "-q"],
    roles: ["load", "visits"],
  },
  moqt: {
    // A cache that is full soon, so that it does not look like growth.
    serve: ["relay", "--public", "--listen", "127.0.0.1:0", "--cache", "8MB"],
    open: (url) => {
      const track = ["--namespace", "bench", "--track", "track"];
      return ["moq", "sub", url, "--insecure", ...track, "-q"];
    },
    roles: ["load", "visits"],
    heap: 8e6,
  },
};

/** What is looked at: its unit, and how much more of it the second half may end with. */
const LIMITS = {
  memory: { unit: 1e6, name: "MB", most: 16e6 },
  heap: { unit: 1e6, name: "MB", most: 2e6 },
  files: { unit: 1, name: "", most: 8 },
} as const;
type Figure = keyof typeof LIMITS;

/** Seconds between two looks at the server. */
const SAMPLE_SECONDS = 5;
/** Shortest run after which memory as a whole says something, in seconds. */
const MEMORY_SECONDS = 240;

const kind = positionals[0] ?? "camera";
if (kind === "quic") {
  const job = { connections: Number(values.connections), streams: 10 };
  const script = fileURLToPath(new URL("soak/quic.ts", import.meta.url));
  const run = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", script, JSON.stringify(job)],
  });
  Deno.exit((await run.spawn().status).code);
}
const plan = KINDS[kind];
if (plan === undefined) {
  console.error(`usage: deno task soak [quic|${Object.keys(KINDS).join("|")}] [--minutes 10]`);
  Deno.exit(2);
}
const began = performance.now();
const ends = began + Number(values.minutes) * 60_000;
const state = await Deno.makeTempDir({ prefix: "xoq-soak-" });
const server = start("soak/server.ts", [...plan.serve, "--json"], ["--v8-flags=--expose-gc"]);
const ticket = Promise.withResolvers<string>();
eachLine(server.stdout, (line) => {
  const event = JSON.parse(line) as { event: string; ticket?: string; urls?: string[] };
  const where = event.ticket ?? event.urls?.[0];
  if (event.event === "ready" && where !== undefined) ticket.resolve(where);
});
let heap = 0;
eachLine(server.stderr, (line) => {
  const left = /^\{"heap":(\d+)\}$/.exec(line)?.[1];
  if (left === undefined) console.error(line);
  else heap = Number(left);
});
let ended = false;
server.status.then(() => ended = true);
const address = await ticket.promise;

const looks: Record<Figure, Sample[]> = { memory: [], heap: [], files: [] };
const counts: Record<string, number> = { people: 0 };
const failures: string[] = [];
const clients = [
  ...Array.from({ length: Number(values.clients) }, visitAgainAndAgain),
  ...plan.roles.map(use),
];
while (performance.now() < ends && !ended) {
  await sleep(SAMPLE_SECONDS * 1000);
  if (!look()) break;
}
const alive = !ended;
await Promise.all(clients);
await end(server);
await Deno.remove(state, { recursive: true });
judge();

/** Takes a look at the server, unless it has ended. */
function look(): boolean {
  let memory: number;
  let files: number;
  try {
    const status = Deno.readTextFileSync(`/proc/${server.pid}/status`);
    memory = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    files = [...Deno.readDirSync(`/proc/${server.pid}/fd`)].length;
  } catch {
    return false;
  }
  const at = (performance.now() - began) / 1000;
  const seen = { memory, heap, files };
  for (const figure of Object.keys(seen) as Figure[]) {
    // The first collection may not have been.
    if (seen[figure] > 0) looks[figure].push({ at, value: seen[figure] });
  }
  console.log(
    values.json
      ? JSON.stringify({ at, ...seen, counts })
      : `${at.toFixed(0).padStart(4)} s  ${text("memory", memory)}, ${
        text("heap", heap)
      } in use, ` +
        `${files} files; ${Object.entries(counts).map((entry) => entry.join(" ")).join(", ")}`,
  );
  return true;
}

/** Says how it went, and ends with 1 where something grows. */
function judge(): never {
  for (const figure of Object.keys(LIMITS) as Figure[]) {
    const found = trend(looks[figure]);
    if (found === undefined) continue;
    const judged = figure !== "memory" || (ends - began) / 1000 >= MEMORY_SECONDS;
    const most = (figure === "heap" ? plan!.heap : undefined) ?? LIMITS[figure].most;
    const grows = found.grown > most;
    if (judged && grows) failures.push(`${figure} grows`);
    const line = `${figure}: ${text(figure, found.level)} at the end, second half ` +
      `${text(figure, found.grown, true)} (${text(figure, found.perMinute, true)} a minute): ` +
      (!judged ? "not judged, the run was too short" : grows ? "GROWS" : "flat");
    console.log(values.json ? JSON.stringify({ figure, ...found, judged, grows }) : line);
  }
  if (!alive) failures.push("the server ended");
  const verdict = failures.length === 0 ? "flat" : `NOT FLAT: ${failures.join("; ")}`;
  if (!values.json) console.log(`${kind}: ${verdict}`);
  Deno.exit(failures.length === 0 ? 0 : 1);
}

function text(figure: Figure, value: number, signed = false): string {
  const { unit, name } = LIMITS[figure];
  const sign = signed && value >= 0 ? "+" : "";
  return `${sign}${(value / unit).toFixed(unit === 1 ? 0 : 1)} ${name}`.trimEnd();
}

/** A client that comes, stays for some seconds, and goes in one of the ways clients go. */
async function visitAgainAndAgain(): Promise<void> {
  while (performance.now() < ends && !ended) {
    const client = start("../main.ts", plan!.open(address));
    const drained = Promise.all(
      [client.stdout, client.stderr].map((pipe) =>
        pipe.pipeTo(new WritableStream()).catch(() => {})
      ),
    );
    await sleep(2_000 + Math.random() * 4_000);
    counts["people"]!++;
    const how = Math.random();
    if (how < 0.3) signal(client, "SIGKILL");
    else if (how < 0.5) {
      // Stopped for longer than the idle timeout: the server gives it up, and it comes back.
      signal(client, "SIGSTOP");
      await sleep(4_000);
      signal(client, "SIGCONT");
      await sleep(1_000);
      signal(client, "SIGINT");
    } else signal(client, "SIGINT");
    await client.status;
    await drained;
  }
}

/** One of `soak/client.ts`'s roles until the end. */
async function use(role: ClientJob["role"]): Promise<void> {
  const milliseconds = ends - performance.now();
  const job: ClientJob = { kind: kind as ClientJob["kind"], role, ticket: address, milliseconds };
  const client = start("soak/client.ts", [JSON.stringify(job)]);
  const late = setTimeout(() => signal(client, "SIGKILL"), milliseconds + 20_000);
  await Promise.all([
    eachLine(client.stdout, (line) => counts[role] = (JSON.parse(line) as { count: number }).count),
    eachLine(client.stderr, (line) => console.error(line)),
  ]);
  const { code } = await client.status;
  clearTimeout(late);
  if (code !== 0) failures.push(`the client for ${role} failed`);
}

/** A script of ours, from this folder. */
function start(script: string, args: string[], flags: string[] = []): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...flags, fileURLToPath(new URL(script, import.meta.url)), ...args],
    env: {
      XOQ_IROH_RELAY: "none",
      XOQ_BIND: "127.0.0.1",
      XOQ_NO_ANNOUNCE: "1",
      XDG_STATE_HOME: state,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
