/**
 * `deno task bench moqt_codec [--json]`: how many MoQT objects of 1 KiB and 8 KiB with a
 * time of capture are written and read a second, by the codecs alone and by sessions in memory.
 */
import {
  encodeSubgroupHeader,
  SubgroupEncoder,
  SubgroupParser,
} from "../../lib/moqt/data/subgroup.ts";
import type { IncomingSubscribe } from "../../lib/moqt/respond/incoming.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { accept, connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { protocolOf, type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import type { KeyValue } from "../../lib/moqt/wire/key_values.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { Writer } from "../../lib/moqt/wire/writer.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { Report } from "./report.ts";

const SIZES = [1024, 8192];
/** What a read gives at most, over QUIC here. */
const CHUNK_BYTES = 64 << 10;
const SECONDS = 1;
const PER_GROUP = 1000;

const HEADER = {
  trackAlias: 1,
  group: 1,
  subgroup: 0,
  hasProperties: true,
  endOfGroup: true,
} as const;

/** Runs `batch` for a while; resolves with objects a second. */
async function rate(batch: () => number | Promise<number>): Promise<number> {
  await batch();
  const begun = performance.now();
  let objects = 0;
  while (performance.now() - begun < SECONDS * 1000) objects += await batch();
  return objects / (performance.now() - begun) * 1000;
}

function write(version: Version, payload: Uint8Array): Uint8Array[] {
  const encoder = new SubgroupEncoder(HEADER, version);
  const parts: Uint8Array[] = [encodeSubgroupHeader(HEADER, version)];
  for (let id = 0; id < PER_GROUP; id++) {
    parts.push(encoder.encode({ id, status: "normal", payload, properties: stamp(id) }));
  }
  return parts;
}

/** Into memory that is used again and again, as sessions do. */
function writeBatches(version: Version, payload: Uint8Array, writer: Writer): number {
  const encoder = new SubgroupEncoder(HEADER, version);
  for (let id = 0; id < PER_GROUP; id++) {
    if (writer.length + payload.length + 64 > CHUNK_BYTES) writer.clear();
    encoder.encodeHead({ id, status: "normal", payload, properties: stamp(id) }, writer);
    writer.bytes(payload);
  }
  return PER_GROUP;
}

/** The time of its capture, as LOC has it. */
function stamp(id: number): KeyValue[] {
  return [{ type: 0x10, value: BigInt(1_795_000_000_000_000 + id) }];
}

function chunked(parts: readonly Uint8Array[]): Uint8Array[] {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
    chunks.push(bytes.slice(from, from + CHUNK_BYTES));
  }
  return chunks;
}

function read(version: Version, chunks: readonly Uint8Array[]): number {
  const parser = new SubgroupParser(version);
  let objects = 0;
  for (const chunk of chunks) {
    parser.push(chunk);
    objects += parser.take(Infinity, (_id, _status, _properties, payload) => payload).length;
  }
  return objects;
}

/** Two sessions in memory, and a track whose publisher never waits. */
async function throughTrack(version: Version, payload: Uint8Array): Promise<number> {
  const source = new TrackSource();
  await using pair = await sessions(version, (request) => void source.accept(request));
  const objects = (await subscribed(pair.client)).objects()[Symbol.asyncIterator]();
  return await rate(async () => {
    source.startGroup();
    for (let id = 0; id < PER_GROUP; id++) source.write({ payload });
    for (let id = 0; id < PER_GROUP; id++) await objects.next();
    return PER_GROUP;
  });
}

/** The same, by a loop that waits for the stream, to one that takes batches. */
async function throughStream(version: Version, payload: Uint8Array): Promise<number> {
  const publication = Promise.withResolvers<Publication>();
  await using pair = await sessions(version, (it) => publication.resolve(it.accept()));
  const batches = (await subscribed(pair.client)).batches()[Symbol.asyncIterator]();
  let group = 0;
  return await rate(async () => {
    const writer = await (await publication.promise).subgroup({ group: group++ });
    const writing = (async () => {
      for (let id = 0; id < PER_GROUP; id++) {
        const object = { payload, properties: stamp(id) };
        while (!writer.tryWrite(object)) await writer.ready;
      }
      await writer.close();
    })();
    for (let got = 0; got < PER_GROUP;) got += (await batches.next()).value!.length;
    await writing;
    return PER_GROUP;
  });
}

async function sessions(version: Version, subscribe: (request: IncomingSubscribe) => void) {
  const [a, b] = memoryPair(protocolOf(version));
  const [client, server] = await Promise.all([
    connect(a),
    accept(b, { handlers: { subscribe } }),
  ]);
  return {
    client,
    [Symbol.asyncDispose]: async () => void await Promise.all([client.close(), server.close()]),
  };
}

async function subscribed(client: MoqtSession): Promise<Subscription> {
  const subscription = client.subscribe(trackName(["bench"], "objects"));
  await subscription.ready;
  return subscription;
}

const report = new Report(Deno.args.includes("--json"));
for (const version of VERSIONS) {
  report.section(`draft ${version}`);
  for (const size of SIZES) {
    const payload = new Uint8Array(size).fill(7);
    const chunks = chunked(write(version, payload));
    const label = `${size / 1024} KiB`;
    const add = (what: string, ours: number) =>
      report.add({
        case: `${label}, ${what}`,
        unit: "objects/s",
        ours: Math.round(ours),
        higherIsBetter: true,
      });
    const writer = new Writer(version, CHUNK_BYTES);
    add("write, each by itself", await rate(() => write(version, payload).length - 1));
    add("write, together", await rate(() => writeBatches(version, payload, writer)));
    add("read", await rate(() => read(version, chunks)));
    add("two sessions in memory, TrackSource, objects()", await throughTrack(version, payload));
    add("two sessions in memory, tryWrite(), batches()", await throughStream(version, payload));
  }
}
