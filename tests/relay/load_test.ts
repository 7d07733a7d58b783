import assert from "node:assert/strict";
import { MAX_PAYLOAD_BYTES } from "../../lib/moqt/data/object.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { fetched, source, Stage, take, TRACK, until, utf8 } from "./support.ts";

const [newest] = VERSIONS;
const version = newest!;

/** Groups of ten objects of 10 kB. */
const GROUP_BYTES = 100_000;

Deno.test("a slow subscriber loses whole old groups, and the other none", async () => {
  await using stage = new Stage({ outlet: { maxPendingBytes: 4 * GROUP_BYTES } });
  const track = source();
  await stage.publisher(version, new Map([[TRACK, track]]));
  // The slow one's streams take 20 kB, and nobody reads them at first.
  const slow = (await stage.come(version, {}, { window: 20_000 })).subscribe(TRACK);
  await slow.ready;
  const quick = (await stage.come(version)).subscribe(TRACK);
  await quick.ready;
  const all = take(quick, 300);
  for (let group = 0; group < 30; group++) {
    track.startGroup();
    for (let i = 0; i < 10; i++) track.write({ payload: new Uint8Array(10_000).fill(group) });
    await until(() => stage.relay.stats.objectsIn === (group + 1) * 10);
  }
  track.endGroup();
  assert.equal((await all).length, 300);
  assert.ok(stage.relay.stats.droppedGroups >= 20, `${stage.relay.stats.droppedGroups}`);
  const groups = new Map<number, number>();
  for await (const { group } of slow.objects()) {
    groups.set(group, (groups.get(group) ?? 0) + 1);
    if (group === 29 && groups.get(29) === 10) break;
  }
  assert.ok([...groups.values()].filter((count) => count === 10).length < 30);
  assert.equal(groups.get(29), 10);
});

Deno.test("groups of many streams are cut off whole, too", async () => {
  await using stage = new Stage({ outlet: { maxPendingBytes: 300_000 } });
  const publisher = await stage.come(version);
  const publication = publisher.publish(TRACK, { parameters: { forward: true } });
  await publication.ready;
  const slow = (await stage.come(version, {}, { window: 2_000 })).subscribe(TRACK);
  await slow.ready;
  const quick = (await stage.come(version)).subscribe(TRACK);
  await quick.ready;
  const all = take(quick, 160);
  await until(() => publication.parameters.forward === true);
  for (let group = 0; group < 10; group++) {
    const writers = await Promise.all(
      [0, 1, 2, 3, 4, 5, 6, 7].map((subgroup) => publication.subgroup({ group, subgroup })),
    );
    for (let id = 0; id < 16; id++) {
      await writers[id % 8]!.write({ id, payload: new Uint8Array(10_000) });
    }
    for (const writer of writers) await writer.close();
    await until(() => stage.relay.stats.objectsIn === (group + 1) * 16);
  }
  assert.ok(stage.relay.stats.droppedGroups >= 7, `${stage.relay.stats.droppedGroups}`);
  assert.equal((await all).length, 160);
});

Deno.test("a subscriber that stands still costs no more than its share", async () => {
  const cacheBytes = 1_000_000;
  await using stage = new Stage({ cacheBytes, outlet: { maxPendingBytes: 400_000, lateMs: 50 } });
  const track = source();
  await stage.publisher(version, new Map([[TRACK, track]]));
  const stopped = (await stage.come(version, {}, { window: 20_000 })).subscribe(TRACK);
  await stopped.ready;
  const quick = (await stage.come(version)).subscribe(TRACK);
  await quick.ready;
  const all = take(quick, 600);
  let most = 0;
  for (let group = 0; group < 60; group++) {
    track.startGroup();
    for (let i = 0; i < 10; i++) track.write({ payload: new Uint8Array(10_000) });
    await until(() => stage.relay.stats.objectsIn === (group + 1) * 10);
    most = Math.max(most, stage.relay.stats.cacheBytes);
  }
  const { cacheBytes: held, evictedGroups } = stage.relay.stats;
  assert.ok(most <= cacheBytes && held <= cacheBytes, `${most}`);
  assert.ok(evictedGroups > 40, `${evictedGroups}`);
  assert.equal((await all).length, 600);
});

Deno.test("a group larger than the memory there is, is passed on and not kept", async () => {
  await using stage = new Stage({ cacheBytes: 500_000 });
  const track = source();
  await stage.publisher(version, new Map([[TRACK, track]]));
  const session = await stage.come(version);
  const subscription = session.subscribe(TRACK);
  await subscription.ready;
  const all = take(subscription, 200);
  track.startGroup();
  for (let i = 0; i < 200; i++) {
    track.write({ payload: new Uint8Array(10_000) });
    if (i % 10 === 9) await until(() => stage.relay.stats.objectsIn === i + 1);
  }
  assert.equal((await all).length, 200);
  const { cacheBytes, trimmedBytes } = stage.relay.stats;
  assert.ok(cacheBytes <= 500_000);
  assert.ok(trimmedBytes > 1_000_000);
});

Deno.test("a publisher waits for its only subscriber, and loses nothing", async () => {
  await using stage = new Stage();
  const track = source({ lateGroups: 1000, maxPendingBytes: MAX_PAYLOAD_BYTES });
  await stage.publisher(version, new Map([[TRACK, track]]), { window: 64_000 });
  const subscription = (await stage.come(version, {}, { window: 64_000 })).subscribe(TRACK);
  await subscription.ready;
  const count = 2000;
  const all = take(subscription, count);
  for (let i = 0; i < count; i++) {
    if (i % 100 === 0) track.startGroup();
    track.write({ payload: new Uint8Array(10_000) });
  }
  assert.equal((await all).length, count);
  assert.equal(stage.relay.stats.droppedGroups, 0);
});

Deno.test("old groups are fetched from memory, in either order, until they are let go", async () => {
  await using stage = new Stage({ cacheBytes: 60_000 });
  const track = source();
  await stage.publisher(version, new Map([[TRACK, track]]));
  const session = await stage.come(version);
  const subscription = session.subscribe(TRACK);
  await subscription.ready;
  for (let group = 0; group < 4; group++) {
    track.startGroup();
    track.write({ payload: utf8(`${group}a`) });
    track.write({ payload: utf8(`${group}b`) });
  }
  await until(() => stage.relay.stats.objectsIn === 8);
  const range = { track: TRACK, start: { group: 1, object: 1 }, end: { group: 2, object: 0 } };
  assert.deepEqual(await fetched(session.fetch(range)), ["1/1=1b", "2/0=2a", "2/1=2b"]);
  assert.deepEqual(
    await fetched(session.fetch(range, { parameters: { groupOrder: "descending" } })),
    ["2/0=2a", "2/1=2b", "1/1=1b"],
  );
  const beyond = session.fetch({ ...range, end: { group: 99, object: 0 } });
  assert.deepEqual((await beyond.ready).end, { group: 3, object: 2 });
  assert.deepEqual(await fetched(beyond), ["1/1=1b", "2/0=2a", "2/1=2b", "3/0=3a", "3/1=3b"]);
  assert.equal(stage.relay.stats.fetchesHeld, 3);
  track.startGroup();
  for (let i = 0; i < 6; i++) track.write({ payload: new Uint8Array(10_000) });
  await until(() => stage.relay.stats.evictedGroups > 3);
  await session.fetch(range).ready.catch(() => {});
  assert.equal(stage.relay.stats.fetchesAsked, 1);
});

Deno.test("an object's delivery timeout cuts its stream off", async () => {
  await using stage = new Stage();
  const track = source();
  await stage.publisher(version, new Map([[TRACK, track]]));
  const slow = (await stage.come(version, {}, { window: 20_000 })).subscribe(TRACK, {
    parameters: { deliveryTimeoutMs: 20 },
  });
  await slow.ready;
  track.startGroup();
  for (let i = 0; i < 10; i++) track.write({ payload: new Uint8Array(10_000) });
  await until(() => stage.relay.stats.objectsIn === 10);
  await new Promise((resolve) => setTimeout(resolve, 60));
  track.startGroup();
  track.write({ payload: utf8("next") });
  let ofFirst = 0;
  for await (const { group } of slow.objects()) {
    if (group === 1) break;
    ofFirst++;
  }
  assert.ok(ofFirst < 10, `${ofFirst}`);
});
