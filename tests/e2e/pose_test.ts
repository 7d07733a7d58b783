import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { missingProgram, requires } from "../support/requires.ts";
import { eachLine, end, within } from "../support/process.ts";
import { runXoq, type Xoq, xoq } from "../support/xoq.ts";

const PHONE = fileURLToPath(new URL("../pose/phone.py", import.meta.url));
const noPython = await missingProgram("python3");
type Line = Record<string, unknown> & { type: string };

/** `xoq pose` on loopback, with its lines. */
async function receiver(...args: string[]) {
  const server = xoq(
    [
      "pose",
      "--interface",
      "lo",
      "--wifi-port",
      "0",
      "--pairing-token",
      "K7QX2M",
      "--json",
      ...args,
    ],
    { data: true, stdin: true },
  );
  const lines = linesOf(server);
  const pairing = await server.until("pairing");
  const { ticket } = await server.until("ready");
  return {
    server,
    lines,
    port: String(pairing["port"]),
    ticket: ticket as string,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Lines that a command prints, as they come. */
function linesOf(command: Xoq) {
  const lines: Line[] = [];
  let tell = () => {};
  void eachLine(command.stdout, (line) => {
    lines.push(JSON.parse(line));
    tell();
  }).catch(() => {});
  return {
    all: lines,
    until: (condition: (lines: Line[]) => boolean, what: string) =>
      within(
        new Promise<void>((resolve) => {
          tell = () => condition(lines) && resolve();
          tell();
        }),
        20_000,
        () => what,
      ),
  };
}

/** The Python phone; `done` lets it say goodbye. */
async function pythonPhone(...args: string[]) {
  const child = new Deno.Command("python3", {
    args: [PHONE, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const said = await within(
    new Promise<string>((resolve, reject) => {
      eachLine(child.stdout, resolve).then(() => reject(new Error("it ended in silence")), reject);
    }),
    20_000,
    () => "the phone's report",
  );
  return {
    report: JSON.parse(said) as { ack: string; expected: Line[]; haptic: string | null },
    bye: async () => {
      await child.stdin.close();
      assert.equal((await child.status).code, 0);
    },
    [Symbol.asyncDispose]: () => end(child),
  };
}

const timeless = (lines: Line[]) =>
  lines.filter(({ type }) => !type.startsWith("wifi_"))
    .map(({ received_us: _us, ...rest }) => rest);

for (const dialect of ["POSE", "TELE"]) {
  Deno.test({
    name:
      `${dialect}: what Python's struct writes comes out on stdout, here and across the network`,
    ...requires(noPython),
    fn: async () => {
      await using served = await receiver();
      await using opened = xoq(["open", served.ticket, "--stdout", "--json"], { data: true });
      const remote = linesOf(opened);
      await opened.until("open");
      // One pose: with more, the newest may rightly make the ones before it superfluous.
      await using phone = await pythonPhone("127.0.0.1", served.port, dialect, "K7QX2M", "1");
      const complete = (lines: Line[]) => timeless(lines).length === phone.report.expected.length;
      await served.lines.until(complete, "the server's lines");
      await remote.until(complete, "the client's lines");
      await phone.bye();
      const gone = (lines: Line[]) => lines.at(-1)?.type === "wifi_disconnected";
      await served.lines.until(gone, "the goodbye here");
      await remote.until(gone, "the goodbye there");
      // A command and a pose travel apart: their order is not promised across the network.
      const sorted = (lines: Line[]) =>
        timeless(lines).map((line) => JSON.stringify(line, Object.keys(flat(line)).toSorted()))
          .toSorted();
      assert.deepEqual(sorted(served.lines.all), sorted(phone.report.expected));
      assert.deepEqual(sorted(remote.all), sorted(phone.report.expected));
    },
  });
}

/** Every key at any depth, for `JSON.stringify`. */
function flat(value: unknown): Record<string, true> {
  if (typeof value !== "object" || value === null) return {};
  return Object.assign(
    {},
    ...Object.entries(value).map(([key, inner]) => ({ [key]: true, ...flat(inner) })),
  );
}

Deno.test({
  name: "a line of standard input is a HAPTIC at the phone, byte for byte",
  ...requires(noPython),
  fn: async () => {
    await using served = await receiver();
    const writer = served.server.stdin.getWriter();
    const line = new TextEncoder().encode('{"type":"haptic","intensity":0.5,"channel":3}\n');
    served.lines.until((lines) => lines.length > 0, "a phone").then(() => writer.write(line));
    await using phone = await pythonPhone(
      "127.0.0.1",
      served.port,
      "TELE",
      "K7QX2M",
      "1",
      "haptic",
    );
    assert.equal(phone.report.haptic, "54454c4507010000003f0300");
    await phone.bye();
    await writer.close();
  },
});

Deno.test("a simulated phone in both dialects goes through xoq open --udp to another receiver", async () => {
  await using far = await receiver("--name", "far");
  await using near = await receiver("--name", "near");
  await using passing = xoq([
    ...["open", far.ticket, "--udp", `127.0.0.1:${near.port}`, "--receiver-token", "K7QX2M"],
    "--json",
  ]);
  await passing.until("open");
  for (const dialect of ["pose", "tele"]) {
    const before = near.lines.all.length;
    await using phone = xoq([
      ...["pose", "--simulate", `127.0.0.1:${far.port}`, "--pairing-token", "K7QX2M"],
      ...["--dialect", dialect, "--rate", "100", "--json"],
    ], { data: true });
    await phone.until("phone", { where: (event) => event["state"] === "accepted" });
    await near.lines.until((lines) => {
      return lines.slice(before).filter(({ type }) => type === "pose").length > 20;
    }, `poses of the ${dialect} phone`);
    assert.equal(await phone.interrupt(), 130);
    await near.lines.until((lines) => lines.at(-1)?.type === "wifi_disconnected", "its goodbye");
  }
  const input = (line: Line) => (line["data"] as { absolute_input: object }).absolute_input;
  const poses = (lines: Line[]) => lines.filter(({ type }) => type === "pose");
  const sent = new Map(poses(far.lines.all).map((line) => [line["timestamp_us"], input(line)]));
  let compared = 0;
  for (const line of poses(near.lines.all)) {
    const original = sent.get(line["timestamp_us"]);
    if (original === undefined) continue;
    compared++;
    // Without flags a movement begins with the first pose that a receiver gets.
    assert.deepEqual({ ...input(line), movement_start: 0 }, { ...original, movement_start: 0 });
  }
  assert.ok(compared > 20, `${compared} poses passed on`);
  assert.equal(await passing.interrupt(), 130);
});

Deno.test("what can't be is said, with the exit code of its kind", async () => {
  const run = async (...args: string[]) => {
    const { code, stderr } = await runXoq(["pose", "--interface", "lo", ...args]);
    return `${code} ${stderr}`;
  };
  assert.match(await run("--transport", "ble"), /^2 .*ble is not there yet/);
  assert.match(await run("--pairing-token", "x".repeat(33)), /^2 .*33 bytes/);
  assert.match(await run("--no-token", "--pairing-token", "abcdef"), /^2 .*contradict/);
  assert.match(await run("--simulate", "no such:host"), /^2 .*HOST/);
  assert.match(await run("--interface", "nothere0"), /^3 .*nothere0/);
  await using served = await receiver();
  assert.match(await run("--wifi-port", served.port), /^4 .*in use/);
});
