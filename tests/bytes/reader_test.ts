import assert from "node:assert/strict";
import { ByteReader, ShortInputError } from "../../lib/bytes/reader.ts";

Deno.test("a reader reads big endian from the front of a view, and never past its end", () => {
  const whole = Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9);
  const reader = new ByteReader(whole.subarray(1, 10));
  assert.equal(reader.u8(), 0x01);
  assert.equal(reader.u16(), 0x0203);
  assert.equal(reader.u32(), 0x04050607);
  assert.equal(reader.offset, 7);
  assert.equal(reader.remaining, 2);
  assert.throws(() => reader.u32(), ShortInputError);
  assert.deepEqual([...reader.take(2)], [8, 9]);
  assert.throws(() => reader.u8(), ShortInputError);
  assert.equal(reader.take(0).length, 0);
});
