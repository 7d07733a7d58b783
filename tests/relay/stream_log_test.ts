import assert from "node:assert/strict";
import { StreamLog } from "../../lib/relay/live/stream_log.ts";
import { READ_BYTES, takeSpare } from "../../lib/transport/read_memory.ts";

/** A log of an open stream that holds these pieces. */
function logOf(...pieces: Uint8Array[]): StreamLog {
  const log = new StreamLog(
    { group: 0, subgroup: 0, hasProperties: false, endOfGroup: false },
    18,
  );
  for (const [id, bytes] of pieces.entries()) {
    log.append({ bytes, start: 0, firstId: id, lastId: id, objects: 1 });
  }
  return log;
}

Deno.test("memory of what is let go is read into again, but for what is in use", () => {
  while (takeSpare() !== undefined);
  const [idle, used, last] = [1, 2, 3].map((byte) => new Uint8Array(READ_BYTES).fill(byte));
  const log = logOf(idle!, used!, last!);
  log.at(1)!.users++;
  log.trim(Infinity);
  assert.equal(log.first, 3);
  assert.equal(takeSpare(), idle!.buffer);
  // The last one's end may be the beginning of what is still to come.
  assert.equal(takeSpare(), undefined);
  assert.deepEqual([used!.length, last!.length], [READ_BYTES, READ_BYTES]);
});

Deno.test("memory that no read takes is freed at once", () => {
  const bytes = new Uint8Array(100);
  const log = logOf(bytes, new Uint8Array(100));
  log.end(true);
  log.trim(1);
  assert.equal(bytes.length, 0);
  assert.equal(takeSpare(), undefined);
});
