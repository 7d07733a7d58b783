import assert from "node:assert/strict";
import fc from "fast-check";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import type { Location } from "../../lib/moqt/wire/location.ts";
import { Archive } from "./archive.ts";
import { fetched, Stage, TRACK, until } from "./support.ts";

const ids = fc.uniqueArray(fc.nat(6), { minLength: 1, maxLength: 5 });
const location = fc.record({ group: fc.nat(24), object: fc.nat(7) }, { noNullPrototype: true });

/** A fetch by somebody, possibly by several at once. */
const range = fc.record({
  a: location,
  b: location,
  down: fc.boolean(),
  who: fc.nat(3),
  times: fc.integer({ min: 1, max: 3 }),
});

/** What is done, one after the other; the ranges of one step all at once. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("fetch" as const),
      ranges: fc.array(range, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      skip: fc.nat(2),
      ids,
      split: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("subscribe" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const) }) },
);

function isBefore(a: Location, b: Location): boolean {
  return a.group < b.group || (a.group === b.group && a.object < b.object);
}

for (const [index, draft] of VERSIONS.entries()) {
  Deno.test(`draft-${draft}: any fetches of any track give what it has, once and in order`, async () => {
    const groups = fc.uniqueArray(fc.tuple(fc.nat(16), ids), {
      selector: ([group]) => group,
      maxLength: 8,
    });
    const cacheBytes = fc.constantFrom(8000, 20_000, 1 << 20);
    await fc.assert(
      fc.asyncProperty(
        groups,
        cacheBytes,
        fc.array(step, { maxLength: 14 }),
        async (all, bytes, steps) => {
          await using stage = new Stage({ cacheBytes: bytes, sessionBytes: 0 });
          const archive = new Archive(all);
          const publisher = await stage.come(draft, { handlers: archive.handlers });
          await publisher.publishNamespace(TRACK.namespace).ready;
          const others = await Promise.all(
            [0, 1, 2, 3].map((offset) => stage.come(VERSIONS[(index + offset) % VERSIONS.length]!)),
          );
          let subscription: Subscription | undefined;
          let came = 0;
          for (const it of steps) {
            switch (it.do) {
              case "fetch":
                await Promise.all(it.ranges.flatMap(({ a, b, down, who, times }) => {
                  const [start, other] = isBefore(a, b) ? [a, b] : [b, a];
                  const isNone = other.object > 0 && !isBefore(start, other);
                  const end = isNone ? { ...other, object: other.object + 1 } : other;
                  const order = down ? "descending" as const : "ascending" as const;
                  return Array.from(
                    { length: times },
                    (_, time) => check(others[(who + time) % 4]!, archive, { start, end, order }),
                  );
                }));
                break;
              case "publish": {
                const group = (archive.largest?.group ?? -1) + 1 + it.skip;
                const sorted = it.ids.toSorted((a, b) => a - b);
                if (archive.subscribers > 0) came += sorted.length;
                await archive.publish(group, sorted, it.split);
                await until(() => stage.relay.stats.objectsIn === came);
                break;
              }
              case "subscribe":
                if (subscription !== undefined) break;
                subscription = others[0]!.subscribe(TRACK);
                await subscription.ready;
                break;
              case "leave":
                await subscription?.close();
                subscription = undefined;
                await until(() => archive.subscribers === 0);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
}

async function check(
  session: MoqtSession,
  archive: Archive,
  range: { start: Location; end: Location; order: "ascending" | "descending" },
): Promise<void> {
  const { start, end, order } = range;
  const { largest } = archive;
  const expected = archive.expected(start, end, order).map((name) => `${name}=${name}`);
  const fetch = session.fetch({ track: TRACK, start, end }, { parameters: { groupOrder: order } });
  if (largest === undefined || isBefore(largest, start)) {
    await assert.rejects(
      fetch.ready,
      (error) => error instanceof RequestError && error.refusal === "invalid-range",
    );
    return;
  }
  assert.deepEqual(await fetched(fetch), expected);
  const { end: told } = await fetch.ready;
  const behind = { group: largest.group, object: largest.object + 1 };
  const isBeyond = end.group > largest.group ||
    (end.group === largest.group && (end.object === 0 || end.object > behind.object));
  assert.deepEqual(told, isBeyond ? behind : end);
}
