import assert from "node:assert/strict";
import fc from "fast-check";
import { type Observed, Ramp } from "../../../lib/moq_tools/bench/adaptive.ts";
import { CSV_HEAD, csvLine } from "../../../lib/moq_tools/bench/report.ts";
import { Histogram } from "../../../lib/moq_tools/bench/histogram.ts";
import { plainLoad, videoLoad } from "../../../lib/moq_tools/bench/load.ts";
import { LossCounter } from "../../../lib/moq_tools/bench/loss.ts";
import { Pace, sleep, Turns } from "../../../lib/moq_tools/bench/pace.ts";
import { Payloads, sentAt, timestamp, WallClock } from "../../../lib/moq_tools/bench/stamp.ts";
import { ReceiveStats, type Summary } from "../../../lib/moq_tools/bench/stats.ts";
import type { ReceivedObject } from "../../../lib/moqt/receive/objects.ts";

Deno.test("percentiles are within 1.6 % of the sorted values'", () => {
  const values = fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 300 });
  fc.assert(fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, p) => {
    const histogram = new Histogram();
    for (const value of values) histogram.add(value);
    const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(p * values.length)) - 1]!;
    const told = histogram.percentile(p);
    assert.ok(Math.abs(told - exact) <= Math.max(1, exact * 0.016), `${told} for ${exact}`);
  }));
});

Deno.test("two histograms together are the histogram of both", () => {
  const [one, other, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (const value of [1, 5, 1000]) [one, both].forEach((it) => it.add(value));
  for (const value of [-3, 2, 70_000, 1e12]) [other, both].forEach((it) => it.add(value));
  one.merge(other);
  assert.equal(one.count, 7);
  for (const p of [0.1, 0.5, 0.9, 1]) assert.equal(one.percentile(p), both.percentile(p));
  one.clear();
  assert.ok(Number.isNaN(one.percentile(0.5)));
});

/** Each group takes a second. */
function lostOf(ids: readonly (readonly [group: number, subgroup: number, id: number])[]): number {
  const loss = new LossCounter();
  for (const [group, subgroup, id] of ids) loss.add(group, subgroup, id, group * 1_000_000);
  return loss.lost;
}

Deno.test("nothing is lost where all objects came, in any number of subgroups", () => {
  const numbers = fc.record({
    streams: fc.integer({ min: 1, max: 5 }),
    size: fc.integer({ min: 5, max: 40 }),
  });
  fc.assert(fc.property(numbers, fc.integer({ min: 0, max: 4 }), ({ streams, size }, first) => {
    const ids: [number, number, number][] = [];
    for (let group = 7; group < 13; group++) {
      for (let id = group === 7 ? first : 0; id < size; id++) ids.push([group, id % streams, id]);
    }
    assert.equal(lostOf(ids), 0);
  }));
});

Deno.test("objects missing inside, at the end, whole subgroups and whole groups are lost", () => {
  const ids: [number, number, number][] = [];
  for (let group = 0; group < 12; group++) {
    for (let id = 0; id < 10; id++) {
      if (group === 1 && (id === 3 || id === 4)) continue;
      if (group === 2 && id > 7) continue;
      if (group === 3 && id % 2 === 1) continue;
      if (group === 4 || group === 5) continue;
      ids.push([group, id % 2, id]);
    }
  }
  assert.equal(lostOf(ids), 2 + 2 + 5 + 20);
});

Deno.test("what comes late was not lost", () => {
  const loss = new LossCounter();
  for (const id of [0, 1, 2, 5, 6]) loss.add(0, undefined, id, 0);
  assert.equal(loss.lost, 2);
  loss.add(0, undefined, 3, 0);
  assert.equal(loss.lost, 1);
  loss.add(0, undefined, 4, 0);
  assert.equal(loss.lost, 0);
  for (const group of [1, 3, 4, 5, 6, 7, 8]) {
    for (let id = 0; id < 7; id++) loss.add(group, undefined, id, group * 1_000_000);
  }
  assert.equal(loss.lost, 7, "nothing of group 2 came");
  for (let id = 0; id < 7; id++) loss.add(2, undefined, id, 9_000_000);
  assert.equal(loss.lost, 0);
});

Deno.test("groups that come side by side are not lost before they are over", () => {
  const loss = new LossCounter();
  for (let id = 0; id < 10; id++) {
    for (let group = 0; group < 50; group++) loss.add(group, 0, id, id * 500_000);
  }
  assert.equal(loss.lost, 0);
});

Deno.test("objects carry their place and their time as aiomoqt's do", () => {
  const payloads = new Payloads(20);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.ok(text(payloads.shared(12, 340, 20)).startsWith("12.340|"));
  assert.equal(payloads.shared(12, 340, 20).length, 20);
  assert.ok(text(payloads.own(0, 0, 20, "I")).startsWith("0.0.I|"));
  assert.equal(text(payloads.shared(123, 456, 5)), "123.4");
  const now = new WallClock().now();
  assert.ok(Math.abs(now / 1000 - Date.now()) < 5, "microseconds since 1970");
  assert.deepEqual(timestamp(1_795_276_001_802_000), [{ type: 0x10, value: 1795276001802000n }]);
  assert.equal(sentAt([{ type: 0x20, value: 7n }]), 7);
  assert.equal(sentAt([{ type: 0x0b, value: new Uint8Array(1) }]), undefined);
});

function object(group: number, id: number, sent: number, bytes: number): ReceivedObject {
  return {
    kind: "object",
    group,
    subgroup: 0,
    id,
    priority: 128,
    status: "normal",
    properties: timestamp(sent),
    payload: new Uint8Array(bytes),
  };
}

Deno.test("rates, latencies and jitter are those of what came", () => {
  const stats = new ReceiveStats();
  const start = 1_795_276_000_000_000;
  // 101 objects, one each 10 ms, whose latencies go from 1 to 101 ms.
  for (let id = 0; id <= 100; id++) {
    const sent = start + id * 10_000;
    stats.add([object(0, id, sent, 1000)], sent + (id + 1) * 1000);
  }
  const { objects_per_second, mbps, lost, latency_ms, objects, bytes, seconds } = stats.summary();
  assert.deepEqual([objects, bytes, lost, seconds], [101, 101_000, 0, 1.1]);
  assert.ok(Math.abs(objects_per_second - 91.818) < 0.001);
  assert.ok(Math.abs(mbps - 0.735) < 0.001);
  for (const [key, ms] of [["p50", 51], ["p95", 96], ["p99", 100]] as const) {
    assert.ok(Math.abs(latency_ms[key]! - ms) < ms * 0.02, `${key} ${latency_ms[key]}`);
  }
  assert.ok(Math.abs(stats.summary().jitter_ms - 1) < 0.01);
});

Deno.test("a clock that is ahead is told", () => {
  const stats = new ReceiveStats();
  stats.add([object(0, 0, 5_000_000, 1)], 4_000_000);
  assert.equal(stats.summary().clock_offset, true);
});

Deno.test("a pace has so many objects due as its rate says, and keeps to a new rate", () => {
  const pace = new Pace();
  const now = performance.now();
  pace.due(1000, now);
  pace.taken(1);
  assert.ok(pace.due(1000, now + 100) >= 98);
  pace.taken(100);
  assert.ok(pace.due(1000, now + 100) <= 1);
  assert.equal(pace.due(0, now), Infinity);
  assert.equal(pace.due(10, now + 200), 1);
});

Deno.test("a loop that looks at the clock at every step gives turns all the same", () => {
  const turns = new Turns();
  const begun = performance.now();
  do turns.read(); while (!turns.step() && performance.now() - begun < 1000);
  assert.ok(turns.due);
});

Deno.test("a wait takes its time, however short, and ends by its signal", async () => {
  const { signal } = new AbortController();
  for (const milliseconds of [0, 0.2, 1, 5]) {
    const begun = performance.now();
    await sleep(milliseconds, signal);
    assert.ok(performance.now() - begun >= milliseconds / 2, `${milliseconds} ms`);
  }
  for (const milliseconds of [0.5, 1e6]) {
    const stop = new AbortController();
    const waiting = sleep(milliseconds, stop.signal);
    stop.abort();
    await waiting;
  }
});

Deno.test("a load like video begins each group with a large frame", () => {
  const load = videoLoad("720p", 30);
  assert.deepEqual([0, 1, 2, 3].map((id) => load.letterOf!(id)), ["I", "B", "B", "P"]);
  assert.deepEqual([0, 1, 3].map((id) => load.sizeOf(id)), [80_000, 6_000, 12_000]);
  assert.equal(load.groupObjects, 30);
  assert.throws(() => videoLoad("13p", 30), /no video profile/);
});

Deno.test("objects too large for a datagram are refused", () => {
  const options = { objectBytes: 1153, groupObjects: 1, streams: 1, rate: 0, datagrams: true };
  assert.throws(() => plainLoad(options), /do not fit a datagram/);
  assert.equal(plainLoad({ ...options, objectBytes: 1152 }).datagrams, true);
});

function interval(delivered: number, p95: number, lost = 0): Observed {
  return { delivered, lost, latency_ms: { p50: p95, p95, p99: p95 } };
}

Deno.test("a ramp climbs to what gets through, and stays within the limit", () => {
  const options = { start: 10, step: 10, max: 1000, latencyMs: 50, shortfall: 0.85, backoff: 0.5 };
  const ramp = new Ramp(options);
  let turns = 0;
  for (; !ramp.over && turns < 200; turns++) {
    const { level } = ramp;
    ramp.judge(level <= 80 ? interval(level, 5) : interval(80, 500));
  }
  assert.equal(ramp.best, 80);
  assert.ok(turns < 60, `${turns} intervals`);
  const capped = new Ramp({ ...options, max: 20 });
  assert.equal(capped.judge(interval(10, 1)), "good");
  assert.equal(capped.judge(interval(20, 1)), "good");
  assert.equal(capped.over, true);
  assert.equal(new Ramp(options).judge(interval(10, 1, 3)), "loss");
  assert.equal(new Ramp(options).judge(interval(5, 1)), "shortfall");
});

Deno.test("a ramp of whole levels gives back a step at least", () => {
  const options = { start: 1, step: 1, max: 100, latencyMs: 50, shortfall: 0.85, backoff: 0.95 };
  const ramp = new Ramp({ ...options, whole: true });
  const levels: number[] = [];
  while (!ramp.over) {
    levels.push(ramp.level);
    ramp.judge(ramp.level <= 4 ? interval(ramp.level, 5) : interval(ramp.level, 500));
  }
  assert.deepEqual(levels.slice(0, 8), [1, 2, 3, 4, 5, 5, 4, 5]);
  assert.equal(ramp.best, 4);
});

Deno.test("an interval is a line of CSV, with nothing where nothing is known", () => {
  const summary: Summary = {
    objects_per_second: 12,
    mbps: 3.5,
    lost: 1,
    latency_ms: { p50: null, p95: 7.25, p99: null },
    jitter_ms: 0,
    objects: 12,
    bytes: 1,
    groups: 1,
    seconds: 1,
    clock_offset: false,
  };
  const line = csvLine(2.5, { ...summary, level: 4, delivered: 3.5, verdict: "loss" });
  assert.equal(line, "2.500,4,3.5,3.5,12,,7.25,1,loss\n");
  assert.equal(CSV_HEAD.split(",").length, line.split(",").length);
});
