import assert from "node:assert/strict";
import { BusyError } from "../../lib/errors.ts";
import { Output, type OutputOptions } from "../../lib/cli/output.ts";
import { StatusLine, wantsColour } from "../../lib/cli/terminal.ts";
import { MAX_WAITING_TEXTS, TextWriter } from "../../lib/cli/text_writer.ts";

/** Takes a few bytes at a time, as a pipe may. */
class Sink {
  text = "";
  readonly #decoder = new TextDecoder();
  failure: Error | undefined;
  gate: Promise<void> = Promise.resolve();
  async write(bytes: Uint8Array): Promise<number> {
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const taken = bytes.subarray(0, 7);
    this.text += this.#decoder.decode(taken, { stream: true });
    return taken.length;
  }
}

function speak(options: Partial<OutputOptions> = {}): { output: Output; out: Sink; err: Sink } {
  const out = new Sink();
  const err = new Sink();
  const output = new Output({
    json: false,
    verbose: false,
    quiet: false,
    dataOnStdout: false,
    qr: true,
    stdout: out,
    stderr: err,
    terminal: false,
    colour: false,
    columns: () => 80,
    ...options,
  });
  return { output, out, err };
}

const READY = {
  type: "ready",
  id: "ab".repeat(32),
  ticket: "endpointabc/front#grant",
  endpoint_ticket: "endpointabc",
  device: "front",
  addresses: ["127.0.0.1:1"],
};

Deno.test("events are lines of JSON on stdout, led by their type as `event`", async () => {
  const { output, out, err } = speak({ json: true });
  output.event(READY);
  output.event({ type: "stats", fps: 30 });
  output.notice("not for programs");
  await output.flush();
  const { type: _type, ...rest } = READY;
  assert.equal(
    out.text,
    `${JSON.stringify({ event: "ready", ...rest })}\n{"event":"stats","fps":30}\n`,
  );
  assert.equal(err.text, "");
});

Deno.test("where stdout carries data, events go to stderr", async () => {
  const { output, out, err } = speak({ json: true, dataOnStdout: true });
  output.event({ type: "lost", device: "a", reason: "unplugged" });
  const writer = output.stdout.getWriter();
  await writer.write(new TextEncoder().encode("a long piece of data"));
  await output.flush();
  assert.equal(out.text, "a long piece of data");
  assert.equal(err.text, '{"event":"lost","device":"a","reason":"unplugged"}\n');
});

Deno.test("people read events in words on stderr, and the whole ticket on a line", async () => {
  const { output, out, err } = speak();
  output.event(READY);
  output.event({ type: "client", id: "cd".repeat(32), role: "viewer" });
  output.event({ type: "gone", id: "cd".repeat(32), role: "viewer", reason: "closed" });
  output.event({ type: "lost", device: "front", reason: "unplugged" });
  output.event({ type: "back", device: "front", path: "/dev/video0" });
  output.event({ type: "ticket", ticket: "endpointxyz" });
  output.event({ type: "stats", fps: 30 });
  await output.flush();
  assert.equal(out.text, "");
  assert.deepEqual(err.text.split("\n"), [
    `serving front as ${"ab".repeat(32)}`,
    "open it elsewhere:",
    "xoq open 'endpointabc/front#grant'",
    "+ viewer cdcdcdcdcd",
    "- viewer cdcdcdcdcd: closed",
    "! front is gone: unplugged; waiting for it",
    "front is back",
    "reachable from anywhere now, ticket:",
    "endpointxyz",
    "",
  ]);
});

Deno.test("-q leaves only errors", async () => {
  const { output, err } = speak({ quiet: true });
  output.event(READY);
  output.notice("a");
  output.warn("b");
  assert.equal(output.fail(new BusyError("the port is taken", { hint: "close it" })), 4);
  await output.flush();
  assert.equal(err.text, "xoq: the port is taken\n  close it\n");
});

Deno.test("an error of several lines becomes one", async () => {
  const { output, err } = speak();
  assert.equal(output.fail(new Error("first\n  second")), 1);
  await output.flush();
  assert.equal(err.text, "xoq: first second\n  -v shows where it comes from\n");
});

Deno.test("with -v an error shows its stack and its causes'", async () => {
  const { output, err } = speak({ verbose: true });
  output.fail(new Error("outer", { cause: new Error("inner") }));
  await output.flush();
  assert.match(err.text, /Error: outer\n +at [^]*caused by: Error: inner\n +at /);
});

Deno.test("a terminal gets a QR code of the ticket, unless it is too narrow or unwanted", async () => {
  for (
    const [options, expected] of [
      [{ terminal: true }, true],
      [{ terminal: true, qr: false }, false],
      [{ terminal: true, columns: () => 20 }, false],
      [{ terminal: true, json: true }, false],
      [{ terminal: false }, false],
    ] as const
  ) {
    const { output, err } = speak(options);
    output.event(READY);
    await output.flush();
    assert.equal(err.text.includes("█"), expected, JSON.stringify(options));
  }
});

Deno.test("a terminal's live line is below what is said, and gone at the end", async () => {
  const { output, err } = speak({ terminal: true, qr: false });
  output.event({ type: "stats", fps: 29.97, mbps: 2, viewers: 1, dropped: 0 });
  output.notice("hello");
  await output.flush();
  const live = "30.0 fps · 2.00 Mbit/s · 1 viewer · 0 dropped";
  assert.equal(err.text, `\r\x1b[K${live}\r\x1b[Khello\n${live}\r\x1b[K`);
});

Deno.test("the live line never wraps", async () => {
  const sink = new Sink();
  const writer = new TextWriter(sink);
  new StatusLine(writer, () => 10).show("0123456789abc");
  await writer.flush();
  assert.equal(sink.text, "\r\x1b[K012345678");
});

Deno.test("a reader that is gone is told once, and later words vanish", async () => {
  const { output, out } = speak();
  let gone = 0;
  output.onStdoutGone = () => gone++;
  out.failure = new Deno.errors.BrokenPipe("broken");
  output.print("a");
  await output.flush();
  output.print("b");
  await output.flush();
  assert.equal(gone, 1);
});

Deno.test("data for a reader that is gone fails the write and ends the command", async () => {
  const { output, out } = speak({ dataOnStdout: true });
  let gone = 0;
  output.onStdoutGone = () => gone++;
  out.failure = new Deno.errors.BrokenPipe("broken");
  await assert.rejects(output.stdout.getWriter().write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  assert.equal(gone, 1);
});

Deno.test("a slow reader costs stats, oldest first, and no other event", async () => {
  const sink = new Sink();
  const open = Promise.withResolvers<void>();
  sink.gate = open.promise;
  const writer = new TextWriter(sink);
  writer.write("first\n"); // is being written
  await Promise.resolve();
  for (let i = 0; i < MAX_WAITING_TEXTS + 10; i++) {
    writer.write(i % 2 === 0 ? `e${i}\n` : `s${i}\n`, i % 2 === 1);
  }
  assert.equal(writer.dropped, 10);
  open.resolve();
  await writer.flush();
  const lines = sink.text.trim().split("\n");
  assert.equal(lines.filter((line) => line.startsWith("e")).length, (MAX_WAITING_TEXTS + 10) / 2);
  assert(!lines.includes("s1") && !lines.includes("s19") && lines.includes("s21"));
});

Deno.test("flush gives up on a reader that doesn't read", async () => {
  const { output, out } = speak();
  const open = Promise.withResolvers<void>();
  out.gate = open.promise;
  output.print("never");
  await output.flush(20);
  open.resolve();
  await output.flush();
});

Deno.test("colour is for terminals that want it", () => {
  const env = (values: Record<string, string>) => (name: string) => values[name];
  assert.equal(wantsColour(true, env({})), true);
  assert.equal(wantsColour(false, env({})), false);
  assert.equal(wantsColour(true, env({ NO_COLOR: "1" })), false);
  assert.equal(wantsColour(true, env({ NO_COLOR: "" })), true);
  assert.equal(wantsColour(true, env({ TERM: "dumb" })), false);
});
