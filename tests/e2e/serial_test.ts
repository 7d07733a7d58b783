/** `xoq serial` and `xoq open` as people run them. */
import assert from "node:assert/strict";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { runXoq, type Xoq, xoq, type XoqOptions } from "../support/xoq.ts";

const needs = requires(whyNoNativeQuic());
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ...needs, fn });
const encode = (text: string) => new TextEncoder().encode(text);

interface Served extends AsyncDisposable {
  xoq: Xoq;
  ticket: string;
}

async function serial(args: readonly string[] = [], options: XoqOptions = {}): Promise<Served> {
  const command = xoq(["serial", "test", ...args, "--json"], options);
  const { ticket } = await command.until("ready");
  return {
    xoq: command,
    ticket: String(ticket),
    [Symbol.asyncDispose]: () => command[Symbol.asyncDispose](),
  };
}

/** Reads a stream until it has so many bytes. */
async function bytesOf(stream: ReadableStream<Uint8Array>, count: number): Promise<string> {
  let text = "";
  const reader = stream.getReader();
  while (text.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  return text;
}

test("standard input goes to the port, and what it says to standard output", async () => {
  await using server = await serial(["921600"]);
  const args = ["open", server.ticket, "--stdin", "--stdout", "--kind", "serial", "--json"];
  await using client = xoq(args, { data: true, stdin: true });
  const writer = client.stdin.getWriter();
  await writer.write(encode("through the pipe\n"));
  assert.equal(await bytesOf(client.stdout, 17), "through the pipe\n");
  await writer.close();
  assert.equal(await client.interrupt(), 130);
});

test("--tcp is a TCP port of plain bytes", async () => {
  await using server = await serial();
  await using client = xoq(["open", server.ticket, "--tcp=:0", "--json"]);
  const { address } = await client.until("listening");
  const [hostname = "", port] = String(address).split(":");
  const socket = await Deno.connect({ hostname, port: Number(port) });
  await socket.write(Uint8Array.of(1, 255, 0, 254));
  const back = new Uint8Array(10);
  let filled = 0;
  while (filled < 4) filled += await socket.read(back.subarray(filled)) ?? 4;
  assert.deepEqual([...back.subarray(0, 4)], [1, 255, 0, 254]);
  socket.close();
});

test("a second client is told who holds the port, ends with 4, and takes it with --take", async () => {
  await using server = await serial();
  await using holder = xoq(["open", server.ticket, "--tcp=:0", "--json"]);
  await holder.until("open");
  const { id } = await server.xoq.until("client");
  const refused = await runXoq(["open", server.ticket, "--tcp=:0"]);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, new RegExp(`in use by ${String(id).slice(0, 10)} since `));
  await using taker = xoq(["open", server.ticket, "--tcp=:0", "--take", "--json"]);
  await taker.until("open");
  assert.equal((await holder.exit()).code, 4);
});

test("watchers see what is said beside the holder, the scrollback first", async () => {
  await using server = await serial();
  await using holder = xoq(["open", server.ticket, "--stdin", "--stdout", "--kind", "serial"], {
    data: true,
    stdin: true,
  });
  const writer = holder.stdin.getWriter();
  await writer.write(encode("before;"));
  assert.equal(await bytesOf(holder.stdout, 7), "before;");
  await using watcher = xoq(["open", server.ticket, "--watch", "--stdout", "--kind", "serial"], {
    data: true,
  });
  assert.equal(await bytesOf(watcher.stdout, 7), "before;");
  await writer.write(encode("after;"));
  assert.equal(await bytesOf(watcher.stdout, 6), "after;");
});

test("--reset alone runs a line script at the port, says when, and ends", async () => {
  await using server = await serial();
  const { code, events } = await runXoq(
    ["open", server.ticket, "--reset", "esp32", "--kind", "serial", "--json"],
  );
  assert.equal(code, 0);
  const reset = events.find((event) => event.event === "reset");
  assert.equal((reset?.["steps"] as unknown[]).length, 5);
});

test("the console types into the port; Ctrl-] l shows the lines, Ctrl-] q quits", async () => {
  await using server = await serial();
  const folder = await Deno.makeTempDir();
  const log = `${folder}/log`;
  const args = ["open", server.ticket, "--console", "--log", log, "--kind", "serial"];
  await using client = xoq(args, { data: true, stdin: true });
  const writer = client.stdin.getWriter();
  await writer.write(encode("AT\r\n"));
  assert.equal(await bytesOf(client.stdout, 4), "AT\r\n");
  await writer.write(encode("\x1dl"));
  await client.says(/DTR on · RTS on · CTS on/);
  await writer.write(encode("\x1dq"));
  assert.equal((await client.exit()).code, 0);
  assert.match(await Deno.readTextFile(log), /^\d{4}-\d\d-\d\dT[\d:.]+Z AT\n$/);
  await Deno.remove(folder, { recursive: true });
});

test("a stopped controller's port is made safe within its deadline", async () => {
  await using server = await serial(["--on-lost", "rts=0", "--deadline", "1s"]);
  await using client = xoq(["open", server.ticket, "--tcp=:0", "--json"]);
  await client.until("open");
  // Heartbeats keep an idle controller.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  assert.ok(!server.xoq.events.some((event) => event.event === "gone"));
  const stopped = performance.now();
  client.signal("SIGSTOP");
  const { reason } = await server.xoq.until("gone");
  const took = performance.now() - stopped;
  assert.match(String(reason), /nothing was heard of the controller/);
  assert.ok(took >= 500 && took < 4_000, `${took} ms`);
  client.signal("SIGCONT");
  await client.until("open", { after: client.events.length });
});

test("what can't be meant is refused before anything is opened", async () => {
  const cases: [string[], number, RegExp][] = [
    [["serial", "no-such-port"], 3, /no serial port "no-such-port"/],
    [["serial", "test", "--frame", "9N1"], 2, /no frame/],
    [["serial", "test", "--deadline", "1s"], 2, /without --on-lost/],
    [["serial", "test", "--on-lost", "hex:f"], 2, /not bytes in hex/],
  ];
  for (const [args, code, message] of cases) {
    const result = await runXoq(args);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
  }
});
