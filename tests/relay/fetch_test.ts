import assert from "node:assert/strict";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import {
  hasFetchFlags,
  hasTimedOutGaps,
  hasTypedParameters,
  type Version,
  VERSIONS,
} from "../../lib/moqt/versions.ts";
import type { Location } from "../../lib/moqt/wire/location.ts";
import type { Parameters } from "../../lib/moqt/wire/parameters.ts";
import { Archive, objectOf } from "./archive.ts";
import { fetched, source, Stage, take, TRACK, until, utf8 } from "./support.ts";

const IDS = [0, 1, 2, 3];

/** So many groups of four objects. */
function groups(count: number): [number, number[]][] {
  return Array.from({ length: count }, (_, group) => [group, IDS]);
}

function at(group: number, object = 0): Location {
  return { group, object };
}

async function archived(
  stage: Stage,
  version: Version,
  archive: Archive,
): Promise<MoqtSession> {
  const publisher = await stage.come(version, { handlers: archive.handlers });
  await publisher.publishNamespace(TRACK.namespace).ready;
  return publisher;
}

/** Objects and gaps, as `group/id`, `-group/id` (known) and `?group/id`. */
async function told(items: AsyncIterable<FetchItem>): Promise<string[]> {
  const found: string[] = [];
  for await (const item of items) {
    const end = item.id === Number.MAX_SAFE_INTEGER ? "end" : `${item.id}`;
    const mark = item.kind === "object" ? "" : item.known ? "-" : item.timedOut ? "late" : "?";
    found.push(`${mark}${item.group}/${end}`);
  }
  return found;
}

function fetchOf(
  session: MoqtSession,
  start: Location,
  end: Location,
  parameters: Parameters = {},
) {
  return session.fetch({ track: TRACK, start, end }, { parameters });
}

for (const version of VERSIONS) {
  const draft = `draft-${version}`;

  Deno.test(`${draft}: of a fetch only what is not here is asked of the publisher`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(10));
    await archived(stage, version, archive);
    const session = await stage.come(version);
    await fetched(fetchOf(session, at(2), at(3)));
    await fetched(fetchOf(session, at(6, 2), at(6)));
    archive.asked.length = 0;
    const past = fetchOf(session, at(1, 1), at(8));
    assert.deepEqual(await told(past), archive.expected(at(1, 1), at(8)));
    assert.deepEqual(archive.asked, [
      // What is behind all that is known comes first, as only the publisher knows where it ends.
      "6/4-8/0 ascending",
      "1/1-1/0 ascending",
      "4/0-6/2 ascending",
    ]);
  });

  Deno.test(`${draft}: what was fetched is kept, and asked for no more`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(4));
    await archived(stage, version, archive);
    const session = await stage.come(version);
    for (const groupOrder of ["ascending", "descending", "ascending"] as const) {
      const past = fetchOf(session, at(0), at(2, 2), { groupOrder });
      assert.deepEqual(await told(past), archive.expected(at(0), at(2, 2), groupOrder));
    }
    assert.equal(archive.asked.length, 1);
    archive.asked.length = 0;
    const down = fetchOf(session, at(0), at(3, 3), { groupOrder: "descending" });
    assert.deepEqual(await told(down), archive.expected(at(0), at(3, 3), "descending"));
    assert.deepEqual(archive.asked, ["2/2-3/3 descending", "2/3-2/0 ascending"]);
    const { fetchesHeld, fetchesAsked, fetchesUpstream } = stage.relay.stats;
    assert.deepEqual([fetchesHeld, fetchesAsked, fetchesUpstream], [2, 2, 3]);
  });

  Deno.test(`${draft}: who joins in the middle of a group shares what was fetched of it`, async () => {
    await using stage = new Stage();
    const archive = new Archive([[5, [0, 1, 2]]]);
    await archived(stage, version, archive);
    for (const ids of [[3, 4], [5], [6]]) {
      const session = await stage.come(version);
      const parameters = { filter: { from: "largest-object" } } as const;
      const subscription = session.subscribe(TRACK, { parameters });
      await subscription.ready;
      const past = session.join(subscription, { groupsBack: 0 });
      assert.deepEqual(await told(past), archive.expected(at(5), at(5)));
      await archive.publish(5, ids, false);
      assert.deepEqual(await take(subscription, ids.length), ids.map((id) => `5/${id}=5/${id}`));
      await until(() => stage.relay.stats.cacheGroups > 0);
      const absolute = session.join(subscription, { group: 5 });
      assert.ok((await told(absolute)).length >= 3);
    }
    assert.deepEqual(archive.asked, ["5/0-5/3 ascending"]);
  });

  Deno.test(`${draft}: equal fetches at once are one at the publisher`, async () => {
    await using stage = new Stage({ cacheBytes: 0, sessionBytes: 0 });
    const archive = new Archive(groups(40));
    await archived(stage, version, archive);
    for (const groupOrder of ["ascending", "descending"] as const) {
      const open = Promise.withResolvers<void>();
      archive.gate = () => open.promise;
      archive.asked.length = 0;
      const before = stage.relay.stats.fetchesAsked;
      const sessions = await Promise.all([1, 2, 3].map(() => stage.come(version)));
      const all = sessions.map((session) => told(fetchOf(session, at(0), at(30), { groupOrder })));
      await until(() => stage.relay.stats.fetchesAsked === before + 3);
      open.resolve();
      for (const items of await Promise.all(all)) {
        assert.deepEqual(items, archive.expected(at(0), at(30), groupOrder));
      }
      assert.deepEqual(archive.asked, [`0/0-30/0 ${groupOrder}`]);
    }
  });

  Deno.test(`${draft}: who leaves a shared fetch ends it for nobody else`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(3));
    await archived(stage, version, archive);
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    archive.gate = ({ group }) => gates[group === 0 ? 0 : 1]!.promise;
    const sessions = [await stage.come(version), await stage.come(version)];
    const [one, two] = sessions.map((session) => fetchOf(session, at(0), at(2)));
    const items = told(two!);
    await until(() => stage.relay.stats.fetchesAsked === 2);
    gates[0]!.resolve();
    await one!.ready;
    await one!.close();
    await until(() => archive.asked.length === 1);
    gates[1]!.resolve();
    assert.deepEqual(await items, archive.expected(at(0), at(2)));
    assert.equal(archive.asked.length, 1);
  });

  Deno.test(`${draft}: a fetch that nobody wants any more is canceled at the publisher`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(3));
    await archived(stage, version, archive);
    const gate = Promise.withResolvers<void>();
    archive.gate = ({ group }) => group === 0 ? undefined : gate.promise;
    const session = await stage.come(version);
    const fetch = fetchOf(session, at(0), at(2));
    await fetch.ready;
    const items = fetch[Symbol.asyncIterator]();
    for (const _ of IDS) await items.next();
    await fetch.close();
    await until(() => archive.canceled === 1);
    gate.resolve();
    // What came of it before is kept.
    await until(() => stage.relay.stats.cacheGroups > 0);
    archive.asked.length = 0;
    assert.deepEqual(await told(fetchOf(session, at(0), at(0, 4))), ["0/0", "0/1", "0/2", "0/3"]);
    assert.deepEqual(archive.asked, []);
  });

  Deno.test(`${draft}: a publisher's refusal of a fetch is its subscriber's`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version, {
      handlers: {
        fetch: () => {
          throw new RequestError("unauthorized", "not for you");
        },
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    await assert.rejects(
      fetchOf(session, at(0), at(2)).ready,
      (error) => error instanceof RequestError && error.refusal === "unauthorized",
    );
  });

  Deno.test(`${draft}: another publisher goes on with a fetch when one dies`, async () => {
    for (const groupOrder of ["ascending", "descending"] as const) {
      await using stage = new Stage();
      const archive = new Archive(groups(7));
      const second = new Archive(groups(7));
      await archived(stage, version, second);
      const dying = await archived(stage, version, archive);
      archive.gate = async ({ group, id }) => {
        if (group !== 3 || id !== 2) return;
        await until(() => stage.relay.stats.cacheGroups >= (groupOrder === "ascending" ? 4 : 3));
        await dying.close();
      };
      const session = await stage.come(version);
      const past = fetchOf(session, at(0), at(5), { groupOrder });
      assert.deepEqual(await told(past), archive.expected(at(0), at(5), groupOrder));
      const rest = groupOrder === "ascending"
        ? ["3/2-5/0 ascending"]
        : ["3/2-3/0 ascending", "0/0-2/0 descending"];
      assert.deepEqual(second.asked, rest);
    }
  });

  Deno.test(`${draft}: of a fetch whose publisher dies the rest is told to be unknown`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(7));
    const dying = await archived(stage, version, archive);
    archive.gate = async ({ group, id }) => {
      if (group !== 3 || id !== 2) return;
      await until(() => stage.relay.stats.cacheGroups >= 2);
      await dying.close();
    };
    const session = await stage.come(version);
    const items = told(fetchOf(session, at(2), at(5)));
    if (!hasFetchFlags(version)) await assert.rejects(items);
    else assert.deepEqual(await items, ["2/0", "2/1", "2/2", "2/3", "3/0", "3/1", "?5/end"]);
    // What is here is still given, while it is held.
    assert.deepEqual(await told(fetchOf(session, at(2), at(2, 3))), ["2/0", "2/1", "2/2"]);
  });

  Deno.test(`${draft}: what a publisher gave goes some time after it`, async () => {
    await using stage = new Stage({ holdMs: 20 });
    const archive = new Archive(groups(2));
    const publisher = await archived(stage, version, archive);
    const session = await stage.come(version);
    await fetched(fetchOf(session, at(0), at(1)));
    assert.equal(stage.relay.stats.cacheGroups, 2);
    await publisher.close();
    await until(() => stage.relay.stats.cacheGroups === 0);
    await assert.rejects(
      fetchOf(session, at(0), at(0, 2)).ready,
      (error) => error instanceof RequestError && error.refusal === "does-not-exist",
    );
  });

  Deno.test(`${draft}: live groups and fetched ones make one fetch`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(3));
    await archived(stage, version, archive);
    const session = await stage.come(version);
    const subscription = session.subscribe(TRACK);
    await subscription.ready;
    for (const group of [4, 5, 9]) await archive.publish(group, [1, 2, 4], group === 5);
    await until(() => stage.relay.stats.objectsIn === 9);
    for (const groupOrder of ["ascending", "descending"] as const) {
      const past = fetchOf(session, at(1, 2), at(12), { groupOrder });
      assert.deepEqual(await told(past), archive.expected(at(1, 2), at(12), groupOrder));
      assert.deepEqual((await past.ready).end, at(9, 5));
    }
    assert.deepEqual(archive.asked, ["1/2-2/0 ascending"]);
  });

  Deno.test(`${draft}: a slow reader of a shared fetch misses nothing, and holds nobody up`, async () => {
    await using stage = new Stage({ cacheBytes: 0, sessionBytes: 0 });
    const size = 64 << 10;
    const names = Array.from({ length: 40 }, (_, id) => `0/${id}`);
    const asked: string[] = [];
    const publisher = await stage.come(version, {
      handlers: {
        fetch: ({ start, end }) => {
          asked.push(`${start.object}`);
          const items = names.slice(start.object).map((name) => ({
            ...objectOf(name),
            payload: new Uint8Array(size),
          }));
          return { end: end.object === 0 ? at(0, 40) : end, items };
        },
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const [slow, fast] = [await stage.come(version), await stage.come(version)];
    const late = fetchOf(slow, at(0), at(0));
    const early = fetchOf(fast, at(0), at(0));
    await Promise.all([late.ready, early.ready]);
    assert.deepEqual(await told(early), names);
    assert.deepEqual(await told(late), names);
    assert.ok(asked.length <= 2 && asked[0] === "0", `${asked}`);
  });

  Deno.test(`${draft}: a group larger than the cache is passed on, and not kept`, async () => {
    await using stage = new Stage({ cacheBytes: 256 << 10, sessionBytes: 0 });
    const payload = new Uint8Array(32 << 10);
    let largest = 0;
    const publisher = await stage.come(version, {
      handlers: {
        fetch: ({ end }) => ({
          end,
          items: (function* () {
            for (let id = 0; id < 100; id++) {
              largest = Math.max(largest, stage.relay.stats.cacheBytes);
              yield { ...objectOf(`1/${id}`), payload };
            }
          })(),
        }),
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    assert.equal((await told(fetchOf(session, at(1), at(1)))).length, 100);
    assert.ok(largest <= 256 << 10, `${largest} bytes`);
  });

  Deno.test(`${draft}: objects are served no longer than the publisher lets`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(2));
    const { handlers } = archive;
    const publisher = await stage.come(version, {
      handlers: {
        fetch: (request) => ({
          ...archive.fetch(request),
          properties: { maxCacheDurationMs: 40 },
        }),
      },
    });
    assert.ok(handlers.fetch !== undefined);
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    const once = () => fetched(fetchOf(session, at(0), at(0, 4)));
    await once();
    await once();
    assert.equal(archive.asked.length, 1);
    const begun = performance.now();
    await until(() => performance.now() - begun > 45);
    await once();
    assert.equal(archive.asked.length, 2);
  });

  Deno.test(`${draft}: a publisher that begins anew is asked for what it has now`, async () => {
    await using stage = new Stage();
    const old = new Archive(groups(6));
    const away = await archived(stage, version, old);
    const session = await stage.come(version);
    const subscription = session.subscribe(TRACK);
    await subscription.ready;
    await fetched(fetchOf(session, at(0), at(1)));
    await away.close();
    await until(() => stage.relay.stats.upstreams === 0);
    const anew = new Archive(groups(1));
    await archived(stage, version, anew);
    await until(() => anew.subscribers === 1);
    await fetched(fetchOf(session, at(0), at(0, 2)));
    assert.deepEqual(anew.asked, ["0/0-0/2 ascending"]);
  });
}

for (const version of VERSIONS.filter(hasTypedParameters)) {
  Deno.test(`draft-${version}: what does not come in time is told as late`, async () => {
    await using stage = new Stage();
    const archive = new Archive(groups(6));
    await archived(stage, version, archive);
    const session = await stage.come(version);
    await fetched(fetchOf(session, at(1), at(2)));
    await fetched(fetchOf(session, at(5), at(5, 4)));
    archive.asked.length = 0;
    const mark = hasTimedOutGaps(version) ? "late" : "?";
    const at0 = await told(fetchOf(session, at(0), at(5, 4), { fillTimeoutMs: 0 }));
    const [one, two, five] = [1, 2, 5].map((group) => IDS.map((id) => `${group}/${id}`));
    assert.deepEqual(at0, [`${mark}0/end`, ...one!, ...two!, "-2/end", `${mark}4/end`, ...five!]);
    assert.deepEqual(archive.asked, []);
    const gate = Promise.withResolvers<void>();
    archive.gate = () => gate.promise;
    const soon = await told(fetchOf(session, at(2), at(4), { fillTimeoutMs: 30 }));
    assert.deepEqual(soon, [...two!, "-2/end", `${mark}4/end`]);
    gate.resolve();
  });
}

for (const version of VERSIONS.filter(hasTimedOutGaps)) {
  Deno.test(`draft-${version}: what precedes subscriptions is no fetch any more when it came`, async () => {
    await using stage = new Stage({ session: { maxFetches: 1 } });
    const archive = new Archive(groups(3));
    await archived(stage, version, archive);
    const session = await stage.come(version);
    for (let time = 0; time < 3; time++) {
      const subscription = session.subscribe(TRACK, {
        parameters: { filter: { from: "largest-object" }, fill: { filter: { from: "all" } } },
      });
      assert.deepEqual(await told(subscription.past!), archive.expected(at(0), at(2)));
    }
  });
}

Deno.test("the past of a live track that cannot be fetched is told as far as it is here", async () => {
  await using stage = new Stage();
  const track = source();
  track.startGroup(4);
  track.write({ payload: utf8("before") });
  await stage.publisher(22, new Map([[TRACK, track]]));
  const session = await stage.come(22);
  const subscription = session.subscribe(TRACK);
  await subscription.ready;
  track.startGroup(5);
  track.write({ payload: utf8("a") });
  await until(() => stage.relay.stats.objectsIn === 1);
  assert.deepEqual(await told(fetchOf(session, at(5), at(9))), ["5/0"]);
  await assert.rejects(
    fetchOf(session, at(4), at(9)).ready,
    (error) => error instanceof RequestError && error.refusal === "not-supported",
  );
  const down = fetchOf(session, at(4), at(9), { groupOrder: "descending" });
  assert.deepEqual(await told(down), ["5/0", "?4/end"]);
});
