import assert from "node:assert/strict";
import fc from "fast-check";
import { Fanout } from "../../lib/media/fanout.ts";
import type { Subscription } from "../../lib/media/feed.ts";
import { LostError } from "../../lib/errors.ts";
import { frame, frames } from "./frames.ts";

/** Reads what waits, without waiting: sequence numbers. */
async function drain(reader: Subscription): Promise<number[]> {
  const got: number[] = [];
  const nothing = Symbol();
  for (;;) {
    const next = reader.next();
    const result = await Promise.race([next, Promise.resolve().then(() => nothing)]);
    if (typeof result === "symbol") {
      // The pending read is left behind: such a reader isn't read again.
      return got;
    }
    if (result.done) return got;
    got.push(result.value.sequence);
  }
}

function read(reader: Subscription): Promise<number | "end"> {
  return reader.next().then((r) => r.done ? "end" : r.value.sequence);
}

Deno.test("a reader's first frame is the next key frame", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe();
  for (const f of frames("ddKdd")) fanout.push(f);
  assert.deepEqual(await drain(reader), [2, 3, 4]);
  assert.equal(reader.stats.dropped, 0, "what came before it began is not its loss");
});

Deno.test("a reader that keeps up gets every frame, by reference", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe();
  for (const f of frames("KdddKddd")) {
    const pending = reader.next();
    fanout.push(f);
    assert.equal((await pending).value, f);
  }
  assert.deepEqual(reader.stats, { delivered: 8, dropped: 0, bytes: 8 });
});

Deno.test("a waiting reader is woken within microtasks", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe();
  let woken = false;
  reader.next().then(() => woken = true);
  fanout.push(frame(0, true));
  await Promise.resolve();
  await Promise.resolve();
  assert.ok(woken);
});

Deno.test("an overflow drops up to the next key frame that waits", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe({ queue: 4 });
  for (const f of frames("KdKdd")) fanout.push(f);
  assert.deepEqual(await drain(reader), [2, 3, 4]);
  assert.equal(reader.stats.dropped, 2);
});

Deno.test("an overflow without a key frame drops everything and asks for one", async () => {
  let asked = 0, now = 0;
  const fanout = new Fanout({ onKeyFrameWanted: () => asked++, now: () => now });
  const reader = fanout.subscribe({ queue: 4 });
  assert.equal(asked, 1);
  now = 1000;
  for (const f of frames("Kddddd")) fanout.push(f);
  assert.equal(asked, 2);
  for (const f of frames("dKd", 6)) fanout.push(f);
  assert.deepEqual(await drain(reader), [7, 8]);
  assert.equal(reader.stats.dropped, 7);
  assert.equal(fanout.stats().dropped, 7);
});

Deno.test("a key frame that meets a full queue replaces it", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe({ queue: 3 });
  for (const f of frames("KddKd")) fanout.push(f);
  assert.deepEqual(await drain(reader), [3, 4]);
});

Deno.test("of JPEG only the newest frame waits, unless the reader wants a queue", async () => {
  const fanout = new Fanout();
  const latest = fanout.subscribe();
  const queued = fanout.subscribe({ policy: "queue", queue: 3 });
  for (let i = 0; i < 5; i++) fanout.push(frame(i, true, { codec: "jpeg" }));
  assert.deepEqual(await drain(latest), [4]);
  assert.deepEqual(await drain(queued), [2, 3, 4]);
  assert.deepEqual([latest.stats.dropped, queued.stats.dropped], [4, 2]);
});

Deno.test("a stale frame is not handed out: the reader goes on at the newest key frame", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe({ maxAgeMs: 100 });
  for (const f of frames("KdddKd")) fanout.push(f); // 33 ms apart: 0 is 167 ms behind 5
  assert.deepEqual(await drain(reader), [4, 5]);
});

Deno.test("where the key frame is stale too, everything is dropped and a new one asked for", async () => {
  let asked = 0, now = 0;
  const fanout = new Fanout({ onKeyFrameWanted: () => asked++, now: () => now });
  const reader = fanout.subscribe({ maxAgeMs: 40 });
  for (const f of frames("Kddd")) fanout.push(f);
  now = 1000;
  const pending = read(reader);
  assert.equal(asked, 2);
  for (const f of frames("dK", 4)) fanout.push(f);
  assert.equal(await pending, 5);
});

Deno.test("key frames are asked for at most once in 500 ms, for new readers in 100 ms, and no ask is forgotten", () => {
  let now = 0;
  const asked: number[] = [];
  const fanout = new Fanout({ onKeyFrameWanted: () => asked.push(now), now: () => now });
  fanout.requestKeyFrame();
  fanout.subscribe();
  fanout.subscribe();
  assert.deepEqual(asked, [0, 0], "the first reader's ask is immediate whatever was before");
  for (let i = 0; i <= 30; i++) {
    now = i * 33;
    fanout.push(frame(i, i === 1));
    if (i === 2) fanout.subscribe();
  }
  assert.deepEqual(asked, [0, 0, 132, 660]);
});

Deno.test("a key frame that comes by itself answers the ask", () => {
  let now = 0, asked = 0;
  const fanout = new Fanout({ onKeyFrameWanted: () => asked++, now: () => now });
  fanout.subscribe();
  fanout.subscribe();
  fanout.push(frame(0, true));
  now = 5000;
  fanout.push(frame(1, false));
  assert.equal(asked, 1);
});

Deno.test("the first reader starts the source and the last one stops it", async () => {
  const demand: boolean[] = [];
  const fanout = new Fanout({ onDemand: (wanted) => demand.push(wanted) });
  const a = fanout.subscribe();
  const b = fanout.subscribe();
  await a.return?.();
  b[Symbol.dispose]();
  b[Symbol.dispose]();
  fanout.subscribe({ signal: AbortSignal.abort() });
  const controller = new AbortController();
  const c = fanout.subscribe({ signal: controller.signal });
  const pending = read(c);
  controller.abort();
  assert.equal(await pending, "end");
  assert.deepEqual(demand, [true, false, true, false]);
  assert.equal(fanout.stats().readers, 0);
});

Deno.test("after a loss readers go on at a key frame and what waited is gone", async () => {
  const fanout = new Fanout();
  const reader = fanout.subscribe();
  for (const f of frames("Kdd")) fanout.push(f);
  const states: string[] = [];
  fanout.onState((s) => states.push(s.state));
  fanout.setState({ state: "lost", reason: "unplugged" });
  fanout.setState({ state: "live" });
  for (const f of frames("dKd", 10)) fanout.push(f);
  assert.deepEqual(await drain(reader), [11, 12]);
  assert.deepEqual(states, ["lost", "live"]);
});

Deno.test("a change of codec makes readers go on at a key frame of the new one", async () => {
  const fanout = new Fanout();
  const description = { codec: "h264" as const, width: 1, height: 1, fps: 30, encoder: "x" };
  fanout.setDescription(description);
  const reader = fanout.subscribe();
  for (const f of frames("Kdd")) fanout.push(f);
  fanout.setDescription({ ...description, codec: "hevc" });
  for (const f of frames("dK", 3)) fanout.push({ ...f, codec: "hevc" });
  assert.deepEqual(await drain(reader), [4]);
  assert.equal((await fanout.description()).codec, "hevc");
});

Deno.test("the end comes after what waits, and wakes who waits", async () => {
  const fanout = new Fanout();
  const behind = fanout.subscribe(), waiting = fanout.subscribe();
  fanout.push(frame(0, true));
  assert.equal(await read(waiting), 0);
  const pending = read(waiting);
  const description = fanout.description();
  fanout.setState({ state: "ended", reason: "gone" });
  fanout.setState({ state: "live" });
  fanout.push(frame(1, true));
  assert.equal(await pending, "end");
  assert.deepEqual([await read(behind), await read(behind)], [0, "end"]);
  assert.equal(await read(fanout.subscribe()), "end");
  await assert.rejects(description, LostError);
  assert.equal(fanout.state.state, "ended");
});

Deno.test("a subscription refuses bad limits and a second pending read", async () => {
  const fanout = new Fanout();
  for (const queue of [0, 65, 1.5, NaN]) {
    assert.throws(() => fanout.subscribe({ queue }), RangeError);
  }
  for (const maxAgeMs of [-1, NaN]) {
    assert.throws(() => fanout.subscribe({ maxAgeMs }), RangeError);
  }
  const reader = fanout.subscribe();
  reader.next();
  await assert.rejects(reader.next(), TypeError);
});

type Step =
  | { do: "push"; key: boolean; ms: number }
  | { do: "read"; reader: number }
  | { do: "subscribe"; queue: number; maxAgeMs: number }
  | { do: "leave"; reader: number }
  | { do: "break" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      key: fc.boolean(),
      ms: fc.integer({ min: -50, max: 300 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      key: fc.constant(false),
      ms: fc.constant(33),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("read" as const), reader: fc.nat(4) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("subscribe" as const),
      queue: fc.integer({ min: 1, max: 6 }),
      maxAgeMs: fc.constantFrom(100, 1000, Infinity),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), reader: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.constant({ do: "break" as const }) },
);

/** Runs the steps; gives what each reader got. `only` runs with that reader's steps alone. */
async function run(steps: Step[], codec: "h264" | "jpeg", only?: number) {
  const fanout = new Fanout();
  const pushed: { key: boolean; breaks: boolean; time: number }[] = [];
  const readers: {
    reader: Subscription | undefined;
    got: number[];
    since: number;
    maxAgeMs: number;
    pending: boolean;
  }[] = [];
  let time = 1e15, breaks = false;
  for (const s of steps) {
    if (s.do === "push") {
      const key = s.key || codec === "jpeg";
      time += s.ms * 1000;
      fanout.push(frame(pushed.length, key, { codec, captureTime: time }));
      pushed.push({ key, breaks, time });
      breaks = false;
    } else if (s.do === "subscribe") {
      const mine = only === undefined || only === readers.length;
      readers.push({
        reader: mine ? fanout.subscribe(s) : undefined,
        got: [],
        since: pushed.length,
        maxAgeMs: s.maxAgeMs,
        pending: false,
      });
    } else if (s.do === "break") {
      breaks = true;
      fanout.discontinuity();
    } else {
      const r = readers[s.reader];
      if (r?.reader === undefined) continue;
      if (s.do === "leave") await r.reader.return?.();
      else if (!r.pending) {
        r.pending = true;
        const count = pushed.length, newest = time;
        r.reader.next().then((result) => {
          r.pending = false;
          if (result.done) return;
          r.got.push(result.value.sequence);
          const at = pushed[result.value.sequence]!.time;
          assert.ok(result.value.sequence >= count || at >= newest - r.maxAgeMs * 1000, "stale");
        });
      }
    }
    await Promise.resolve();
    await Promise.resolve();
  }
  return { fanout, pushed, readers };
}

for (const codec of ["h264", "jpeg"] as const) {
  Deno.test(`model (${codec}): no reader sees a delta frame without all since its key frame, goes back, or is touched by others`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: "max" }), async (steps) => {
        const all: Step[] = [{ do: "subscribe", queue: 4, maxAgeMs: 1000 }, ...steps];
        const { pushed, readers } = await run(all, codec);
        for (const [i, r] of readers.entries()) {
          let last = -1;
          for (const n of r.got) {
            const f = pushed[n];
            assert.ok(f !== undefined && n > last && n >= r.since);
            if (!f.key) {
              assert.equal(n, last + 1, "a delta frame follows its predecessor");
              assert.ok(!f.breaks, "a delta frame doesn't cross a discontinuity");
            }
            last = n;
          }
          const stats = r.reader?.stats;
          assert.equal(stats?.delivered, r.got.length);
          const alone = await run(all, codec, i);
          assert.deepEqual(alone.readers[i]?.got, r.got, "alone it would have got the same");
        }
      }),
      { numRuns: 300 },
    );
  });
}
