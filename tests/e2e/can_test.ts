import assert from "node:assert/strict";
import { noPrivateNetwork, PrivateNetwork } from "../support/private_network.ts";
import { requires } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";
import { missingPython, python } from "../support/python.ts";

const noPythonCan = await missingPython("can");
const noXoqCan = await missingPython("xoq_can");

/** Runs Python and answers what it printed. */
async function runPython(code: string, ...args: string[]): Promise<string> {
  const { code: status, stdout, stderr } = await new Deno.Command(python, {
    args: ["-c", code, ...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  assert.equal(status, 0, text.decode(stderr));
  return text.decode(stdout);
}

/** Lines as they come. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

Deno.test("a bus is served, and opened as a log that candump would write", async () => {
  await using server = xoq(["can", "--json", "test"]);
  const { ticket } = await server.until("ready");
  await using watcher = xoq(["open", "--json", String(ticket), "--stdout"], { data: true });
  await watcher.until("attached");
  await using sender = xoq(["open", "--json", String(ticket), "--stdin"], { stdin: true });
  await sender.until("attached");
  const writer = sender.stdin.getWriter();
  await writer.write(new TextEncoder().encode("077#010203\n# a comment\n\n12345678##1AABB\n"));
  await writer.close();
  assert.equal((await sender.exit()).code, 0);
  const lines: string[] = [];
  const reader = watcher.stdout.getReader();
  while (lines.filter((line) => !line.includes("701#")).length < 3) {
    const { value, done } = await reader.read();
    assert.ok(!done, "the watcher goes on");
    lines.push(...new TextDecoder().decode(value).trim().split("\n"));
  }
  const frames = lines.map((line) => /^\(\d{10}\.\d{6}\) (\S+) (\S+)$/.exec(line)?.slice(1));
  assert.deepEqual(
    frames.map((frame) => frame?.[1]).filter((frame) => !frame?.startsWith("701#")).toSorted(),
    ["077#010203", "078#020304", "12345678##1AABB"],
  );
});

Deno.test("a second controller is refused with exit 4 and who holds the bus", async () => {
  await using server = xoq(["can", "--json", "test"]);
  const { ticket } = await server.until("ready");
  await using holder = xoq(["open", "--json", String(ticket), "--socketcand=:0"]);
  await holder.until("attached");
  await using second = xoq(["open", "--json", String(ticket), "--socketcand=:0"]);
  assert.equal((await second.exit()).code, 4);
  const error = second.events.find(({ event }) => event === "error");
  assert.match(String(error?.["message"]), /in use by [0-9a-f]{10} since/);
  await using taker = xoq(["open", "--json", String(ticket), "--socketcand=:0", "--take"]);
  await taker.until("attached");
  assert.equal((await holder.exit()).code, 4, "who was replaced ends, and says why");
});

Deno.test("a controller that is cut off brings the safe state within its deadline", async () => {
  const safe = ["--on-lost", "050#FF", "--on-lost", "051##1AA", "--deadline", "1s"];
  await using server = xoq(["can", "--json", "test", ...safe]);
  const { ticket } = await server.until("ready");
  await using watcher = xoq(["open", "--json", String(ticket), "--stdout"], { data: true });
  await watcher.until("attached");
  await using controller = xoq(["open", "--json", String(ticket), "--socketcand=:0"]);
  await controller.until("attached");
  const seen = lines(watcher.stdout);
  // Longer than the deadline: heartbeats keep it alive.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  assert.equal(server.events.some(({ event }) => event === "safe-state"), false);
  const cut = performance.now();
  controller.signal("SIGSTOP");
  try {
    for await (const line of seen) if (line.includes(" 051##1AA")) break;
    const took = performance.now() - cut;
    assert.ok(took > 500 && took < 4_000, `the safe state came after ${took} ms`);
  } finally {
    controller.signal("SIGCONT");
  }
});

Deno.test("a line that is no frame ends with exit 2, and names the line", async () => {
  await using server = xoq(["can", "--json", "test"]);
  const { ticket } = await server.until("ready");
  await using sender = xoq(["open", "--json", String(ticket), "--stdin"], { stdin: true });
  await sender.until("attached");
  const writer = sender.stdin.getWriter();
  await writer.write(new TextEncoder().encode("123#00\nnonsense\n"));
  assert.equal((await sender.exit()).code, 2);
  const error = sender.events.find(({ event }) => event === "error");
  assert.match(String(error?.["message"]), /line 2/);
  await writer.abort().catch(() => {});
});

Deno.test("an interface that is not here is exit 3 with what to do", async () => {
  await using server = xoq(["can", "--json", "nocan7"]);
  assert.equal((await server.exit()).code, 3);
});

Deno.test("options that contradict each other, or do nothing, are usage errors", async () => {
  for (
    const options of [
      ["--deadline", "1s"],
      ["--max-load", "70%"],
      ["--max-load", "170%"],
      ["--pace", "200ms"],
      ["--on-lost", "123"],
      ["--filter", "123"],
    ]
  ) {
    await using server = xoq(["can", "--json", "test", ...options]);
    assert.equal((await server.exit()).code, 2, options.join(" "));
  }
});

Deno.test("a data bit rate without :fd is a usage error", async () => {
  await using server = xoq([
    "can",
    "--json",
    "can0",
    "--bitrate",
    "500000",
    "--dbitrate",
    "2000000",
  ]);
  assert.equal((await server.exit()).code, 2);
});

Deno.test({
  name: "python-can's socketcand interface sends, receives and sees times",
  ...requires(noPythonCan),
  fn: async () => {
    await using server = xoq(["can", "--json", "test"]);
    const { ticket } = await server.until("ready");
    await using client = xoq(["open", "--json", String(ticket), "--socketcand=:0"]);
    const { address } = await client.until("listening");
    await client.until("attached");
    const port = String(address).split(":").at(-1)!;
    const output = await runPython(
      `
import can, json, sys, time
bus = can.Bus(interface="socketcand", host="127.0.0.1", port=int(sys.argv[1]), channel="can0")
sent = time.time()
got = []
for data in ([1, 2, 3], [], [255] * 8):
    bus.send(can.Message(arbitration_id=0x77, data=data, is_extended_id=False))
    while True:
        message = bus.recv(5)
        if message is None or message.arbitration_id == 0x78:
            break
    got.append(None if message is None else [list(message.data), abs(message.timestamp - sent) < 5])
bus.shutdown()
print(json.dumps(got))`,
      port,
    );
    assert.deepEqual(JSON.parse(output), [[[2, 3, 4], true], [[], true], [
      [0, 0, 0, 0, 0, 0, 0, 0],
      true,
    ]]);
  },
});

Deno.test({
  name: "XoQ's CAN client finds a bus by its id, sends and receives, classic and FD",
  ...requires(noPrivateNetwork, noXoqCan),
  fn: async () => {
    await using network = await PrivateNetwork.start();
    const { prefix } = network;
    await using server = xoq(["can", "--json", "test", "--public"], { prefix });
    const ready = await server.until("ready");
    const id = String(ready["id"]);
    await network.serveNames({ [id]: String((ready["addresses"] as string[])[0]) });
    const code = `
import sys, json, xoq_can
bus = xoq_can.Bus(channel=sys.argv[1], fd=True, timeout=5.0)
got = []
frames = [
    dict(data=[1, 2, 3]),
    dict(data=list(range(48)), is_fd=True, bitrate_switch=True),
    dict(data=[9] * 8),
]
for frame in frames:
    bus.send(xoq_can.Message(arbitration_id=0x77, **frame))
    while True:
        message = bus.recv(timeout=5.0)
        if message is None or message.arbitration_id == 0x78:
            break
    got.append(None if message is None else [list(message.data), message.is_fd])
print(json.dumps(got))
sys.stdout.flush()
import os; os._exit(0)`;
    const [program = "", ...args] = [...prefix, "timeout", "40", python, "-c", code, id];
    const { code: status, stdout, stderr } = await new Deno.Command(program, {
      args,
      stdin: "null",
    }).output();
    assert.equal(status, 0, new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [
      [[2, 3, 4], false],
      [Array.from({ length: 48 }, (_, i) => i + 1), true],
      [Array(8).fill(10), false],
    ]);
    const client = server.events.find(({ event }) => event === "client");
    assert.equal(client?.["role"], "controller");
  },
});
