import assert from "node:assert/strict";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { all, DRAFTS, sessions, text, TRACK, utf8 } from "./sessions.ts";

/** A handler that hands its publication out. */
function publisher() {
  const made = Promise.withResolvers<Publication>();
  const handlers: RequestHandlers = {
    subscribe: (request) => made.resolve(request.accept({ largest: { group: 6, object: 9 } })),
  };
  return { handlers, publication: made.promise };
}

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: groups come in order, put together from subgroups`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, { gapTimeoutMs: 20 });
    await subscription.ready;
    const sender = await publication;
    const even = await sender.subgroup({ group: 0, subgroup: 0 });
    const odd = await sender.subgroup({ group: 0, subgroup: 1, endOfGroup: true });
    await even.write({ id: 0, payload: utf8("0") });
    await odd.write({ id: 1, payload: utf8("1") });
    await odd.write({ id: 3, payload: utf8("3") });
    await odd.write({ id: 6, payload: utf8("6") });
    await odd.close();
    await even.write({ id: 2, payload: utf8("2") });
    await even.close();
    const cut = await sender.subgroup({ group: 1 });
    await cut.write({ payload: utf8("x") });
    cut.reset("cancelled");
    sender.done();
    const groups: unknown[][] = [];
    for await (const group of subscription.groups()) {
      const items = await all(group.objects);
      groups.push([
        group.id,
        ...items.map((item) =>
          item.kind === "gap" ? `gap ${item.from}-${item.to}` : text(item.payload)
        ),
      ]);
    }
    assert.deepEqual(groups[0], [0, "0", "1", "2", "3", "gap 4-5", "6"]);
    // A reset may overtake what was sent before it.
    assert.ok(
      [[1, "x", "gap 1-undefined"], [1, "gap 0-undefined"]].some((expected) =>
        JSON.stringify(expected) === JSON.stringify(groups[1])
      ) || groups.length === 1,
      JSON.stringify(groups),
    );
  });

  Deno.test(`draft ${draft}: a slow subscriber loses whole old groups, and the other none`, async () => {
    const source = new TrackSource({ lateGroups: 1 });
    const handlers: RequestHandlers = { subscribe: (request) => void source.accept(request) };
    await using slow = await sessions(protocol, { wire: { window: 3000 }, server: { handlers } });
    await using quick = await sessions(protocol, { server: { handlers } });
    const stuck = slow.client.subscribe(TRACK);
    const flowing = quick.client.subscribe(TRACK);
    await Promise.all([stuck.ready, flowing.ready]);
    const received = all(flowing.objects());
    for (let group = 0; group < 20; group++) {
      source.startGroup();
      for (let id = 0; id < 8; id++) source.write({ payload: new Uint8Array(1000).fill(group) });
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert.ok(source.resetGroups >= 15, `${source.resetGroups} groups were cut off`);
    const late = all(stuck.objects());
    await source.end();
    assert.equal((await received).length, 160);
    const some = await late;
    const last = some.filter(({ group }) => group === 19);
    assert.equal(last.length, 8);
    assert.ok(some.length < 120, `${some.length} objects`);
    for (const { group, payload } of some) assert.ok(payload.every((byte) => byte === group));
  });

  Deno.test(`draft ${draft}: a publisher that waits for its subscribers loses nothing`, async () => {
    const source = new TrackSource();
    const handlers: RequestHandlers = { subscribe: (request) => void source.accept(request) };
    await using pair = await sessions(protocol, { wire: { window: 3000 }, server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    const received = all(subscription.objects());
    for (let group = 0; group < 20; group++) {
      source.startGroup();
      for (let id = 0; id < 4; id++) source.write({ payload: new Uint8Array(1000).fill(group) });
      await source.drained();
    }
    await source.end();
    assert.equal((await received).length, 80);
    assert.equal(source.resetGroups, 0);
  });

  Deno.test(`draft ${draft}: a slow reader gets all of a track though its publisher is done long ago`, async () => {
    const source = new TrackSource();
    const handlers: RequestHandlers = { subscribe: (request) => void source.accept(request) };
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, { lingerMs: 20 });
    await subscription.ready;
    source.startGroup();
    // More than one batch, so that the stream waits for the reader.
    for (let id = 0; id < 1000; id++) source.write({ payload: utf8(`${id}`) });
    await source.end();
    let received = 0;
    for await (const batch of subscription.batches()) {
      received += batch.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(received, 1000);
    assert.equal((await subscription.closed).reason, "track-ended");
  });

  Deno.test(`draft ${draft}: a track's groups are put together again from their subgroups`, async () => {
    const source = new TrackSource({ subgroups: 3 });
    const handlers: RequestHandlers = { subscribe: (request) => void source.accept(request) };
    await using pair = await sessions(protocol, { wire: { window: 3000 }, server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, { gapTimeoutMs: 60_000 });
    await subscription.ready;
    const received = (async () => {
      const groups: string[] = [];
      for await (const { id, objects } of subscription.groups()) {
        const items = await all(objects);
        groups.push(
          `${id}: ${items.map((it) => it.kind === "object" ? `${it.id}/${it.subgroup}` : "gap")}`,
        );
      }
      return groups;
    })();
    for (let group = 0; group < 3; group++) {
      source.startGroup();
      for (const subgroup of [1, 0, 2, 1, 1]) {
        source.write({ payload: new Uint8Array(900), subgroup });
      }
      await source.drained();
    }
    assert.throws(() => source.write({ payload: utf8("x"), subgroup: 3 }), RangeError);
    await source.end();
    assert.deepEqual(await received, [0, 1, 2].map((id) => `${id}: 0/1,1/0,2/2,3/1,4/1`));
  });

  Deno.test(`draft ${draft}: an object that is not delivered in time cuts its stream off`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { wire: { window: 1000 }, server: { handlers } });
    const parameters = { deliveryTimeoutMs: 20 };
    const subscription = pair.client.subscribe(TRACK, { parameters });
    await subscription.ready;
    const stream = await (await publication).subgroup({ group: 0 });
    await assert.rejects(async () => {
      for (let id = 0; id < 10; id++) await stream.write({ payload: new Uint8Array(500) });
    }, { streamErrorCode: 0x2 });
    assert.equal(stream.state, "reset");
  });
}
