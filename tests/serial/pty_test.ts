import assert from "node:assert/strict";
import { LostError, UsageError } from "../../lib/errors.ts";
import { DEFAULT_FORMAT } from "../../lib/serial/format.ts";
import { PtySink } from "../../lib/serial/sinks/pty.ts";
import { SharedPort } from "../../lib/serial/sinks/sink.ts";
import { openTty, type TtyPort } from "../../lib/serial/tty_port.ts";
import { readBytes } from "../compliance/serial.ts";
import { hasPty } from "../support/pty_echo.ts";
import { bytes, openPort, servePort, text, until } from "./support.ts";

// Pseudo-terminals are made on Linux only.
const ignore = !hasPty();

/** The echo port, served, opened as a PTY. */
async function openPty(link?: string) {
  const served = await servePort();
  const client = await openPort(served.remote());
  const shared = new SharedPort(client.port);
  const stop = new AbortController();
  const notices: string[] = [];
  const sink = await PtySink.open(shared, link, {
    signal: stop.signal,
    onEvent: (event) => event.type === "notice" && notices.push(event.message),
  });
  const running = sink.run();
  const reading = shared.run().catch(() => {});
  return {
    served,
    sink,
    notices,
    use: (): TtyPort => openTty(sink.path, { format: { ...DEFAULT_FORMAT }, exclusive: false }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await sink[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
      await reading;
      await served[Symbol.asyncDispose]();
    },
  };
}

Deno.test({
  name: "bytes pass through the PTY both ways, a megabyte whole",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    await using program = pty.use();
    const data = new Uint8Array(1 << 20).map((_, i) => (i * 7 + (i >> 9)) & 0xff);
    const writing = program.write(data);
    const back = await readBytes(program, data.length);
    await writing;
    assert.ok(back.every((byte, i) => byte === data[i]));
  },
});

Deno.test({
  name: "what a program sets on the PTY is set at the port, before what it writes next",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    await using program = pty.use();
    const { port } = pty.served.driver;
    await program.configure({ baudRate: 57_600, stopBits: 2, rtscts: true });
    await program.write(bytes("x"));
    await readBytes(program, 1);
    assert.deepEqual([port.format.baudRate, port.format.stopBits, port.format.rtscts], [
      57_600,
      2,
      true,
    ]);
    await program.configure({ baudRate: 1_234_567, xonxoff: true });
    await until(() => port.format.baudRate === 1_234_567 && port.format.xonxoff);
    assert.deepEqual(pty.notices, []);
  },
});

Deno.test({
  name: "who opens the PTY gets nothing of what was said while it was closed, or left unread",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    const far = pty.served.driver.port;
    await far.write(bytes("before anyone"));
    await until(() => pty.sink.stats.unopened === "before anyone".length);
    const first = pty.use();
    await until(() => pty.sink.stats.open);
    await far.write(bytes("unread"));
    await first.drain();
    await first.write(bytes("?"));
    await until(() => (pty.served.server.stats() as { sent: number }).sent === 1);
    await first.close();
    await until(() => !pty.sink.stats.open);
    await far.write(bytes("between"));
    await until(() => pty.sink.stats.unopened >= "before anyonebetween".length);
    await using second = pty.use();
    await second.write(bytes("now"));
    assert.equal(text(await readBytes(second, 3)), "now");
  },
});

Deno.test({
  name: "a program that opens the PTY right after another gets no answers to what that one wrote",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    const counters = () => pty.served.server.stats() as { sent: number };
    const far = pty.served.driver.port;
    const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
    // A line so slow that the first program has gone before it is answered.
    const echo = far.write.bind(far);
    far.write = (data) => {
      const late = data.slice();
      void answered.then(() => echo(late));
    };
    far.drain = () => answered;
    const first = pty.use();
    await until(() => pty.sink.stats.open);
    await first.write(bytes("left"));
    await until(() => counters().sent === 4);
    // The echo is on its way.
    await first.close();
    await using second = pty.use();
    await second.write(bytes("now"));
    answer();
    assert.equal(text(await readBytes(second, 3)), "now");
  },
});

Deno.test({
  name: "what is written by a program that ends at once is sent at once, and answered to nobody",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    const counters = () => pty.served.server.stats() as { sent: number };
    for (const sent of [5, 10, 15]) {
      // Opened, written and closed before the sink gets to look.
      Deno.writeFileSync(pty.sink.path, bytes("hello"), { create: false });
      await until(() => counters().sent === sent, `${sent} bytes sent`);
      await until(() => !pty.sink.stats.open);
    }
    await using next = pty.use();
    await next.write(bytes("now"));
    assert.equal(text(await readBytes(next, 3)), "now");
  },
});

Deno.test({
  name: "a program that flushes its input gets nothing of what was on the way",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    await using program = pty.use();
    await until(() => pty.sink.stats.open);
    await program.write(new Uint8Array(3_000));
    await until(() => (pty.served.server.stats() as { received: number }).received === 3_000);
    program.flush("input");
    await program.write(bytes("fresh"));
    assert.equal(text(await readBytes(program, 5)), "fresh");
  },
});

Deno.test({
  name: "a program that doesn't read holds nobody up for long, and is heard when it reads again",
  ignore,
  fn: async () => {
    await using pty = await openPty();
    await using program = pty.use();
    const { port } = pty.served.driver;
    await until(() => pty.sink.stats.open);
    for (let i = 0; i < 60; i++) void port.write(new Uint8Array(4_000));
    await until(() => pty.sink.stats.unread > 100_000, "the drops");
    let rest = 0;
    while (program.readNow() !== undefined) rest++;
    assert.ok(rest > 0);
    void port.write(bytes("fresh"));
    assert.equal(text(await readBytes(program, 5)), "fresh");
  },
});

Deno.test({
  name: "the link leads to the PTY, is turned when stale, removed at the end, and never overwrites",
  ignore,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const link = `${folder}/servo`;
    await Deno.symlink("/dev/pts/99999", link);
    {
      await using pty = await openPty(link);
      assert.equal(await Deno.readLink(link), pty.sink.path);
    }
    await assert.rejects(Deno.lstat(link), Deno.errors.NotFound);
    await Deno.writeTextFile(link, "mine");
    const shared = {} as SharedPort;
    const context = { signal: new AbortController().signal, onEvent: () => {} };
    await assert.rejects(PtySink.open(shared, link, context), UsageError);
    assert.equal(await Deno.readTextFile(link), "mine");
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name: "a program is hung up on when the PTY ends",
  ignore,
  fn: async () => {
    const pty = await openPty();
    const program = pty.use();
    const reading = assert.rejects(program.read(), LostError);
    await until(() => pty.sink.stats.open);
    await pty[Symbol.asyncDispose]();
    await reading;
    await program.close();
  },
});
