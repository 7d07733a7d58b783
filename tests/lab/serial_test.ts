import assert from "node:assert/strict";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import { selectPort } from "../../lib/serial/select.ts";
import { openTty, type TtyPort } from "../../lib/serial/tty_port.ts";
import { readBytes } from "../compliance/serial.ts";
import { openPort, servePort, text, until } from "../serial/support.ts";
import { inLab } from "./support.ts";

/** The adapter's end, by what is known of it, and the device's end of the same cable. */
const ADAPTER = "0525:a4a7";
const DEVICE = "/dev/ttyGS0";
/** USB's way to unplug and plug in. */
const AUTHORIZED = "/sys/bus/usb/devices/1-1/authorized";
const open = { format: { ...DEFAULT_FORMAT }, exclusive: true };
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

/** Both ends, with nothing in between that an earlier test left. */
async function cable() {
  const { driver, info } = await selectPort(ADAPTER);
  const device = openTty(DEVICE, open);
  const adapter = await driver.open(info, open).catch(async (error) => {
    await device.close();
    throw error;
  });
  return {
    info,
    adapter: adapter as TtyPort,
    device,
    [Symbol.asyncDispose]: async () => {
      await device.close();
      await adapter.close();
    },
  };
}

test("the USB adapter is listed with its numbers and an id in udev's manner", async () => {
  const { info } = await selectPort(ADAPTER);
  assert.equal(info.path, "/dev/ttyACM0");
  assert.equal(info.driver, "cdc_acm");
  assert.match(info.id, /^usb-.*-if\d\d$/);
  assert.equal(info.location, "1-1");
  assert.equal((await selectPort(info.id)).info.path, info.path);
});

test("bytes pass between adapter and device, every value, both ways", async () => {
  await using ends = await cable();
  const every = Uint8Array.from({ length: 4_096 }, (_, i) => i & 0xff);
  await ends.adapter.write(every);
  assert.deepEqual(await readBytes(ends.device, every.length), every);
  await ends.device.write(every);
  assert.deepEqual(await readBytes(ends.adapter, every.length), every);
});

test("any rate and frame is taken; lines are set and read back; errors are counted", async () => {
  await using ends = await cable();
  const wish = { baudRate: 1_234_567, dataBits: 7, parity: "even", stopBits: 2 } as const;
  const taken = await ends.adapter.configure(wish);
  assert.deepEqual({ ...taken, ...wish }, taken);
  ends.adapter.setLines({ dtr: true, rts: false });
  assert.deepEqual([ends.adapter.lines()?.dtr, ends.adapter.lines()?.rts], [true, false]);
  ends.adapter.setLines({ dtr: false, rts: true });
  assert.deepEqual([ends.adapter.lines()?.dtr, ends.adapter.lines()?.rts], [false, true]);
  assert.equal(typeof ends.adapter.counters()?.framing, "number");
});

test("a second opening is refused as busy", async () => {
  await using ends = await cable();
  assert.throws(() => openTty(ends.info.path, open), { name: "BusyError" });
});

test("unplugged in a transfer: all read before arrives; back within 3 s by id", async () => {
  const { driver, info } = await selectPort(ADAPTER);
  await using served = await servePort({ port: { driver, info } });
  await using client = await openPort(served.remote());
  const device = openTty(DEVICE, open);
  const sending = (async () => {
    for (let i = 0;; i++) {
      const line = new TextEncoder().encode(`${String(i).padStart(9, "0")}\n`);
      await device.write(line);
    }
  })().catch(() => {});
  let received = "";
  const reading = (async () => {
    for (;;) received += text(await client.port.read());
  })().catch(() => {});
  await until(() => received.length > 20_000, "the transfer");
  const counted = () => (served.server.stats() as { received: number }).received;
  await Deno.writeTextFile(AUTHORIZED, "0");
  await until(() => client.events.includes("lost"), "the news of the loss");
  const before = counted();
  await until(() => received.length === before, "everything that was read before");
  for (const [i, line] of received.split("\n").slice(0, -1).entries()) {
    assert.equal(Number(line), i, "nothing lost, nothing twice");
  }
  const plugged = performance.now();
  await Deno.writeTextFile(AUTHORIZED, "1");
  await until(() => client.events.includes("back"), "the return");
  const took = performance.now() - plugged;
  assert.ok(took < 3_000, `back after ${took} ms`);
  // The device's end was hung up on when the cable was pulled.
  await sending;
  await device.close();
  const again = openTty(DEVICE, open);
  await again.write(new TextEncoder().encode("fresh"));
  await until(() => received.endsWith("fresh"), "bytes again");
  await again.close();
  await client.port.close();
  await reading;
});
