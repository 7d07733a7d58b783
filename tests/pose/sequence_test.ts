import assert from "node:assert/strict";
import fc from "fast-check";
import { SequenceTracker } from "../../lib/pose/sequence.ts";

const counts = (tracker: SequenceTracker) => {
  const { received, lost, reordered, duplicates } = tracker.stats(0);
  return { received, lost, reordered, duplicates };
};

Deno.test("gaps are lost, until what was missing comes behind", () => {
  const tracker = new SequenceTracker();
  const newest = [65533, 65534, 1, 65535, 0, 1, 2].map((seq, i) => tracker.take(seq, i, i));
  assert.deepEqual(newest, [true, true, true, false, false, false, true]);
  assert.deepEqual(counts(tracker), { received: 7, lost: 0, reordered: 2, duplicates: 1 });
});

Deno.test("a phone that begins anew has lost nothing", () => {
  const tracker = new SequenceTracker();
  for (const seq of [40_000, 40_001, 0, 1]) assert.equal(tracker.take(seq, 0, 0), true);
  assert.deepEqual(counts(tracker), { received: 4, lost: 0, reordered: 0, duplicates: 0 });
});

Deno.test("whatever the network does within its window, every number is counted once", () => {
  fc.assert(fc.property(
    fc.nat(65_535),
    fc.array(fc.record({ drop: fc.boolean(), twice: fc.boolean(), late: fc.nat(5) }), {
      minLength: 2,
      maxLength: 600,
    }),
    (start, fates) => {
      // The first stays the first, so that nothing comes from before it.
      const sent = fates.map((fate, i) => ({ ...fate, at: i === 0 ? -1 : i + fate.late, i }));
      const arrived = sent.filter(({ drop, i }) => !drop || i === 0)
        .flatMap((one) => one.twice ? [one, one] : [one])
        .toSorted((a, b) => a.at - b.at);
      const tracker = new SequenceTracker();
      let newest = -1;
      for (const { i } of arrived) {
        assert.equal(tracker.take((start + i) & 0xffff, i, i), i > newest);
        newest = Math.max(newest, i);
      }
      const different = new Set(arrived.map(({ i }) => i)).size;
      const { lost, duplicates, received } = counts(tracker);
      assert.equal(received, arrived.length);
      assert.equal(duplicates, arrived.length - different);
      assert.equal(lost, newest + 1 - different);
    },
  ));
});

Deno.test("rate, jitter, lateness and clock offset are what was put in", () => {
  const tracker = new SequenceTracker();
  const offset = 5_000_000_000;
  let now = 0;
  for (let i = 0; i < 300; i++) {
    const sent = i * 10_000;
    // Every other pose takes 2 ms longer; the 50th is stuck for 150 ms.
    const way = 1_000 + (i % 2) * 2_000 + (i === 50 ? 150_000 : 0);
    now = sent + way + offset;
    tracker.take(i, sent, now);
  }
  const { rate, jitterMs, clockOffsetUs, late } = tracker.stats(now);
  assert.ok(Math.abs(rate - 100) < 3, `${rate} a second`);
  assert.ok(jitterMs > 1.5 && jitterMs < 2.5, `${jitterMs} ms`);
  assert.equal(clockOffsetUs, offset + 1_000);
  assert.equal(late, 1);
  tracker.stats(now + 5_000_000);
  assert.equal(tracker.stats(now + 6_000_000).rate, 0);
});

Deno.test("a session's figures begin anew", () => {
  const tracker = new SequenceTracker();
  tracker.take(5, 5, 500);
  tracker.take(9, 6, 600);
  tracker.reset();
  assert.deepEqual(tracker.stats(700), {
    ...{ received: 0, lost: 0, late: 0, reordered: 0, duplicates: 0 },
    ...{ rate: 0, jitterMs: 0, clockOffsetUs: undefined },
  });
  assert.equal(tracker.take(1, 1, 1), true);
});
