/**
 * Connections between two processes over loopback: round trips of 64 bytes, throughput of one stream,
 * new streams a second. The prebuilt addon, where it is there, is the peer to compare with.
 *
 *     deno run -A scripts/bench/transport.ts [--json] [--seconds 2]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AddonEndpointAdapter } from "../../lib/transport/addon.ts";
import { loadAddon } from "../../lib/transport/addon_loader.ts";
import type { Connection, Endpoint, EndpointAddress } from "../../lib/transport/connection.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";

const PROTOCOL = "xoq-bench/1";
const MESSAGE_BYTES = 64;
const CHUNK_BYTES = 65_536;
const STREAMS = 5_000;

type Kind = "native" | "addon";

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "2" },
    serve: { type: "string" },
  },
});
const milliseconds = Number(flags.seconds) * 1000;

function bind(kind: Kind): Promise<Endpoint> {
  const options = { relay: "none", bind: "127.0.0.1", protocols: [PROTOCOL] };
  return kind === "native" ? IrohEndpoint.bind(options) : AddonEndpointAdapter.bind(options);
}

/** The other process: echoes bidirectional streams, counts unidirectional ones, ends with its client. */
async function serve(kind: Kind): Promise<void> {
  await using endpoint = await bind(kind);
  console.log(JSON.stringify(endpoint.address()));
  const connection = (await endpoint.incoming.getReader().read()).value!;
  await Promise.all([echo(connection), count(connection), connection.closed]);
}

async function echo(connection: Connection): Promise<void> {
  for await (const { readable, writable } of connection.incomingBidirectionalStreams) {
    readable.pipeTo(writable).catch(() => {});
  }
}

/** Answers with an empty stream each time `total` is reached: of bytes first, then of streams. */
async function count(connection: Connection): Promise<void> {
  let streams = 0;
  for await (const stream of connection.incomingUnidirectionalStreams) {
    const reading = (async () => {
      let bytes = 0;
      for await (const chunk of stream) bytes += chunk.byteLength;
      if (bytes > MESSAGE_BYTES || ++streams % STREAMS === 0) {
        await (await connection.createUnidirectionalStream()).close();
      }
    })();
    reading.catch(() => {});
  }
}

async function roundTrips(connection: Connection): Promise<{ p50: number; p99: number }> {
  const { readable, writable } = await connection.createBidirectionalStream();
  const [reader, writer] = [readable.getReader(), writable.getWriter()];
  const message = new Uint8Array(MESSAGE_BYTES);
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  for (let warm = 200; performance.now() < end; warm--) {
    const begun = performance.now();
    await writer.write(message);
    for (let got = 0; got < MESSAGE_BYTES;) got += (await reader.read()).value!.byteLength;
    if (warm <= 0) times.push(performance.now() - begun);
  }
  await writer.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

async function throughput(connection: Connection): Promise<number> {
  const answers = connection.incomingUnidirectionalStreams.getReader();
  const writer = (await connection.createUnidirectionalStream()).getWriter();
  const chunk = new Uint8Array(CHUNK_BYTES);
  const begun = performance.now();
  let bytes = 0;
  for (; performance.now() - begun < milliseconds; bytes += CHUNK_BYTES) await writer.write(chunk);
  await writer.close();
  await answers.read();
  answers.releaseLock();
  return bytes / (performance.now() - begun) / 1000;
}

async function newStreams(connection: Connection): Promise<number> {
  const answers = connection.incomingUnidirectionalStreams.getReader();
  const message = new Uint8Array(MESSAGE_BYTES);
  const begun = performance.now();
  for (let i = 0; i < STREAMS; i++) {
    const writer = (await connection.createUnidirectionalStream()).getWriter();
    await writer.write(message);
    await writer.close();
  }
  await answers.read();
  answers.releaseLock();
  return STREAMS / (performance.now() - begun) * 1000;
}

interface Result {
  case: string;
  unit: string;
  value: number;
  /** Whether less is better. */
  less: boolean;
}

async function measure(kind: Kind): Promise<Result[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", fileURLToPath(import.meta.url), "--serve", kind],
    stdout: "piped",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const address = JSON.parse((await lines.read()).value!) as EndpointAddress;
  await using endpoint = await bind(kind);
  const begun = performance.now();
  const connection = await endpoint.connect(address, PROTOCOL);
  const connected = performance.now() - begun;
  const { p50, p99 } = await roundTrips(connection);
  const results: Result[] = [
    { case: "connect", unit: "ms", value: connected, less: true },
    { case: "round trip of 64 bytes, p50", unit: "ms", value: p50, less: true },
    { case: "round trip of 64 bytes, p99", unit: "ms", value: p99, less: true },
    {
      case: "one stream, 64 KiB writes",
      unit: "MB/s",
      value: await throughput(connection),
      less: false,
    },
    { case: "new streams", unit: "1/s", value: await newStreams(connection), less: false },
  ];
  connection.close();
  await child.status;
  await lines.cancel();
  return results;
}

function hasAddon(): boolean {
  try {
    loadAddon();
    return true;
  } catch {
    return false;
  }
}

function report(ours: Result[], peer: Result[] | undefined): void {
  const round = (value: number) => Number(value.toPrecision(4));
  for (const [i, { case: name, unit, value, less }] of ours.entries()) {
    const other = peer?.[i]?.value;
    const ratio = other === undefined ? null : less ? other / value : value / other;
    const row = { case: name, unit, ours: round(value), peer: other ?? null, ratio };
    if (flags.json) {
      console.log(JSON.stringify(row));
      continue;
    }
    const columns = [name.padEnd(30), unit.padEnd(5), String(round(value)).padStart(10)];
    if (other !== undefined) columns.push(String(round(other)).padStart(10), `×${round(ratio!)}`);
    console.log(columns.join("  "));
  }
}

if (flags.serve !== undefined) {
  await serve(flags.serve as Kind);
} else {
  const ours = await measure("native");
  if (!flags.json) {
    console.log(["case".padEnd(30), "unit ", "    native", "     addon", "ratio"].join("  "));
  }
  report(ours, hasAddon() ? await measure("addon") : undefined);
}
