/** XoQ's protocol from both sides: our server with clients like XoQ's, our client with a server like XoQ's. */
import assert from "node:assert/strict";
import { type CanFrame, dataFrame } from "../../lib/can/frame.ts";
import { encodeRecords, RecordParser } from "../../lib/can/record.ts";
import { RemoteCanBus } from "../../lib/can/remote_bus.ts";
import { attach } from "../../lib/session/attach.ts";
import type { Connection, Endpoint } from "../../lib/transport/connection.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { serveBus, until } from "./support.ts";

const ALPN = "xoq/p2p/0";

/** A client like XoQ's: one stream, opened when it first has something to say. */
async function xoqClient(endpoint: Endpoint, id: string) {
  const connection = await endpoint.connect({ id, relays: [], direct: [] }, ALPN);
  const received: CanFrame[] = [];
  let writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  const send = async (bytes: Uint8Array) => {
    if (writer === undefined) {
      const stream = await connection.createBidirectionalStream();
      writer = stream.writable.getWriter();
      void read(stream.readable);
    }
    await writer.write(bytes);
  };
  const read = async (readable: ReadableStream<Uint8Array>) => {
    const parser = new RecordParser();
    try {
      for await (const chunk of readable) received.push(...parser.push(chunk));
    } catch {
      // The server closed the connection.
    }
  };
  return { connection, received, send };
}

Deno.test("an XoQ client sends and receives; a new one replaces it and gets nothing old", async () => {
  await using served = await serveBus();
  await using node = served.bus.open({ fd: true });
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  const first = await xoqClient(served.network.endpoint(), served.id);
  await first.send(encodeRecords([dataFrame(1), dataFrame(2, new Uint8Array(64))]));
  await until(() => onBus.length === 2);
  node.send([dataFrame(0x10)]);
  await until(() => first.received.length === 1);

  const second = await xoqClient(served.network.endpoint(), served.id);
  const { closeCode } = await first.connection.closed;
  assert.equal(closeCode, 6, "replaced");
  node.send([dataFrame(0x11)]);
  await new Promise((resolve) => setTimeout(resolve, 10));
  await second.send(encodeRecords([dataFrame(3)]));
  await until(() => onBus.length === 3);
  node.send([dataFrame(0x12)]);
  await until(() => second.received.length >= 1);
  assert.deepEqual(second.received.map(({ id }) => id), [0x12], "nothing of before its stream");
  second.connection.close();
});

Deno.test("records cut anywhere on the stream reach the bus whole", async () => {
  await using served = await serveBus();
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  const client = await xoqClient(served.network.endpoint(), served.id);
  const bytes = encodeRecords([dataFrame(1), dataFrame(2), dataFrame(3)]);
  for (let at = 0; at < bytes.length; at += 31) await client.send(bytes.slice(at, at + 31));
  await until(() => onBus.length === 3);
  assert.deepEqual(onBus, [1, 2, 3]);
  client.connection.close();
});

Deno.test("an XoQ client never replaces a holder on xoq/1, who replaces it only when asked", async () => {
  await using served = await serveBus();
  const bus = new RemoteCanBus(served.remote());
  const stop = new AbortController();
  const running = bus.run(stop.signal);
  await until(() => bus.attached);
  const client = await xoqClient(served.network.endpoint(), served.id);
  const { closeCode, reason } = await client.connection.closed;
  assert.equal(closeCode, 4, "busy");
  assert.match(reason, /in use by/);
  stop.abort();
  await running;
});

Deno.test("an XoQ client that is silent for the deadline brings the safe state; its data counts as life", async () => {
  await using served = await serveBus({ deadlineMs: 60, onLost: [dataFrame(0x50)] });
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  const client = await xoqClient(served.network.endpoint(), served.id);
  for (let i = 0; i < 8; i++) {
    await client.send(encodeRecords([dataFrame(1)]));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(!onBus.includes(0x50), "data every 20 ms is a sign of life");
  await until(() => onBus.includes(0x50));
  assert.equal(onBus.filter((id) => id === 0x50).length, 1);
  client.connection.close();
});

Deno.test("what breaks the protocol ends the client's connection, not the server", async () => {
  await using served = await serveBus();
  const client = await xoqClient(served.network.endpoint(), served.id);
  await client.send(new Uint8Array(72).fill(0xff));
  const { closeCode } = await client.connection.closed;
  assert.equal(closeCode, 3, "protocol");
  await using node = served.bus.open();
  const onBus: number[] = [];
  node.onReceive = (frames) => onBus.push(...frames.map(({ id }) => id));
  const next = await xoqClient(served.network.endpoint(), served.id);
  await next.send(encodeRecords([dataFrame(7)]));
  await until(() => onBus.length === 1);
  next.connection.close();
});

Deno.test("our client works with a server that speaks XoQ's protocol alone", async () => {
  const network = new MemoryNetwork();
  const endpoint = network.endpoint([ALPN]);
  // Answers each frame with the next identifier.
  const serve = async (connection: Connection) => {
    const reader = connection.incomingBidirectionalStreams.getReader();
    const { value: stream } = await reader.read();
    if (stream === undefined) return;
    const writer = stream.writable.getWriter();
    const parser = new RecordParser();
    for await (const chunk of stream.readable) {
      const answers = parser.push(chunk).map((frame) => ({ ...frame, id: frame.id + 1 }));
      await writer.write(encodeRecords(answers));
    }
  };
  const accept = async () => {
    for await (const connection of endpoint.incoming) serve(connection).catch(() => {});
  };
  void accept();
  const client = network.endpoint();
  const bus = new RemoteCanBus({
    label: "xoq",
    policy: { timeoutMs: 2_000, reconnect: false },
    attach: ({ signal }) =>
      attach(client, { address: endpoint.address(), agent: "test" }, { signal, timeoutMs: 2_000 }),
  });
  const received: CanFrame[] = [];
  bus.onReceive = (frames) => received.push(...frames);
  const stop = new AbortController();
  const running = bus.run(stop.signal);
  await until(() => bus.attached);
  bus.send([dataFrame(1, new Uint8Array([5])), dataFrame(0x20, new Uint8Array(12))]);
  await until(() => received.length === 2);
  assert.deepEqual(received.map(({ id, length, fd }) => [id, length, fd]), [
    [2, 1, false],
    [0x21, 12, true],
  ]);
  await assert.rejects(bus.call("bus"), { code: "unsupported" });
  stop.abort();
  await running;
  await endpoint.close();
});
