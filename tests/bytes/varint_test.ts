import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeVarint,
  decodeVarint62,
  encodeVarint,
  encodeVarint62,
  varintSize,
  writeVarint,
} from "../../lib/bytes/varint.ts";
import { decodeHex, encodeHex } from "../../lib/bytes/text.ts";

/** RFC 9000 §A.1's samples, then the edges of each length. */
const CASES: [hex: string, value: bigint][] = [
  ["c2197c5eff14e88c", 151288809941952652n],
  ["9d7f3e7d", 494878333n],
  ["7bbd", 15293n],
  ["25", 37n],
  ["00", 0n],
  ["3f", 63n],
  ["4040", 64n],
  ["7fff", 16383n],
  ["80004000", 16384n],
  ["bfffffff", 1073741823n],
  ["c000000040000000", 1073741824n],
  ["c01fffffffffffff", 9007199254740991n],
  ["ffffffffffffffff", 4611686018427387903n],
];
const SAFE = 9007199254740991n;

for (const [hex, value] of CASES) {
  Deno.test(`the varint ${hex} is ${value}, both ways`, () => {
    const bytes = decodeHex(hex);
    assert.deepEqual(decodeVarint62(bytes), { value, size: bytes.length });
    assert.equal(encodeHex(encodeVarint62(value)), hex);
    if (value > SAFE) {
      assert.throws(() => decodeVarint(bytes), RangeError);
      return;
    }
    assert.deepEqual(decodeVarint(bytes), { value: Number(value), size: bytes.length });
    assert.equal(encodeHex(encodeVarint(Number(value))), hex);
    assert.equal(varintSize(Number(value)), bytes.length);
  });

  Deno.test(`the varint ${hex}, cut short anywhere, asks for more`, () => {
    const bytes = decodeHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeVarint(bytes.subarray(0, length)), undefined);
      assert.equal(decodeVarint62(bytes.subarray(0, length)), undefined);
    }
  });
}

Deno.test("longer forms than needed are read", () => {
  assert.deepEqual(decodeVarint(decodeHex("4025")), { value: 37, size: 2 });
  assert.deepEqual(decodeVarint(decodeHex("80000025")), { value: 37, size: 4 });
  assert.deepEqual(decodeVarint(decodeHex("c000000000000025")), { value: 37, size: 8 });
});

Deno.test("numbers that fit no varint are refused", () => {
  for (const value of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => encodeVarint(value), RangeError);
  }
  assert.throws(() => encodeVarint62(-1n), RangeError);
  assert.throws(() => encodeVarint62(1n << 62n), RangeError);
  assert.throws(() => writeVarint(new Uint8Array(1), 0, 64), RangeError);
  assert.throws(() => writeVarint(new Uint8Array(1), 1, 1), RangeError);
});

Deno.test("every number is read back, wherever it stands", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.maxSafeNat(), fc.nat(70), fc.nat(17000)),
      fc.nat(9),
      (value, offset) => {
        const bytes = new Uint8Array(offset + 8).fill(0xff);
        const end = writeVarint(bytes, offset, value);
        assert.deepEqual(decodeVarint(bytes, offset), { value, size: end - offset });
        assert.deepEqual(decodeVarint62(bytes, offset), {
          value: BigInt(value),
          size: end - offset,
        });
        assert.deepEqual(bytes.subarray(offset, end), encodeVarint62(BigInt(value)));
      },
    ),
  );
});
