import assert from "node:assert/strict";
import fc from "fast-check";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { hasRangeFilters, VERSIONS } from "../../lib/moqt/versions.ts";
import { SubgroupScanner } from "../../lib/moqt/data/scan.ts";
import {
  encodeSubgroupHeader,
  SubgroupEncoder,
  SubgroupParser,
} from "../../lib/moqt/data/subgroup.ts";
import { namespace } from "../../lib/moqt/wire/track_name.ts";
import type { RangeFilters } from "../../lib/moqt/wire/parameters.ts";
import { ObjectPicker } from "../../lib/relay/live/object_picker.ts";
import { fetched, Stage, take, TRACK, until, utf8 } from "./support.ts";

/** Objects whose property 0x20 is ten times their id, two subgroups with priorities 10 and 20. */
async function publishGroup(publication: Publication, group: number): Promise<void> {
  for (const subgroup of [0, 1]) {
    const writer = await publication.subgroup({ group, subgroup, priority: 10 + 10 * subgroup });
    for (const id of [0, 2, 4, 6]) {
      const payload = utf8(`${id + subgroup}`);
      const properties = [{ type: 0x20, value: BigInt(10 * (id + subgroup)) }];
      await writer.write({ id: id + subgroup, payload, properties });
    }
    await writer.close();
  }
}

const CASES: [name: string, filters: RangeFilters, ids: number[]][] = [
  ["of objects' ids", {
    objectRanges: [{ set: 0, ranges: [{ start: 1n, end: 2n }, { start: 6n }] }],
  }, [1, 2, 6, 7]],
  ["of subgroups", { subgroupRanges: [{ set: 3, ranges: [{ start: 1n, end: 1n }] }] }, [
    1,
    3,
    5,
    7,
  ]],
  ["of priorities", { priorityRanges: [{ set: 0, ranges: [{ start: 0n, end: 10n }] }] }, [
    0,
    2,
    4,
    6,
  ]],
  ["of properties", {
    objectPropertyRanges: [{ set: 0, property: 0x20, ranges: [{ start: 30n, end: 40n }] }],
  }, [3, 4]],
  ["of a property that no object has", {
    objectPropertyRanges: [{ set: 0, property: 0x24, ranges: [{ start: 0n }] }],
  }, []],
  ["of one set or another", {
    objectRanges: [{ set: 0, ranges: [{ start: 0n, end: 3n }] }, {
      set: 1,
      ranges: [{ start: 7n }],
    }],
    subgroupRanges: [{ set: 0, ranges: [{ start: 1n }] }],
  }, [1, 3, 7]],
];

for (const version of VERSIONS.filter(hasRangeFilters)) {
  for (const from of [version, 14] as const) {
    for (const [name, filters, ids] of CASES) {
      Deno.test(`draft-${version}: a filter ${name} leaves objects of a draft-${from} publisher out`, async () => {
        await using stage = new Stage();
        const publisher = await stage.come(from);
        const publication = publisher.publish(TRACK, { parameters: { forward: true } });
        await publication.ready;
        const session = await stage.come(version);
        const subscription = session.subscribe(TRACK, { parameters: filters });
        await subscription.ready;
        const all = (await stage.come(version)).subscribe(TRACK);
        await all.ready;
        await until(() => publication.parameters.forward === true);
        // Whether there was anything before the first group, the relay cannot know.
        for (const group of [3, 4]) await publishGroup(publication, group);
        assert.equal((await take(all, 16)).length, 16);
        const of = (group: number) => ids.map((id) => `${group}/${id}=${id}`);
        if (ids.length > 0) {
          const found = await take(subscription, 2 * ids.length);
          assert.deepEqual(found.toSorted(), [...of(3), ...of(4)]);
        }
        const past = session.fetch(
          { track: TRACK, start: { group: 4, object: 0 }, end: { group: 4, object: 0 } },
          { parameters: filters },
        );
        assert.deepEqual(await fetched(past), of(4));
        assert.deepEqual((await past.ready).end, { group: 4, object: 8 });
      });
    }
  }

  Deno.test(`draft-${version}: a range ends at its last object`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version);
    const publication = publisher.publish(TRACK, { parameters: { forward: true } });
    await publication.ready;
    const session = await stage.come(version);
    const subscription = session.subscribe(TRACK, {
      parameters: {
        filter: { from: "start", start: { group: 1, object: 2 }, endGroup: 2, endObject: 3 },
      },
    });
    await subscription.ready;
    const all = (await stage.come(version)).subscribe(TRACK);
    await all.ready;
    await until(() => publication.parameters.forward === true);
    const objects = take(subscription, 100);
    for (const group of [0, 1, 2, 3]) await publishGroup(publication, group);
    assert.equal((await take(all, 32)).length, 32);
    publication.done("track-ended");
    assert.deepEqual((await objects).map((it) => it.split("=")[0]).toSorted(), [
      "1/2",
      "1/3",
      "1/4",
      "1/5",
      "1/6",
      "1/7",
      "2/0",
      "2/1",
      "2/2",
      "2/3",
    ]);
  });

  Deno.test(`draft-${version}: a filter may be changed`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version);
    const publication = publisher.publish(TRACK, { parameters: { forward: true } });
    await publication.ready;
    const session = await stage.come(version);
    const objectRanges = [{ set: 0, ranges: [{ start: 7n }] }];
    const subscription = session.subscribe(TRACK, { parameters: { objectRanges } });
    await subscription.ready;
    await until(() => publication.parameters.forward === true);
    const objects = take(subscription, 6);
    await publishGroup(publication, 0);
    await until(() => stage.relay.stats.objectsIn === 8);
    await subscription.update({ objectRanges: [{ set: 0, ranges: [{ start: 0n, end: 1n }] }] });
    await publishGroup(publication, 1);
    await until(() => stage.relay.stats.objectsIn === 16);
    const subgroupRanges = [{ set: 0, ranges: [{ start: 0n, end: 0n }] }];
    await subscription.update({ objectRanges: [], subgroupRanges });
    await publishGroup(publication, 2);
    const found = (await objects).map((it) => it.split("=")[0]!);
    assert.deepEqual(found.toSorted().slice(0, 3), ["0/7", "1/0", "1/1"]);
    assert.deepEqual(found.toSorted().slice(3), ["2/0", "2/2", "2/4"]);
  });

  Deno.test(`draft-${version}: tracks are offered by their properties, and sent as was asked`, async () => {
    await using stage = new Stage();
    const offered: string[] = [];
    const session = await stage.come(version, {
      handlers: {
        publish: (request) => {
          offered.push(new TextDecoder().decode(request.track.name));
          const subscription = request.accept();
          take(subscription, 4).then((objects) => found.resolve(objects));
        },
      },
    });
    const found = Promise.withResolvers<string[]>();
    const watch = session.subscribeNamespace(namespace("example.com"), "publish", {
      parameters: {
        forward: true,
        trackPropertyRanges: [{ set: 0, property: 0x9780, ranges: [{ start: 5n, end: 6n }] }],
        subgroupRanges: [{ set: 0, ranges: [{ start: 1n }] }],
      },
    });
    await watch.ready;
    const publisher = await stage.come(version);
    const publications = [4n, 5n, 7n].map((value) =>
      publisher.publish({ ...TRACK, name: utf8(`${value}`) }, {
        properties: { others: [{ type: 0x9780, value }] },
      })
    );
    for (const publication of publications) await publication.ready;
    await until(() => offered.length === 1);
    await until(() => publications[1]!.parameters.forward === true);
    await publishGroup(publications[1]!, 3);
    const objects = await found.promise;
    assert.deepEqual(objects.map((it) => it.split("=")[0]), ["3/1", "3/3", "3/5", "3/7"]);
    assert.deepEqual(offered, ["5"]);
  });
}

Deno.test("a picker leaves what a parser and a filter leave, however the bytes are cut", () => {
  const object = fc.record({
    gap: fc.nat(300),
    payload: fc.uint8Array({ maxLength: 200 }),
    value: fc.option(fc.bigInt({ min: 0n, max: 50n }), { nil: undefined }),
  });
  const cuts = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      fc.constantFrom(...VERSIONS),
      fc.array(object, { maxLength: 20 }),
      cuts,
      fc.boolean(),
      (version, objects, cuts, hasProperties) => {
        const encoder = new SubgroupEncoder({ hasProperties }, version);
        const parts: Uint8Array[] = [];
        let id = -1;
        for (const { gap, payload, value } of objects) {
          id += 1 + gap;
          const properties = value === undefined || !hasProperties ? [] : [{ type: 0x20, value }];
          parts.push(encoder.encode({ id, status: "normal", payload, properties }));
        }
        const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
        let at = 0;
        for (const part of parts) {
          bytes.set(part, at);
          at += part.length;
        }
        const isWanted = (id: number, value: bigint | undefined) =>
          id % 3 !== 1 && (value === undefined || value > 20n);
        const scanner = new SubgroupScanner(version, hasProperties);
        const picker = new ObjectPicker(
          version,
          hasProperties,
          (id, properties) => isWanted(id, properties[0]?.value as bigint | undefined),
        );
        const header = {
          trackAlias: 1,
          group: 1,
          subgroup: 0,
          hasProperties,
          endOfGroup: false,
          firstObject: false,
        };
        const [whole, picked] = [new SubgroupParser(version), new SubgroupParser(version)];
        for (const parser of [whole, picked]) {
          parser.push(encodeSubgroupHeader(header, version));
        }
        whole.push(bytes.slice());
        for (let from = 0, cut = 0; from < bytes.length; cut++) {
          const to = from + cuts[cut % cuts.length]!;
          const piece = scanner.push(bytes.slice(from, to));
          const left = piece === undefined ? undefined : picker.pick(piece);
          if (left !== undefined) picked.push(left);
          from = to;
        }
        const read = (parser: SubgroupParser) => {
          const found = [];
          for (let next = parser.next(); next !== undefined; next = parser.next()) {
            found.push([next.id, next.properties?.[0]?.value, [...next.payload]] as const);
          }
          return found;
        };
        const expected = read(whole).filter(([id, value]) =>
          isWanted(id, value as bigint | undefined)
        );
        assert.deepEqual(read(picked), expected);
      },
    ),
    { numRuns: 300 },
  );
});
