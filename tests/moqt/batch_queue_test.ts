import assert from "node:assert/strict";
import fc from "fast-check";
import { BatchQueue } from "../../lib/moqt/receive/batch_queue.ts";

Deno.test("values come one by one, in order, whatever batches they came in", async () => {
  const batches = fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 5 }));
  await fc.assert(fc.asyncProperty(batches, fc.boolean(), async (pushed, early) => {
    const queue = new BatchQueue<number>(Infinity);
    const push = () => {
      for (const batch of pushed) queue.push([...batch]);
      queue.end();
    };
    if (early) push();
    else setTimeout(push);
    const values: number[] = [];
    for await (const value of queue.values()) values.push(value);
    assert.deepEqual(values, pushed.flat());
  }));
});

Deno.test("calls of next() that do not wait for each other get values in turn", async () => {
  const queue = new BatchQueue<number>(10);
  const values = queue.values();
  const asked = Array.from({ length: 5 }, () => values.next());
  queue.push([1, 2]);
  queue.push([3]);
  queue.end();
  const got = await Promise.all(asked);
  assert.deepEqual(got.map(({ value }) => value), [1, 2, 3, undefined, undefined]);
  assert.deepEqual(got.map(({ done }) => done), [false, false, false, true, true]);
});

Deno.test("a full queue makes its writer wait until a batch is taken", async () => {
  const queue = new BatchQueue<number>(2);
  queue.push([1, 2, 3]);
  assert.equal(queue.hasRoom, false);
  let room = false;
  const waiting = queue.room().then(() => room = true);
  await Promise.resolve();
  assert.equal(room, false);
  assert.deepEqual(await queue.take(), [1, 2, 3]);
  await waiting;
  assert.equal(queue.hasRoom, true);
});

Deno.test("who stops reading lets the writer go, and gets nothing more", async () => {
  const queue = new BatchQueue<number>(1);
  queue.push([1, 2]);
  const waiting = queue.room();
  for await (const value of queue.values()) {
    assert.equal(value, 1);
    break;
  }
  await waiting;
  queue.push([3]);
  assert.equal(await queue.take(), undefined);
});

Deno.test("a reader that waits when the queue is abandoned ends", async () => {
  const queue = new BatchQueue<number>(1);
  const values = queue.values();
  const next = values.next();
  await values.return!();
  assert.deepEqual(await next, { done: true, value: undefined });
});

Deno.test("memory is given back once the reader asks for more than what lies in it", async () => {
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
  const back: Uint8Array[] = [];
  const queue = new BatchQueue<number>(10, (memory) => back.push(memory));
  queue.push([1]);
  assert.deepEqual(await queue.take(), [1]);
  queue.push([2]);
  queue.spent(a);
  queue.push([3]);
  assert.deepEqual(await queue.take(), [2, 3]);
  assert.deepEqual(back, []);
  queue.push([4]);
  queue.spent(b);
  assert.deepEqual(await queue.take(), [4]);
  assert.deepEqual(back, [a]);
  queue.end();
  assert.equal(await queue.take(), undefined);
  assert.deepEqual(back, [a, b]);
});

Deno.test("memory of values that nobody reads any more is not given back", () => {
  const queue = new BatchQueue<number>(10, () => assert.fail("given back"));
  queue.push([1]);
  queue.abandon();
  queue.spent(Uint8Array.of(1));
});
