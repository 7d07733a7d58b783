import assert from "node:assert/strict";
import { until } from "../can/support.ts";
import { DIRECTIONS, listening, pass, PATIENCE_MS, start } from "./can_support.ts";
import { command, inLab } from "./support.ts";
import { xoq } from "../support/xoq.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !inLab, fn });

/**
 * `vcan0` served, and opened as `vcan1`: two interfaces that are one bus, across iroh. The emulated
 * machine stands still for longer than commands are good for elsewhere.
 */
async function bridge() {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(xoq(["can", "--json", "vcan0:fd", "--stale", "20s"]));
  const { ticket } = await server.until("ready", { timeoutMs: PATIENCE_MS });
  const client = stack.use(xoq(["open", "--json", String(ticket), "--vcan", "vcan1"]));
  await client.until("attached", { timeoutMs: PATIENCE_MS });
  return Object.assign(stack.move(), { server, client });
}

test("candump on one side logs what cangen sends on the other, frame by frame", async () => {
  await using _bridge = await bridge();
  for (const [from, to] of DIRECTIONS) {
    const [sent, got] = await pass(from, to, "-f", "-I", "123");
    const first = sent.findIndex((frame, index) => frame !== got[index]);
    assert.equal(first, -1, `${from} to ${to}: ${got.length} of 1,000, others from ${first} on`);
  }
});

test("of many identifiers none is lost, and each one's frames keep their order", async () => {
  await using _bridge = await bridge();
  // A bridge that is behind sends by arbitration, as a bus does: the lower identifier first, and of
  // one identifier data before remote frames.
  const arbitration = (frame: string) => /^[0-9A-F]+(#R)?/.exec(frame)![0];
  const byIdentifier = (frames: string[]) =>
    Object.entries(Object.groupBy(frames, arbitration)).sort();
  for (const [from, to] of DIRECTIONS) {
    const [sent, got] = await pass(from, to, "-m");
    assert.deepEqual(byIdentifier(got), byIdentifier(sent), `${from} to ${to}`);
  }
});

test("canfdtest, which is full duplex, passes through the bridge", async () => {
  await using _bridge = await bridge();
  const peer = start("canfdtest", "vcan1");
  await listening("vcan1", 2);
  for (const inFlight of ["1", "50"]) {
    const args = ["-g", "-l", "300", "-f", inFlight, "vcan0"];
    const { code, text } = await start("canfdtest", ...args).output;
    assert.equal(code, 0, text);
  }
  await peer.stop();
});

test("cansequence finds no gap", async () => {
  await using both = await bridge();
  const { server } = both;
  const reader = start("cansequence", "--receive", "--quit", "vcan1");
  await listening("vcan1", 2);
  const { code, text } = await start("cansequence", "--loop=2000", "--poll", "vcan0").output;
  assert.equal(code, 0, text);
  await until(() => {
    const stats = server.events.findLast(({ event }) => event === "stats");
    return Number(stats?.["delivered"]) >= 2000;
  }, "2,000 frames");
  const { text: said } = await reader.stop();
  assert.doesNotMatch(said, /sequence|lost|wrong/i);
});

test("the served interface goes down and up: clients are told, and the bridge goes on", async () => {
  await using both = await bridge();
  const { server, client } = both;
  await command("ip", "link", "set", "vcan0", "down");
  await client.until("bus", { timeoutMs: PATIENCE_MS });
  await command("ip", "link", "set", "vcan0", "up");
  await until(() => client.events.filter(({ event }) => event === "bus").length >= 2);
  const log = start("candump", "-L", "vcan1", "-n", "1", "-T", "20000");
  await listening("vcan1", 2);
  await command("cansend", "vcan0", "123#1122");
  assert.match((await log.output).text, /123#1122/);
  assert.equal(server.events.some(({ event }) => event === "lost"), false);
});

test("two controllers under one ticket, each by its name", async () => {
  await using server = xoq(["can", "--json", "can0", "can1", "--stale", "20s"]);
  const { ticket } = await server.until("ready", { timeoutMs: PATIENCE_MS });
  const named = (name: string) => {
    const [address, grant] = String(ticket).split("#");
    return `${address}/${name}#${grant}`;
  };
  await using watcher = xoq(["open", "--json", named("can1"), "--stdout"], { data: true });
  await watcher.until("attached", { timeoutMs: PATIENCE_MS });
  await using sender = xoq(["open", "--json", named("can0"), "--stdin"], { stdin: true });
  await sender.until("attached", { timeoutMs: PATIENCE_MS });
  const writer = sender.stdin.getWriter();
  await writer.write(new TextEncoder().encode("321#CAFE\n"));
  const reader = watcher.stdout.getReader();
  const { value } = await reader.read();
  assert.match(new TextDecoder().decode(value), /can1 321#CAFE/);
  await writer.close();
  assert.equal((await sender.ended).code, 0);
});
