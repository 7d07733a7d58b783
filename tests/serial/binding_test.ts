import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type { BindingInterface, BindingPortInterface } from "@serialport/bindings-interface";
import { ReadlineParser } from "@serialport/parser-readline";
import { SerialPortStream } from "@serialport/stream";
import { SerialBinding } from "../../lib/serial/binding.ts";
import { TEST_PORT, TestSerialPort } from "../../lib/serial/test_port.ts";
import { openTty } from "../../lib/serial/tty_port.ts";
import { hasPty, PtyDevice } from "../support/pty_echo.ts";
import { openPort, servePort } from "./support.ts";

const echo = () =>
  new SerialBinding({
    list: () => Promise.resolve([TEST_PORT]),
    open: (_path, { format }) => Promise.resolve(new TestSerialPort({ format })),
    // The compiler checks it: ours is a binding to npm serialport.
  }) satisfies BindingInterface<BindingPortInterface>;
const OPEN = { path: "test", baudRate: 9_600 };

Deno.test("the binding's reads give at least a byte, and keep what was not asked for", async () => {
  const port = await echo().open(OPEN);
  await port.write(Buffer.from("abcdef"));
  const buffer = Buffer.alloc(10);
  assert.equal((await port.read(buffer, 2, 4)).bytesRead, 4);
  assert.equal(buffer.toString("latin1", 2, 6), "abcd");
  assert.equal((await port.read(buffer, 0, 10)).bytesRead, 2);
  await port.close();
});

Deno.test("closing the binding's port ends its read as canceled", async () => {
  const port = await echo().open(OPEN);
  const pending = assert.rejects(port.read(Buffer.alloc(1), 0, 1), { canceled: true });
  await port.close();
  await pending;
  assert.equal(port.isOpen, false);
  await assert.rejects(port.write(Buffer.from("x")), /not open/);
});

Deno.test("the binding sets all lines with each call, and tells the other side's", async () => {
  const port = await echo().open(OPEN);
  await port.set({ rts: false });
  assert.deepEqual(await port.get(), { cts: false, dsr: true, dcd: true });
  await port.update({ baudRate: 1_000_000 });
  assert.deepEqual(await port.getBaudRate(), { baudRate: 1_000_000 });
  await port.close();
});

Deno.test("the binding refuses options that make no sense", async () => {
  await assert.rejects(echo().open({ path: "", baudRate: 1 }), TypeError);
  await assert.rejects(echo().open({ ...OPEN, stopBits: 1.5 }), TypeError);
  await assert.rejects(echo().open({ ...OPEN, parity: "weird" }), { name: "UsageError" });
});

async function speaksLines(binding: SerialBinding): Promise<void> {
  const stream = new SerialPortStream({ binding, path: "port", baudRate: 115_200 });
  await once(stream, "open");
  const lines = stream.pipe(new ReadlineParser({ delimiter: "\n" }));
  stream.write("first\nsec");
  const [first] = await once(lines, "data");
  assert.equal(first, "first");
  stream.write("ond\n");
  const [second] = await once(lines, "data");
  assert.equal(second, "second");
  await new Promise<void>((resolve, reject) =>
    stream.drain((error) => error ? reject(error) : resolve())
  );
  const closed = once(stream, "close");
  stream.close();
  await closed;
}

Deno.test("@serialport/stream and the Readline parser work on a terminal", {
  // A pseudo-terminal stands in for a serial line.
  ignore: !hasPty(),
}, async () => {
  await using device = new PtyDevice();
  await speaksLines(
    new SerialBinding({
      list: () => Promise.resolve([]),
      open: (_path, { format, exclusive }) =>
        Promise.resolve(openTty(device.path, { format, exclusive })),
    }),
  );
});

Deno.test("@serialport/stream and the Readline parser work across the network", async () => {
  await using served = await servePort();
  const client = await openPort(served.remote());
  await speaksLines(
    new SerialBinding({
      list: () => Promise.resolve([]),
      open: () => Promise.resolve(client.port),
    }),
  );
  await client[Symbol.asyncDispose]();
});
