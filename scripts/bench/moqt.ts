/**
 * `deno task bench moqt [--quick] [--json] [--only CASE]`: MoQT objects from a publisher to a
 * subscriber in another process over loopback, ours and aiomoqt's in turn, each with its own
 * publisher: as fast as it goes, paced, in one process, and through relays. The processor time of an
 * object is that of both ends.
 *
 * aiomoqt comes with `deno task peers`; moq-relay is named by `XOQ_TEST_MOQ_RELAY`, or in PATH. Without
 * them ours stands alone.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { aiomoqtProgram, AiomoqtRelay, noAiomoqt } from "../../tests/support/aiomoqt.ts";
import { MoqRelay, noMoqRelay } from "../../tests/support/moq_relay.ts";
import { freePort } from "../../tests/support/xoq.ts";
import { End } from "./moqt_end.ts";
import { memory as relayMemory } from "./moqt_memory.ts";
import { percentile, Report } from "./report.ts";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const report = new Report(flags.json);
const SECONDS = flags.quick ? 3 : 8;
const ROUNDS = flags.quick ? 1 : 3;
const DRAFT = 16;
/** A run that takes this much longer than it should is ended, and what it told until then counts. */
const PATIENCE_MS = 15_000;

type Scheme = "moqt" | "https";
interface Load {
  size: number;
  rate?: number;
}
interface Result {
  rate: number;
  lost: number;
  p50: number;
  p99: number;
  /** Of both ends, in microseconds. */
  cpu: number;
}

const certificate = await makeCertificate();
// Relays have identities: this run's are its own.
Deno.env.set("XDG_STATE_HOME", certificate.folder);

async function makeCertificate(): Promise<{ folder: string; cert: string; key: string }> {
  const folder = await Deno.makeTempDir({ prefix: "xoq-bench-" });
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  if (noAiomoqt === undefined) {
    await new Deno.Command("openssl", {
      args: [
        ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10".split(" "),
        ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        ...["-keyout", key, "-out", cert],
      ],
      stdout: "null",
      stderr: "null",
    }).output();
  }
  return { folder, cert, key };
}

const NAME = ["--namespace", "bench", "--trackname", "track"];

function loadArguments({ size, rate = 0 }: Load): string[] {
  return ["-s", `${size}`, "-r", `${rate}`, "-g", "4096"];
}

/** Our subscriber's figures. */
async function watchOurs(
  url: string,
  publisher: End,
  more: string[] = [],
  seconds: number = SECONDS,
): Promise<Result> {
  await using subscriber = End.xoq([
    ...["moq", "bench", "sub", url, "-k", "-t", `${seconds}`, "-i", "0.5", "--json"],
    ...[...NAME, "--draft", `${DRAFT}`, ...more],
  ]);
  const watch = followMarks(subscriber, publisher);
  await subscriber.ended(seconds * 1000 + PATIENCE_MS);
  watch.stop();
  const last = subscriber.lines.findLast((line) => line.startsWith('{"objects_per_second"'));
  if (last === undefined) throw new Error(`no result:\n${subscriber.lines.slice(-5).join("\n")}`);
  const { objects_per_second, lost, latency_ms } = JSON.parse(last);
  return {
    rate: objects_per_second,
    lost,
    p50: latency_ms.p50 ?? NaN,
    p99: latency_ms.p99 ?? NaN,
    cpu: subscriber.microsecondsPerObject + publisher.microsecondsPerObject,
  };
}

/** aiomoqt's subscriber's figures; where it does not end by itself, those it told until then. */
async function watchTheirs(url: string, publisher: End): Promise<Result> {
  await using subscriber = new End(aiomoqtProgram("moq-sub-bench"), [
    ...[url, "-k", "-t", `${SECONDS}`, "-i", "0.5", ...NAME, "--draft", `${DRAFT}`],
  ]);
  const watch = followMarks(subscriber, publisher);
  const began = performance.now();
  await subscriber.ended(SECONDS * 1000 + PATIENCE_MS);
  watch.stop();
  const all = subscriber.lines.join("\n");
  const number = (pattern: RegExp) => Number(pattern.exec(all)?.[1]?.replaceAll(",", "") ?? NaN);
  const told = number(/ObjRate:\s+([\d.]+)/);
  return {
    rate: Number.isNaN(told) ? subscriber.objects / (performance.now() - began) * 1000 : told,
    lost: number(/Lost:\s+(\d+)/) || 0,
    p50: number(/p50=(-?[\d.]+)/),
    p99: number(/p99=(-?[\d.]+)/),
    cpu: subscriber.microsecondsPerObject + publisher.microsecondsPerObject,
  };
}

/** Has the publisher's processor time told by what its subscriber got. */
function followMarks(subscriber: End, publisher: End): { stop(): void } {
  let before = 0;
  const timer = setInterval(() => {
    if (subscriber.objects === before) return;
    before = subscriber.objects;
    publisher.mark(before);
  }, 50);
  return { stop: () => clearInterval(timer) };
}

/** What lies between the two ends: gives where to dial instead. */
type Between = (address: string) => Promise<AsyncDisposable & { address: string }>;

const nothing: Between = (address) =>
  Promise.resolve({ address, [Symbol.asyncDispose]: () => Promise.resolve() });

/** A path in a process of its own that loses packets, 50 ms there and back. */
function losing(percent: number): Between {
  return async (address) => {
    const path = new End(Deno.execPath(), [
      ...["run", "-A", "--no-check", "tests/support/bad_path.ts", "--to", address],
      ...["--loss", `${percent / 100}`, "--delay", "25"],
    ]);
    const [, at] = await path.line(/^path (\S+)/, 20_000);
    return { address: at!, [Symbol.asyncDispose]: () => path[Symbol.asyncDispose]() };
  };
}

async function ours(
  scheme: Scheme,
  load: Load,
  between: Between = nothing,
  more: readonly string[] = [],
): Promise<Result> {
  await using publisher = End.xoq([
    ...["moq", "bench", "pub", "--listen", "127.0.0.1:0", "--json", "-t", "600", "-i", "600"],
    ...[...NAME, ...loadArguments(load), ...more],
  ]);
  const [, address] = await publisher.line(/"listening","address":"([^"]+)"/, 20_000);
  await using path = await between(address!);
  return await watchOurs(`${scheme}://${path.address}/`, publisher);
}

async function theirs(scheme: Scheme, load: Load, between: Between = nothing): Promise<Result> {
  const port = freePort();
  await using publisher = new End(aiomoqtProgram("moq-pub-server"), [
    ...["--bind", "127.0.0.1", "-p", `${port}`, scheme === "moqt" ? "-Q" : "-W"],
    ...["--cert", certificate.cert, "--key", certificate.key, "--draft", `${DRAFT}`],
    ...[...NAME, ...loadArguments(load)],
  ]);
  await publisher.line(/server ready/, 20_000);
  await using path = await between(`127.0.0.1:${port}`);
  return await watchTheirs(`${scheme}://${path.address}/`, publisher);
}

/** Medians of runs in turn. */
async function sideBySide(
  name: string,
  run: { ours: () => Promise<Result>; theirs?: () => Promise<Result> },
  rounds: number = ROUNDS,
): Promise<{ ours: Result; theirs: Result | undefined }> {
  const [a, b]: [Result[], Result[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    a.push(await run.ours());
    if (run.theirs === undefined) continue;
    try {
      b.push(await run.theirs());
    } catch (error) {
      report.note(`${name}: the peer failed: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { ours: median(a), theirs: b.length === 0 ? undefined : median(b) };
}

function median(results: readonly Result[]): Result {
  const of = (key: keyof Result) => percentile(results.map((result) => result[key]), 0.5);
  return { rate: of("rate"), lost: of("lost"), p50: of("p50"), p99: of("p99"), cpu: of("cpu") };
}

function add(
  name: string,
  key: keyof Result,
  unit: string,
  { ours, theirs }: { ours: Result; theirs: Result | undefined },
  aim?: string,
): void {
  const peer = theirs?.[key];
  report.add({
    case: name,
    unit,
    ours: ours[key],
    ...(peer === undefined || Number.isNaN(peer) ? {} : { peer }),
    higherIsBetter: key === "rate",
    ...(aim === undefined ? {} : { aim }),
  });
}

const peers = noAiomoqt === undefined;
const wants = (name: string) => flags.only === undefined || flags.only === name;
const wire = (scheme: Scheme) => scheme === "moqt" ? "QUIC" : "WebTransport";

async function unpaced(): Promise<void> {
  report.section("two processes, one stream, as fast as it goes");
  for (const scheme of ["moqt", "https"] as const) {
    for (const [size, aim] of [[1024, "≥ 4"], [8192, "≥ 2.5"]] as const) {
      const name = `${size / 1024} KiB, ${wire(scheme)}`;
      const result = await sideBySide(name, {
        ours: () => ours(scheme, { size }),
        ...(peers ? { theirs: () => theirs(scheme, { size }) } : {}),
      });
      add(name, "rate", "objects/s", result, aim);
      add(`${name}, processor time of an object`, "cpu", "µs", result, "> 1");
      if (result.ours.lost > 0) add(`${name}, lost`, "lost", "objects", result);
    }
  }
}

async function paced(): Promise<void> {
  report.section("two processes, 10,000 objects of 1 KiB a second");
  for (const scheme of ["moqt", "https"] as const) {
    const load = { size: 1024, rate: 10_000 };
    const result = await sideBySide("paced", {
      ours: () => ours(scheme, load),
      ...(peers ? { theirs: () => theirs(scheme, load) } : {}),
    });
    add(`latency p50, ${wire(scheme)}`, "p50", "ms", result);
    add(`latency p99, ${wire(scheme)}`, "p99", "ms", result, "≥ 1");
    add(`processor time of an object, ${wire(scheme)}`, "cpu", "µs", result, "> 1");
    add(`rate, ${wire(scheme)}`, "rate", "objects/s", result);
  }
}

async function loss(): Promise<void> {
  report.section("two processes, QUIC, 50 ms there and back, packets lost each way");
  for (const percent of [0, 1, 5]) {
    const between = losing(percent);
    for (const [name, load] of [["1 KiB", { size: 1024 }], ["100/s", LIVE]] as const) {
      const result = await sideBySide(name, {
        // As it is by itself where the path is not this machine's own.
        ours: () => ours("moqt", load, between, ["--congestion", "bbr3"]),
        ...(peers ? { theirs: () => theirs("moqt", load, between) } : {}),
      });
      const title = `${percent} % lost, ${name}`;
      add(title, "rate", "objects/s", result);
      if (load !== LIVE) continue;
      add(`${title}, latency p50`, "p50", "ms", result);
      add(`${title}, latency p99`, "p99", "ms", result);
    }
  }
}

/** What links with losses still take. */
const LIVE: Load = { size: 1024, rate: 100 };

async function loopback(): Promise<void> {
  report.section("publisher and subscriber in one process, QUIC");
  for (const size of [1024, 8192]) {
    const run = async (end: End): Promise<Result> => {
      await using it = end;
      await it.ended(SECONDS * 1000 + PATIENCE_MS);
      const all = it.lines.join("\n");
      const rate = Number(
        /^{"objects_per_second":([\d.]+)/m.exec(all)?.[1] ?? /ObjRate:\s+([\d.]+)/.exec(all)?.[1],
      );
      if (Number.isNaN(rate)) throw new Error(`no result:\n${it.lines.slice(-5).join("\n")}`);
      return { rate, lost: 0, p50: NaN, p99: NaN, cpu: it.microsecondsPerObject };
    };
    const load = [...loadArguments({ size }), "-t", `${SECONDS}`, "-i", "0.5"];
    const result = await sideBySide("loopback", {
      ours: () => run(End.xoq(["moq", "bench", "loopback", "-Q", "--json", ...load])),
      ...(peers
        ? {
          theirs: () => {
            const port = freePort();
            return run(
              new End(aiomoqtProgram("moq-loopback-bench"), [
                ...["-Q", "--bind", "127.0.0.1", "-p", `${port}`, "--draft", `${DRAFT}`],
                ...["--cert", certificate.cert, "--key", certificate.key, "-k", ...load],
              ]),
            );
          },
        }
        : {}),
    });
    add(`${size / 1024} KiB`, "rate", "objects/s", result);
    add(`${size / 1024} KiB, processor time of an object`, "cpu", "µs", result);
  }
}

/** Our publisher and subscriber with a relay between them. */
async function through(url: string, size: number): Promise<Result> {
  await using publisher = End.xoq([
    ...["moq", "bench", "pub", url, "-k", "--pub-ns", "--json", "-t", "600", "-i", "600"],
    ...[...NAME, ...loadArguments({ size }), "--draft", `${DRAFT}`],
  ]);
  await publisher.line(/"event":"offered"/, 20_000);
  return await watchOurs(url, publisher);
}

async function theirRelay(size: number): Promise<Result> {
  await using relay = await AiomoqtRelay.start();
  const url = relay.url("moqt");
  await using publisher = new End(aiomoqtProgram("moq-pub-bench"), [
    ...[url, "-k", "--pub-ns", "-t", "600", "--draft", `${DRAFT}`],
    ...[...NAME, ...loadArguments({ size })],
  ]);
  await publisher.line(/waiting for subscriber/, 20_000);
  return await watchTheirs(url, publisher);
}

async function relays(): Promise<void> {
  report.section("through a relay, QUIC, as fast as it goes");
  for (const size of [1024, 8192]) {
    const name = `${size / 1024} KiB`;
    let peakBytes = 0;
    const ownRelay = async () => {
      await using relay = End.xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
      const [, url] = await relay.line(/"(moqt:\/\/127\.0\.0\.1:\d+)/, 20_000);
      const result = await through(`${url}/`, size);
      peakBytes = Math.max(peakBytes, relay.used.peakBytes);
      return result;
    };
    const result = await sideBySide(name, {
      ours: ownRelay,
      ...(peers ? { theirs: () => theirRelay(size) } : {}),
    });
    add(`${name}, aiomoqt's relay and ends`, "rate", "objects/s", result, "≥ 8");
    add(`${name}, lost`, "lost", "objects", result);
    report.add({
      case: `${name}, our relay's memory`,
      unit: "MB",
      ours: peakBytes / 1e6,
      aim: "≤ 200",
    });
    if (noMoqRelay !== undefined) continue;
    const rust = await sideBySide(name, {
      ours: ownRelay,
      theirs: async () => {
        await using relay = await MoqRelay.start();
        return await through(relay.url("moqt"), size);
      },
    });
    add(`${name}, moq-relay and our ends`, "rate", "objects/s", rust, "≥ 2");
    add(`${name}, moq-relay and our ends, lost`, "lost", "objects", rust);
  }
}

async function fanout(): Promise<void> {
  const subscribers = flags.quick ? 20 : 100;
  report.section(`${subscribers} subscribers of a stream like video of 720p, through our relay`);
  await using relay = End.xoq(["relay", "--public", "--listen", "127.0.0.1:0", "--json"]);
  const [, url] = await relay.line(/"(moqt:\/\/127\.0\.0\.1:\d+)/, 20_000);
  await using viewers = End.xoq([
    ...["moq", "bench", "fanout", `${url}/`, "-k", "-n", `${subscribers}`, "--video", "720p"],
    ...["-t", `${SECONDS + 10}`, "-i", "5", "--json"],
  ]);
  await viewers.ended((SECONDS + 10) * 1000 + PATIENCE_MS);
  const last = viewers.lines.findLast((line) => line.startsWith('{"objects_per_second"'));
  if (last === undefined) throw new Error(`no result:\n${viewers.lines.slice(-5).join("\n")}`);
  const { lost, latency_ms, mbps } = JSON.parse(last);
  report.add({ case: "lost", unit: "objects", ours: lost, aim: "0" });
  report.add({ case: "together", unit: "Mbit/s", ours: mbps, higherIsBetter: true });
  report.add({ case: "latency p99", unit: "ms", ours: latency_ms.p99 });
  report.add({
    case: "relay's memory",
    unit: "MB",
    ours: relay.used.peakBytes / 1e6,
    aim: "≤ 200",
  });
}

async function memory(): Promise<void> {
  await relayMemory(report, flags.quick ? 10 : 20);
}

try {
  if (!peers) report.note(noAiomoqt!);
  for (
    const [name, run] of Object.entries({ unpaced, paced, loss, loopback, relays, fanout, memory })
  ) {
    if (wants(name)) await run();
  }
} finally {
  await Deno.remove(certificate.folder, { recursive: true });
}
