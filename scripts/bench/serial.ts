/**
 * `deno task bench serial [--json] [--quick]`: a serial line across loopback iroh, program to device
 * and back: PTY → xoq open → iroh → xoq serial → PTY. The peer is socat and ser2net over TCP in the
 * same run (Debian packages `socat`, `ser2net`), on the same device.
 *
 * XoQ's own client: see `serial_xoq.ts`. On XoQ's own server it once took 1.46 ms (p50) and 1.69 ms (p99)
 * for a round trip: the figures of record where that server is not there.
 */
import { ERRNO, OPEN, open, read, write } from "../../ffi/libc.ts";
import { termios } from "../../ffi/termios.ts";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import { Child } from "./child.ts";
import { percentile, Report } from "./report.ts";
import type { DeviceJob } from "./serial_device.ts";
import { SERVER_VARIABLE, wheelRoundTrips, whyNoWheel } from "./serial_xoq.ts";

const json = Deno.args.includes("--json");
const quick = Deno.args.includes("--quick");
const report = new Report(json);
const trips = quick ? 1_000 : 10_000;
const stream = (quick ? 16 : 128) * (1 << 20);
const XOQ_MS = { p50: 1.46, p99: 1.69 } as const;

/** A way from a terminal here to the device. */
interface Way extends AsyncDisposable {
  path: string;
}

/** Ours: two processes and iroh between them. */
async function ours(device: string): Promise<Way> {
  const stack = new AsyncDisposableStack();
  try {
    const server = stack.use(
      Child.xoq(["serial", device, "--json", "--name", `bench-${Deno.pid}`]),
    );
    const { ticket } = await event(server, "ready");
    const client = stack.use(
      Child.xoq(["open", String(ticket), "--kind", "serial", "--pty", "--json"]),
    );
    const { path } = await event(client, "pty");
    await event(client, "open");
    return { path: String(path), [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function event(child: Child, type: string): Promise<Record<string, unknown>> {
  for (;;) {
    const line = await child.json() as Record<string, unknown>;
    if (line["event"] === type) return line;
    if (line["event"] === "error") throw new Error(String(line["message"]));
  }
}

/** The peer: ser2net on the device, socat here; without their delays. */
async function ser2net(device: string): Promise<Way> {
  const folder = await Deno.makeTempDir();
  const port = freePort();
  const path = `${folder}/tty`;
  await Deno.writeTextFile(
    `${folder}/ser2net.yaml`,
    `connection: &bench
  accepter: tcp(nodelay=true),127.0.0.1,${port}
  connector: serialdev,${device},115200n81,local
  options:
    chardelay: false
    kickolduser: true
`,
  );
  const children = [
    new Deno.Command("/usr/sbin/ser2net", {
      args: ["-n", "-c", `${folder}/ser2net.yaml`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn(),
  ];
  await listening(port);
  children.push(
    new Deno.Command("socat", {
      args: [`PTY,link=${path},raw,echo=0`, `TCP:127.0.0.1:${port},nodelay`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn(),
  );
  await there(path);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const child of children.reverse()) {
        child.kill("SIGTERM");
        await child.status;
      }
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Round trips of so many bytes, in milliseconds, by blocking calls. */
function roundTrips(path: string, size: number, count: number): number[] {
  const fd = openRaw(path, 0);
  const out = new Uint8Array(size).map((_, i) => i);
  const back = new Uint8Array(size);
  const times: number[] = [];
  for (let i = 0; i < count + 100; i++) {
    const start = performance.now();
    must(write(fd, out));
    for (let filled = 0; filled < size;) filled += must(read(fd, back.subarray(filled)));
    // The first hundred warm everything up.
    if (i >= 100) times.push(performance.now() - start);
    if (back.some((byte, at) => byte !== out[at])) throw new Error("the echo is not what was sent");
  }
  return times;
}

/** Megabytes a second from the device to here. */
async function receive(way: Way): Promise<number> {
  const fd = openRaw(way.path, 0);
  must(write(fd, Uint8Array.of(1)));
  const buffer = new Uint8Array(65_536);
  let passed = must(read(fd, buffer));
  const start = performance.now();
  while (passed < stream) passed += must(read(fd, buffer));
  const seconds = (performance.now() - start) / 1000;
  await undefined;
  return stream / 1e6 / seconds;
}

/** Megabytes a second from here to the device, by the device's clock. */
async function send(way: Way, device: Child): Promise<number> {
  const fd = openRaw(way.path, 0);
  const chunk = new Uint8Array(65_536);
  for (let sent = 0; sent < stream;) {
    sent += must(write(fd, chunk.subarray(0, Math.min(chunk.length, stream - sent))));
  }
  const { seconds } = await device.json() as { seconds: number };
  return stream / 1e6 / seconds;
}

function openRaw(path: string, extra: number): number {
  const fd = must(open(path, OPEN.O_RDWR | OPEN.O_NOCTTY | extra));
  termios.setFormat(fd, DEFAULT_FORMAT, undefined);
  return fd;
}

function must(result: number): number {
  if (result === -ERRNO.EINTR) return 0;
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

/** The device itself. */
function nothing(path: string): Promise<Way> {
  return Promise.resolve({ path, [Symbol.asyncDispose]: () => Promise.resolve() });
}

async function onDevice<T>(
  job: DeviceJob,
  make: (device: string) => Promise<Way>,
  use: (way: Way, device: Child) => T | Promise<T>,
): Promise<T> {
  await using device = Child.script("serial_device.ts", job);
  const { path } = await device.json() as { path: string };
  await using way = await make(path);
  return await use(way, device);
}

const peerMissing = await missing("/usr/sbin/ser2net", ["-v"]) || await missing("socat", ["-V"]);
if (peerMissing) report.note("socat or ser2net is not installed: no peer in this run");

report.section("round trips through PTY, network, PTY and an echo");
const trip = (way: Way) => [1, 8, 64].map((size) => roundTrips(way.path, size, trips));
const echo: DeviceJob = { mode: "echo", bytes: 0 };
const our = await onDevice(echo, ours, trip);
const their = peerMissing ? undefined : await onDevice(echo, ser2net, trip);
for (const [index, size] of [1, 8, 64].entries()) {
  for (const [name, p, aim] of [["p50", 0.5, "≤ 0.6"], ["p99", 0.99, "≤ 2"]] as const) {
    report.add({
      case: `${size} bytes, ${name}`,
      unit: "ms",
      ours: percentile(our[index]!, p),
      aim,
      ...(their === undefined ? {} : { peer: percentile(their[index]!, p) }),
    });
  }
}
const rate = (times: readonly number[]) => 1000 * times.length / times.reduce((a, b) => a + b, 0);
report.add({
  case: "servo loop: write 8, read 8",
  unit: "Hz",
  ours: rate(our[1]!),
  higherIsBetter: true,
  aim: "≥ 500",
  ...(their === undefined ? {} : { peer: rate(their[1]!) }),
});

const noWheel = await whyNoWheel();
report.section("XoQ's own client, which waits a millisecond at a time, on our server and on XoQ's");
if (noWheel !== undefined) report.note(`not measured: ${noWheel}`);
else {
  const { ours: mine, theirs } = await wheelRoundTrips(
    trips / 5,
    (use) => onDevice(echo, nothing, ({ path }) => use(path)),
  );
  if (theirs === undefined) {
    report.note(`XoQ's: figures of record; ${SERVER_VARIABLE} names a server`);
  }
  for (const [name, p] of [["p50", 0.5], ["p99", 0.99]] as const) {
    report.add({
      case: `8 bytes by XoQ's client, ${name}`,
      unit: "ms",
      ours: percentile(mine, p),
      peer: theirs === undefined ? XOQ_MS[name] : percentile(theirs, p),
    });
  }
}

report.section("throughput");
const ways = peerMissing ? [ours] : [ours, ser2net];
const received: number[] = [];
const sent: number[] = [];
for (const way of ways) {
  received.push(await onDevice({ mode: "source", bytes: stream }, way, receive));
  sent.push(await onDevice({ mode: "sink", bytes: stream }, way, send));
}
for (
  const [name, [mine = 0, peer]] of [["device to program", received], [
    "program to device",
    sent,
  ]] as const
) {
  report.add({
    case: name,
    unit: "MB/s",
    ours: mine,
    higherIsBetter: true,
    aim: "≥ 20",
    ...(peer === undefined ? {} : { peer }),
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return (listener.addr as Deno.NetAddr).port;
}

async function listening(port: number): Promise<void> {
  await retried(async () => (await Deno.connect({ hostname: "127.0.0.1", port })).close());
}

async function there(path: string): Promise<void> {
  await retried(() => Deno.lstat(path));
}

async function retried(attempt: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function missing(program: string, args: string[]): Promise<boolean> {
  try {
    await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output();
    return false;
  } catch {
    return true;
  }
}
