/**
 * Connections and streams of the QUIC library that come and go in one process, both ends of them: of
 * plain QUIC, WebTransport and iroh in turn, ended well, cut off, or dropped and left to the garbage
 * collector. Afterwards no handle, no open file and no memory is to be left of them.
 *
 * @module
 */
import { quicLibrary } from "../../ffi/quic/mod.ts";
import { operationQueue } from "../../ffi/quic/queue.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { type Sample, trend } from "./trend.ts";

/** How much comes and goes. */
export interface QuicSoak {
  /** Connections in all. */
  readonly connections: number;
  /** Streams of each of them. */
  readonly streams: number;
}

/** What was seen, and what is wrong with it. */
export interface QuicSoakResult {
  /** Connections, streams, seconds; resident bytes in the end and how many more the second half has. */
  readonly figures: Readonly<Record<string, number>>;
  /** Nothing where all is well. */
  readonly failures: readonly string[];
}

/** Connections at once. */
const LANES = 4;
/** Looks at the memory. */
const LOOKS = 40;
/** How much more memory the second half may end with. */
const MOST_GROWTH = 16e6;
/** Fewest connections after which memory says something. */
const JUDGED_FROM = 3_000;
/** How long what was closed has to be gone. */
const PATIENCE_MS = 10_000;

const ALPN = "soak/1";
const ANYONE = { protocols: [ALPN], trust: { insecure: true } } as const;

/** Dials, and gives both ends. */
type Meet = () => Promise<[Connection, Connection]>;

function handles(): number {
  return quicLibrary().symbols.xoq_quic_handles(operationQueue().handle);
}

function files(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** Runs it. */
export async function soakQuic({ connections, streams }: QuicSoak): Promise<QuicSoakResult> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  {
    // The runtime's own files are open from the first time on.
    await using place = await open();
    for (const [index, meet] of place.meet.entries()) await live(meet, index, streams);
  }
  const before = { handles: 0, files: files() };
  const memory: Sample[] = [];
  let next = 0;
  {
    await using place = await open();
    const lane = async () => {
      for (let index = next++; index < connections; index = next++) {
        await live(place.meet[index % place.meet.length]!, index, streams);
        if (index % Math.ceil(connections / LOOKS) === 0) {
          collect();
          memory.push({ at: seconds(), value: Deno.memoryUsage().rss });
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
  const failures: string[] = [];
  const after = await settled(before);
  if (after.handles > 0) failures.push(`${after.handles} handles`);
  if (after.files > before.files) failures.push(`${after.files - before.files} open files`);
  const grown = trend(memory)?.grown ?? 0;
  if (connections >= JUDGED_FROM && grown > MOST_GROWTH) {
    failures.push(`${(grown / 1e6).toFixed(1)} MB more in the second half`);
  }
  return {
    figures: {
      connections,
      streams: connections * streams,
      seconds: seconds(),
      memory: memory.at(-1)?.value ?? 0,
      grown,
    },
    failures,
  };
}

/** Waits until no more is left than there was, or patience is over. */
async function settled(before: { handles: number; files: number }) {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    collect();
    const now = { handles: handles(), files: files() };
    const over = now.handles <= before.handles && now.files <= before.files;
    if (over || performance.now() > deadline) return now;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One connection's life. */
async function live(meet: Meet, index: number, streams: number): Promise<void> {
  const [ours, theirs] = await meet();
  const incoming = theirs.incomingBidirectionalStreams.getReader();
  for (let i = 0; i < streams; i++) {
    const { readable, writable } = await ours.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(new Uint8Array(100));
    const other = (await incoming.read()).value!;
    // The last of some is dropped as it is, and every third one cut off.
    if (index % 10 === 0 && i === streams - 1) break;
    if (i % 3 === 0) {
      await writer.abort();
      await readable.cancel();
      await other.readable.cancel();
      await other.writable.abort();
    } else {
      const echoed = other.readable.pipeTo(other.writable);
      await writer.close();
      for await (const _ of readable);
      await echoed;
    }
  }
  (index % 2 === 0 ? ours : theirs).close();
  await Promise.allSettled([ours.closed, theirs.closed]);
}

/** Listeners, and the ways to them. */
async function open(): Promise<AsyncDisposable & { meet: readonly Meet[] }> {
  await using opening = new AsyncDisposableStack();
  const listener = opening.use(
    await directTransport.listen({ address: "127.0.0.1:0", alpns: [ALPN] }),
  );
  const local = { relay: "none", bind: "127.0.0.1", protocols: [ALPN] };
  const server = opening.use(await IrohEndpoint.bind(local));
  const client = opening.use(await IrohEndpoint.bind(local));
  const direct = inTurn(listener.incoming, (session) => session.accept(ALPN));
  const iroh = inTurn(server.incoming, (connection) => Promise.resolve(connection));
  const stack = opening.move();
  return {
    meet: [
      () => direct(() => directTransport.dial(`moqt://${listener.address}/`, ANYONE)),
      () => direct(() => directTransport.dial(`https://${listener.address}/`, ANYONE)),
      () => iroh(() => client.connect(server.address(), ALPN)),
    ],
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Dials one after the other, so that who comes is whom was dialled. */
function inTurn<T>(incoming: ReadableStream<T>, accept: (who: T) => Promise<Connection>) {
  const reader = incoming.getReader();
  let turn: Promise<unknown> = Promise.resolve();
  return (dial: () => Promise<Connection>): Promise<[Connection, Connection]> => {
    const met = turn.then(() =>
      Promise.all([dial(), reader.read().then(({ value }) => accept(value!))])
    );
    turn = met.catch(() => {});
    return met;
  };
}

if (import.meta.main) {
  const { figures, failures } = await soakQuic(JSON.parse(Deno.args[0] ?? "{}"));
  console.log(JSON.stringify({ figures, failures }));
  // What is left would keep the process.
  Deno.exit(failures.length === 0 ? 0 : 1);
}
