/** Programs of others on a served port: pyserial, esptool, picocom, and XoQ's own client. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { XOQ_SERIAL_PROTOCOL } from "../../lib/serial/direct.ts";
import { serveRfc2217 } from "../../lib/serial/sinks/rfc2217.ts";
import { SharedPort } from "../../lib/serial/sinks/sink.ts";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { formatTicket } from "../../lib/transport/ticket.ts";
import { openPort, servePort } from "../serial/support.ts";
import { noPrivateNetwork, PrivateNetwork } from "../support/private_network.ts";
import { hasPty } from "../support/pty_echo.ts";
import { missingPython, python } from "../support/python.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { missingProgram, requires } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";

const noQuic = whyNoNativeQuic();
const noPty = hasPty() ? undefined : "pseudo-terminals can't be made";
const noPyserial = await missingPython("serial");

/** Runs a Python program to its end; gives what it printed. */
async function runPython(
  code: string,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<string> {
  const [program = "", ...words] = [...prefix, "timeout", "40", python, "-c", code, ...args];
  const { code: status, stdout, stderr } = await new Deno.Command(program, {
    args: words,
    stdin: "null",
  }).output();
  assert.equal(status, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A served echo, and a command that opens it. */
async function opened(args: readonly string[]) {
  const server = xoq(["serial", "test", "--json"]);
  const { ticket } = await server.until("ready");
  const client = xoq(["open", String(ticket), "--kind", "serial", ...args, "--json"]);
  await client.until("open");
  return {
    server,
    client,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const PTY_PROGRAM = `
import serial, sys
port = serial.Serial(sys.argv[1], 1000000, timeout=5, stopbits=2)
for size in (1, 8, 64, 1000, 20000):
    data = bytes((i * 13 + size) % 256 for i in range(size))
    assert port.write(data) == size
    assert port.read(size) == data, size
port.write(b"x" * 100)
port.flush()
port.baudrate = 57600
port.write(b"one line\\n")
assert port.read_until(b"\\n").endswith(b"one line\\n")
port.close()
again = serial.Serial(sys.argv[1], 9600, timeout=0.2)
assert again.read(1) == b"", "old bytes"
`;

Deno.test({
  name: "pyserial uses the PTY: data, any rate, lines of text, and nothing old",
  ...requires(noQuic, noPty, noPyserial),
}, async () => {
  const folder = await Deno.makeTempDir();
  await using session = await opened([`--pty=${folder}/port`]);
  await runPython(PTY_PROGRAM, [`${folder}/port`]);
  await session.server.until("stats", { where: (event) => event["format"] === "9600 8N1" });
  assert.equal(await session.client.interrupt(), 130);
  await assert.rejects(Deno.lstat(join(folder, "port")), Deno.errors.NotFound);
  await Deno.remove(folder);
});

const RFC2217_PROGRAM = `
import serial, sys, time
port = serial.serial_for_url("rfc2217://" + sys.argv[1], baudrate=57600, timeout=5)
every = bytes(range(256)) * 8
port.write(every)
assert port.read(len(every)) == every
port.bytesize, port.parity, port.stopbits = 7, "E", 2
port.baudrate = 1234567
def soon(line, level):
    for _ in range(200):
        if getattr(port, line) == level: return
        time.sleep(0.01)
    raise AssertionError((line, level))
soon("cts", True); soon("dsr", True)
port.rts = False; soon("cts", False)
port.dtr = False; soon("dsr", False); soon("cd", False)
port.rts = True; soon("cts", True)
port.break_condition = True
port.break_condition = False
port.write(b"dropped"); time.sleep(0.3)
port.reset_input_buffer()
port.write(b"kept")
assert port.read(4) == b"kept"
port.rtscts = True
`;

Deno.test({
  name: "pyserial's rfc2217:// has the data, every setting, all lines, break and purge",
  ...requires(noQuic, noPyserial),
}, async () => {
  await using session = await opened(["--rfc2217=:0"]);
  const { address } = await session.client.until("listening");
  await runPython(RFC2217_PROGRAM, [String(address)]);
  await session.server.until("stats", {
    where: (event) => event["format"] === "1234567 7E2 rtscts",
  });
  const line = session.server.events.at(-1)?.["line"] as { breaks: number };
  assert.equal(line.breaks, 1);
});

/** The sequence of esptool's "classic reset", as its documentation has it. */
const ESPTOOL_PROGRAM = `
import serial, sys
from esptool.reset import ClassicReset, HardReset
port = serial.serial_for_url("rfc2217://" + sys.argv[1], baudrate=115200, timeout=5)
ClassicReset(port)()
HardReset(port)()
`;

Deno.test({
  name: "esptool's resets over RFC 2217 reach the port in order, EN held as long as it asked",
  ...requires(await missingPython("serial", "esptool")),
}, async () => {
  await using served = await servePort();
  await using client = await openPort(served.remote(), { watchLines: true });
  const shared = new SharedPort(client.port);
  const reading = shared.run().catch(() => {});
  const stop = new AbortController();
  const where = Promise.withResolvers<string>();
  const serving = serveRfc2217(shared, { hostname: "127.0.0.1", port: 0 }, new Set(), {
    signal: stop.signal,
    onEvent: (event) => event.type === "listening" && where.resolve(event.address),
  });
  const history = served.driver.port.history;
  const address = await where.promise;
  await runPython(ESPTOOL_PROGRAM, [address]);
  stop.abort();
  await serving;
  await client.port.close();
  await reading;
  // Each change of EN (RTS) and IO0 (DTR); asserted is low.
  const lines = { dtr: true, rts: true };
  const edges: { at: number; en: boolean; io0: boolean }[] = [];
  for (const { at, levels } of history) {
    Object.assign(lines, levels);
    edges.push({ at, en: !lines.rts, io0: !lines.dtr });
  }
  // The boot loader starts where EN rises while IO0 is low.
  const boot = edges.findIndex((edge, i) => edge.en && !edge.io0 && edges[i - 1]?.en === false);
  assert.ok(boot > 0, JSON.stringify(edges));
  const fell = edges.slice(0, boot).findLastIndex((edge, i, all) => !edge.en && all[i - 1]?.en);
  const held = edges[boot]!.at - edges[Math.max(0, fell)]!.at;
  assert.ok(held >= 99, `EN was low for ${held} ms, esptool asks for 100`);
  // A plain restart follows: EN falls and rises with IO0 high.
  const restart = edges.slice(boot + 1).findIndex((edge, i, all) =>
    edge.en && edge.io0 && all[i - 1]?.en === false
  );
  assert.ok(restart > 0, JSON.stringify(edges));
});

const XOQ_PROGRAM = `
import sys, xoq_serial
port = xoq_serial.Serial(sys.argv[1], timeout=5)
for size in (1, 8, 64, 5000):
    data = bytes((i * 11 + size) % 256 for i in range(size))
    port.write(data)
    got = b""
    while len(got) < size: got += port.read(size - len(got))
    assert got == data, size
port.write(b"AT\\n")
assert port.readline() == b"AT\\n"
`;

Deno.test({
  name: "XoQ's serial client finds a port by its id and speaks with it",
  ...requires(noQuic, noPrivateNetwork, await missingPython("xoq_serial")),
}, async () => {
  await using network = await PrivateNetwork.start();
  const { prefix } = network;
  await using server = xoq(["serial", "test", "--public", "--json"], { prefix });
  const ready = await server.until("ready");
  const [address = ""] = ready["addresses"] as string[];
  await network.serveNames({ [String(ready["id"])]: address });
  await runPython(XOQ_PROGRAM, [String(ready["id"])], prefix);
  const gone = await server.until("gone");
  assert.equal(gone["role"], "controller");
});

Deno.test({
  name: "xoq open speaks with a server that has XoQ's protocol and nothing else",
  ...requires(noQuic, noPty, noPyserial),
}, async () => {
  await using endpoint = await createEndpoint({
    protocols: [XOQ_SERIAL_PROTOCOL],
    bind: "127.0.0.1",
    relay: "none",
  });
  const serving = (async () => {
    for await (const connection of endpoint.incoming) {
      void (async () => {
        for await (const { readable, writable } of connection.incomingBidirectionalStreams) {
          await readable.pipeTo(writable).catch(() => {});
        }
      })().catch(() => {});
    }
  })();
  const ticket = formatTicket({ address: endpoint.address() });
  await using client = xoq(["open", ticket, "--kind", "serial", "--pty", "--json"]);
  const { path } = await client.until("pty");
  await client.until("open");
  const code = `
import serial, sys
port = serial.Serial(sys.argv[1], 115200, timeout=5)
port.write(b"raw bytes")
assert port.read(9) == b"raw bytes"
`;
  await runPython(code, [String(path)]);
  await client[Symbol.asyncDispose]();
  await endpoint.close();
  await serving;
});

Deno.test({
  name: "picocom in a terminal types into the port and shows what it says",
  ...requires(
    noQuic,
    noPty,
    await missingProgram("tmux", ["-V"]),
    await missingProgram("picocom", ["--help"]),
  ),
}, async () => {
  const folder = await Deno.makeTempDir();
  await using _session = await opened([`--pty=${folder}/port`]);
  const socket = `${folder}/tmux`;
  const tmux = async (...args: string[]) => {
    const { stdout } = await new Deno.Command("tmux", { args: ["-S", socket, ...args] }).output();
    return new TextDecoder().decode(stdout);
  };
  const shows = async (what: RegExp) => {
    const deadline = performance.now() + 10_000;
    for (;;) {
      const screen = await tmux("capture-pane", "-p");
      if (what.test(screen)) return;
      assert.ok(performance.now() < deadline, screen);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await tmux(
    "new-session",
    "-d",
    "-x",
    "80",
    "-y",
    "24",
    "picocom",
    "-b",
    "57600",
    `${folder}/port`,
  );
  try {
    await shows(/Terminal ready/);
    await tmux("send-keys", "typed here");
    await shows(/^typed here$/m);
  } finally {
    await tmux("kill-server");
    await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
});
