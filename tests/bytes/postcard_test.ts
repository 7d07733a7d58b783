import assert from "node:assert/strict";
import fc from "fast-check";
import { PostcardError, pushUnsigned, readUnsigned } from "../../lib/bytes/postcard.ts";
import { ByteReader, ShortInputError } from "../../lib/bytes/reader.ts";

/** Samples of postcard's own documentation, then the edges. */
const CASES: [number[], bigint][] = [
  [[0x00], 0n],
  [[0x7f], 127n],
  [[0x80, 0x01], 128n],
  [[0xff, 0x7f], 16383n],
  [[0x80, 0x80, 0x01], 16384n],
  [[0xff, 0xff, 0x03], 65535n],
  [[0xff, 0xff, 0xff, 0xff, 0x0f], 4294967295n],
  [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 18446744073709551615n],
];

for (const [bytes, value] of CASES) {
  Deno.test(`postcard writes ${value} as [${bytes}] and reads it, cut short never`, () => {
    const out: number[] = [];
    pushUnsigned(out, value);
    assert.deepEqual(out, bytes);
    assert.equal(readUnsigned(new ByteReader(Uint8Array.from(bytes)), 64), value);
    for (let length = 0; length < bytes.length; length++) {
      const cut = new ByteReader(Uint8Array.from(bytes.slice(0, length)));
      assert.throws(() => readUnsigned(cut, 64), ShortInputError);
    }
  });
}

Deno.test("a varint that its type can't hold is refused", () => {
  const read = (bits: 16 | 32 | 64, ...bytes: number[]) =>
    readUnsigned(new ByteReader(Uint8Array.from(bytes)), bits);
  assert.throws(() => read(16, 0xff, 0xff, 0x04), PostcardError);
  assert.throws(() => read(16, 0x80, 0x80, 0x80, 0x00), PostcardError);
  assert.throws(() => read(32, 0xff, 0xff, 0xff, 0xff, 0x10), PostcardError);
  assert.throws(() => read(64, ...new Array(9).fill(0xff), 0x02), PostcardError);
});

Deno.test("any number is read back, and exactly its bytes are used", () => {
  fc.assert(fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => {
    const out: number[] = [];
    pushUnsigned(out, value);
    const reader = new ByteReader(Uint8Array.from([...out, 0xff]));
    assert.equal(readUnsigned(reader, 64), value);
    assert.equal(reader.remaining, 1);
  }));
});
