import assert from "node:assert/strict";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import { FillBudget } from "../../lib/relay/past/fill_budget.ts";
import { GroupCache } from "../../lib/relay/live/group.ts";
import { Keeper } from "../../lib/relay/past/keeping.ts";
import { Past } from "../../lib/relay/past/past.ts";
import type { Span } from "../../lib/relay/past/span.ts";
import { Walk } from "../../lib/relay/past/walk.ts";
import { objectOf } from "./archive.ts";
import { Stage, TRACK, until, utf8 } from "./support.ts";

const IDS = [0, 1, 2, 3, 4];

function span(from: [number, number], to: [number, number]): Span {
  const [a, b] = from;
  const [c, d] = to;
  return { from: { group: a, object: b }, to: { group: c, object: d } };
}

Deno.test("what is let go while it is read is looked for elsewhere", async () => {
  const cache = new GroupCache(1 << 20);
  const past = new Past(cache, () => {});
  const whole = span([3, 0], [4, 0]);
  const keeper = new Keeper(past, whole, "ascending", () => true);
  for (const id of IDS) keeper.object(objectOf(`3/${id}`));
  keeper.end();
  const asked: Span[] = [];
  const walk = new Walk(whole, "ascending", {
    known: { holdings: undefined, past, maxAgeMs: undefined },
    pull: (wanted) => {
      asked.push({ from: wanted.from, to: wanted.to });
      throw new Error("nobody is there");
    },
    budget: new FillBudget(undefined),
    priority: 1,
    tellsGaps: true,
    signal: new AbortController().signal,
  });
  const found: FetchItem[] = [];
  await assert.rejects(async () => {
    for await (const item of walk.items()) {
      found.push(item);
      if (found.length === 2) past.clear();
    }
  }, /nobody is there/);
  assert.deepEqual(found.map(({ id }) => id), [0, 1]);
  assert.deepEqual(asked, [span([3, 2], [4, 0])]);
  assert.equal(cache.bytes, 0);
});

Deno.test("the time that the subscriber takes is no publisher's", async () => {
  const budget = new FillBudget(50);
  const later = () => new Promise((resolve) => setTimeout(resolve, 60));
  await later();
  assert.equal(budget.isSpent, false);
  await budget.wait(later);
  assert.equal(budget.isSpent, true);
  const patient = new FillBudget(undefined);
  await patient.wait(later);
  assert.equal(patient.isSpent, false);
});

Deno.test("of a group that came from its middle on, the rest is asked for", async () => {
  await using stage = new Stage();
  const asked: string[] = [];
  const publisher = await stage.come(22, {
    handlers: {
      // It goes on from a later object than the one after its largest.
      subscribe: async (request) => {
        const publication = request.accept({ largest: { group: 4, object: 1 } });
        const writer = await publication.subgroup({ group: 4, firstObject: false });
        for (const id of [5, 6]) await writer.write({ id, payload: utf8(`4/${id}`) });
      },
      fetch: ({ start, end }) => {
        asked.push(`${start.group}/${start.object}-${end.group}/${end.object}`);
        return { end, items: [0, 1, 2, 3, 4].map((id) => objectOf(`4/${id}`)) };
      },
    },
  });
  await publisher.publishNamespace(TRACK.namespace).ready;
  const session = await stage.come(22);
  await session.subscribe(TRACK).ready;
  await until(() => stage.relay.stats.objectsIn === 2);
  const past = session.fetch({
    track: TRACK,
    start: { group: 4, object: 0 },
    end: { group: 4, object: 0 },
  });
  const ids: number[] = [];
  for await (const { id } of past) ids.push(id);
  assert.deepEqual(ids, [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(asked, ["4/0-4/5"]);
});

for (const order of ["ascending", "descending"] as const) {
  Deno.test(`a publisher that gives more than was asked for is heard to the end, ${order}`, async () => {
    await using stage = new Stage();
    const all = [2, 3, 4].flatMap((group) => IDS.map((id) => `${group}/${id}`));
    const names = order === "ascending"
      ? all
      : [4, 3, 2].flatMap((group) => IDS.map((id) => `${group}/${id}`));
    const publisher = await stage.come(22, {
      handlers: {
        fetch: ({ start, end }) => ({
          end,
          items: names.filter((name) => {
            const group = objectOf(name).group;
            return order === "ascending" ? group >= start.group : group <= end.group;
          }).map(objectOf),
        }),
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(22);
    const range = order === "ascending" ? [2, 3] as const : [3, 4] as const;
    const past = session.fetch({
      track: TRACK,
      start: { group: range[0], object: 0 },
      end: { group: range[1], object: 0 },
    }, { parameters: { groupOrder: order } });
    const found: string[] = [];
    for await (const item of past) found.push(`${item.kind} ${item.group}/${item.id}`);
    assert.deepEqual(found, names.slice(0, 10).map((name) => `object ${name}`));
  });
}
