import assert from "node:assert/strict";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { NEWEST, protocolOf } from "../../lib/moqt/versions.ts";
import type { Parameters } from "../../lib/moqt/wire/parameters.ts";
import type { ReceivedObject } from "../../lib/moqt/receive/objects.ts";
import { all, sessions, text, TRACK, utf8 } from "./sessions.ts";

const PROTOCOL = protocolOf(NEWEST);

/** A subscription, and what sends to it, over a wire that holds `window` bytes. */
async function stage(window = 1 << 20, parameters: Parameters = {}) {
  const made = Promise.withResolvers<Publication>();
  const pair = await sessions(PROTOCOL, {
    wire: { window },
    server: { handlers: { subscribe: (request) => made.resolve(request.accept()) } },
  });
  const subscription = pair.client.subscribe(TRACK, { parameters });
  await subscription.ready;
  return {
    publication: await made.promise,
    subscription,
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

/** Ends the track once all is read. */
async function received(stage: {
  subscription: { objects(): AsyncIterable<ReceivedObject> };
}, count: number): Promise<ReceivedObject[]> {
  const objects: ReceivedObject[] = [];
  for await (const object of stage.subscription.objects()) {
    objects.push(object);
    if (objects.length === count) break;
  }
  return objects;
}

Deno.test("objects that are written without waiting come whole and in order", async () => {
  await using it = await stage(2000);
  const stream = await it.publication.subgroup({ group: 0 });
  const writes: Promise<void>[] = [];
  const sizes = [0, 1, 100, 20_000, 3, 70_000, 16_384, 16_383, 5];
  for (let id = 0; id < 200; id++) {
    const payload = new Uint8Array(sizes[id % sizes.length]!).fill(id);
    writes.push(stream.write({ payload, properties: [{ type: 0x10, value: BigInt(id) }] }));
  }
  const closing = stream.close();
  const objects = await received(it, 200);
  await Promise.all([...writes, closing]);
  assert.equal(stream.state, "closed");
  for (const [id, object] of objects.entries()) {
    assert.equal(object.id, id);
    assert.deepEqual(object.properties, [{ type: 0x10, value: BigInt(id) }]);
    assert.equal(object.payload.length, sizes[id % sizes.length]);
    assert.ok(object.payload.every((byte) => byte === id % 256), `object ${id}`);
  }
});

Deno.test("a small payload may be changed as soon as it is written", async () => {
  await using it = await stage();
  const stream = await it.publication.subgroup({ group: 0 });
  const payload = utf8("one");
  assert.ok(stream.tryWrite({ payload }));
  payload.set(utf8("two"));
  assert.ok(stream.tryWrite({ payload }));
  await stream.close();
  const objects = await received(it, 2);
  assert.deepEqual(objects.map(({ payload }) => text(payload)), ["one", "two"]);
});

Deno.test("what gathers while a stream is stuck is bounded, and told", async () => {
  await using it = await stage(100);
  const stream = await it.publication.subgroup({ group: 0 });
  const payload = new Uint8Array(500);
  let written = 0;
  while (stream.tryWrite({ payload })) written++;
  assert.ok(written > 100 && written * 500 < 2 * 65_536, `${written} objects`);
  assert.equal(stream.tryWriteMany([{ payload }, { payload }]), 0);
  let ready = false;
  const room = stream.ready.then(() => ready = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(ready, false, "nothing is read: there is no room");
  const reading = received(it, written + 2);
  await room;
  assert.equal(stream.tryWriteMany([{ payload }, { payload }]), 2);
  await stream.flushed;
  await stream.close();
  assert.equal((await reading).length, written + 2);
});

Deno.test("an object larger than what may gather is sent all the same", async () => {
  await using it = await stage();
  const stream = await it.publication.subgroup({ group: 0 });
  const [small, large] = [new Uint8Array(10).fill(1), new Uint8Array(300_000).fill(2)];
  assert.equal(stream.tryWriteMany([{ payload: small }, { payload: large }]), 2);
  await stream.write({ payload: small });
  await stream.close();
  const objects = await received(it, 3);
  assert.deepEqual(objects.map(({ payload }) => payload.length), [10, 300_000, 10]);
  assert.ok(objects[1]!.payload.every((byte) => byte === 2));
});

Deno.test("writes that wait are refused when the subscriber stops the stream", async () => {
  await using it = await stage(1000);
  const stream = await it.publication.subgroup({ group: 0 });
  const writes = Array.from(
    { length: 300 },
    () => stream.write({ payload: new Uint8Array(1000) }).then(() => "taken", () => "refused"),
  );
  const closing = it.subscription.close();
  await closing;
  const results = await Promise.all(writes);
  assert.equal(results.at(-1), "refused");
  assert.equal(stream.state, "reset");
  assert.throws(() => stream.tryWrite({ payload: utf8("x") }), /the stream is reset/);
  await assert.rejects(stream.write({ payload: utf8("x") }), /the stream is reset/);
  await assert.rejects(stream.flushed);
  await stream.ready;
  await stream.close();
  assert.equal(stream.state, "reset");
});

Deno.test("an object whose id does not rise is refused, and the others go on", async () => {
  await using it = await stage();
  const stream = await it.publication.subgroup({ group: 0 });
  await stream.write({ id: 5, payload: utf8("5") });
  await assert.rejects(stream.write({ id: 5, payload: utf8("again") }), RangeError);
  assert.throws(() => stream.tryWrite({ id: 2, payload: utf8("2") }), RangeError);
  assert.throws(() => stream.tryWriteMany([{ payload: utf8("6") }, { id: 6, payload: utf8("6") }]));
  await stream.write({ payload: utf8("7") });
  await stream.close();
  const objects = await received(it, 3);
  assert.deepEqual(objects.map(({ id, payload }) => `${id} ${text(payload)}`), [
    "5 5",
    "6 6",
    "7 7",
  ]);
});

Deno.test("a stream without objects ends with its header alone", async () => {
  await using it = await stage();
  const stream = await it.publication.subgroup({ group: 3, endOfGroup: true });
  await Promise.all([stream.close(), stream.close()]);
  assert.equal(stream.state, "closed");
  it.publication.done();
  assert.deepEqual(await all(it.subscription.objects()), []);
});

Deno.test("objects arrive in batches, as many as there are", async () => {
  await using it = await stage();
  const stream = await it.publication.subgroup({ group: 0 });
  assert.equal(
    stream.tryWriteMany(Array.from({ length: 1000 }, () => ({ payload: utf8("x") }))),
    1000,
  );
  await stream.close();
  it.publication.done();
  const batches = await all(it.subscription.batches());
  assert.ok(batches.every(({ length }) => length > 0));
  assert.ok(batches.length < 20, `${batches.length} batches`);
  assert.deepEqual(batches.flat().map(({ id }) => id), Array.from({ length: 1000 }, (_, i) => i));
});

Deno.test("a subgroup that is not taken in time after its end is cut off", async () => {
  await using it = await stage(100, { subgroupTimeoutMs: 20 });
  const stream = await it.publication.subgroup({ group: 0 });
  const write = stream.write({ payload: new Uint8Array(500) });
  const refused = assert.rejects(write, { streamErrorCode: 0x2 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(stream.state, "open", "nothing is late before the end");
  await stream.close();
  assert.equal(stream.state, "reset");
  await refused;
});

Deno.test("a subgroup that is taken in time after its end is whole", async () => {
  await using it = await stage(1 << 20, { subgroupTimeoutMs: 20 });
  const stream = await it.publication.subgroup({ group: 0 });
  assert.ok(stream.tryWrite({ payload: new Uint8Array(500) }));
  await stream.close();
  assert.equal(stream.state, "closed");
});

Deno.test("objects that wait longer than their timeout cut the stream off, though others came since", async () => {
  await using it = await stage(100, { deliveryTimeoutMs: 30 });
  const stream = await it.publication.subgroup({ group: 0 });
  const first = assert.rejects(stream.write({ payload: new Uint8Array(500) }), {
    streamErrorCode: 0x2,
  });
  const later = setInterval(() => {
    if (stream.state === "open") stream.tryWrite({ payload: new Uint8Array(1) });
  }, 5);
  await first;
  clearInterval(later);
  assert.equal(stream.state, "reset");
});

Deno.test("a subgroup that is left before it is closed is cut off, and a closed one is whole", async () => {
  await using it = await stage();
  const left = await it.publication.subgroup({ group: 0 });
  await assert.rejects(async () => {
    await using subgroup = left;
    await subgroup.write({ payload: utf8("a") });
    throw new RangeError("no more");
  }, RangeError);
  assert.equal(left.state, "reset");
  const whole = await it.publication.subgroup({ group: 1 });
  {
    await using subgroup = whole;
    await subgroup.write({ payload: utf8("b") });
    await subgroup.close();
  }
  assert.equal(whole.state, "closed");
});
