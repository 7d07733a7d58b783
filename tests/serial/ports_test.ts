import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import { TestSerialPort } from "../../lib/serial/test_port.ts";
import { openTty } from "../../lib/serial/tty_port.ts";
import { testSerialPort } from "../compliance/serial.ts";
import { hasPty, PtyDevice } from "../support/pty_echo.ts";

testSerialPort({
  name: "echo port",
  hasLines: true,
  setUp: () => {
    const port = new TestSerialPort();
    return Promise.resolve({ port, [Symbol.asyncDispose]: () => port.close() });
  },
  unplug: ({ port }) => port.unplug(),
});

testSerialPort({
  name: "terminal",
  // A pseudo-terminal stands in for a serial line.
  ignore: !hasPty(),
  hasLines: false,
  setUp: () => {
    const device = new PtyDevice();
    const port = openTty(device.path, { format: { ...DEFAULT_FORMAT }, exclusive: true });
    return Promise.resolve({
      port,
      device,
      [Symbol.asyncDispose]: async () => {
        await port.close();
        await device[Symbol.asyncDispose]();
      },
    });
  },
  unplug: ({ device }) => device.unplug(),
});
