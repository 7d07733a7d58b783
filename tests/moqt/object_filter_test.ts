import assert from "node:assert/strict";
import fc from "fast-check";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import {
  changedFilters,
  checkRangeFilters,
  type FilteredObject,
  ObjectFilter,
} from "../../lib/moqt/publish/object_filter.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import type { RangeFilters } from "../../lib/moqt/wire/parameters.ts";
import { sessions } from "./sessions.ts";

const TRACK = trackName(["example"], "track");
const utf8 = (text: string) => new TextEncoder().encode(text);

const REFUSED: [name: string, filters: RangeFilters][] = [
  ["a filter that is there twice", {
    objectRanges: [{ set: 1, ranges: [{ start: 0n }] }, { set: 1, ranges: [{ start: 9n }] }],
  }],
  ["a property that is bytes", {
    objectPropertyRanges: [{ set: 0, property: 0x21, ranges: [{ start: 0n }] }],
  }],
  ["a priority above 255", { priorityRanges: [{ set: 0, ranges: [{ start: 3n, end: 256n }] }] }],
  ["a value of more than 64 bits", { objectRanges: [{ set: 0, ranges: [{ start: 1n << 64n }] }] }],
  ["more ranges than may be", {
    objectRanges: [{ set: 0, ranges: [{ start: 0n, end: 1n }, { start: 3n, end: 4n }] }],
    subgroupRanges: [{ set: 0, ranges: [{ start: 0n, end: 1n }, { start: 3n }] }],
  }],
];

for (const [name, filters] of REFUSED) {
  Deno.test(`${name} is refused`, () => {
    assert.throws(
      () => checkRangeFilters(filters, 3),
      (error) => error instanceof RequestError && error.refusal === "invalid-filter",
    );
  });
}

Deno.test("filters of other sets and properties are no repetition", () => {
  checkRangeFilters({
    objectRanges: [{ set: 0, ranges: [{ start: 0n }] }, { set: 1, ranges: [{ start: 0n }] }],
    objectPropertyRanges: [
      { set: 0, property: 2, ranges: [{ start: 0n }] },
      { set: 0, property: 4, ranges: [] },
    ],
  }, 3);
});

Deno.test("an update replaces the filters of a kind, or ends them", () => {
  const one = [{ set: 0, ranges: [{ start: 1n }] }];
  const two = [{ set: 0, ranges: [{ start: 2n }] }];
  assert.deepEqual(
    changedFilters({ priority: 3, objectRanges: one, subgroupRanges: one }, {
      objectRanges: two,
      subgroupRanges: [],
    }),
    { priority: 3, objectRanges: two },
  );
});

Deno.test("tracks pass by their properties, with what is left of their sets", () => {
  const filters = {
    trackPropertyRanges: [
      { set: 0, property: 0x40, ranges: [{ start: 5n, end: 5n }] },
      { set: 1, property: 0x0e, ranges: [{ start: 0n, end: 9n }] },
    ],
    objectRanges: [{ set: 0, ranges: [{ start: 7n, end: 7n }] }],
  };
  const object = (id: number) => ({ id, priority: 1 });
  assert.equal(ObjectFilter.of(filters)?.isClosed, true);
  const some = ObjectFilter.of(filters, { others: [{ type: 0x40, value: 5n }] });
  assert.deepEqual([6, 7].map((id) => some!.passes(object(id))), [false, true]);
  // A set of which the track passes all lets every object pass.
  assert.equal(ObjectFilter.of(filters, { defaultPriority: 4 }), undefined);
  assert.equal(ObjectFilter.of({}), undefined);
});

Deno.test("any filters let pass what their sets say", () => {
  const value = fc.nat(12);
  const ranges = fc.uniqueArray(value, { minLength: 1, maxLength: 5 }).map((values) => {
    const sorted = values.sort((a, b) => a - b);
    const made: { start: bigint; end?: bigint }[] = [];
    for (let at = 0; at < sorted.length; at += 2) {
      const [start, end] = [sorted[at]!, sorted[at + 1]];
      made.push(
        end === undefined ? { start: BigInt(start) } : {
          start: BigInt(start),
          end: BigInt(end),
        },
      );
    }
    return made;
  });
  const kind = fc.constantFrom(
    "subgroupRanges" as const,
    "objectRanges" as const,
    "priorityRanges" as const,
    2 as const,
    4 as const,
  );
  const filter = fc.record({ kind, set: fc.nat(2), ranges });
  const object = fc.record({
    subgroup: fc.option(value, { nil: undefined }),
    id: value,
    priority: value,
    two: fc.option(value, { nil: undefined }),
    four: fc.option(value, { nil: undefined }),
  });
  const unique = fc.uniqueArray(filter, {
    maxLength: 6,
    selector: ({ kind, set }) => `${kind} ${set}`,
  });
  fc.assert(fc.property(unique, object, (list, it) => {
    const filters: RangeFilters = {};
    for (const { kind, set, ranges } of list) {
      if (typeof kind === "number") {
        filters.objectPropertyRanges = [
          ...filters.objectPropertyRanges ?? [],
          { set, property: kind, ranges },
        ];
      } else filters[kind] = [...filters[kind] ?? [], { set, ranges }];
    }
    const object: FilteredObject = {
      subgroup: it.subgroup,
      id: it.id,
      priority: it.priority,
      properties: [
        ...(it.two === undefined ? [] : [{ type: 2, value: BigInt(it.two) }]),
        ...(it.four === undefined ? [] : [{ type: 4, value: BigInt(it.four) }]),
      ],
    };
    const fields = {
      subgroupRanges: it.subgroup,
      objectRanges: it.id,
      priorityRanges: it.priority,
      2: it.two,
      4: it.four,
    };
    const sets = new Set(list.map(({ set }) => set));
    const expected = list.length === 0 ||
      [...sets].some((set) =>
        list.filter((filter) => filter.set === set).every(({ kind, ranges }) => {
          const value = fields[kind];
          return value !== undefined &&
            ranges.some(({ start, end }) => value >= start && value <= (end ?? Infinity));
        })
      );
    assert.equal(ObjectFilter.of(filters)?.passes(object) ?? true, expected);
  }));
});

for (const draft of [20, 22] as const) {
  const protocol = `moqt-${draft}`;
  const objectRanges = [{ set: 0, ranges: [{ start: 1n, end: 1n }, { start: 3n }] }];

  Deno.test(`draft ${draft}: a publisher sends what passes the subscriber's filter`, async () => {
    const made = Promise.withResolvers<Publication>();
    const handlers: RequestHandlers = {
      subscribe: (request) => made.resolve(request.accept()),
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    assert.ok((pair.client.peer.maxFilterRanges ?? 0) > 0);
    const subscription = pair.client.subscribe(TRACK, { parameters: { objectRanges } });
    const found: string[] = [];
    const reading = (async () => {
      for await (const { group, id } of subscription.objects()) {
        found.push(`${group}/${id}`);
        if (found.length === 6) break;
      }
    })();
    const publication = await made.promise;
    await subscription.ready;
    const one = await publication.subgroup({ group: 0, endOfGroup: true });
    for (let id = 0; id < 4; id++) await one.write({ payload: utf8("x") });
    await one.close();
    const two = await publication.subgroup({ group: 1 });
    for (let id = 0; id < 4; id++) while (!two.tryWrite({ payload: utf8("x") })) await two.ready;
    await two.close();
    for (const id of [0, 1, 2, 3]) {
      publication.datagram({
        group: 2,
        id,
        endOfGroup: false,
        status: "normal",
        payload: utf8("x"),
      });
    }
    await reading;
    assert.deepEqual(found.sort(), ["0/1", "0/3", "1/1", "1/3", "2/1", "2/3"]);
  });

  Deno.test(`draft ${draft}: fetches and fills give what passes`, async () => {
    const items = [0, 1, 2, 3].map((id) =>
      ({ kind: "object", group: 4, subgroup: 0, id, priority: 1, payload: utf8("x") }) as const
    );
    const handlers: RequestHandlers = {
      subscribe: (request) => void request.accept({ largest: { group: 4, object: 3 } }),
      fetch: ({ end }) => ({ end, items }),
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const ids = async (fetched: AsyncIterable<FetchItem>) => {
      const found: number[] = [];
      for await (const { id } of fetched) found.push(id);
      return found;
    };
    const range = { start: { group: 4, object: 0 }, end: { group: 4, object: 0 } };
    const fetch = pair.client.fetch({ track: TRACK, ...range }, { parameters: { objectRanges } });
    assert.deepEqual(await ids(fetch), [1, 3]);
    const own = pair.client.subscribe(TRACK, { parameters: { objectRanges, fill: {} } });
    assert.deepEqual(await ids(own.past!), [1, 3]);
    const other = [{ set: 0, ranges: [{ start: 2n, end: 2n }] }];
    const filled = pair.client.subscribe(TRACK, {
      parameters: { objectRanges, fill: { objectRanges: other } },
    });
    assert.deepEqual(await ids(filled.past!), [2]);
  });

  Deno.test(`draft ${draft}: what the peer does not take is not sent to it`, async () => {
    const handlers: RequestHandlers = { subscribe: (request) => void request.accept() };
    await using pair = await sessions(protocol, { server: { handlers, maxFilterRanges: 1 } });
    await assert.rejects(
      pair.client.subscribe(TRACK, { parameters: { objectRanges } }).ready,
      (error) => error instanceof RequestError && error.refusal === "invalid-filter",
    );
  });
}
