/**
 * Connections between two processes over loopback: round trips of 64 bytes, throughput of one stream,
 * new streams a second, by iroh, plain QUIC and WebTransport. The prebuilt addon, where it is there, is
 * the peer to compare with.
 *
 *     deno run -A scripts/bench/transport.ts [--json] [--seconds 2] [--rounds 1] [--kinds iroh,quic]
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AddonEndpointAdapter } from "../../lib/transport/addon.ts";
import { loadAddon } from "../../lib/transport/addon_loader.ts";
import type { Connection, EndpointAddress } from "../../lib/transport/connection.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";

const PROTOCOL = "xoq-bench/1";
const MESSAGE_BYTES = 64;
const CHUNK_BYTES = 65_536;
const OBJECT_BYTES = 1_024;
const STREAMS = 5_000;

const KINDS = ["iroh", "quic", "webtransport", "addon"] as const;
type Kind = typeof KINDS[number];

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "1" },
    kinds: { type: "string" },
    serve: { type: "string" },
  },
});
const milliseconds = Number(flags.seconds) * 1000;

/** A place that takes one connection. */
interface Server extends AsyncDisposable {
  readonly address: EndpointAddress;
  accept(): Promise<Connection>;
}

async function listen(kind: Kind): Promise<Server> {
  if (kind === "iroh" || kind === "addon") {
    const endpoint = await endpointOf(kind);
    return {
      address: endpoint.address(),
      accept: async () => (await endpoint.incoming.getReader().read()).value!,
      [Symbol.asyncDispose]: () => endpoint.close(),
    };
  }
  const alpns = kind === "quic" ? [PROTOCOL] : [];
  const listener = await directTransport.listen({ address: "127.0.0.1:0", alpns });
  return {
    address: { id: "", relays: [], direct: [listener.address] },
    accept: async () => (await listener.incoming.getReader().read()).value!.accept(PROTOCOL),
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

function endpointOf(kind: "iroh" | "addon") {
  const options = { relay: "none", bind: "127.0.0.1", protocols: [PROTOCOL] };
  return kind === "iroh" ? IrohEndpoint.bind(options) : AddonEndpointAdapter.bind(options);
}

/** A connection, and what goes with it. */
interface Client extends AsyncDisposable {
  readonly connection: Connection;
}

async function dial(kind: Kind, address: EndpointAddress): Promise<Client> {
  if (kind === "iroh" || kind === "addon") {
    const endpoint = await endpointOf(kind);
    const connection = await endpoint.connect(address, PROTOCOL);
    return { connection, [Symbol.asyncDispose]: () => endpoint.close() };
  }
  const scheme = kind === "quic" ? "moqt" : "https";
  const connection = await directTransport.dial(`${scheme}://${address.direct[0]}/`, {
    protocols: [PROTOCOL],
    trust: { insecure: true },
  });
  return { connection, [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose]() };
}

/** The other process: echoes bidirectional streams, counts unidirectional ones, ends with its client. */
async function serve(kind: Kind): Promise<void> {
  await using server = await listen(kind);
  console.log(JSON.stringify(server.address));
  const connection = await server.accept();
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

async function throughput(connection: Connection, bytesAWrite: number): Promise<number> {
  const answers = connection.incomingUnidirectionalStreams.getReader();
  const writer = (await connection.createUnidirectionalStream()).getWriter();
  const chunk = new Uint8Array(bytesAWrite);
  const begun = performance.now();
  let bytes = 0;
  for (; performance.now() - begun < milliseconds; bytes += bytesAWrite) {
    await writer.write(chunk);
  }
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
  const begun = performance.now();
  await using client = await dial(kind, address);
  const { connection } = client;
  const connected = performance.now() - begun;
  const { p50, p99 } = await roundTrips(connection);
  const results: Result[] = [
    { case: "connect", unit: "ms", value: connected, less: true },
    { case: "round trip of 64 bytes, p50", unit: "ms", value: p50, less: true },
    { case: "round trip of 64 bytes, p99", unit: "ms", value: p99, less: true },
    {
      case: "one stream, 64 KiB writes",
      unit: "MB/s",
      value: await throughput(connection, CHUNK_BYTES),
      less: false,
    },
    {
      case: "one stream, 1 KiB writes",
      unit: "MB/s",
      value: await throughput(connection, OBJECT_BYTES),
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

/** The best of several rounds: what the machine's other work took from is left out. */
function best(rounds: Result[][]): Result[] {
  return rounds[0]!.map((first, i) => {
    const values = rounds.map((round) => round[i]!.value);
    return { ...first, value: first.less ? Math.min(...values) : Math.max(...values) };
  });
}

const round = (value: number) => Number(value.toPrecision(4));

function report(results: ReadonlyMap<Kind, Result[]>): void {
  const kinds = [...results.keys()];
  if (!flags.json) {
    console.log(["case".padEnd(30), "unit ", ...kinds.map((kind) => kind.padStart(12))].join("  "));
  }
  for (const [i, { case: name, unit }] of results.get(kinds[0]!)!.entries()) {
    const values = kinds.map((kind) => round(results.get(kind)![i]!.value));
    if (flags.json) {
      const row = Object.fromEntries(kinds.map((kind, at) => [kind, values[at]]));
      console.log(JSON.stringify({ case: name, unit, ...row }));
    } else {
      const columns = values.map((value) => String(value).padStart(12));
      console.log([name.padEnd(30), unit.padEnd(5), ...columns].join("  "));
    }
  }
}

/** Round after round, so that all kinds see the same disturbances. */
async function measureAll(kinds: readonly Kind[], rounds: number): Promise<Map<Kind, Result[]>> {
  const all = new Map<Kind, Result[][]>(kinds.map((kind) => [kind, []]));
  for (let i = 0; i < rounds; i++) {
    for (const kind of kinds) all.get(kind)!.push(await measure(kind));
  }
  return new Map([...all].map(([kind, rounds]) => [kind, best(rounds)]));
}

function kindsHere(): Kind[] {
  const wanted = flags.kinds?.split(",");
  return KINDS.filter((kind) => wanted?.includes(kind) ?? (kind !== "addon" || hasAddon()));
}

if (flags.serve !== undefined) {
  await serve(flags.serve as Kind);
} else {
  report(await measureAll(kindsHere(), Number(flags.rounds)));
}
