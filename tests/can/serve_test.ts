import assert from "node:assert/strict";
import { BusyError, XoqError } from "../../lib/errors.ts";
import { type CanFrame, dataFrame, errorFrame, remoteFrame } from "../../lib/can/frame.ts";
import { type RemoteBusOptions, RemoteCanBus } from "../../lib/can/remote_bus.ts";
import type { RemoteDevice } from "../../lib/remote.ts";
import { plain, serveBus, until } from "./support.ts";

/** An attached client; disposing detaches it. */
async function openBus(remote: RemoteDevice, options: RemoteBusOptions = {}) {
  const bus = new RemoteCanBus(remote, options);
  const received: CanFrame[] = [];
  const outcomes: (string | undefined)[] = [];
  const events: string[] = [];
  bus.onReceive = (frames) => received.push(...frames);
  bus.onOutcome = (_tag, dropped) => outcomes.push(dropped);
  bus.onEvent = (event) => events.push(event.type);
  const stop = new AbortController();
  let failure: unknown;
  const done = bus.run(stop.signal).catch((error) => void (failure = error));
  await until(() => bus.attached || failure !== undefined, "the attachment");
  if (failure !== undefined) throw failure;
  return {
    bus,
    received,
    outcomes,
    events,
    done,
    failure: () => failure,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await done;
    },
  };
}

const timeless = (frame: CanFrame) => plain({ ...frame, time: 0 });

Deno.test("frames go both ways in order, with the bus's times", async () => {
  await using served = await serveBus();
  await using node = served.bus.open({ fd: true });
  const onBus: CanFrame[] = [];
  node.onReceive = (frames) => onBus.push(...frames);
  await using client = await openBus(served.remote());
  const frames = [
    dataFrame(0x123, new Uint8Array([1, 2])),
    dataFrame(0x7, new Uint8Array(64).fill(9), { brs: true }),
    dataFrame(1, new Uint8Array([3]), { fd: true }),
    remoteFrame(0x12345678, 5),
  ];
  client.bus.send(frames);
  await until(() => onBus.length === 4);
  assert.deepEqual(onBus.map(timeless), frames.map(timeless));
  const before = Date.now() * 1000 - 10_000;
  node.send(frames);
  await until(() => client.received.length === 4);
  assert.deepEqual(client.received.map(timeless), frames.map(timeless));
  for (const { time } of client.received) {
    assert.ok(time > before && time < Date.now() * 1000 + 10_000, `${time} is about now`);
  }
});

Deno.test("each command's outcome comes back where it is asked for", async () => {
  await using served = await serveBus();
  await using client = await openBus(served.remote(), { confirm: true });
  client.bus.send([dataFrame(1), dataFrame(2)]);
  client.bus.send([errorFrame(0x40, new Uint8Array(8))]);
  await until(() => client.outcomes.length === 3);
  assert.deepEqual(client.outcomes, [undefined, undefined, "refused"]);
});

Deno.test("watchers see the bus and what the controller sends, who doesn't see its own", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  await using controller = await openBus(served.remote());
  await using watcher = await openBus(served.remote(), { role: "viewer" });
  controller.bus.send([dataFrame(0x100)]);
  await until(() => watcher.received.length === 1);
  node.send([dataFrame(0x200)]);
  await until(() => watcher.received.length === 2 && controller.received.length === 1);
  assert.deepEqual(watcher.received.map(({ id }) => id), [0x100, 0x200]);
  assert.deepEqual(controller.received.map(({ id }) => id), [0x200]);
});

Deno.test("a watcher's commands are refused and counted", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  node.onReceive = () => assert.fail("nothing may reach the bus");
  await using watcher = await openBus(served.remote(), { role: "viewer" });
  watcher.bus.send([dataFrame(1)]);
  await until(() => watcher.outcomes.length === 1);
  assert.deepEqual(watcher.outcomes, ["refused"]);
  assert.equal(watcher.bus.stats().dropped.refused, 1);
});

Deno.test("a second controller is refused with who holds the bus, and takes over when asked", async () => {
  await using served = await serveBus();
  const first = served.remote();
  await using holder = await openBus(first);
  await assert.rejects(
    openBus(served.remote()),
    (error) =>
      error instanceof XoqError && error.code === "busy" &&
      error.message.includes(first.id.slice(0, 10)),
  );
  await using taker = await openBus(served.remote(), { take: true });
  await holder.done;
  assert.ok(holder.failure() instanceof BusyError, String(holder.failure()));
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  taker.bus.send([dataFrame(5)]);
  await until(() => onBus.length === 1);
});

Deno.test("filters are applied at the server, and can be changed", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  await using client = await openBus(served.remote(), {
    filters: [{ id: 0x100, mask: 0x700, extended: false }],
  });
  node.send([dataFrame(0x1ff), dataFrame(0x200), dataFrame(0x100, undefined, { extended: true })]);
  await until(() => client.received.length === 1);
  await client.bus.setFilters([{ id: 0x200, mask: 0x700 }]);
  node.send([dataFrame(0x1ff), dataFrame(0x201)]);
  await until(() => client.received.length === 2);
  assert.deepEqual(client.received.map(({ id }) => id), [0x1ff, 0x201]);
});

Deno.test("when the bus is full the lowest identifiers go first, and what is late is dropped", async () => {
  await using served = await serveBus({ staleMs: 500 });
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  await using client = await openBus(served.remote());
  served.bus.freeze(true);
  // Fills the bus's own queue, so that the rest waits where it can be overtaken.
  const filler = Array.from({ length: 4096 }, () => dataFrame(0x700));
  client.bus.send(filler);
  await until(() => served.server.stats()["commands"] === 4096);
  client.bus.send([dataFrame(0x500)]);
  await until(() => served.server.stats()["waiting"] === 1);
  await new Promise((resolve) => setTimeout(resolve, 520));
  client.bus.send([dataFrame(0x300), dataFrame(0x100), dataFrame(0x200)]);
  await until(() => served.server.stats()["waiting"] === 3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  served.bus.freeze(false);
  await until(() => onBus.length === 4096 + 3);
  assert.deepEqual(onBus.slice(4096), [0x100, 0x200, 0x300]);
  await until(() => client.outcomes.length === 1);
  assert.deepEqual(client.outcomes, ["stale"]);
});

Deno.test("on a bus that is down or off commands are dropped, told, and it goes on when it is back", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  await using client = await openBus(served.remote());
  const states: unknown[] = [];
  client.bus.onState = ({ up, controller }) => states.push([up, controller]);
  served.bus.setState({ up: false });
  await until(() => states.length === 1);
  client.bus.send([dataFrame(1)]);
  await until(() => client.outcomes.length === 1);
  served.bus.setState({ up: true, controller: "bus-off", txErrors: 256 });
  await until(() => states.length === 2);
  client.bus.send([dataFrame(2)]);
  await until(() => client.outcomes.length === 2);
  assert.deepEqual(client.outcomes, ["down", "down"]);
  await client.bus.call("restart");
  await until(() => states.length === 3);
  assert.deepEqual(states, [[false, undefined], [true, "bus-off"], [true, "error-active"]]);
  client.bus.send([dataFrame(3)]);
  await until(() => onBus.length === 1);
  assert.deepEqual(onBus, [3]);
});

Deno.test("error reports reach watchers whatever their filters", async () => {
  await using served = await serveBus();
  await using client = await openBus(served.remote(), { filters: [{ id: 1, mask: 0x7ff }] });
  served.bus.report(errorFrame(0x40, new Uint8Array(8)));
  await until(() => client.received.length === 1);
  assert.equal(client.received[0]!.kind, "error");
});

Deno.test("a bus that is removed is waited for, and taken again", async () => {
  await using served = await serveBus();
  await using client = await openBus(served.remote());
  served.bus.remove();
  await until(() => client.events.includes("lost"));
  client.bus.send([dataFrame(1)]);
  await until(() => client.outcomes.includes("down"));
  const again = served.driver.bus();
  await using node = again.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  await until(() => client.events.includes("back"));
  client.bus.send([dataFrame(2)]);
  await until(() => onBus.length === 1);
  assert.deepEqual(onBus, [2]);
});

Deno.test("a controller that falls silent brings the safe state, one that beats does not", async () => {
  const safe = dataFrame(0x50, new Uint8Array([0xff]));
  await using served = await serveBus({ deadlineMs: 60, onLost: [safe] });
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  {
    await using client = await openBus(served.remote());
    client.bus.send([dataFrame(1)]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.deepEqual(onBus, [1], "heartbeats keep it alive");
  }
  await until(() => onBus.length === 2);
  assert.deepEqual(onBus, [1, 0x50]);
  assert.equal(served.server.stats()["safeStates"], 1);
});

Deno.test("without a deadline the safe state comes with the controller's end", async () => {
  await using served = await serveBus({ onLost: [dataFrame(0x51)] });
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  await (await openBus(served.remote()))[Symbol.asyncDispose]();
  await until(() => onBus.length === 1);
});

Deno.test("a cycle runs at the server, is changed, changed once, and stopped", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  const data: number[] = [];
  node.onReceive = (frames) => data.push(...frames.map((frame) => frame.data[0]!));
  await using client = await openBus(served.remote());
  const frame = (byte: string) => ({ id: 0x10, data: byte });
  await client.bus.call("cycle", { key: "a", frame: frame("01"), everyMicros: 2_000 });
  await until(() => data.length >= 3);
  await client.bus.call("change", { key: "a", frame: frame("02"), once: true });
  await until(() => data.includes(2));
  await until(() => data.at(-1) === 1);
  await client.bus.call("change", { key: "a", frame: frame("03") });
  await until(() => data.filter((each) => each === 3).length >= 3);
  assert.equal(data.filter((each) => each === 2).length, 1);
  const { cycles } = await client.bus.call("cycles") as { cycles: { key: string }[] };
  assert.deepEqual(cycles.map(({ key }) => key), ["a"]);
  await client.bus.call("stop", { key: "a" });
  await assert.rejects(client.bus.call("stop", { key: "a" }), { code: "not-found" });
  await client.bus.call("cycle", { key: "b", frame: frame("07"), everyMicros: 1_000, count: 3 });
  await until(() => data.filter((each) => each === 7).length === 3);
  await assert.rejects(client.bus.call("cycle", { key: "c" }), { code: "usage" });
});

Deno.test("calls that change the bus need control of it", async () => {
  await using served = await serveBus();
  await using _controller = await openBus(served.remote());
  await using watcher = await openBus(served.remote(), { role: "viewer" });
  await assert.rejects(
    watcher.bus.call("cycle", { key: "a", frame: { id: 1 }, everyMicros: 5_000 }),
    { code: "busy" },
  );
  assert.equal((await watcher.bus.call("bus"))["bus"] !== undefined, true);
  await assert.rejects(watcher.bus.call("no such"), { code: "unsupported" });
});

Deno.test("cycles end with their controller", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  let count = 0;
  node.onReceive = (frames) => count += frames.length;
  {
    await using client = await openBus(served.remote());
    await client.bus.call("cycle", { key: "a", frame: { id: 1 }, everyMicros: 1_000 });
    await until(() => count > 2);
  }
  await until(() => served.server.stats()["cycles"] === 0);
});

Deno.test("pacing keeps the gaps between commands that the network pushed together", async () => {
  await using served = await serveBus({ paceMs: 30 });
  await using node = served.bus.open();
  const times: number[] = [];
  node.onReceive = (frames) => times.push(...frames.map(({ time }) => time));
  await using client = await openBus(served.remote());
  const sent: number[] = [];
  for (let i = 0; i < 5; i++) {
    sent.push(performance.now());
    client.bus.send([dataFrame(i)]);
    await new Promise((resolve) => setTimeout(resolve, 8));
  }
  await until(() => times.length === 5);
  for (let i = 1; i < 5; i++) {
    const wanted = sent[i]! - sent[i - 1]!;
    const got = (times[i]! - times[i - 1]!) / 1000;
    assert.ok(Math.abs(got - wanted) < 6, `gap of ${got} ms where ${wanted} ms were meant`);
  }
});

Deno.test("the load cap holds frames back until there is room below it", async () => {
  // 20 % of 1 Mbit/s: an 8-byte frame takes at most 135 µs, so 20 of them take 13.5 ms.
  await using served = await serveBus({ maxLoad: 0.2, staleMs: 1_000 });
  await using node = served.bus.open();
  const times: number[] = [];
  node.onReceive = (frames) => times.push(...frames.map(({ time }) => time));
  await using client = await openBus(served.remote());
  client.bus.send(Array.from({ length: 100 }, () => dataFrame(1, new Uint8Array(8))));
  await until(() => times.length === 100);
  const took = (times.at(-1)! - times[0]!) / 1000;
  const least = 100 * 0.135 / 0.2 - 15;
  assert.ok(took > least, `100 frames took ${took} ms, at least ${least} ms at 20 %`);
  assert.ok((served.server.stats()["delayedByLoad"] as number) > 0);
});

Deno.test("bad parameters of a pipe are refused, and the server goes on", async () => {
  await using served = await serveBus();
  await assert.rejects(
    openBus(served.remote(), { filters: [{ id: -1, mask: 0 }] }),
    { code: "usage" },
  );
  await using _client = await openBus(served.remote());
});

Deno.test("a client that reconnects controls again, and sends nothing of before", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  const remote = served.remote({ reconnect: true });
  const attachments: AsyncDisposable[] = [];
  const watched: RemoteDevice = {
    ...remote,
    attach: async (options) => {
      const attachment = await remote.attach(options);
      attachments.push(attachment);
      return attachment;
    },
  };
  await using client = await openBus(watched);
  await attachments[0]![Symbol.asyncDispose]();
  await until(() => !client.bus.attached);
  client.bus.send([dataFrame(1)]);
  await until(() => client.bus.attached);
  client.bus.send([dataFrame(2)]);
  await until(() => onBus.length === 1);
  assert.deepEqual(onBus, [2]);
  assert.deepEqual(client.outcomes, ["down"]);
  assert.equal(client.bus.stats().reconnects, 1);
});
