import assert from "node:assert/strict";
import fc from "fast-check";
import { Cycles } from "../../lib/can/cycles.ts";
import { Echoes } from "../../lib/can/echoes.ts";
import { stateAfterError } from "../../lib/can/error_state.ts";
import { frameBits, frameMicros } from "../../lib/can/bits.ts";
import { arbitrationOf, type CanFrame, dataFrame, errorFrame } from "../../lib/can/frame.ts";
import { HardwareClock } from "../../lib/can/hardware_clock.ts";
import { LoadLimiter } from "../../lib/can/load_limiter.ts";
import { SendQueue } from "../../lib/can/send_queue.ts";
import { FakeTime } from "../support/fake_timers.ts";

const all = () => true;

function queue(options: { capacity?: number; staleMicros?: number } = {}) {
  const dropped: [number, string][] = [];
  const made = new SendQueue({
    capacity: options.capacity ?? 1_000,
    staleMicros: options.staleMicros,
    onDrop: ({ frame }, cause) => dropped.push([frame.id, cause]),
  });
  const push = (id: number, born = 0) => made.push({ frame: dataFrame(id), born });
  const take = (now = 0, admit: (frame: CanFrame) => boolean = all) =>
    made.take(now, admit).map(({ frame }) => frame.id);
  return { made, dropped, push, take };
}

Deno.test("frames leave in the order they came, until priorities are asked for", () => {
  const { made, push, take } = queue();
  for (const id of [5, 1, 3]) push(id);
  assert.deepEqual(take(), [5, 1, 3]);
  for (const id of [5, 1, 3]) push(id);
  made.prioritize();
  push(2);
  push(1);
  assert.deepEqual(take(), [1, 1, 2, 3, 5]);
  for (const id of [5, 1]) push(id);
  assert.deepEqual(take(), [5, 1], "empty once, it is first come first served again");
});

Deno.test("stale frames are dropped when their turn comes, the others are not", () => {
  const { push, take, dropped } = queue({ staleMicros: 100 });
  push(1, 0);
  push(2, 50);
  push(3, 0);
  assert.deepEqual(take(149), [2]);
  assert.deepEqual(dropped, [[1, "stale"], [3, "stale"]]);
});

Deno.test("a full queue lets the oldest of the highest identifier go", () => {
  const { push, take, dropped } = queue({ capacity: 3 });
  for (const id of [7, 2, 7]) push(id);
  push(1);
  assert.deepEqual(dropped, [[7, "overflow"]]);
  assert.deepEqual(take(), [1, 2, 7]);
});

Deno.test("what does not fit stays, in its place, also when it is put back", () => {
  const { made, push, take } = queue();
  for (const id of [4, 5, 6]) push(id);
  let room = 2;
  const taken = made.take(0, () => room-- > 0);
  assert.equal(made.size, 1);
  made.putBack(taken.slice(1));
  assert.deepEqual(take(), [5, 6]);
});

Deno.test("nothing is lost or made, whatever happens in whatever order", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("push" as const), id: fc.nat(20) }),
    fc.record({ do: fc.constant("take" as const), count: fc.nat(5) }),
    fc.record({ do: fc.constant("prioritize" as const) }),
    fc.record({ do: fc.constant("back" as const), count: fc.nat(5) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { made, dropped } = queue({ capacity: 10 });
    let [pushed, left] = [0, 0];
    for (const each of steps) {
      const prioritized = made.prioritizing;
      if (each.do === "push") {
        made.push({ frame: dataFrame(each.id), born: pushed++ });
      } else if (each.do === "prioritize") made.prioritize();
      else {
        let room = each.count;
        const taken = made.take(0, () => room-- > 0);
        const order = taken.map((one) =>
          prioritized ? [arbitrationOf(one.frame), one.born] : [one.born]
        );
        assert.deepEqual(order, order.toSorted((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
        if (each.do === "back") made.putBack(taken);
        else left += taken.length;
      }
      assert.equal(made.size, pushed - left - dropped.length);
      assert.ok(made.size <= 10);
    }
    made.clear("down");
    assert.equal(dropped.length, pushed - left);
  }));
});

Deno.test("a cycle keeps its times, without drift, and leaves out what is long past", () => {
  using time = new FakeTime();
  const sent: [number, number][] = [];
  using cycles = new Cycles(
    (frames) => sent.push(...frames.map(({ id }): [number, number] => [id, time.now])),
    () => time.now,
  );
  cycles.set({ key: "a", frame: dataFrame(1), everyMicros: 10_000 });
  cycles.set({ key: "b", frame: dataFrame(2), everyMicros: 25_000, count: 2 });
  time.tick(50);
  assert.deepEqual(sent.filter(([id]) => id === 1).map(([, at]) => at), [0, 10, 20, 30, 40, 50]);
  assert.deepEqual(sent.filter(([id]) => id === 2).map(([, at]) => at), [0, 25]);
  time.now += 1_000;
  time.tick(0);
  const late = sent.filter(([, at]) => at === 1_050);
  assert.deepEqual(late, [[1, 1_050]], "one for the whole pause");
  assert.equal(cycles.list()[0]!.skipped, 99);
});

Deno.test("changing a cycle's frame leaves its times, changing its period begins anew", () => {
  using time = new FakeTime();
  const sent: [number, number][] = [];
  using cycles = new Cycles(
    (frames) => sent.push(...frames.map(({ id }): [number, number] => [id, time.now])),
    () => time.now,
  );
  cycles.set({ key: "a", frame: dataFrame(1), everyMicros: 10_000 });
  time.tick(5);
  cycles.set({ key: "a", frame: dataFrame(2), everyMicros: 10_000 });
  time.tick(10);
  cycles.set({ key: "a", frame: dataFrame(3), everyMicros: 4_000 });
  time.tick(5);
  assert.deepEqual(sent, [[1, 0], [2, 10], [3, 15], [3, 19]]);
  assert.throws(() => cycles.set({ key: "b", frame: dataFrame(1), everyMicros: 10 }), {
    code: "usage",
  });
});

Deno.test("frames take the time that a bus needs for them at most", () => {
  // 11 bits, 8 bytes: 111 bits with 24 stuff bits (the well-known 135 with the intermission).
  const classic = dataFrame(0x123, new Uint8Array(8));
  assert.equal(frameBits(classic).arbitration, 135);
  assert.equal(frameBits(dataFrame(0x12345678, new Uint8Array(8))).arbitration, 160);
  assert.equal(frameMicros(classic, { bitrate: 1_000_000 }), 135);
  assert.equal(frameMicros(classic, {}), 0);
  const fd = dataFrame(1, new Uint8Array(64), { brs: true });
  const slow = frameMicros(fd, { bitrate: 500_000, dataBitrate: 500_000 });
  const fast = frameMicros(fd, { bitrate: 500_000, dataBitrate: 5_000_000 });
  assert.ok(slow > 1_200 && slow < 1_450 && fast < 220, `${slow} ${fast}`);
  assert.equal(frameBits(errorFrame(1, new Uint8Array(8))).arbitration, 0);
});

Deno.test("the load cap counts what others send, and lets ours through at its share", () => {
  const limiter = new LoadLimiter(0.5, () => ({ bitrate: 1_000_000 }));
  const frame = dataFrame(1, new Uint8Array(8));
  let now = 0;
  while (limiter.admit(frame, now));
  let ours = 0;
  for (; now < 1e6; now += 100) if (limiter.admit(frame, now)) ours++;
  assert.ok(Math.abs(ours * 135 / 1e6 - 0.5) < 0.02, `${ours} frames are half of the bus`);
  ours = 0;
  for (; now < 2e6; now += 100) {
    // Others take 27 % of it.
    if (now % 500 === 0) limiter.observe(frame, now);
    if (limiter.admit(frame, now)) ours++;
  }
  assert.ok(Math.abs(ours * 135 / 1e6 - 0.23) < 0.03, `${ours} frames are what is left`);
  while (limiter.admit(frame, now));
  const wait = limiter.waitMs(now);
  assert.ok(limiter.admit(frame, now + wait * 1000 + 1));
});

Deno.test("an echo means the oldest equal frame that waits", () => {
  const echoes = new Echoes();
  const [a, b, c] = [dataFrame(1), dataFrame(2), dataFrame(1)];
  for (const frame of [a, b, c]) echoes.add(frame);
  assert.equal(echoes.take(dataFrame(2)), b);
  assert.equal(echoes.take(dataFrame(9)), undefined);
  assert.equal(echoes.take(dataFrame(1)), a);
  assert.equal(echoes.size, 1);
  assert.deepEqual(echoes.drain(), [c]);
  assert.equal(echoes.size, 0);
  const padded = dataFrame(3, new Uint8Array(9), { fd: true });
  echoes.add(padded);
  assert.equal(echoes.take(dataFrame(3, new Uint8Array(12), { fd: true })), padded);
});

Deno.test("a controller's clock is brought to the system's by the smallest delay seen", () => {
  const clock = new HardwareClock();
  const epoch = 1.7e15;
  assert.equal(clock.toEpoch(1_000, epoch + 1_000 + 300), epoch + 1_000 + 300);
  assert.equal(clock.toEpoch(2_000, epoch + 2_000 + 50), epoch + 2_000 + 50);
  assert.equal(clock.toEpoch(3_000, epoch + 3_000 + 900), epoch + 3_000 + 50);
  assert.equal(clock.toEpoch(10, epoch + 9e6), epoch + 9e6, "a clock that began anew");
});

Deno.test("error reports say what became of the controller", () => {
  const state = {
    up: true,
    controller: "error-active" as const,
    txErrors: 0,
    rxErrors: 0,
  };
  const report = (classes: number, ...data: number[]) =>
    stateAfterError(
      state,
      errorFrame(classes, Uint8Array.from({ length: 8 }, (_, i) => data[i] ?? 0)),
    );
  assert.equal(report(0x004, 0, 0x08).controller, "error-warning");
  assert.equal(report(0x004, 0, 0x20).controller, "error-passive");
  assert.equal(report(0x004, 0, 0x40).controller, "error-active");
  assert.equal(report(0x040).controller, "bus-off");
  assert.equal(report(0x100).controller, "error-active");
  const counted = report(0x204, 0, 0x10, 0, 0, 0, 0, 128, 7);
  assert.deepEqual([counted.txErrors, counted.rxErrors], [128, 7]);
});
