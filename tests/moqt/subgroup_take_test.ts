import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeSubgroupHeader,
  SubgroupEncoder,
  type SubgroupObject,
  SubgroupParser,
} from "../../lib/moqt/data/subgroup.ts";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { Writer } from "../../lib/moqt/wire/writer.ts";

const HEADER = {
  trackAlias: 1,
  group: 2,
  subgroup: 0,
  hasProperties: true,
  endOfGroup: false,
} as const;

const objects = fc.array(
  fc.record({
    step: fc.nat(3),
    payload: fc.uint8Array({ maxLength: 40 }),
    time: fc.option(fc.bigInt({ min: 0n, max: 2n ** 62n - 1n }), { nil: undefined }),
  }),
  { maxLength: 30 },
);

function written(
  items: readonly { step: number; payload: Uint8Array; time: bigint | undefined }[],
) {
  let id = -1;
  return items.map(({ step, payload, time }): SubgroupObject => ({
    id: id += step + 1,
    status: "normal",
    ...(time === undefined ? {} : { properties: [{ type: 0x10, value: time }] }),
    payload,
  }));
}

const make = (
  id: number,
  status: SubgroupObject["status"],
  properties: SubgroupObject["properties"] | undefined,
  payload: Uint8Array,
): SubgroupObject => ({ id, status, ...(properties === undefined ? {} : { properties }), payload });

Deno.test("objects that are written together, cut anywhere and taken together, are the same", () => {
  const cuts = fc.array(fc.nat(60));
  const most = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(fc.constantFrom(...VERSIONS), objects, cuts, most, (version, items, cuts, most) => {
      const wanted = written(items);
      const writer = new Writer(version, 16);
      const encoder = new SubgroupEncoder(HEADER, version);
      writer.bytes(encodeSubgroupHeader(HEADER, version));
      for (const { id, status, properties, payload } of wanted) {
        encoder.encodeHead({ id, status, properties, payload }, writer);
        writer.bytes(payload);
      }
      const bytes = writer.finish().slice();
      const parser = new SubgroupParser(version);
      const read: SubgroupObject[] = [];
      let at = 0;
      for (const cut of [...cuts, bytes.length]) {
        const chunk = bytes.slice(at, at + cut);
        at += chunk.length;
        if (chunk.length === 0) continue;
        parser.push(chunk);
        for (let some = parser.take(most, make); some.length > 0; some = parser.take(most, make)) {
          assert.ok(some.length <= most);
          read.push(...some);
        }
      }
      assert.deepEqual(read, wanted);
      assert.ok(parser.between);
    }),
  );
});

Deno.test("what comes before a violation is taken, and then it is thrown, each time", () => {
  for (const version of VERSIONS) {
    const parser = new SubgroupParser(version);
    const encoder = new SubgroupEncoder(HEADER, version);
    const [one, two] = written([1, 2].map((n) => ({
      step: 0,
      payload: Uint8Array.of(n),
      time: undefined,
    })));
    // An object of status 5, which no draft has.
    const broken = Uint8Array.of(0, 0, 0, 5);
    const parts = [
      encodeSubgroupHeader(HEADER, version),
      encoder.encode(one!),
      encoder.encode(two!),
    ];
    parser.push(Uint8Array.from([...parts, broken].flatMap((part) => [...part])));
    assert.deepEqual(parser.take(10, make), [one, two]);
    for (let again = 0; again < 2; again++) {
      assert.throws(() => parser.take(10, make), MoqtViolation);
    }
  }
});
