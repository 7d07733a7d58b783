/**
 * `deno task bench pose [--json] [--quick]`: a phone's datagram in, to its line out, through the real
 * command: at 60 and 1,000 poses a second, quiet, and with keepalives, a 30 Hz stream of haptics back
 * and a flood of malformed datagrams from another loopback address. This process is the phone and the
 * reader: one clock, from before the datagram is sent until its line is read. The peer is the plainest
 * receiver in Python (`pose_peer.py`), alone: what this machine takes now to wake two processes.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { close, POLL } from "../../ffi/libc.ts";
import { Poller } from "../../ffi/poller.ts";
import {
  connectUdp,
  openUdp,
  RECEIVE_BYTES,
  receiveUdp,
  sendUdp,
  SocketAddress,
} from "../../ffi/udp.ts";
import { encodeTeleHello, encodeTelePose } from "../../lib/pose/wire/tele.ts";
import { percentile, Report } from "./report.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
  },
});
const SECONDS = values.quick ? 1 : 10;
const ROOT = new URL("../../", import.meta.url);
const TOKEN = "K7QX2M";
const report = new Report(values.json);

/** Datagrams a second of the flood. */
const FLOOD_RATE = 20_000;

const binary = Deno.env.get("XOQ_BINARY") || undefined;
const args = [
  ...["pose", "--interface", "lo", "--wifi-port", "0", "--pairing-token", TOKEN, "--json"],
];
const server = new Deno.Command(binary ?? Deno.execPath(), {
  args: binary === undefined ? ["run", "-A", "main.ts", ...args] : args,
  cwd: ROOT,
  stdin: "piped",
  stdout: "piped",
  stderr: "piped",
  env: {
    XOQ_IROH_RELAY: "none",
    XOQ_BIND: "127.0.0.1",
    XOQ_NO_ANNOUNCE: "1",
    XDG_STATE_HOME: await Deno.makeTempDir({ prefix: "bench-pose" }),
  },
}).spawn();
const limit = setTimeout(() => server.kill("SIGKILL"), 150_000);

const pairing = Promise.withResolvers<number>();
const stats: Record<string, number> = {};
void lines(server.stderr, (line) => {
  if (!line.startsWith("{")) return;
  const event = JSON.parse(line);
  if (event.event === "pairing") pairing.resolve(event.port);
  if (event.event === "stats") Object.assign(stats, event);
});
server.status.then(() => pairing.reject(new Error("the receiver ended")));
const port = await pairing.promise;
const receiver = new SocketAddress("127.0.0.1", port);

const phone = openUdp(new SocketAddress("127.0.0.2"));
connectUdp(phone, receiver);
const poller = new Poller();
const hello = encodeTeleHello({ sessionId: 1, code: new TextEncoder().encode(TOKEN) });
const latencies: number[] = [];
const sentAt = new Float64Array(65_536);
let received = 0;
void lines(server.stdout, arrived);
const peer = startPeer();
let haptics = 0;
const stopReading = new AbortController();
void readHaptics();

let seq = 0;
const pose = { x: 0.1, y: 0.2, z: 0.3, qx: 0, qy: 0, qz: 0, qw: 1 };
sendUdp(phone, hello);
const keepalive = setInterval(() => sendUdp(phone, hello), 1_000);
await run(phone, 200, 1);
if (peer !== undefined) await run(await peer.phone, 200, 1);

for (const rate of [60, 1_000]) {
  report.section(`${rate} poses a second, datagram in to line out`);
  latencies.length = received = 0;
  if (peer !== undefined) await run(await peer.phone, rate, SECONDS);
  const plain = latencies.slice();
  for (const loaded of [false, true]) {
    latencies.length = received = 0;
    const load = loaded ? startLoad() : undefined;
    const sent = await run(phone, rate, SECONDS);
    await load?.stop();
    if (received === 0) throw new Error("no pose came out");
    const what = loaded ? "with haptics, keepalives and a flood" : "alone";
    const name = (figure: string) => `pose ${rate}/s ${what}: ${figure}`;
    for (const [figure, share, aim] of [["p50", 0.5, "0.3"], ["p99", 0.99, "2"]] as const) {
      const compared = plain.length === 0 ? {} : { peer: percentile(plain, share) };
      const ours = percentile(latencies, share);
      report.add({ case: name(figure), unit: "ms", ours, ...compared, aim });
    }
    report.add({ case: name("not handed on"), unit: "poses", ours: sent - received });
    if (load !== undefined) {
      report.note(`flood: ${load.sent()} datagrams; haptics at the phone: ${haptics}`);
    }
  }
}
report.note(`the receiver read ${stats["malformed"]} malformed datagrams of the flood`);

clearInterval(keepalive);
await peer?.stop();
stopReading.abort();
await poller.close(phone);
server.stdin.close().catch(() => {});
server.kill("SIGINT");
await server.status;
clearTimeout(limit);

/** Sends poses at a rate: the number sent. */
async function run(fd: number, rate: number, seconds: number): Promise<number> {
  const began = performance.now();
  const total = rate * seconds;
  for (let n = 0; n < total; n++) {
    const due = began + n * 1000 / rate;
    // Timers are a millisecond's: the rest is spent yielding, so that lines are read meanwhile.
    const wait = due - performance.now();
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, Math.floor(wait)));
    const bytes = encodeTelePose({ seq, timestampUs: n, ...pose, flags: 0 });
    sentAt[seq] = performance.now();
    sendUdp(fd, bytes);
    seq = (seq + 1) & 0xffff;
    if (wait <= 1) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  return total;
}

function arrived(line: string, at: number): void {
  const seq = Number(/"seq": ?(\d+)/.exec(line)?.[1] ?? NaN);
  if (Number.isNaN(seq)) return;
  received++;
  latencies.push(at - sentAt[seq]!);
}

/** The plain receiver in Python, and a phone for it; `undefined` where there is no Python. */
function startPeer(): { phone: Promise<number>; stop: () => Promise<void> } | undefined {
  try {
    const child = new Deno.Command("python3", {
      args: [new URL("pose_peer.py", import.meta.url).pathname],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const bound = Promise.withResolvers<number>();
    void lines(child.stdout, (line, at) => {
      if (!/^\d+$/.test(line)) return arrived(line, at);
      const fd = openUdp(new SocketAddress("127.0.0.2"));
      connectUdp(fd, new SocketAddress("127.0.0.1", Number(line)));
      bound.resolve(fd);
    });
    return {
      phone: bound.promise,
      stop: async () => {
        close(await bound.promise);
        child.kill("SIGTERM");
        await child.status;
      },
    };
  } catch {
    report.note("there is no Python to compare with");
    return undefined;
  }
}

/** Haptics at 30 Hz by standard input, and a flood from a process of its own. */
function startLoad(): { sent: () => number; stop: () => Promise<void> } {
  const writer = server.stdin.getWriter();
  const line = new TextEncoder().encode('{"type":"haptic","intensity":0.5}\n');
  const reverse = setInterval(() => void writer.write(line).catch(() => {}), 33);
  const flood = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", new URL("pose_flood.ts", import.meta.url).pathname],
      ...[String(port), String(FLOOD_RATE), String(SECONDS)],
    ],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  let sent = 0;
  return {
    sent: () => sent,
    stop: async () => {
      clearInterval(reverse);
      writer.releaseLock();
      const { stdout } = await flood.output();
      sent = Number(new TextDecoder().decode(stdout));
    },
  };
}

async function readHaptics(): Promise<void> {
  const buffer = new Uint8Array(RECEIVE_BYTES);
  const from = new SocketAddress();
  const { signal } = stopReading;
  try {
    while (!signal.aborted) {
      await poller.wait(phone, POLL.POLLIN, { signal });
      for (let length = 0; length >= 0;) {
        length = receiveUdp(phone, buffer, from);
        if (length === 12) haptics++;
      }
    }
  } catch {
    // It was told to stop.
  }
}

/** Lines, each with when its last bytes were here: reading them takes no part in the figures. */
async function lines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string, at: number) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const at = performance.now();
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) onLine(part, at);
  }
}
