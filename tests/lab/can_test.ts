import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import * as libsocketcan from "../../ffi/libsocketcan.ts";
import { CanSocket, interfaceIndex } from "../../ffi/socketcan.ts";
import { deleteLink, findLink } from "../../ffi/rtnetlink.ts";
import type { BusState, OpenCanBus } from "../../lib/can/bus.ts";
import { type CanFrame, dataFrame, remoteFrame } from "../../lib/can/frame.ts";
import { provideVcan } from "../../lib/can/interface.ts";
import { SocketCanDriver } from "../../lib/can/socketcan_bus.ts";
import { NotFoundError, UsageError } from "../../lib/errors.ts";
import { testCanBus } from "../compliance/can_bus.ts";
import { plain, until } from "../can/support.ts";
import { command, inLab } from "./support.ts";

const driver = new SocketCanDriver();
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

/** Collects what a bus says. */
function listen(bus: OpenCanBus) {
  const received: CanFrame[] = [];
  const sent: CanFrame[] = [];
  const unsent: CanFrame[] = [];
  const states: BusState[] = [];
  const gone: Error[] = [];
  bus.onReceive = (frames) => received.push(...frames);
  bus.onSent = (frame) => sent.push(frame);
  bus.onUnsent = (frame) => unsent.push(frame);
  bus.onState = (state) => states.push(state);
  bus.onGone = (reason) => gone.push(reason);
  return { received, sent, unsent, states, gone };
}

/** Sends all, waiting for room. */
async function sendAll(bus: OpenCanBus, frames: readonly CanFrame[]): Promise<void> {
  for (let at = 0; at < frames.length;) {
    const room = Promise.withResolvers<void>();
    bus.onRoom = () => room.resolve();
    const taken = bus.send(frames.slice(at, at + 256));
    at += taken;
    if (taken < Math.min(256, frames.length)) {
      if (at < frames.length) await room.promise;
    }
  }
}

const timeless = (frame: CanFrame) => plain({ ...frame, time: 0 });

test("the lab's interfaces are listed with what they are", async () => {
  const list = await driver.list();
  const byName = new Map(list.map((info) => [info.id, info]));
  assert.equal(byName.get("vcan0")?.type, "vcan");
  assert.equal(byName.get("vcan0")?.fd, true);
  const can0 = byName.get("can0");
  assert.equal(can0?.driver, "kvaser_pci");
  assert.equal(can0?.rates?.bitrate, 500_000);
  assert.equal(can0?.state.controller, "error-active");
  assert.equal(can0?.fd, false);
});

test("frames of all kinds cross vcan0, with times, and come back confirmed in order", async () => {
  await using a = await driver.open("vcan0", { fd: true });
  await using b = await driver.open("vcan0", { fd: true });
  const [atA, atB] = [listen(a), listen(b)];
  const frames = [
    dataFrame(0x123, new Uint8Array([1, 2, 3])),
    dataFrame(0x12345678, new Uint8Array(8)),
    remoteFrame(0x7ff, 4),
    dataFrame(1, new Uint8Array([9]), { fd: true }),
    dataFrame(2, new Uint8Array(64).fill(7), { brs: true }),
    dataFrame(3, new Uint8Array(0)),
  ];
  const before = Date.now() * 1000 - 20_000;
  assert.equal(a.send(frames), frames.length);
  await until(() => atB.received.length === 6 && atA.sent.length === 6);
  assert.deepEqual(atB.received.map(timeless), frames.map(timeless));
  assert.deepEqual(atA.sent, frames, "the frames given are the frames confirmed");
  assert.deepEqual(atA.received, [], "own frames are no frames of others");
  for (const { time } of atB.received) {
    assert.ok(time > before && time < Date.now() * 1000 + 20_000, `${time} is about now`);
  }
});

test("cangen's frames arrive as candump shows them", async () => {
  await using bus = await driver.open("vcan0", { fd: true });
  const seen = listen(bus);
  await command("cangen", "vcan0", "-n", "200", "-g", "0", "-m", "-i", "-p", "10");
  await until(() => seen.received.length === 200, "200 frames of cangen");
  assert.ok(seen.received.some(({ fd }) => fd) && seen.received.some(({ fd }) => !fd));
});

test("10,000 frames in a row are all confirmed, in order", async () => {
  await using a = await driver.open("vcan0", { fd: true });
  await using b = await driver.open("vcan0", { fd: true });
  const [atA, atB] = [listen(a), listen(b)];
  const frames = Array.from({ length: 10_000 }, (_, i) => {
    const data = new Uint8Array(8);
    new DataView(data.buffer).setUint32(0, i);
    return dataFrame(0x100, data);
  });
  await sendAll(a, frames);
  await until(() => atA.sent.length === 10_000 && atB.received.length === 10_000);
  assert.deepEqual(
    atB.received.map(({ data }) => new DataView(data.buffer, data.byteOffset).getUint32(0)),
    frames.map((_, i) => i),
  );
  assert.equal(b.stats().missed, 0);
});

test("filters hold in the kernel, and what they keep back is confirmed all the same", async () => {
  const filters = [{ id: 0x100, mask: 0x700, extended: false }];
  await using a = await driver.open("vcan0", { fd: true, filters });
  await using b = await driver.open("vcan0", { fd: true });
  const atA = listen(a);
  b.send([dataFrame(0x200), dataFrame(0x1ab), dataFrame(0x100, undefined, { extended: true })]);
  a.send([dataFrame(0x555)]);
  await until(() => atA.received.length === 1 && atA.sent.length === 1);
  assert.equal(atA.received[0]!.id, 0x1ab);
});

test("an interface that goes down and comes up is reported, and frames flow again", async () => {
  await using a = await driver.open("vcan0", { fd: true });
  await using b = await driver.open("vcan0", { fd: true });
  const [atA, atB] = [listen(a), listen(b)];
  await command("ip", "link", "set", "vcan0", "down");
  try {
    await until(() => atA.states.at(-1)?.up === false && atB.states.at(-1)?.up === false);
    assert.equal(a.send([dataFrame(1)]), 0, "a bus that is down takes nothing");
  } finally {
    await command("ip", "link", "set", "vcan0", "up");
  }
  await until(() => atA.states.at(-1)?.up === true);
  assert.equal(a.send([dataFrame(2)]), 1);
  await until(() => atB.received.length === 1);
  assert.equal(atB.received[0]!.id, 2);
  assert.deepEqual(atA.gone, []);
});

test("ip link set down and up under load loses no bus and confirms what it took", async () => {
  await using a = await driver.open("can0");
  await using b = await driver.open("can1");
  const [atA, atB] = [listen(a), listen(b)];
  let taken = 0;
  const offer = () => taken += a.send([dataFrame(taken & 0x7ff, new Uint8Array(8))]);
  const timer = setInterval(offer, 1);
  try {
    await until(() => atB.received.length > 20);
    for (let round = 0; round < 2; round++) {
      await command("ip", "link", "set", "can0", "down");
      await until(() => atA.states.at(-1)?.up === false);
      await command("ip", "link", "set", "can0", "up");
      await until(() => atA.states.at(-1)?.up === true);
      const before = atB.received.length;
      await until(() => atB.received.length > before + 20);
    }
  } finally {
    clearInterval(timer);
  }
  await until(() => atA.sent.length + atA.unsent.length === taken, "an end for each frame taken");
  assert.deepEqual(atA.gone, []);
});

test("bit rates are set with the interface brought up, and reconfiguring is survived", async () => {
  await using b = await driver.open("can1");
  const atB = listen(b);
  await using a = await driver.open("can0", { rates: { bitrate: 250_000 }, restartMs: 100 });
  await using again = await driver.open("can1", { rates: { bitrate: 250_000 } });
  assert.equal(a.info.rates?.bitrate, 250_000);
  assert.equal(again.info.rates?.bitrate, 250_000);
  assert.equal(libsocketcan.getBitTiming("can0")?.bitrate, 250_000);
  assert.equal(libsocketcan.getRestartMs("can0"), 100);
  assert.equal(libsocketcan.getState("can0"), 0);
  assert.deepEqual(libsocketcan.getErrorCounters("can0"), { tx: 0, rx: 0 });
  assert.ok((libsocketcan.getClock("can0") ?? 0) > 0);
  await until(() => b.info.rates?.bitrate === 250_000 && b.state.up);
  a.send([dataFrame(0x10)]);
  await until(() => atB.received.length === 1, "the socket of before hears the new bit rate");
  for (const name of ["can0", "can1"]) {
    libsocketcan.stop(name);
    libsocketcan.setBitrate(name, 500_000);
    libsocketcan.setRestartMs(name, 0);
    libsocketcan.start(name);
  }
  await until(() => b.info.rates?.bitrate === 500_000 && b.state.up);
});

test("a bit rate that the controller can't do is refused with what was asked for", async () => {
  await assert.rejects(
    driver.open("can0", { rates: { bitrate: 3_333_333 } }),
    (error) => error instanceof UsageError && /ip link set can0/.test(error.hint ?? ""),
  );
  await command("ip", "link", "set", "can0", "type", "can", "bitrate", "500000");
  await command("ip", "link", "set", "can0", "up");
});

test("a classic controller refuses FD frames, and sends the others", async () => {
  await using a = await driver.open("can0", { fd: false });
  assert.throws(() => a.send([dataFrame(1, new Uint8Array(9))]), RangeError);
  assert.equal(a.fd, false);
});

test("a vcan is made where there is none; removed, it is gone, and found again", async () => {
  const link = provideVcan("vcan9", true);
  assert.deepEqual([link.kind, link.up, link.mtu], ["vcan", true, 72]);
  assert.equal(provideVcan("vcan9", true).index, link.index, "one that is there is taken");
  const bus = await driver.open("vcan9", { fd: true });
  const seen = listen(bus);
  deleteLink(link.index);
  await until(() => seen.gone.length === 1);
  await bus.close();
  await assert.rejects(driver.open("vcan9"), NotFoundError);
  const back = driver.reappears("vcan9");
  provideVcan("vcan9", false);
  await back;
  await using again = await driver.open("vcan9");
  assert.equal(again.send([dataFrame(1)]), 1);
  deleteLink(findLink("vcan9")!.index);
});

test("who may not is told the ip link line", async () => {
  assert.ok(existsSync("/usr/bin/setpriv"), "util-linux's setpriv is here");
  const script = `
    import { SocketCanDriver } from "./lib/can/socketcan_bus.ts";
    const wish = { fd: false, rates: { bitrate: 125000 } };
    await new SocketCanDriver().open("can0", wish).catch((error) => {
      console.log(JSON.stringify([error.code, error.hint]));
    });`;
  const output = await command(
    "setpriv",
    ...["--bounding-set=-all", "--inh-caps=-all"],
    ...[Deno.execPath(), "eval", "--config", "deno.json", script],
  );
  const [code, hint] = JSON.parse(output) as [string, string];
  assert.equal(code, "denied");
  assert.match(hint, /sudo ip link set can0 type can bitrate 125000; sudo ip link set can0 up/);
});

testCanBus({
  name: "vcan",
  ignore: !inLab,
  fd: true,
  setUp: () => {
    provideVcan("vcan7", true);
    return Promise.resolve({
      driver,
      id: "vcan7",
      [Symbol.asyncDispose]: () => {
        const link = findLink("vcan7");
        if (link !== undefined) deleteLink(link.index);
        return Promise.resolve();
      },
    });
  },
  setUpState: async (id, up) => void await command("ip", "link", "set", id, up ? "up" : "down"),
  remove: (id) => deleteLink(findLink(id)!.index),
  restore: (id) => void provideVcan(id, true),
});

test("what a socket sends without loopback is seen by nobody here, and with it by all others", async () => {
  const options = { fd: true, errorMask: 0, receiveOwn: true, receiveBuffer: 65_536 };
  const index = interfaceIndex("vcan0");
  const listener = new CanSocket(index, options);
  const quiet = new CanSocket(index, { ...options, loopback: false, sendBuffer: 32_768 });
  const heard = new CanSocket(index, options);
  const send = (socket: CanSocket, id: number) => {
    socket.outgoing.view.setUint32(0, id, true);
    assert.equal(socket.send(1, () => false), 1);
  };
  send(quiet, 0x111);
  send(heard, 0x222);
  for (const socket of [listener, quiet]) {
    let batch = socket.receive();
    await until(() => (batch = batch.count > 0 ? batch : socket.receive()).count > 0, "a frame");
    assert.deepEqual([batch.count, batch.view.getUint32(0, true)], [1, 0x222]);
  }
  for (const socket of [listener, quiet, heard]) socket.close();
});
