import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeDatagram,
  encodeDatagram,
  type ObjectDatagram,
} from "../../lib/moqt/data/datagram.ts";
import { encodeFetchHeader, FetchEncoder, type FetchItem } from "../../lib/moqt/data/fetch.ts";
import { FetchParser } from "../../lib/moqt/data/fetch.ts";
import { encodeSubgroupHeader, SubgroupEncoder } from "../../lib/moqt/data/subgroup.ts";
import { type SubgroupHeader, type SubgroupObject } from "../../lib/moqt/data/subgroup.ts";
import { SubgroupParser } from "../../lib/moqt/data/subgroup.ts";
import { MoqtViolation } from "../../lib/moqt/errors.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { hex } from "./cases.ts";
import { DATAGRAM_CASES, FETCH_CASES, SUBGROUP_CASES } from "./data_cases.ts";

const hexOf = (bytes: Uint8Array) =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function readSubgroup(version: Version, chunks: readonly Uint8Array[]) {
  const parser = new SubgroupParser(version);
  const objects: SubgroupObject[] = [];
  for (const chunk of chunks) {
    parser.push(chunk.slice());
    for (let next = parser.next(); next !== undefined; next = parser.next()) objects.push(next);
  }
  return { header: parser.header(), objects, between: parser.between };
}

function writeSubgroup(version: Version, header: SubgroupHeader, objects: SubgroupObject[]) {
  const encoder = new SubgroupEncoder(header, version);
  return [
    encodeSubgroupHeader(header, version),
    ...objects.map((object) => encoder.encode(object)),
  ];
}

function readFetch(version: Version, chunks: readonly Uint8Array[], descending = false) {
  const parser = new FetchParser(version);
  if (descending) parser.order = "descending";
  const items: FetchItem[] = [];
  for (const chunk of chunks) {
    parser.push(chunk.slice());
    for (let next = parser.next(); next !== undefined; next = parser.next()) items.push(next);
  }
  return { requestId: parser.requestId(), items, between: parser.between };
}

const single = (bytes: Uint8Array) => [...bytes].map((byte) => Uint8Array.of(byte));

for (const { name, version, bytes, header, objects } of SUBGROUP_CASES) {
  Deno.test(`draft ${version}: ${name} is read, in one piece and byte by byte`, () => {
    for (const chunks of [[bytes], single(bytes)]) {
      assert.deepEqual(readSubgroup(version, chunks), { header, objects, between: true });
    }
  });

  Deno.test(`draft ${version}: ${name} is written`, () => {
    assert.equal(hexOf(join(writeSubgroup(version, header, objects))), hexOf(bytes));
  });

  Deno.test(`draft ${version}: ${name}, cut anywhere, gives whole objects only`, () => {
    for (let length = 0; length < bytes.length; length++) {
      const read = readSubgroup(version, [bytes.subarray(0, length)]);
      assert.deepEqual(read.objects, objects.slice(0, read.objects.length));
      if (read.between) {
        const again = writeSubgroup(version, header, read.objects);
        assert.equal(join(again).length, length);
      }
    }
  });
}

for (const { name, version, bytes, requestId, items, descending } of FETCH_CASES) {
  Deno.test(`draft ${version}: ${name} is read, in one piece and byte by byte`, () => {
    for (const chunks of [[bytes], single(bytes)]) {
      const read = readFetch(version, chunks, descending);
      assert.deepEqual(read, { requestId, items, between: true });
    }
  });

  Deno.test(`draft ${version}: ${name} is written`, () => {
    const encoder = new FetchEncoder(version, descending ? "descending" : "ascending");
    const parts = [encodeFetchHeader(requestId, version), ...items.map((i) => encoder.encode(i))];
    assert.equal(hexOf(join(parts)), hexOf(bytes));
  });

  Deno.test(`draft ${version}: ${name}, cut anywhere, gives whole objects only`, () => {
    for (let length = 0; length < bytes.length; length++) {
      const read = readFetch(version, [bytes.subarray(0, length)], descending);
      assert.deepEqual(read.items, items.slice(0, read.items.length));
    }
  });
}

for (const { name, version, bytes, object } of DATAGRAM_CASES) {
  Deno.test(`draft ${version}: ${name} is read and written`, () => {
    assert.deepEqual(decodeDatagram(bytes, version), object);
    if (object !== undefined) assert.equal(hexOf(encodeDatagram(object, version)), hexOf(bytes));
  });

  Deno.test(`draft ${version}: ${name}, cut anywhere, is a violation or a shorter payload`, () => {
    for (let length = 0; length < bytes.length; length++) {
      let read: ObjectDatagram | undefined;
      try {
        read = decodeDatagram(bytes.subarray(0, length), version);
      } catch (error) {
        assert.ok(error instanceof MoqtViolation, String(error));
        assert.equal(error.closeCode, 0x3);
        continue;
      }
      if (read === undefined) continue;
      assert.deepEqual({ ...read, payload: undefined }, { ...object, payload: undefined });
      assert.ok(read.payload.length < object!.payload.length);
    }
  });
}

const BROKEN: readonly [
  name: string,
  version: Version,
  kind: string,
  bytes: string,
  code: number,
][] = [
  ["a subgroup of a reserved form", 16, "subgroup", "160100", 0x3],
  ["a subgroup of a reserved form", 18, "subgroup", "76", 0x3],
  ["a subgroup that leaves out its priority", 14, "subgroup", "300100", 0x3],
  ["an object of status 2", 14, "subgroup", "10010000" + "000002", 0x3],
  ["a fetch's object of status 2", 14, "fetch", "0502" + "030000800000" + "02", 0x3],
  ["a datagram without a priority", 14, "datagram", "08010203aabb", 0x3],
  ["a datagram's status without an object id", 14, "datagram", "2401020904", 0x3],
  ["a datagram of type 0x22", 14, "datagram", "220100", 0x3],
  ["a mark of objects that came too late", 18, "fetch", "0500" + "820c" + "0102", 0x3],
  ["a subgroup of a type with a bit of another draft", 16, "subgroup", "407000", 0x3],
  ["a subgroup's object of status 1", 18, "subgroup", "300100" + "000001", 0x3],
  ["an object after the group's end", 18, "subgroup", "300100" + "000003" + "0001aa", 0x3],
  ["an end of group with properties", 16, "subgroup", "310100" + "000202070003", 0x3],
  [
    "object ids above 2^53-1",
    18,
    "subgroup",
    "300100" + "ff001fffffffffffff0001" + "000001aa",
    0x3,
  ],
  [
    "a fetch's first object that refers to one before",
    18,
    "fetch",
    "0502" + "0c" + "000001aa",
    0x3,
  ],
  ["a fetch's first object without a group", 16, "fetch", "0502" + "1700000101aa", 0x3],
  ["flags that are not", 16, "fetch", "0502" + "4080", 0x3],
  ["a group below 0", 18, "fetch descending", "0502" + "1c00000000" + "0801" + "00", 0x3],
  ["a datagram of type 0x22", 18, "datagram", "220100", 0x3],
  ["a datagram of type 0x10", 16, "datagram", "100100", 0x3],
  ["a datagram of type 0x40", 16, "datagram", "404001", 0x3],
  ["a datagram's empty properties", 18, "datagram", "0d010000", 0x3],
  ["a datagram's status with properties", 16, "datagram", "2d010002020703", 0x3],
  ["a datagram's status with a payload", 18, "datagram", "2c010003aa", 0x3],
];

for (const [name, version, kind, text, code] of BROKEN) {
  Deno.test(`draft ${version}: ${name} closes with 0x${code.toString(16)}`, () => {
    assert.throws(() => {
      if (kind === "datagram") decodeDatagram(hex(text), version);
      else if (kind === "subgroup") readSubgroup(version, [hex(text)]);
      else readFetch(version, [hex(text)], kind.endsWith("descending"));
    }, (error) => error instanceof MoqtViolation && error.closeCode === code);
  });
}

Deno.test("objects and properties above their limits are refused before they come", () => {
  for (const version of VERSIONS) {
    const parser = new SubgroupParser(version, 1000);
    parser.push(hex("10010000" + "00" + (version < 18 ? "43e9" : "83e9")));
    assert.throws(() => parser.next(), { closeCode: 0x1 });
    const properties = new SubgroupParser(version);
    properties.push(hex("11010000" + "00" + (version < 18 ? "80010000" : "c10000")));
    assert.throws(() => properties.next(), { closeCode: 0x1 });
  }
});

const bytesOf = (most: number) => fc.uint8Array({ maxLength: most });
const PLAIN = { noNullPrototype: true };
const properties = fc.array(
  fc.oneof(
    fc.record({
      type: fc.nat(1000).map((n) => n * 2),
      value: fc.bigInt({ min: 0n, max: 2n ** 62n - 1n }),
    }),
    fc.record({ type: fc.nat(1000).map((n) => n * 2 + 1), value: bytesOf(20) }, PLAIN),
  ),
  { maxLength: 4 },
).map((pairs) => pairs.map((pair) => ({ ...pair })).sort((a, b) => a.type - b.type));

const subgroup = fc.record({
  header: fc.record({
    trackAlias: fc.maxSafeNat(),
    group: fc.maxSafeNat(),
    subgroup: fc.oneof(fc.maxSafeNat(), fc.constant("first-object" as const)),
    hasProperties: fc.boolean(),
    endOfGroup: fc.boolean(),
  }, PLAIN),
  priority: fc.option(fc.nat(255), { nil: undefined }),
  objects: fc.array(fc.record({ step: fc.nat(300), payload: bytesOf(300), properties })),
  cuts: fc.array(fc.nat(400)),
  version: fc.constantFrom(...VERSIONS),
});

Deno.test("any subgroup, cut into any chunks, is read as it was written", () => {
  fc.assert(fc.property(subgroup, ({ header, priority, objects, cuts, version }) => {
    let id = -1;
    // Draft-14's streams always tell their priority.
    const told = priority ?? (version === 14 ? 128 : undefined);
    const full: SubgroupHeader = {
      ...header,
      ...(told === undefined ? {} : { priority: told }),
      ...(version < 18 ? {} : { firstObject: true }),
    };
    const written = objects.map(({ step, payload, properties }): SubgroupObject => ({
      id: id += step + 1,
      status: "normal",
      ...(header.hasProperties && properties.length > 0 ? { properties } : {}),
      payload,
    }));
    const bytes = join(writeSubgroup(version, full, written));
    const chunks: Uint8Array[] = [];
    let at = 0;
    for (const cut of cuts) {
      chunks.push(bytes.subarray(at, at + cut));
      at += cut;
    }
    chunks.push(bytes.subarray(at));
    const read = readSubgroup(version, chunks.filter((chunk) => chunk.length > 0));
    assert.deepEqual(read, { header: full, objects: written, between: true });
  }));
});

const fetched = fc.record({
  version: fc.constantFrom(...VERSIONS),
  descending: fc.boolean(),
  items: fc.array(fc.record({
    groupStep: fc.nat(3),
    idStep: fc.nat(3),
    gap: fc.option(fc.boolean(), { nil: undefined, freq: 5 }),
    subgroup: fc.option(fc.nat(3), { nil: undefined, freq: 4 }),
    priority: fc.nat(2),
    properties,
    payload: bytesOf(50),
  })),
});

Deno.test("any fetch is read as it was written, in either order", () => {
  fc.assert(fc.property(fetched, ({ version, descending, items }) => {
    let group = descending ? 10_000 : 0;
    let id = -1;
    const written = items.map((item): FetchItem => {
      group += descending ? -item.groupStep : item.groupStep;
      id = item.groupStep === 0 ? id + 1 + item.idStep : item.idStep;
      if (item.gap !== undefined) return { kind: "gap", known: item.gap, group, id };
      return {
        kind: "object",
        group,
        ...(item.subgroup === undefined ? {} : { subgroup: item.subgroup }),
        id,
        priority: item.priority,
        ...(item.properties.length === 0 ? {} : { properties: item.properties }),
        payload: item.payload,
      };
    });
    const encoder = new FetchEncoder(version, descending ? "descending" : "ascending");
    const parts = [encodeFetchHeader(7, version), ...written.map((item) => encoder.encode(item))];
    const read = readFetch(version, parts, descending);
    // Draft-14 does not tell gaps, and objects of datagrams are subgroups named by their ids.
    const expected = version !== 14
      ? written
      : written.filter(({ kind }) => kind === "object").map((item) => ({
        subgroup: item.id,
        ...item,
      }));
    assert.deepEqual(read, { requestId: 7, items: expected, between: true });
  }));
});

Deno.test("draft 14: objects that do not exist are passed over, or a gap", () => {
  const stream = "10010000" + "0001aa" + "000001" + "0001bb" + "000003";
  for (const chunks of [[hex(stream)], single(hex(stream))]) {
    const { objects, between } = readSubgroup(14, chunks);
    assert.deepEqual(objects.map(({ id, status }) => [id, status]), [
      [0, "normal"],
      [2, "normal"],
      [3, "end-of-group"],
    ]);
    assert.equal(between, true);
  }
  assert.equal(decodeDatagram(hex("200102030901"), 14), undefined);
  const { items } = readFetch(14, [hex("0502" + "03000080" + "000001" + "0300028000" + "01bb")]);
  assert.deepEqual(items.map(({ kind, id }) => [kind, id]), [["gap", 0], ["object", 2]]);
});

Deno.test("what does not come after what is written is refused", () => {
  const encoder = new SubgroupEncoder({ hasProperties: false });
  const object: SubgroupObject = { id: 3, status: "normal", payload: new Uint8Array() };
  encoder.encode(object);
  assert.throws(() => encoder.encode(object), RangeError);
  const more = { ...object, id: 4, properties: [{ type: 2, value: 1n }] };
  assert.throws(() => encoder.encode(more), TypeError);
  const end: SubgroupObject = { id: 4, status: "end-of-group", payload: Uint8Array.of(1) };
  assert.throws(() => encoder.encode(end), TypeError);
  const fetch = new FetchEncoder(18, "descending");
  fetch.encode({ kind: "gap", known: true, group: 3, id: 3 });
  assert.throws(() => fetch.encode({ kind: "gap", known: true, group: 4, id: 0 }), RangeError);
});
