import assert from "node:assert/strict";
import { once } from "node:events";
import { SerialPortStream } from "@serialport/stream";
import { openSerialPort, ticketBinding } from "../../lib/client/serial.ts";
import { formatTicket } from "../../lib/transport/ticket.ts";
import { readBytes } from "../compliance/serial.ts";
import { bytes, servePort, text } from "../serial/support.ts";

const ticketOf = (id: string) =>
  formatTicket({ address: { id, relays: [], direct: [] }, device: "test" });

Deno.test("a program opens a port by its ticket, reads and writes it, and runs a reset", async () => {
  await using served = await servePort();
  const endpoint = served.network.endpoint();
  await using port = await openSerialPort(ticketOf(served.id), endpoint, {
    format: { baudRate: 1_000_000 },
  });
  assert.equal(port.format.baudRate, 1_000_000);
  await port.write(bytes("ping"));
  assert.equal(text(await readBytes(port, 4)), "ping");
  assert.equal((await port.runScript("dtr=0,5ms,dtr=1")).length, 2);
  assert.equal((await port.lines())?.cts, true);
});

Deno.test("a held port is refused, a wrong ticket is a usage error", async () => {
  await using served = await servePort();
  const ticket = ticketOf(served.id);
  await using _holder = await openSerialPort(ticket, served.network.endpoint());
  await assert.rejects(openSerialPort(ticket, served.network.endpoint()), { code: "busy" });
  await assert.rejects(openSerialPort("nonsense", served.network.endpoint()), { code: "usage" });
});

Deno.test("npm serialport's stream opens a ticket as its path", async () => {
  await using served = await servePort();
  const binding = ticketBinding(served.network.endpoint());
  const stream = new SerialPortStream({ binding, path: ticketOf(served.id), baudRate: 57_600 });
  await once(stream, "open");
  assert.equal(served.driver.port.format.baudRate, 57_600);
  stream.write("over there");
  const [data] = await once(stream, "data");
  assert.equal(String(data), "over there");
  const closed = once(stream, "close");
  stream.close();
  await closed;
});
