import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtocolError, UsageError } from "../../lib/errors.ts";
import { encodeCannelloni } from "../../lib/can/cannelloni_codec.ts";
import { type CanFrame, dataFrame, errorFrame, remoteFrame } from "../../lib/can/frame.ts";
import { BusHub } from "../../lib/can/hub.ts";
import { RemoteCanBus } from "../../lib/can/remote_bus.ts";
import { serveCannelloni } from "../../lib/can/sinks/cannelloni.ts";
import { serveSocketcand } from "../../lib/can/sinks/socketcand.ts";
import { parseTcpAddress } from "../../lib/can/sinks/tcp_listener.ts";
import { sendLines, writeLog } from "../../lib/can/sinks/text.ts";
import {
  classicFrame,
  fdFrame,
  formatSocketcand,
  SocketcandParser,
} from "../../lib/can/socketcand_text.ts";
import { plain, serveBus, until } from "./support.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A served bus with a node on it, and its local faces' hub. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  const served = stack.use(await serveBus());
  const node = stack.use(served.bus.open({ fd: true }));
  const onBus: CanFrame[] = [];
  node.onReceive = (frames) => onBus.push(...frames);
  const remote = new RemoteCanBus(served.remote());
  const hub = new BusHub(remote);
  const stop = new AbortController();
  const running = remote.run(stop.signal);
  stack.defer(async () => {
    stop.abort();
    await running;
  });
  await until(() => remote.attached);
  return Object.assign(stack.move(), { served, node, onBus, hub });
}

/** A local program's connection that collects what it is told. */
async function connect(address: string) {
  const [hostname, port] = address.split(":");
  const connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  const chunks: Uint8Array[] = [];
  const reading = (async () => {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await connection.read(buffer).catch(() => null);
      if (count === null) return;
      chunks.push(buffer.slice(0, count));
    }
  })();
  const all = () => new Uint8Array(chunks.flatMap((chunk) => [...chunk]));
  return {
    all,
    text: () => new TextDecoder().decode(all()),
    ended: reading,
    write: (data: string | Uint8Array) =>
      connection.write(typeof data === "string" ? bytes(data) : data),
    [Symbol.asyncDispose]: async () => {
      try {
        connection.close();
      } catch {
        // The server closed it first.
      }
      await reading;
    },
  };
}

Deno.test("socketcand: greeting, open, raw mode, frames both ways", async () => {
  await using bed = await setUp();
  await using service = serveSocketcand(bed.hub, ":0");
  await using client = await connect(service.address);
  await until(() => client.text() === "< hi >");
  await client.write("< open can0 >");
  await until(() => client.text() === "< hi >< ok >");
  await client.write("< rawmode >");
  await until(() => client.text() === "< hi >< ok >< ok >");
  await client.write("< send 123 3 1 F1 0A >< sendrtr 1AAAAAAA 2 >");
  await client.write("< fdsend 7 01 12 0 1 2 3 4 5 6 7 8 9 A B >");
  await until(() => bed.onBus.length === 3);
  assert.deepEqual(
    bed.onBus.map((
      { id, kind, extended, fd, brs, length },
    ) => [id, kind, extended, fd, brs, length]),
    [
      [0x123, "data", false, false, false, 3],
      [0x1aaaaaaa, "remote", true, false, false, 2],
      [7, "data", false, true, true, 12],
    ],
  );
  bed.node.send([dataFrame(0x321, new Uint8Array([0x11, 0x22])), remoteFrame(5, 4)]);
  await until(() => client.text().includes("< rtr 005"));
  assert.match(client.text(), /< frame 321 \d+\.\d{6} 1122 >< rtr 005 \d+\.\d{6} 4 >$/);
  await client.write("< echo >");
  await until(() => client.text().endsWith("< echo >"));
});

Deno.test("socketcand: BCM mode has cycles at the server, subscriptions, and content filters", async () => {
  await using bed = await setUp();
  await using service = serveSocketcand(bed.hub, ":0");
  {
    await using client = await connect(service.address);
    await client.write("< open can0 >< add 0 2000 123 1 42 >");
    await until(() => bed.onBus.length > 3);
    await client.write("< update 123 1 43 >");
    await until(() => bed.onBus.at(-1)?.data[0] === 0x43);
    await client.write("< subscribe 0 0 200 >< filter 0 0 300 1 F0 >");
    await client.write("< echo >");
    await until(() => client.text().endsWith("< echo >"));
    const told = () => client.text().split("< frame ").slice(1).map((text) => text.split(" ")[0]);
    const send = (id: number, byte: number) =>
      bed.node.send([dataFrame(id, new Uint8Array([byte, 1]))]);
    send(0x200, 1);
    send(0x201, 1);
    for (const byte of [0x10, 0x11, 0x20]) send(0x300, byte);
    await until(() => told().length === 3);
    assert.deepEqual(told(), ["200", "300", "300"], "a change outside of the mask is none");
    assert.match(client.text(), /< frame 200 \d+\.\d{6} 01 01 >/);
    await client.write("< add 0 1 124 1 42 >");
    await until(() => client.text().includes("< error "));
  }
  await until(() => bed.served.server.stats()["cycles"] === 0, "cycles end with their client");
});

Deno.test("socketcand: control mode counts, and what is not understood is an error, not an end", async () => {
  await using bed = await setUp();
  await using service = serveSocketcand(bed.hub, ":0");
  await using client = await connect(service.address);
  await client.write("< rawmode >< open x >< nonsense >< send 800 0 >< send 1 9 >< send 1 1 >");
  await until(() => client.text().split("< error").length === 5);
  await client.write("< controlmode >< statistics 5 >");
  await until(() => /< stat \d+ \d+ \d+ \d+ >/.test(client.text()));
  await client.write("< statistics 0 >");
  await client.write("<".padEnd(10_000, "x"));
  await client.ended;
});

Deno.test("frames of one local program are seen by the others", async () => {
  await using bed = await setUp();
  await using service = serveSocketcand(bed.hub, ":0");
  await using a = await connect(service.address);
  await using b = await connect(service.address);
  for (const client of [a, b]) {
    await client.write("< open c >< rawmode >");
    await until(() => client.text().endsWith("< ok >< ok >"));
  }
  await a.write("< send 1 0 >");
  await until(() => b.text().includes("< frame 001"));
  await until(() => bed.onBus.length === 1);
  assert.doesNotMatch(a.text(), /frame/);
});

Deno.test("any text is cut into messages, or refused as too long", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ unit: fc.constantFrom("<", ">", " ", "a", "0", "é") }), { maxLength: 20 }),
    (chunks) => {
      const whole = new SocketcandParser().push(bytes(chunks.join("")));
      const parser = new SocketcandParser();
      const cut = chunks.flatMap((chunk) => parser.push(bytes(chunk)));
      assert.deepEqual(cut, whole);
    },
  ));
  assert.throws(() => new SocketcandParser().push(bytes("<" + "a".repeat(9_999))), ProtocolError);
});

Deno.test("any words make a frame, or a protocol error", () => {
  const word = fc.string({ unit: fc.constantFrom(..."0123456789abcdefxg"), maxLength: 9 });
  fc.assert(fc.property(fc.array(word, { maxLength: 12 }), fc.boolean(), (words, fd) => {
    try {
      (fd ? fdFrame : classicFrame)(words);
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
    }
  }));
});

Deno.test("frames are told as socketcand tells them", () => {
  const time = 23_424_242;
  const data = new Uint8Array([0x11, 0x22]);
  const cases: [CanFrame, "raw" | "bcm", string][] = [
    [dataFrame(0x123, data, { time }), "raw", "< frame 123 23.424242 1122 >"],
    [dataFrame(0x123, data, { time }), "bcm", "< frame 123 23.424242 11 22 >"],
    [dataFrame(0x12345678, undefined, { time }), "raw", "< frame 12345678 23.424242  >"],
    [dataFrame(1, data, { fd: true, brs: true, time }), "raw", "< fdframe 001 05 23.424242 1122 >"],
    [remoteFrame(1, 4, { time }), "raw", "< rtr 001 23.424242 4 >"],
    [errorFrame(0x40, new Uint8Array(8), time), "raw", "< error 040 23.424242 >"],
  ];
  for (const [frame, style, text] of cases) assert.equal(formatSocketcand(frame, style), text);
});

Deno.test("cannelloni: frames both ways after both hellos; a stranger is cut off", async () => {
  await using bed = await setUp();
  await using service = serveCannelloni(bed.hub, ":0");
  await using client = await connect(service.address);
  const frames = [dataFrame(0x123, new Uint8Array([1])), dataFrame(2, new Uint8Array(12))];
  await client.write(new Uint8Array([...bytes("CANNELLONIv1"), ...encodeCannelloni(frames)]));
  await until(() => bed.onBus.length === 2);
  assert.deepEqual(
    bed.onBus.map((frame) => plain({ ...frame, time: 0 })),
    frames.map(plain),
  );
  bed.node.send([dataFrame(0x55, new Uint8Array([7]))]);
  await until(() => client.all().length === 12 + 6);
  assert.deepEqual(
    [...client.all()],
    [...bytes("CANNELLONIv1"), ...encodeCannelloni([dataFrame(0x55, new Uint8Array([7]))])],
  );
  await using stranger = await connect(service.address);
  await stranger.write("GET / HTTP/1.1\r\n");
  await stranger.ended;
});

Deno.test("the log has a line for each frame; lines are sent, comments are not", async () => {
  await using bed = await setUp();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const stop = new AbortController();
  const sink = writeLog(bed.hub, "can0", writable, stop.signal);
  const reader = readable.getReader();
  bed.node.send([dataFrame(0x123, new Uint8Array([0xab]))]);
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /^\(\d{10}\.\d{6}\) can0 123#AB\n$/);
  const lines = ["(1436509052.249713) can0 123#11\n# no", "te\n\n12222222#R2\n7F", "F##1AA\n001#"];
  await sendLines(bed.hub, ReadableStream.from(lines.map(bytes)), stop.signal);
  await until(() => bed.onBus.length === 4);
  assert.deepEqual(bed.onBus.map(({ id }) => id), [0x123, 0x12222222, 0x7ff, 1]);
  await assert.rejects(
    sendLines(bed.hub, ReadableStream.from([bytes("123#11\nwrong\n")]), stop.signal),
    (error) => error instanceof UsageError && error.message.startsWith("line 2:"),
  );
  stop.abort();
  await reader.cancel();
  await sink.done.catch(() => {});
});

Deno.test("an address to listen on is a port, with a host or 127.0.0.1", () => {
  assert.deepEqual(parseTcpAddress(":29536"), { hostname: "127.0.0.1", port: 29536 });
  assert.deepEqual(parseTcpAddress("7000"), { hostname: "127.0.0.1", port: 7000 });
  assert.deepEqual(parseTcpAddress("0.0.0.0:1"), { hostname: "0.0.0.0", port: 1 });
  assert.deepEqual(parseTcpAddress("[::1]:1"), { hostname: "::1", port: 1 });
  for (const text of ["", "host", ":x", ":99999", "a:b:1"]) {
    assert.throws(() => parseTcpAddress(text), UsageError, text);
  }
});
