import assert from "node:assert/strict";
import { FakeTime } from "./support/fake_timers.ts";
import { beatInterval, SafeState, type SafeStateReason } from "../lib/safe_state.ts";

function setUp(deadlineMs: number | undefined) {
  const time = new FakeTime();
  const acts: [SafeStateReason, number][] = [];
  const safe = new SafeState({
    deadlineMs,
    act: (reason) => acts.push([reason, time.now]),
    now: () => time.now,
  });
  return { time, acts, safe };
}

Deno.test("a controller that says nothing for the deadline brings the safe state, once", () => {
  const { time, acts, safe } = setUp(200);
  using _ = time;
  safe.begin();
  time.tick(199);
  assert.deepEqual(acts, []);
  time.tick(1);
  assert.deepEqual(acts, [["silent", 200]]);
  time.tick(5_000);
  assert.equal(safe.taken, 1);
});

Deno.test("each sign of life begins the deadline anew", () => {
  const { time, acts, safe } = setUp(200);
  using _ = time;
  safe.begin();
  for (let i = 0; i < 20; i++) {
    time.tick(150);
    safe.heard();
  }
  assert.deepEqual(acts, []);
  time.tick(200);
  assert.deepEqual(acts, [["silent", 3_200]]);
});

Deno.test("a controller that is heard again is watched again", () => {
  const { time, acts, safe } = setUp(100);
  using _ = time;
  safe.begin();
  time.tick(150);
  safe.heard();
  time.tick(100);
  assert.deepEqual(acts, [["silent", 100], ["silent", 250]]);
});

Deno.test("with a deadline the end is silence, and one who comes back in time changes nothing", () => {
  const { time, acts, safe } = setUp(100);
  using _ = time;
  safe.begin();
  time.tick(10);
  safe.end();
  time.tick(80);
  assert.deepEqual(acts, []);
  safe.begin();
  time.tick(90);
  safe.end();
  time.tick(1_000);
  assert.deepEqual(acts, [["silent", 190]]);
});

Deno.test("without a deadline only the end counts, and nobody watched means nothing", () => {
  const { time, acts, safe } = setUp(undefined);
  using _ = time;
  safe.end();
  safe.heard();
  safe.begin();
  time.tick(100_000);
  assert.deepEqual(acts, []);
  safe.end();
  assert.deepEqual(acts, [["gone", 100_000]]);
});

Deno.test("a client beats at a quarter of the deadline", () => {
  assert.equal(beatInterval(200), 50);
  assert.equal(beatInterval(2), 1);
});
