/** A peer that opens streams as fast as they are taken, each with one small object. */
import assert from "node:assert/strict";
import { encodeSubgroupHeader, SubgroupEncoder } from "../../lib/moqt/data/subgroup.ts";
import { DataStreams } from "../../lib/moqt/receive/data_streams.ts";
import { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { type Version, versionOf } from "../../lib/moqt/versions.ts";
import { Writer } from "../../lib/moqt/wire/writer.ts";
import type { Connection, ReceiveStream } from "../../lib/transport/connection.ts";
import { DRAFTS, TRACK, utf8 } from "./sessions.ts";

/** A group of one object. */
function groupOf(version: Version, group: number): Uint8Array {
  const header = { trackAlias: 7, group, subgroup: 0, hasProperties: false, endOfGroup: true };
  const writer = new Writer(version, 64);
  const payload = utf8(`${group}`);
  const encoder = new SubgroupEncoder({ hasProperties: false }, version);
  encoder.encodeHead({ id: 0, status: "normal", properties: undefined, payload }, writer);
  const bytes = [...encodeSubgroupHeader(header, version), ...writer.finish(), ...payload];
  return Uint8Array.from(bytes);
}

/** Streams that are there at once, whenever one is asked for, but no more than `most`. */
function endless(version: Version, most: number) {
  const asked = { streams: 0, most };
  const incoming = new ReadableStream<ReceiveStream>({
    pull: (controller) => {
      if (asked.streams >= asked.most) return controller.close();
      const bytes = groupOf(version, asked.streams++);
      controller.enqueue(
        new ReadableStream<Uint8Array>({
          pull: (stream) => {
            stream.enqueue(bytes);
            stream.close();
          },
        }, { highWaterMark: 0 }),
      );
    },
  }, { highWaterMark: 0 });
  const connection = {
    incomingUnidirectionalStreams: incoming,
    datagrams: { readable: new ReadableStream<Uint8Array>() },
  } as unknown as Connection;
  return { asked, connection };
}

function receive(connection: Connection, version: Version): Subscription {
  const subscription = new Subscription(TRACK, version, {}, () => {});
  new DataStreams(connection, version, {
    subscription: () => Promise.resolve(subscription),
    knownSubscription: () => subscription,
    fetched: () => undefined,
    control: () => {},
    fail: (error) => assert.fail(String(error)),
  }, 1 << 20).start();
  return subscription;
}

for (const [draft, protocol] of DRAFTS) {
  const version = versionOf(protocol)!;

  Deno.test(`draft ${draft}: streams are taken no faster than they are read`, async () => {
    const { asked, connection } = endless(version, 5_000);
    const groups = receive(connection, version).objects()[Symbol.asyncIterator]();
    await groups.next();
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve));
    assert.ok(asked.streams < 2_000, `${asked.streams} streams were taken for one that was read`);
    let read = 1;
    while (read < 5_000 && !(await groups.next()).done) read++;
    assert.equal(read, 5_000);
    await groups.return?.();
  });

  Deno.test(`draft ${draft}: timers have their turn while streams come without an end`, async () => {
    const { asked, connection } = endless(version, 1_000_000);
    let fired = false;
    const timer = setTimeout(() => fired = true, 20);
    const began = performance.now();
    for await (const _ of receive(connection, version).objects()) {
      if (fired || performance.now() - began > 2_000) break;
    }
    asked.most = 0;
    clearTimeout(timer);
    assert.ok(fired, `none in 2 s, and ${asked.streams} streams`);
  });
}
