/** What a reader of groups gets that is slow. */
import assert from "node:assert/strict";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { DRAFTS, sessions, TRACK, utf8 } from "./sessions.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A live track over a wire that holds all of it. */
async function stage(protocol: string) {
  const source = new TrackSource({ lateGroups: 1000 });
  const handlers: RequestHandlers = { subscribe: (request) => void source.accept(request) };
  const pair = await sessions(protocol, { server: { handlers } });
  const subscription = pair.client.subscribe(TRACK, { gapTimeoutMs: 50 });
  await subscription.ready;
  const publish = (objects: number) => {
    source.startGroup();
    for (let id = 0; id < objects; id++) source.write({ payload: utf8(`${id}`) });
  };
  return { pair, source, subscription, publish };
}

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: who reads the latest gets nothing old after a stall`, async () => {
    const { pair, source, subscription, publish } = await stage(protocol);
    await using _ = pair;
    const seen: string[] = [];
    publish(5);
    for await (const { id, objects } of subscription.groups("latest")) {
      for await (const item of objects) {
        seen.push(item.kind === "gap" ? `gap in ${id}` : `${id}.${item.id}`);
        if (seen.length === 2) {
          for (let group = 1; group <= 10; group++) publish(5);
          await pause(200);
        }
        if (id === 10) source.endGroup();
      }
      if (id === 10) break;
    }
    assert.deepEqual(seen.slice(0, 2), ["0.0", "0.1"]);
    assert.deepEqual(seen.slice(2, 7), [0, 1, 2, 3, 4].map((id) => `10.${id}`));
    assert.equal(subscription.stats.droppedGroups, 10);
    await source.end();
  });

  Deno.test(`draft ${draft}: who reads the latest and keeps up misses nothing`, async () => {
    const { pair, source, subscription, publish } = await stage(protocol);
    await using _ = pair;
    const reading = (async () => {
      let count = 0;
      for await (const { objects } of subscription.groups("latest")) {
        for await (const item of objects) if (item.kind === "object") count++;
      }
      return count;
    })();
    for (let group = 0; group < 20; group++) {
      publish(5);
      await pause(5);
    }
    await source.end();
    assert.equal(await reading, 100);
    assert.equal(subscription.stats.droppedGroups, 0);
  });

  Deno.test(`draft ${draft}: who reads all groups gets them, however slow`, async () => {
    const { pair, source, subscription, publish } = await stage(protocol);
    await using _ = pair;
    const groups = subscription.groups()[Symbol.asyncIterator]();
    for (let group = 0; group < 400; group++) publish(1);
    const ended = source.end();
    await pause(100);
    const ids: number[] = [];
    for (let next = await groups.next(); !next.done; next = await groups.next()) {
      for await (const item of next.value.objects) if (item.kind === "object") ids.push(item.group);
    }
    await ended;
    assert.deepEqual(ids.sort((a, b) => a - b), Array.from({ length: 400 }, (_, group) => group));
  });
}
