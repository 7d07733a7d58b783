import assert from "node:assert/strict";
import { BusyError, UnsupportedError } from "../../lib/errors.ts";
import { XOQ_SERIAL_PROTOCOL } from "../../lib/serial/direct.ts";
import { parseSafeAction } from "../../lib/serial/safe_action.ts";
import { CLOSE } from "../../lib/transport/close_codes.ts";
import { readBytes, testSerialPort } from "../compliance/serial.ts";
import { bytes, openPort, servePort, text, until } from "./support.ts";

testSerialPort({
  name: "remote port",
  hasLines: true,
  setUp: async () => {
    const served = await servePort();
    const client = await openPort(served.remote());
    return {
      port: client.port,
      [Symbol.asyncDispose]: async () => {
        await client[Symbol.asyncDispose]();
        await served[Symbol.asyncDispose]();
      },
    };
  },
});

Deno.test("a second controller is refused with who holds the port, and may take it over", async () => {
  await using served = await servePort();
  const first = served.remote({ reconnect: true });
  await using holder = await openPort(first);
  await assert.rejects(
    openPort(served.remote()),
    { code: "busy", message: new RegExp(first.id.slice(0, 10)) },
  );
  await using taker = await openPort(served.remote(), { take: true });
  const why = await holder.ended;
  assert.ok(why instanceof BusyError, `the holder ends as taken over, not with ${why}`);
  await taker.port.write(bytes("mine"));
  assert.equal(text(await readBytes(taker.port, 4)), "mine");
});

Deno.test("observers get the scrollback, then what the port says, and can't write", async () => {
  await using served = await servePort();
  await using holder = await openPort(served.remote());
  await holder.port.write(bytes("before "));
  await readBytes(holder.port, 7);
  await using watcher = await openPort(served.remote(), { role: "viewer" });
  assert.equal(text(await readBytes(watcher.port, 7)), "before ");
  await holder.port.write(bytes("after"));
  assert.equal(text(await readBytes(watcher.port, 5)), "after");
  await assert.rejects(watcher.port.write(bytes("x")), { name: "DeniedError" });
  await assert.rejects(watcher.port.setLines({ dtr: false }), { code: "busy" });
});

Deno.test("an observer that doesn't read loses bytes and holds nobody up", async () => {
  await using served = await servePort({ network: { window: 65_536 } });
  await using holder = await openPort(served.remote());
  await using _watcher = await openPort(served.remote(), { role: "viewer" });
  const chunk = new Uint8Array(50_000);
  for (let i = 0; i < 20; i++) {
    await holder.port.write(chunk);
    await readBytes(holder.port, chunk.length);
  }
  const { dropped } = served.server.stats() as { dropped: Record<string, number> };
  assert.ok(dropped["observersBehind"]! > 0, "the drops are counted");
  assert.equal(dropped["toGone"], 0);
});

Deno.test("what the port says while nobody holds it is not given to the next holder", async () => {
  await using served = await servePort();
  void served.driver.port.write(bytes("old"));
  await until(() => (served.server.stats() as { received: number }).received === 3);
  await using holder = await openPort(served.remote());
  await holder.port.write(bytes("new"));
  assert.equal(text(await readBytes(holder.port, 3)), "new");
  const { dropped } = served.server.stats() as { dropped: Record<string, number> };
  assert.equal(dropped["unheld"], 3);
});

Deno.test("changes of lines and format don't overtake bytes written before", async () => {
  await using served = await servePort();
  await using client = await openPort(served.remote());
  const far = served.driver.port;
  const seen: string[] = [];
  const { write, setLines, configure } = far;
  far.write = (data) => {
    seen.push(`write ${data.length}`);
    return write.call(far, data);
  };
  far.setLines = (levels) => {
    seen.push(JSON.stringify(levels));
    setLines.call(far, levels);
  };
  far.configure = (changes) => {
    seen.push(`${changes.baudRate}`);
    return configure.call(far, changes);
  };
  const big = new Uint8Array(40_000);
  await Promise.all([
    client.port.write(big),
    client.port.setLines({ rts: false }),
    client.port.write(big),
    client.port.configure({ baudRate: 9_600 }),
    readBytes(client.port, 80_000),
  ]);
  const before = (what: string) =>
    seen.slice(0, seen.indexOf(what)).filter((entry) => entry.startsWith("write"))
      .reduce((sum, entry) => sum + Number(entry.slice("write ".length)), 0);
  assert.ok(before('{"rts":false}') >= 40_000, seen.join(", "));
  assert.ok(before("9600") >= 80_000, seen.join(", "));
});

Deno.test("flushing the input drops what is on the way, and nothing later", async () => {
  await using served = await servePort();
  await using client = await openPort(served.remote());
  await client.port.write(new Uint8Array(5_000));
  await client.port.drain();
  await until(() => (served.server.stats() as { received: number }).received === 5_000);
  await client.port.flush("input");
  await client.port.write(bytes("fresh"));
  assert.equal(text(await readBytes(client.port, 5)), "fresh");
});

Deno.test("an unplugged port is waited for, and has its format and lines back", async () => {
  await using served = await servePort();
  await using client = await openPort(served.remote());
  await client.port.configure({ baudRate: 57_600, parity: "even" });
  await client.port.setLines({ dtr: false });
  const reading = readBytes(client.port, 4);
  await served.driver.port.write(bytes("ab"));
  served.driver.unplug();
  await until(() => client.events.includes("lost"), "the news of the loss");
  await client.port.write(bytes("into the void"));
  await assert.rejects(client.port.lines(), { code: "lost" });
  served.driver.plug();
  await until(() => client.events.includes("back"), "the news of the return");
  assert.equal(served.driver.port.format.baudRate, 57_600);
  assert.equal(served.driver.port.format.parity, "even");
  assert.equal(served.driver.port.lines().dtr, false);
  await served.driver.port.write(bytes("cd"));
  assert.equal(text(await reading), "abcd");
  const { dropped } = served.server.stats() as { dropped: Record<string, number> };
  assert.equal(dropped["portLost"], "into the void".length);
});

Deno.test("a new holder finds the server's format, not its predecessor's", async () => {
  await using served = await servePort();
  {
    await using first = await openPort(served.remote(), { format: { baudRate: 300 } });
    assert.equal(first.port.format.baudRate, 300);
    assert.equal(served.driver.port.format.baudRate, 300);
  }
  await until(() => served.server.lease.holder === undefined);
  await using second = await openPort(served.remote());
  assert.equal(second.port.format.baudRate, 115_200);
});

Deno.test("a controller whose heartbeats stop is cut off, and the port made safe in time", async () => {
  const onLost = [parseSafeAction("hex:ff 00"), parseSafeAction("rts=0")];
  await using served = await servePort({ onLost, deadlineMs: 100 });
  const remote = served.remote();
  await using client = await openPort(remote);
  await client.port.write(bytes("go"));
  await readBytes(client.port, 2);
  // Idle for several deadlines: heartbeats keep it.
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.deepEqual((served.server.stats() as { safeStates: number }).safeStates, 0);
  const cut = performance.now();
  served.network.find(remote.id)!.vanish();
  await until(() => !served.driver.port.lines().rts, "the safe state");
  const took = performance.now() - cut;
  assert.ok(took >= 70 && took < 300, `safe after ${took} ms`);
  assert.equal(served.server.lease.holder, undefined);
});

Deno.test("without a deadline the end of the controller makes the port safe; a takeover doesn't", async () => {
  await using served = await servePort({ onLost: [parseSafeAction("dtr=0")] });
  {
    await using _first = await openPort(served.remote());
    await using _second = await openPort(served.remote(), { take: true });
    assert.equal(served.driver.port.lines().dtr, true);
  }
  await until(() => !served.driver.port.lines().dtr, "the safe state");
});

Deno.test("one who comes back within the deadline changes nothing", async () => {
  await using served = await servePort({ onLost: [parseSafeAction("dtr=0")], deadlineMs: 300 });
  const remote = served.remote();
  await (await openPort(remote))[Symbol.asyncDispose]();
  await using _again = await openPort(remote);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.equal(served.driver.port.lines().dtr, true);
});

Deno.test("a line script runs at the port, each step within 1 ms of its time", async () => {
  await using served = await servePort();
  await using client = await openPort(served.remote());
  // A busy machine may be late once; one that keeps time does so in one of a few runs.
  let late: number[] = [];
  for (let run = 0; run < 5; run++) {
    served.driver.port.history.length = 0;
    const steps = await client.port.runScript("esp32");
    assert.equal(steps.length, 5);
    for (const { dueMs, fromMs } of steps) assert.ok(fromMs >= dueMs, `${fromMs} before ${dueMs}`);
    late = steps.map(({ dueMs, toMs }) => toMs - dueMs).filter((ms) => ms >= 1);
    if (late.length === 0) break;
  }
  assert.deepEqual(late, [], "milliseconds late");
  const [, , reset, boot] = served.driver.port.history;
  assert.deepEqual(reset!.levels, { dtr: false, rts: true });
  assert.deepEqual(boot!.levels, { dtr: true, rts: false });
  const held = boot!.at - reset!.at;
  assert.ok(held >= 99 && held < 101, `EN was low for ${held} ms`);
});

Deno.test("XoQ's clients get raw bytes, replace each other, and never a holder on xoq/1", async () => {
  await using served = await servePort();
  const dial = async () => {
    const client = served.network.endpoint();
    const connection = await client.connect(
      { id: served.id, relays: [], direct: [] },
      XOQ_SERIAL_PROTOCOL,
    );
    const { readable, writable } = await connection.createBidirectionalStream();
    return { connection, reader: readable.getReader(), writer: writable.getWriter() };
  };
  const first = await dial();
  await first.writer.write(bytes("raw"));
  assert.equal(text((await first.reader.read()).value!), "raw");
  const second = await dial();
  assert.equal((await first.connection.closed).closeCode, CLOSE.replaced);
  await second.writer.write(bytes("next"));
  assert.equal(text((await second.reader.read()).value!), "next");
  second.connection.close();
  await until(() => served.server.lease.holder === undefined);
  await using _holder = await openPort(served.remote());
  const third = await dial();
  assert.equal((await third.connection.closed).closeCode, CLOSE.busy);
});

Deno.test("a server that only speaks XoQ's protocol is opened too, bytes only", async () => {
  await using served = await servePort();
  const client = served.network.endpoint();
  const address = { id: served.id, relays: [], direct: [] };
  const ended = new AbortController();
  await using opened = await openPort({
    label: "xoq",
    policy: { timeoutMs: 1_000, reconnect: false },
    attach: () =>
      Promise.resolve({
        device: undefined,
        control: undefined,
        signal: ended.signal,
        connect: (protocol) => client.connect(address, protocol),
        close: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  });
  await opened.port.write(bytes("hello"));
  assert.equal(text(await readBytes(opened.port, 5)), "hello");
  await opened.port.drain();
  await assert.rejects(opened.port.setLines({ dtr: true }), UnsupportedError);
});

Deno.test("a port that is unplugged when its controller goes is made safe when it is back", async () => {
  await using served = await servePort({ onLost: [parseSafeAction("dtr=0")] });
  const client = await openPort(served.remote());
  served.driver.unplug();
  await until(() => client.events.includes("lost"), "the news of the loss");
  await client[Symbol.asyncDispose]();
  await until(() => served.server.lease.holder === undefined);
  served.driver.plug();
  await until(() => !served.driver.port.lines().dtr, "the safe state");
});

Deno.test("XoQ's clients are judged by their data: silence makes safe, and doesn't end them", async () => {
  await using served = await servePort({ onLost: [parseSafeAction("dtr=0")], deadlineMs: 100 });
  const client = served.network.endpoint();
  const address = { id: served.id, relays: [], direct: [] };
  const connection = await client.connect(address, XOQ_SERIAL_PROTOCOL);
  const { readable, writable } = await connection.createBidirectionalStream();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  const port = served.driver.port;
  for (const round of [1, 2]) {
    port.setLines({ dtr: true });
    await writer.write(bytes("go"));
    assert.equal(text((await reader.read()).value!), "go");
    await until(() => !port.lines().dtr, `the safe state of round ${round}`);
  }
  assert.equal((served.server.stats() as { safeStates: number }).safeStates, 2);
  connection.close();
});

Deno.test("a grant to watch opens no pipe to control, and no direct connection", async () => {
  await using served = await servePort();
  const peer = {
    id: "ab".repeat(32),
    rights: "view",
    signal: new AbortController().signal,
  } as const;
  const stream = { readable: new ReadableStream(), writable: new WritableStream() };
  await assert.rejects(
    served.server.pipe(
      stream as unknown as Parameters<typeof served.server.pipe>[0],
      { role: "controller", take: true, params: {} },
      peer,
      () => Promise.resolve(),
    ),
    { code: "denied" },
  );
  await assert.rejects(served.server.call("drain", {}, peer), { code: "busy" });
  const client = served.network.endpoint();
  const connection = await client.connect(
    { id: served.id, relays: [], direct: [] },
    XOQ_SERIAL_PROTOCOL,
  );
  const closing: number[] = [];
  connection.close = (info) => closing.push(info?.closeCode ?? 0);
  await served.server.accept(connection, peer);
  assert.deepEqual(closing, [CLOSE.denied]);
});

Deno.test("what was written directly before closing reaches the port", async () => {
  await using served = await servePort();
  const client = await openPort(served.remote());
  const data = new Uint8Array(300_000);
  const reading = readBytes(client.port, 1).catch(() => {});
  void client.port.write(data).catch(() => {});
  await client.port.close();
  await reading;
  await until(
    () => (served.server.stats() as { sent: number }).sent === data.length,
    "the last byte",
  );
  await client[Symbol.asyncDispose]();
});

Deno.test("attaching to watch takes nothing from one of XoQ's clients", async () => {
  await using served = await servePort();
  const client = served.network.endpoint();
  const address = { id: served.id, relays: [], direct: [] };
  const connection = await client.connect(address, XOQ_SERIAL_PROTOCOL);
  const { readable, writable } = await connection.createBidirectionalStream();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  await writer.write(bytes("mine"));
  await reader.read();
  await using watcher = await openPort(served.remote(), { role: "viewer" });
  assert.equal(text(await readBytes(watcher.port, 4)), "mine");
  await writer.write(bytes("still"));
  assert.equal(text((await reader.read()).value!), "still");
  connection.close();
});
