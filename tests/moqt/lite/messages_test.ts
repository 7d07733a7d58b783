import assert from "node:assert/strict";
import fc from "fast-check";
import { MoqtViolation } from "../../../lib/moqt/errors.ts";
import {
  decodeAnnounce,
  decodeAnnounceInit,
  decodeSubscribe,
  encodeAnnounceInit,
  encodeFrame,
  encodeGroup,
  encodeSubscribe,
  GroupParser,
  joinPath,
  litePath,
  LiteStreamError,
  pathSuffix,
  PushBuffer,
} from "../../../lib/moqt/lite/mod.ts";
import { hex, LITE_CASES } from "./cases.ts";

Deno.test("every message of moq-lite is read as what it means", () => {
  for (const { name, bytes, head, value, decode } of LITE_CASES) {
    assert.deepEqual(decode(bytes.subarray(head)), value, name);
  }
});

Deno.test("every message of moq-lite is written as it goes on the wire", () => {
  for (const { name, bytes, encode } of LITE_CASES) {
    if (encode !== undefined) assert.deepEqual(encode().slice(), bytes, name);
  }
});

Deno.test("a message of moq-lite that is cut short, or goes on, is a violation", () => {
  for (const { name, bytes, head, decode } of LITE_CASES) {
    const body = bytes.subarray(head);
    for (let length = 0; length < body.length; length++) {
      assert.throws(() => decode(body.subarray(0, length)), MoqtViolation, `${name}: ${length}`);
    }
    assert.throws(() => decode(Uint8Array.of(...body, 0)), MoqtViolation, `${name} and more`);
  }
});

Deno.test("what moq-lite does not define is refused", () => {
  assert.throws(() => decodeAnnounce(hex("02 00")), /2 is no announce status/);
  assert.throws(() => decodeAnnounceInit(hex("80010000")), /65536 broadcasts/);
  assert.throws(() => decodeAnnounce(hex("01 02 c328")), /not UTF-8/);
  const parts = Array.from({ length: 33 }, () => "a").join("/");
  assert.throws(() => litePath(parts), /33 parts/);
  assert.throws(() => litePath("x".repeat(4097)), /4097 bytes/);
  assert.throws(
    () => encodeSubscribe({ id: 0, broadcast: "", track: "t".repeat(4097), priority: 0 }),
    RangeError,
  );
  assert.throws(
    () => encodeSubscribe({ id: 0, broadcast: "", track: "t", priority: 256 }),
    RangeError,
  );
  assert.throws(() => encodeAnnounceInit(new Array(16_385).fill("a")), RangeError);
  assert.throws(() => decodeSubscribe(hex(`ffffffffffffffff 00 01 74 00`)), MoqtViolation);
});

Deno.test("paths have one form, and are told apart part by part", () => {
  assert.equal(litePath("//a///b/"), "a/b");
  assert.equal(litePath("/"), "");
  assert.equal(pathSuffix("a", "ab"), undefined);
  assert.equal(pathSuffix("a", "a/b"), "b");
  assert.equal(pathSuffix("a", "a"), "");
  assert.equal(pathSuffix("", "a"), "a");
  const path = fc.array(fc.constantFrom("a", "b", "ab"), { maxLength: 5 }).map((it) =>
    it.join("/")
  );
  fc.assert(fc.property(path, path, (prefix, suffix) => {
    assert.equal(pathSuffix(prefix, joinPath(prefix, suffix)), suffix);
  }));
});

Deno.test("a group's stream is read the same however it is cut", () => {
  const frame = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(
    fc.array(frame, { maxLength: 6 }),
    fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 }),
    (payloads, cuts) => {
      const header = encodeGroup({ subscribe: 3, sequence: 70_000 });
      const bytes = Uint8Array.of(...header, ...payloads.flatMap((it) => [...encodeFrame(it)]));
      const parser = new GroupParser();
      const found: Uint8Array[] = [];
      let seen: unknown;
      for (let at = 1, i = 0; at < bytes.length; i++) {
        const end = at + cuts[i % cuts.length]!;
        parser.push(bytes.subarray(at, end));
        at = end;
        seen ??= parser.header();
        if (seen === undefined) continue;
        for (let next = parser.next(); next; next = parser.next()) found.push(next.slice());
      }
      assert.deepEqual(seen, { subscribe: 3, sequence: 70_000 });
      assert.deepEqual(found, payloads);
      assert.equal(parser.between, true);
    },
  ));
});

Deno.test("a frame that is too large is refused before its bytes are there", () => {
  const buffer = new PushBuffer();
  buffer.push(hex("8000 0401"));
  const parser = new GroupParser(buffer, 1024);
  assert.throws(
    () => parser.next(),
    (error) => error instanceof LiteStreamError && error.streamErrorCode === 0x38,
  );
});

Deno.test("a buffer keeps nothing of what was taken from it", () => {
  const buffer = new PushBuffer();
  for (let i = 0; i < 1000; i++) buffer.push(Uint8Array.of(i & 0x3f));
  assert.equal(buffer.integer(), 0);
  assert.deepEqual(buffer.bytes(3)!.slice(), Uint8Array.of(1, 2, 3));
  assert.equal(buffer.length, 996);
  assert.equal(buffer.bytes(997), undefined);
  assert.equal(buffer.bytes(996)!.at(-1), 999 & 0x3f);
  assert.equal(buffer.between, true);
});
