import assert from "node:assert/strict";
import {
  borrowBatch,
  DIRECT_BYTES,
  MAX_BATCH_BYTES,
  returnBatch,
} from "../../lib/moqt/publish/batches.ts";
import { NEWEST } from "../../lib/moqt/versions.ts";

Deno.test("memory that is filled with objects of any size is used again", () => {
  for (const bytes of [1, 1000, 1024, 5000, 8192, 8300, DIRECT_BYTES - 1]) {
    const payload = new Uint8Array(bytes);
    const batch = borrowBatch(NEWEST);
    while (batch.hasRoom(bytes)) batch.writer.integer(bytes).bytes(payload);
    assert.ok(batch.writer.length > MAX_BATCH_BYTES / 2);
    returnBatch(batch);
    // It stays borrowed, so that the next one begins with new memory.
    assert.equal(borrowBatch(NEWEST), batch, `objects of ${bytes} bytes`);
  }
});

Deno.test("memory that one large object made larger is let go", () => {
  const batch = borrowBatch(NEWEST);
  batch.writer.bytes(new Uint8Array(2 * MAX_BATCH_BYTES));
  returnBatch(batch);
  assert.notEqual(borrowBatch(NEWEST), batch);
});
