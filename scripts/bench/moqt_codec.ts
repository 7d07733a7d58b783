/**
 * `deno task bench moqt_codec [--json]`: how many MoQT objects of 1 KiB and 8 KiB are written and
 * read a second, by the codecs alone and by two sessions in memory.
 */
import {
  encodeSubgroupHeader,
  SubgroupEncoder,
  SubgroupParser,
} from "../../lib/moqt/data/subgroup.ts";
import { accept, connect } from "../../lib/moqt/session/session.ts";
import { TrackSource } from "../../lib/moqt/session/track_source.ts";
import { protocolOf, type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
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
  hasProperties: false,
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
    parts.push(encoder.encode({ id, status: "normal", payload }));
  }
  return parts;
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
    while (parser.next() !== undefined) objects++;
  }
  return objects;
}

async function throughSessions(version: Version, payload: Uint8Array): Promise<number> {
  const source = new TrackSource();
  const [a, b] = memoryPair(protocolOf(version));
  const handlers = {
    subscribe: (request: Parameters<TrackSource["accept"]>[0]) => void source.accept(request),
  };
  const [client, server] = await Promise.all([connect(a), accept(b, { handlers })]);
  await using _both = {
    [Symbol.asyncDispose]: async () => void await Promise.all([client.close(), server.close()]),
  };
  const subscription = client.subscribe(trackName(["bench"], "objects"));
  await subscription.ready;
  const objects = subscription.objects()[Symbol.asyncIterator]();
  return await rate(async () => {
    source.startGroup();
    for (let id = 0; id < PER_GROUP; id++) source.write({ payload });
    for (let id = 0; id < PER_GROUP; id++) await objects.next();
    return PER_GROUP;
  });
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
    add("write", await rate(() => write(version, payload).length - 1));
    add("read", await rate(() => read(version, chunks)));
    add("two sessions in memory", await throughSessions(version, payload));
  }
}
