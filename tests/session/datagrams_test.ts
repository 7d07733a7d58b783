import assert from "node:assert/strict";
import { DatagramChannels } from "../../lib/session/datagrams.ts";
import { memoryPair } from "../../lib/transport/memory.ts";

Deno.test("datagrams reach the channel they begin with, and no other", async () => {
  const [a, b] = memoryPair("test");
  const [left, right] = [new DatagramChannels(a), new DatagramChannels(b)];
  using near = left.open(3)!;
  using far = right.open(3)!;
  using other = right.open(16_383)!;
  assert.equal(left.open(3), undefined);
  const got: string[] = [];
  const last = Promise.withResolvers<void>();
  far.onDatagram = (payload) => {
    got.push(`3:${payload.toHex()}`);
    if (payload[0] === 9) last.resolve();
  };
  other.onDatagram = (payload) => got.push(`other:${payload.toHex()}`);
  near.send(new Uint8Array([1, 2]));
  near.send(new Uint8Array(0));
  const writer = a.datagrams.writable.locked;
  assert.equal(writer, true);
  using second = left.open(16_383)!;
  second.send(new Uint8Array([7]));
  using unknown = left.open(5)!;
  unknown.send(new Uint8Array([8]));
  near.send(new Uint8Array([9]));
  await last.promise;
  assert.deepEqual(got, ["3:0102", "3:", "other:07", "3:09"]);
  assert.ok(second.maxSize === near.maxSize - 1);
  near[Symbol.dispose]();
  near.send(new Uint8Array([1]));
  left.open(3)![Symbol.dispose]();
  a.close();
  await b.closed;
});
