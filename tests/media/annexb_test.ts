import assert from "node:assert/strict";
import fc from "fast-check";
import { findStartCode, lengthPrefixed, splitNalUnits, unescape } from "../../lib/media/annexb.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("NAL units are split at 3-byte and 4-byte start codes, without trailing zeros", () => {
  const cases: [string, number[], number[][]][] = [
    ["nothing", [], []],
    ["no start code", [1, 2, 3], []],
    ["one, 4 bytes", [0, 0, 0, 1, 0x67, 1], [[0x67, 1]]],
    ["one, 3 bytes", [0, 0, 1, 0x67], [[0x67]]],
    ["both", [0, 0, 1, 0x67, 2, 0, 0, 0, 1, 0x68, 3], [[0x67, 2], [0x68, 3]]],
    ["trailing zeros", [0, 0, 1, 0x65, 9, 0, 0, 0, 0], [[0x65, 9]]],
    ["empty units", [0, 0, 1, 0, 0, 1, 0x65, 0, 0, 1], [[0x65]]],
    ["junk in front", [7, 0, 0, 1, 0x41], [[0x41]]],
    ["start code cut short", [0, 0], []],
    ["01 not after zeros", [0, 0, 1, 0x65, 1, 0, 1, 1], [[0x65, 1, 0, 1, 1]]],
  ];
  for (const [name, input, expected] of cases) {
    assert.deepEqual(splitNalUnits(Uint8Array.from(input)).map((u) => [...u]), expected, name);
  }
});

Deno.test("the fast scan finds what a naive one finds", () => {
  const dense = fc.uint8Array({ maxLength: 200, max: 3 });
  fc.assert(
    fc.property(dense, fc.nat(20), (data, from) => {
      let naive = -1;
      for (let i = from; i + 2 < data.length && naive < 0; i++) {
        if (data[i] === 0 && data[i + 1] === 0 && data[i + 2] === 1) naive = i;
      }
      assert.equal(findStartCode(data, from), naive);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("what was joined with start codes splits into the same units", () => {
  const unit = fc.uint8Array({ minLength: 1, maxLength: 30, min: 1 });
  fc.assert(fc.property(fc.array(fc.tuple(unit, fc.boolean()), { maxLength: 8 }), (units) => {
    const stream = units.flatMap(([u, long]) => [...(long ? [0, 0, 0, 1] : [0, 0, 1]), ...u]);
    // Units of nonzero bytes hold no start code themselves.
    assert.deepEqual(splitNalUnits(Uint8Array.from(stream)), units.map(([u]) => u));
  }));
});

Deno.test("lengths go in front, after the bytes reserved", () => {
  assert.deepEqual(
    lengthPrefixed([bytes(1, 2), bytes(3)], 2),
    bytes(0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3),
  );
});

Deno.test("emulation prevention bytes are taken out, and no more than asked is read", () => {
  assert.deepEqual(unescape(bytes(0, 0, 3, 1, 0, 0, 3, 0, 0, 3)), bytes(0, 0, 1, 0, 0, 0, 0));
  assert.deepEqual(unescape(bytes(0, 3, 0, 0, 4)), bytes(0, 3, 0, 0, 4));
  assert.equal(unescape(new Uint8Array(100_000).fill(1)).length, 4096);
});
