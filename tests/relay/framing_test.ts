import assert from "node:assert/strict";
import fc from "fast-check";
import { SubgroupScanner } from "../../lib/moqt/data/scan.ts";
import type { SubgroupPiece } from "../../lib/moqt/data/scan.ts";
import {
  encodeSubgroupHeader,
  SubgroupEncoder,
  type SubgroupObject,
  SubgroupParser,
} from "../../lib/moqt/data/subgroup.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { framingOf, pieceFrom, Transcoder } from "../../lib/relay/live/framing.ts";
import { StreamLog } from "../../lib/relay/live/stream_log.ts";

const HEADER = { group: 3, subgroup: 0, priority: 7, endOfGroup: false } as const;

const version = fc.constantFrom(...VERSIONS);
const objects = fc.array(
  fc.record({
    step: fc.oneof(fc.nat(3), fc.nat(70_000)),
    payload: fc.uint8Array({ maxLength: 400 }),
    integer: fc.option(fc.bigInt({ min: 0n, max: (1n << 62n) - 1n }), { nil: undefined }),
    bytes: fc.option(fc.uint8Array({ maxLength: 80 }), { nil: undefined }),
  }),
  { maxLength: 12 },
).map((list) => {
  let id = -1;
  return list.map(({ step, payload, integer, bytes }): SubgroupObject => {
    id += 1 + step;
    const properties = [
      ...(integer === undefined ? [] : [{ type: 0x40, value: integer }]),
      ...(bytes === undefined ? [] : [{ type: 0x85, value: bytes }]),
    ];
    return { id, status: "normal", payload, ...(properties.length === 0 ? {} : { properties }) };
  });
});
const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 10 });

function bare(list: readonly SubgroupObject[], hasProperties: boolean): SubgroupObject[] {
  return list.map(({ id, status, payload, properties }) => ({
    id,
    status,
    payload,
    ...(hasProperties && properties !== undefined ? { properties } : {}),
  }));
}

function pieces(
  list: readonly SubgroupObject[],
  version: Version,
  hasProperties: boolean,
  lengths: readonly number[],
): SubgroupPiece[] {
  const encoder = new SubgroupEncoder({ hasProperties }, version);
  const bytes = Uint8Array.from(list.flatMap((object) => [...encoder.encode(object)]));
  const scanner = new SubgroupScanner(version, hasProperties);
  const made: SubgroupPiece[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!;
    const piece = scanner.push(bytes.slice(at, at + length));
    if (piece !== undefined) made.push(piece);
    at += length;
  }
  return made;
}

function parse(
  parts: readonly Uint8Array[],
  version: Version,
  hasProperties: boolean,
): SubgroupObject[] {
  const parser = new SubgroupParser(version);
  parser.push(encodeSubgroupHeader({ ...HEADER, trackAlias: 1, hasProperties }, version));
  assert.equal(parser.header()?.group, HEADER.group);
  const found: SubgroupObject[] = [];
  for (const part of parts) {
    parser.push(part.slice());
    for (let next = parser.next(); next !== undefined; next = parser.next()) {
      found.push({ ...next, payload: next.payload.slice() });
    }
  }
  assert.equal(parser.between, true);
  return found.map(({ id, status, payload, properties }) => ({
    id,
    status,
    payload,
    ...(properties === undefined ? {} : {
      properties: properties.map(({ type, value }) => ({
        type,
        value: typeof value === "bigint" ? value : value.slice(),
      })),
    }),
  }));
}

Deno.test("drafts frame alike where they write the same bytes", () => {
  assert.equal(framingOf(14, false), framingOf(16, false));
  assert.notEqual(framingOf(14, true), framingOf(16, true));
  assert.notEqual(framingOf(16, false), framingOf(18, false));
  assert.equal(framingOf(18, true), framingOf(22, true));
  assert.equal(framingOf(20, false), framingOf(22, false));
});

Deno.test("what one draft wrote another one reads, however the bytes were cut", () => {
  fc.assert(
    fc.property(version, version, fc.boolean(), objects, cuts, (from, to, has, list, lengths) => {
      const wanted = bare(list, has);
      const transcoder = new Transcoder(from, to, has);
      const parts: Uint8Array[] = [];
      let count = 0;
      for (const piece of pieces(wanted, from, has, lengths)) {
        const made = transcoder.push(piece);
        if (made === undefined) continue;
        count += made.objects;
        parts.push(made.bytes);
      }
      assert.deepEqual(parse(parts, to, has), wanted);
      assert.equal(count, wanted.length);
    }),
  );
});

Deno.test("a stream may begin at any object", () => {
  fc.assert(
    fc.property(
      version,
      version,
      fc.boolean(),
      objects,
      cuts,
      fc.nat(80_000),
      (from, to, has, list, lengths, start) => {
        const wanted = bare(list, has);
        const log = new StreamLog({ ...HEADER, hasProperties: has }, from);
        const own = log.as(to, () => {})!;
        for (const piece of pieces(wanted, from, has, lengths)) log.append(piece);
        log.end(true);
        const parts: Uint8Array[] = [];
        for (let place = own.placeOf(start); place < own.length; place++) {
          const piece = own.at(place)!;
          const first = parts.length === 0
            ? pieceFrom(piece, start, own.version, has)?.bytes
            : piece.bytes;
          if (first !== undefined) parts.push(first);
        }
        assert.deepEqual(parse(parts, to, has), wanted.filter(({ id }) => id >= start));
      },
    ),
  );
});

Deno.test("a status that only one draft has is left out, and ids go on", () => {
  const scanner = new SubgroupScanner(14, false);
  // Distance 0, no payload, status 1 (does not exist); then distance 0, one byte.
  const piece = scanner.push(Uint8Array.of(0, 0, 1, 0, 1, 0x61))!;
  const made = new Transcoder(14, 22, false).push(piece)!;
  assert.deepEqual(made.bytes, Uint8Array.of(1, 1, 0x61));
  assert.deepEqual([made.firstId, made.lastId, made.objects], [1, 1, 1]);
});

Deno.test("what a log lets go of is given back, other drafts' forms too", () => {
  const log = new StreamLog({ ...HEADER, hasProperties: false }, 16);
  log.as(22, () => {});
  const payload = new Uint8Array(1000);
  let cost = 0;
  for (
    const piece of pieces(
      [0, 1, 2, 3].map((id) => ({ id, status: "normal" as const, payload })),
      16,
      false,
      [500],
    )
  ) cost += log.append(piece);
  assert.equal(log.bytes, cost);
  const freed = log.trim(1500);
  assert.ok(freed >= 1500 && freed < cost);
  assert.equal(log.bytes, cost - freed);
  assert.equal(log.at(0), undefined);
  log.end(true);
  assert.equal(log.trim(Infinity), cost - freed);
  assert.equal(log.bytes, 0);
});
