/**
 * The contract of `lib/can/bus.ts` as tests, run against every driver: the bus inside this process,
 * and SocketCAN in the lab.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { BusState, CanBusDriver, OpenCanBus } from "../../lib/can/bus.ts";
import { type CanFrame, dataFrame, errorFrame, remoteFrame } from "../../lib/can/frame.ts";
import { plain, until } from "../can/support.ts";

/** What the suite needs to know of the bus under test. */
export interface CanBusSubject {
  /** Stands in front of each test's name. */
  name: string;
  /** Skips everything. */
  ignore?: boolean;
  /** FD frames go there. */
  fd: boolean;
  /** The driver and a bus of it, up and quiet. */
  setUp(): Promise<{ driver: CanBusDriver; id: string } & AsyncDisposable>;
  /** Takes the bus down, or up again. */
  setUpState(id: string, up: boolean): Promise<void> | void;
  /** Removes it. */
  remove(id: string): Promise<void> | void;
  /** Brings it back. */
  restore(id: string): Promise<void> | void;
}

/** Collects what a bus says, and when it was said during a `send()`. */
function listen(bus: OpenCanBus) {
  const seen = {
    received: [] as CanFrame[],
    sent: [] as CanFrame[],
    unsent: [] as CanFrame[],
    states: [] as BusState[],
    gone: [] as Error[],
    rooms: 0,
    sending: false,
  };
  const quiet = () => assert.ok(!seen.sending, "no callback inside send()");
  bus.onReceive = (frames) => {
    quiet();
    assert.ok(frames.length > 0, "a batch is never empty");
    seen.received.push(...frames);
  };
  bus.onSent = (frame, time) => {
    quiet();
    assert.ok(Math.abs(time / 1000 - Date.now()) < 5_000, `${time} is about now`);
    seen.sent.push(frame);
  };
  bus.onUnsent = (frame) => {
    quiet();
    seen.unsent.push(frame);
  };
  bus.onState = (state) => seen.states.push(state);
  bus.onGone = (reason) => seen.gone.push(reason);
  bus.onRoom = () => {
    quiet();
    seen.rooms++;
  };
  const send = (frames: readonly CanFrame[]) => {
    seen.sending = true;
    try {
      return bus.send(frames);
    } finally {
      seen.sending = false;
    }
  };
  return Object.assign(seen, { send });
}

const timeless = (frame: CanFrame) => plain({ ...frame, time: 0 });

/** Registers the suite's tests for one driver. */
export function testCanBus(subject: CanBusSubject): void {
  const test = (name: string, body: (driver: CanBusDriver, id: string) => Promise<void>) =>
    Deno.test({
      name: `${subject.name}: ${name}`,
      ignore: subject.ignore ?? false,
      fn: async () => {
        await using bed = await subject.setUp();
        await body(bed.driver, bed.id);
      },
    });
  const wish = { fd: subject.fd };

  test("the list has the bus, up, with its type", async (driver, id) => {
    const info = (await driver.list()).find((each) => each.id === id);
    assert.ok(info, `${id} is listed`);
    assert.equal(info.state.up, true);
    assert.ok(info.type.length > 0 && info.label.length > 0);
  });

  test(
    "frames reach every other node in order; the sender gets confirmations",
    async (driver, id) => {
      await using a = await driver.open(id, wish);
      await using b = await driver.open(id, wish);
      await using c = await driver.open(id, wish);
      const [atA, atB, atC] = [listen(a), listen(b), listen(c)];
      const frames = [
        dataFrame(0x7ff, new Uint8Array([1])),
        dataFrame(1, new Uint8Array(8)),
        dataFrame(0x1fffffff),
        remoteFrame(2, 3),
        ...(subject.fd
          ? [
            dataFrame(3, new Uint8Array(64), { brs: true }),
            dataFrame(4, new Uint8Array(2), { fd: true }),
          ]
          : []),
      ];
      assert.equal(atA.send(frames), frames.length);
      await until(() =>
        atB.received.length === frames.length && atC.received.length === frames.length
      );
      await until(() => atA.sent.length === frames.length);
      assert.deepEqual(atB.received.map(timeless), frames.map(timeless));
      assert.deepEqual(atC.received.map(timeless), frames.map(timeless));
      assert.deepEqual(atA.sent, frames, "confirmed are the very frames that were given");
      assert.deepEqual(atA.received, []);
      assert.equal(a.stats().sent, frames.length);
      assert.equal(b.stats().received, frames.length);
    },
  );

  test("a frame that a bus can't carry is the caller's mistake", async (driver, id) => {
    await using bus = await driver.open(id, { fd: false });
    assert.throws(() => bus.send([dataFrame(1, new Uint8Array(9))]), RangeError);
    assert.throws(() => bus.send([errorFrame(1, new Uint8Array(8))]), RangeError);
    assert.throws(() => bus.send([{ ...dataFrame(1), id: 0x800 }]), RangeError);
  });

  test("more frames than there is room for are taken bit by bit, none lost", async (driver, id) => {
    await using a = await driver.open(id, wish);
    await using b = await driver.open(id, wish);
    const [atA, atB] = [listen(a), listen(b)];
    const frames = Array.from(
      { length: 6_000 },
      (_, i) => dataFrame(i & 0x7ff, new Uint8Array([i & 255, i >> 8])),
    );
    let at = 0;
    let short = 0;
    while (at < frames.length) {
      const rooms = atA.rooms;
      const taken = atA.send(frames.slice(at));
      at += taken;
      if (at === frames.length) break;
      short++;
      await until(() => atA.rooms > rooms, "room");
    }
    assert.ok(short > 0, "6,000 frames are more than any bus takes at once");
    await until(() => atB.received.length === frames.length && atA.sent.length === frames.length);
    assert.deepEqual(atB.received.map(timeless), frames.map(timeless));
  });

  test("a bus that is down takes nothing and says so; up again it goes on", async (driver, id) => {
    await using a = await driver.open(id, wish);
    await using b = await driver.open(id, wish);
    const [atA, atB] = [listen(a), listen(b)];
    await subject.setUpState(id, false);
    await until(() => atA.states.at(-1)?.up === false);
    assert.equal(a.state.up, false);
    assert.equal(atA.send([dataFrame(1)]), 0);
    await subject.setUpState(id, true);
    await until(() => atA.states.at(-1)?.up === true && atB.states.at(-1)?.up === true);
    await until(() => atA.rooms > 0, "a word that there is room again");
    assert.equal(atA.send([dataFrame(2)]), 1);
    await until(() => atB.received.length === 1);
    assert.deepEqual(atB.received.map((frame) => frame.id), [2]);
    assert.deepEqual(atA.gone, []);
  });

  test("a bus that is removed ends once, and is found again", async (driver, id) => {
    const bus = await driver.open(id, wish);
    const seen = listen(bus);
    await subject.remove(id);
    await until(() => seen.gone.length === 1);
    assert.equal(seen.gone[0]!.name, "LostError");
    assert.equal(bus.send([dataFrame(1)]), 0);
    await bus.close();
    await assert.rejects(driver.open(id, wish), { code: "not-found" });
    const back = driver.reappears(id);
    await subject.restore(id);
    await back;
    await using again = await driver.open(id, wish);
    assert.equal(again.send([dataFrame(1)]), 1);
    assert.equal(seen.gone.length, 1);
  });

  test("waiting for a bus that stays away ends with the signal", async (driver, id) => {
    await driver.reappears(id);
    await subject.remove(id);
    const controller = new AbortController();
    const waiting = assert.rejects(driver.reappears(id, controller), { name: "AbortError" });
    controller.abort();
    await waiting;
    await subject.restore(id);
  });

  test("after close() nothing is called, and the bus opens again", async (driver, id) => {
    await using other = await driver.open(id, wish);
    for (let round = 0; round < 3; round++) {
      const bus = await driver.open(id, wish);
      const seen = listen(bus);
      await bus.close();
      await bus.close();
      other.send([dataFrame(1)]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.deepEqual([seen.received, seen.states, seen.gone], [[], [], []]);
      assert.equal(bus.send([dataFrame(1)]), 0);
    }
  });

  test("filters are applied to what is received, not to what is sent", async (driver, id) => {
    await using a = await driver.open(id, {
      ...wish,
      filters: [{ id: 0x100, mask: 0x700, extended: false }],
    });
    await using b = await driver.open(id, wish);
    const [atA, atB] = [listen(a), listen(b)];
    b.send([dataFrame(0x200), dataFrame(0x1ab), dataFrame(0x100, undefined, { extended: true })]);
    atA.send([dataFrame(0x555)]);
    await until(() =>
      atA.received.length === 1 && atA.sent.length === 1 && atB.received.length === 1
    );
    assert.equal(atA.received[0]!.id, 0x1ab);
  });
}
