import assert from "node:assert/strict";
import { READ_BYTES, recycle, takeSpare } from "../../lib/transport/read_memory.ts";

Deno.test("memory is lent to one read at a time, and only what is as large as a read", () => {
  while (takeSpare() !== undefined);
  const memory = new Uint8Array(READ_BYTES);
  assert.ok(recycle(memory.subarray(5, 10)));
  assert.ok(!recycle(memory), "twice");
  assert.equal(takeSpare(), memory.buffer);
  assert.equal(takeSpare(), undefined);
  assert.ok(!recycle(new Uint8Array(READ_BYTES - 1)));
  assert.ok(!recycle(new Uint8Array(new SharedArrayBuffer(READ_BYTES))));
  memory.buffer.transfer();
  assert.ok(!recycle(memory), "detached");
});

Deno.test("little memory is kept for later", () => {
  let kept = 0;
  while (kept < 1000 && recycle(new Uint8Array(READ_BYTES))) kept++;
  assert.ok(kept > 0 && kept * READ_BYTES <= 4 << 20, `${kept}`);
  while (takeSpare() !== undefined);
});
