import assert from "node:assert/strict";
import fc from "fast-check";
import { SubgroupScanner } from "../../../lib/moqt/data/scan.ts";
import type { SubgroupPiece } from "../../../lib/moqt/data/scan.ts";
import {
  encodeSubgroupHeader,
  SubgroupEncoder,
  SubgroupParser,
} from "../../../lib/moqt/data/subgroup.ts";
import { LiteStreamError } from "../../../lib/moqt/lite/mod.ts";
import { encodeFrame, GroupParser } from "../../../lib/moqt/lite/messages/group.ts";
import { PushBuffer } from "../../../lib/moqt/lite/push_buffer.ts";
import { GroupScanner } from "../../../lib/moqt/lite/scan.ts";
import { type Version, VERSIONS } from "../../../lib/moqt/versions.ts";
import { type Framing, rewriterOf } from "../../../lib/relay/live/framing.ts";
import { namespaceOf, pathOf, rootOf } from "../../../lib/relay/lite/names.ts";
import { StreamLog } from "../../../lib/relay/live/stream_log.ts";

const HEADER = { group: 3, subgroup: 0, priority: 7, endOfGroup: true } as const;

const version = fc.constantFrom(...VERSIONS);
const frames = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 10 });

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** What a scanner makes of bytes that come in chunks of these lengths. */
function scan(
  scanner: { push(chunk: Uint8Array): SubgroupPiece | undefined; between: boolean },
  bytes: Uint8Array,
  lengths: readonly number[],
): SubgroupPiece[] {
  const made: SubgroupPiece[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!;
    const piece = scanner.push(bytes.slice(at, at + length));
    if (piece !== undefined) made.push(piece);
    at += length;
  }
  assert.equal(scanner.between, true);
  return made;
}

function readFrames(parts: readonly Uint8Array[]): Uint8Array[] {
  const buffer = new PushBuffer();
  const parser = new GroupParser(buffer);
  const found: Uint8Array[] = [];
  for (const part of parts) {
    parser.push(part);
    for (let next = parser.next(); next !== undefined; next = parser.next()) found.push(next);
  }
  assert.equal(parser.between, true);
  return found.map((frame) => Uint8Array.from(frame));
}

function readObjects(parts: readonly Uint8Array[], version: Version): [number, Uint8Array][] {
  const parser = new SubgroupParser(version);
  parser.push(encodeSubgroupHeader({ ...HEADER, trackAlias: 1, hasProperties: false }, version));
  parser.header();
  const found: [number, Uint8Array][] = [];
  for (const part of parts) {
    parser.push(part.slice());
    for (let next = parser.next(); next !== undefined; next = parser.next()) {
      assert.equal(next.status, "normal");
      found.push([next.id, Uint8Array.from(next.payload)]);
    }
  }
  assert.equal(parser.between, true);
  return found;
}

/** A log in one framing, as another one. */
function rewritten(
  pieces: readonly SubgroupPiece[],
  from: Framing,
  to: Framing,
  hasProperties: boolean,
): { parts: Uint8Array[]; objects: number; state: string } {
  const log = new StreamLog({ ...HEADER, hasProperties }, from);
  const half = pieces.length >> 1;
  for (const piece of pieces.slice(0, half)) log.append(piece);
  const own = log.as(to, () => {})!;
  for (const piece of pieces.slice(half)) log.append(piece);
  log.end(true);
  const parts: Uint8Array[] = [];
  let objects = 0;
  for (let place = 0; place < own.length; place++) {
    parts.push(own.at(place)!.bytes);
    objects += own.at(place)!.objects;
  }
  return { parts, objects, state: own.state };
}

Deno.test("frames that are scanned are those that are parsed, and come through as they were", () => {
  fc.assert(
    fc.property(frames, cuts, (list, lengths) => {
      const bytes = join(list.map(encodeFrame));
      const pieces = scan(new GroupScanner(), bytes, lengths);
      assert.deepEqual(join(pieces.map((piece) => piece.bytes)), bytes);
      assert.equal(pieces.reduce((sum, { objects }) => sum + objects, 0), list.length);
      for (const { start, firstId, lastId, objects, bytes } of pieces) {
        if (objects === 0) assert.deepEqual([start, firstId], [bytes.length, -1]);
        else assert.equal(lastId - firstId + 1, objects);
      }
      const same = rewritten(pieces, "lite", "lite", false);
      assert.deepEqual(readFrames(same.parts), list.map((frame) => Uint8Array.from(frame)));
    }),
  );
});

Deno.test("frames are read by every draft as objects that are numbered from 0", () => {
  fc.assert(
    fc.property(version, frames, cuts, (to, list, lengths) => {
      const pieces = scan(new GroupScanner(), join(list.map(encodeFrame)), lengths);
      const { parts, objects, state } = rewritten(pieces, "lite", to, false);
      assert.deepEqual(
        readObjects(parts, to),
        list.map((frame, id) => [id, Uint8Array.from(frame)]),
      );
      assert.deepEqual([objects, state], [list.length, "whole"]);
    }),
  );
});

Deno.test("objects of every draft are read as frames, without ids and properties", () => {
  const steps = fc.array(
    fc.record({ step: fc.nat(70_000), payload: fc.uint8Array({ maxLength: 300 }) }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(version, fc.boolean(), steps, cuts, (from, hasProperties, list, lengths) => {
      const encoder = new SubgroupEncoder({ hasProperties }, from);
      let id = -1;
      const bytes = join(list.map(({ step, payload }) => {
        id = id < 0 ? 0 : id + 1 + step;
        return encoder.encode({
          id,
          status: "normal",
          payload,
          ...(hasProperties ? { properties: [{ type: 0x40, value: 5n }] } : {}),
        });
      }));
      const pieces = scan(new SubgroupScanner(from, hasProperties), bytes, lengths);
      const { parts, objects, state } = rewritten(pieces, from, "lite", hasProperties);
      assert.deepEqual(
        readFrames(parts),
        list.map(({ payload }) => Uint8Array.from(payload)),
      );
      assert.deepEqual([objects, state], [list.length, "whole"]);
    }),
  );
});

Deno.test("a stream that lacks the group's beginning cannot be told as frames", () => {
  for (const from of VERSIONS) {
    const encoder = new SubgroupEncoder({ hasProperties: false }, from);
    const payload = Uint8Array.of(1, 2, 3);
    const bytes = join([1, 2].map((id) => encoder.encode({ id, status: "normal", payload })));
    const pieces = scan(new SubgroupScanner(from, false), bytes, [2]);
    const { parts, state } = rewritten(pieces, from, "lite", false);
    assert.deepEqual([parts, state], [[], "cut"]);
    const rewriter = rewriterOf(from, "lite", false);
    for (const piece of pieces) assert.equal(rewriter.push(piece), undefined);
    assert.equal(rewriter.failed, true);
  }
});

Deno.test("marks of MoQT are no frames", () => {
  const encoder = new SubgroupEncoder({ hasProperties: false }, 22);
  const none = new Uint8Array(0);
  const bytes = join([
    encoder.encode({ id: 0, status: "normal", payload: none }),
    encoder.encode({ id: 1, status: "end-of-group", payload: none }),
  ]);
  const pieces = scan(new SubgroupScanner(22, false), bytes, [100]);
  assert.deepEqual(readFrames(rewritten(pieces, 22, "lite", false).parts), [none]);
});

Deno.test("a frame that is too large is refused where it is scanned", () => {
  const scanner = new GroupScanner(10);
  scanner.push(Uint8Array.of(1, 0x61, 10));
  assert.throws(() => new GroupScanner(10).push(Uint8Array.of(11)), (error) => {
    return error instanceof LiteStreamError && error.reset === "frame-too-large";
  });
});

Deno.test("a path is a namespace, and a namespace a path where it can be", () => {
  const fields = fc.array(
    fc.string({ minLength: 1, maxLength: 12 }).filter((field) =>
      !field.includes("/") && field.isWellFormed()
    ),
    { maxLength: 8 },
  );
  fc.assert(fc.property(fields, (parts) => {
    const path = parts.join("/");
    assert.equal(pathOf(namespaceOf(path)), path);
  }));
  const bytes = (...list: number[]) => Uint8Array.from(list);
  assert.equal(pathOf([bytes(0x61, 0x2f, 0x62)]), undefined, "a slash in a field");
  assert.equal(pathOf([bytes(0xff)]), undefined, "no text");
  assert.equal(pathOf([bytes()]), undefined, "an empty field");
  assert.equal(pathOf(namespaceOf("x".repeat(4097))), undefined, "too long");
  assert.equal(rootOf("/"), "");
  assert.equal(rootOf("//anon//cam%20era/"), "anon/cam era");
  assert.equal(rootOf("/100%"), "100%");
});
