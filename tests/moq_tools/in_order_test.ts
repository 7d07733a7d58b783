import assert from "node:assert/strict";
import { inOrder } from "../../lib/moq_tools/sub/in_order.ts";
import type { ReceivedGroup } from "../../lib/moqt/receive/sinks.ts";
import type { TrackItem } from "../../lib/moq_tools/sub/receiver.ts";
import { places } from "./support.ts";

function group(id: number, from = 0): ReceivedGroup {
  const object = (object: number): TrackItem => ({
    kind: "object",
    group: id,
    subgroup: 0,
    id: object,
    priority: 0,
    status: "normal",
    payload: new Uint8Array(1),
  });
  return {
    id,
    late: 0,
    abandon() {},
    objects: (async function* () {
      if (from > 0) yield { kind: "gap" as const, group: id, from: 0, to: from - 1 };
      yield object(from);
      await Promise.resolve();
      yield object(from + 1);
    })(),
  };
}

async function all(groups: AsyncIterable<ReceivedGroup>, expected: number) {
  const items: TrackItem[] = [];
  for await (const item of inOrder(groups, expected)) items.push(item);
  return places(items);
}

async function* of(...groups: ReceivedGroup[]) {
  await Promise.resolve();
  yield* groups;
}

Deno.test("groups that overtook each other come in the order of their ids", async () => {
  const ids = [1, 0, 4, 2, 3, 5];
  const wanted = [0, 1, 2, 3, 4, 5].flatMap((id) => [`${id}.0`, `${id}.1`]);
  assert.deepEqual(await all(of(...ids.map((id) => group(id))), 0), wanted);
});

Deno.test("a group that never comes holds the others up no longer than it must", async () => {
  const never = Promise.withResolvers<void>();
  async function* groups() {
    yield group(0);
    yield group(2);
    yield group(3);
    await never.promise;
  }
  const items = inOrder(groups(), 0, { groupMs: 20 });
  const seen: string[] = [];
  for await (const item of items) {
    seen.push(...places([item]));
    if (seen.length === 6) never.resolve();
  }
  assert.deepEqual(seen, ["0.0", "0.1", "2.0", "2.1", "3.0", "3.1"]);
});

Deno.test("what is missing of the first group is no gap, of others it is", async () => {
  assert.deepEqual(await all(of(group(7, 3), group(8, 2)), 8), [
    ...["7.3", "7.4"],
    ...["[8.0-1]", "8.2", "8.3"],
  ]);
});

Deno.test("an error of the groups ends it, after what was there", async () => {
  async function* groups() {
    yield group(0);
    await Promise.resolve();
    throw new Error("lost");
  }
  await assert.rejects(all(groups(), 0), /lost/);
});

Deno.test("groups that keep coming do not prolong the waiting for those that are missing", async () => {
  let next = 10;
  async function* groups() {
    yield group(0);
    for (; next < 60; next++) {
      yield group(next);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  for await (const item of inOrder(groups(), 0, { groupMs: 50 })) {
    if (item.group === 0) continue;
    assert.equal(item.group, 10);
    break;
  }
  assert.ok(next < 25, `${next - 10} groups came meanwhile`);
});

Deno.test("a group that its publisher never ends is left once another has begun", async () => {
  const left = Promise.withResolvers<void>();
  const more = Promise.withResolvers<void>();
  const endless: ReceivedGroup = {
    ...group(0),
    abandon: () => left.resolve(),
    objects: (async function* () {
      yield* group(0).objects;
      await left.promise;
    })(),
  };
  async function* groups() {
    yield endless;
    await more.promise;
    yield group(1);
  }
  const seen: string[] = [];
  for await (const item of inOrder(groups(), 0, { restMs: 30 })) {
    seen.push(...places([item]));
    // As long as there is no other, it may go on at any time.
    if (seen.length === 2) setTimeout(() => more.resolve(), 100);
  }
  assert.deepEqual(seen, ["0.0", "0.1", "[0.2-undefined]", "1.0", "1.1"]);
});

Deno.test("a reader that is slow itself loses nothing of a group", async () => {
  const seen: string[] = [];
  for await (const item of inOrder(of(group(0), group(1)), 0, { restMs: 10 })) {
    seen.push(...places([item]));
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  assert.deepEqual(seen, ["0.0", "0.1", "1.0", "1.1"]);
});
