/** Streams that come before their track is known, or after it is over. */
import assert from "node:assert/strict";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { TrackAliases } from "../../lib/moqt/receive/aliases.ts";
import { DataStreams } from "../../lib/moqt/receive/data_streams.ts";
import { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { encodeSubgroupHeader, SubgroupEncoder } from "../../lib/moqt/data/subgroup.ts";
import { type Version, versionOf } from "../../lib/moqt/versions.ts";
import { Writer } from "../../lib/moqt/wire/writer.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { DRAFTS, sessions, TRACK, utf8 } from "./sessions.ts";

/** Sends one object in a group of its own. */
async function sendGroup(publication: Publication, group: number): Promise<void> {
  const writer = await publication.subgroup({ group, endOfGroup: true });
  await writer.write({ payload: utf8(`${group}`) });
  await writer.close();
}

/** The same as bytes, of the track with the alias 7. */
async function sendStream(connection: Connection, version: Version, group: number): Promise<void> {
  const stream = await connection.createUnidirectionalStream();
  const header = { trackAlias: 7, group, subgroup: 0, hasProperties: false, endOfGroup: true };
  const writer = new Writer(version, 64);
  const payload = utf8(`${group}`);
  const encoder = new SubgroupEncoder({ hasProperties: false }, version);
  encoder.encodeHead({ id: 0, status: "normal", properties: undefined, payload }, writer);
  const bytes = [...encodeSubgroupHeader(header, version), ...writer.finish(), ...payload];
  const sender = stream.getWriter();
  await sender.write(Uint8Array.from(bytes));
  await sender.close();
}

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: any number of streams wait for the message that tells their track`, async () => {
    const version = versionOf(protocol)!;
    const [ours, theirs] = memoryPair(protocol);
    const aliases = new TrackAliases();
    const decided = new AbortController();
    aliases.expect(7, decided.signal);
    const failures: unknown[] = [];
    new DataStreams(theirs, version, {
      subscription: (alias) => aliases.wait(alias),
      knownSubscription: (alias) => aliases.get(alias),
      fetched: () => undefined,
      control: () => {},
      fail: (error) => failures.push(error),
    }, 1 << 20).start();
    for (let group = 0; group < 1000; group++) await sendStream(ours, version, group);
    // The other end has taken all it will take before the message comes.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
    const subscription = new Subscription(TRACK, version, {}, () => {});
    aliases.set(7, subscription);
    const groups = new Set<number>();
    for await (const { group } of subscription.objects()) {
      if (groups.add(group).size === 1000) break;
    }
    assert.deepEqual(failures, []);
    ours.close();
    await Promise.allSettled([ours.closed, theirs.closed]);
  });

  Deno.test(`draft ${draft}: streams of a track that was left hold no other track up`, async () => {
    const other = trackName(["example.com", "cam"], "other");
    const made: Publication[] = [];
    const handlers: RequestHandlers = { subscribe: (request) => void made.push(request.accept()) };
    await using pair = await sessions(protocol, { server: { handlers } });
    const left = pair.client.subscribe(TRACK);
    const kept = pair.client.subscribe(other);
    await Promise.all([left.ready, kept.ready]);
    const [leaving, staying] = made;
    const sent = Promise.all(
      Array.from({ length: 600 }, (_, group) => sendGroup(leaving!, group).catch(() => {})),
    );
    await left.close();
    const began = performance.now();
    await sent;
    await sendGroup(staying!, 0);
    for await (const { group } of kept.objects()) {
      assert.equal(group, 0);
      break;
    }
    const took = performance.now() - began;
    assert.ok(took < 900, `it took ${took} ms`);
  });
}
