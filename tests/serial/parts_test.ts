import assert from "node:assert/strict";
import fc from "fast-check";
import { UsageError } from "../../lib/errors.ts";
import {
  checkChanges,
  DEFAULT_FORMAT,
  formatText,
  lineMilliseconds,
  parseFrame,
} from "../../lib/serial/format.ts";
import { checkLineScript, LINE_SCRIPTS, parseLineScript } from "../../lib/serial/line_script.ts";
import { parseSafeAction } from "../../lib/serial/safe_action.ts";
import { Scrollback } from "../../lib/serial/scrollback.ts";
import { parseListenAddress } from "../../lib/serial/sinks/address.ts";
import { ConsoleKeys } from "../../lib/serial/sinks/console.ts";
import { LineLog } from "../../lib/serial/sinks/line_log.ts";
import { bytes, text } from "./support.ts";

Deno.test("frames are read and written", () => {
  assert.deepEqual(parseFrame("7e2"), { dataBits: 7, parity: "even", stopBits: 2 });
  assert.equal(formatText({ ...DEFAULT_FORMAT, rtscts: true }), "115200 8N1 rtscts");
  for (const wrong of ["", "8N", "9N1", "8X1", "8N3", "8N1 "]) {
    assert.throws(() => parseFrame(wrong), UsageError, wrong);
  }
  assert.equal(lineMilliseconds(DEFAULT_FORMAT, 11_520), 1_000);
});

Deno.test("changes from elsewhere are checked, and what is unknown is left out", () => {
  assert.deepEqual(checkChanges({ baudRate: 1_000_000, colour: "red" }), { baudRate: 1_000_000 });
  for (const wrong of [null, 5, { baudRate: 0 }, { baudRate: 1.5 }, { parity: "maybe" }]) {
    assert.throws(() => checkChanges(wrong), UsageError, JSON.stringify(wrong));
  }
});

Deno.test("a line script joins what is to change together", () => {
  assert.deepEqual(parseLineScript("dtr=0,rts=1,100ms,dtr=1,rts=0,50ms,dtr=0"), [
    { levels: { dtr: false, rts: true }, holdMs: 100 },
    { levels: { dtr: true, rts: false }, holdMs: 50 },
    { levels: { dtr: false }, holdMs: 0 },
  ]);
  assert.deepEqual(parseLineScript("10ms,5.5ms,brk=1"), [
    { levels: {}, holdMs: 15.5 },
    { levels: { brk: true }, holdMs: 0 },
  ]);
  for (const name of Object.keys(LINE_SCRIPTS)) assert.ok(parseLineScript(name).length > 0);
  for (const wrong of ["", "dtr", "dtr=2", "cts=1", "20s", "11000ms", "dtr=1,1ms,".repeat(70)]) {
    assert.throws(() => parseLineScript(wrong), UsageError, wrong);
  }
});

Deno.test("a line script from the network is a name, a text, or steps within limits", () => {
  const steps = [{ levels: { rts: true }, holdMs: 5 }];
  assert.deepEqual(checkLineScript(steps), steps);
  assert.deepEqual(checkLineScript("rts=1,5ms"), steps);
  for (const wrong of [undefined, {}, [{ levels: { rts: 1 }, holdMs: 5 }], [{ holdMs: 5 }]]) {
    assert.throws(() => checkLineScript(wrong), UsageError);
  }
  assert.throws(() => checkLineScript([{ levels: {}, holdMs: -1 }]), UsageError);
});

Deno.test("safe actions are bytes, text or lines", () => {
  assert.deepEqual(parseSafeAction("hex:FF fe:04"), {
    type: "bytes",
    bytes: Uint8Array.of(255, 254, 4),
  });
  assert.deepEqual(parseSafeAction("text:M0\\n\\\\"), { type: "bytes", bytes: bytes("M0\n\\") });
  assert.equal(parseSafeAction("rts=0").type, "lines");
  for (const wrong of ["hex:", "hex:f", "hex:zz", "text:", "stop"]) {
    assert.throws(() => parseSafeAction(wrong), UsageError, wrong);
  }
});

Deno.test("the scrollback keeps the newest bytes", () => {
  fc.assert(fc.property(
    fc.nat(40),
    fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 }),
    (capacity, chunks) => {
      const scrollback = new Scrollback(capacity);
      for (const chunk of chunks) scrollback.push(chunk);
      const all = chunks.flatMap((chunk) => [...chunk]);
      assert.deepEqual([...scrollback.snapshot()], capacity === 0 ? [] : all.slice(-capacity));
    },
  ));
});

Deno.test("addresses to listen at default to this machine alone", () => {
  assert.deepEqual(parseListenAddress("", 7000), { hostname: "127.0.0.1", port: 7000 });
  assert.deepEqual(parseListenAddress(":1", 7000), { hostname: "127.0.0.1", port: 1 });
  assert.deepEqual(parseListenAddress("[::1]:2", 7000), { hostname: "::1", port: 2 });
  assert.deepEqual(parseListenAddress("*:3", 7000), { hostname: "0.0.0.0", port: 3 });
  for (const wrong of ["host", "host:", ":70000", "a:b:c"]) {
    assert.throws(() => parseListenAddress(wrong, 7000), UsageError, wrong);
  }
});

Deno.test("the console's keys: everything for the port but what follows Ctrl-]", () => {
  const keys = new ConsoleKeys();
  assert.deepEqual(keys.push(bytes("ab\x1dqc")), [
    { type: "bytes", bytes: bytes("ab") },
    { type: "command", command: "quit" },
    { type: "bytes", bytes: bytes("c") },
  ]);
  assert.deepEqual(keys.push(bytes("\x03\x1d")), [{ type: "bytes", bytes: bytes("\x03") }]);
  assert.deepEqual(keys.push(bytes("\x1d")), [{ type: "bytes", bytes: bytes("\x1d") }]);
  assert.deepEqual(keys.push(bytes("\x1dz")), [{ type: "unknown", key: "z" }]);
});

Deno.test("the log has a line's time from its first byte", async () => {
  let clock = 0;
  let written = "";
  const log = new LineLog((line) => {
    written += text(line);
    return Promise.resolve();
  }, () => new Date(clock));
  log.push(bytes("bo"));
  clock = 1_000;
  log.push(bytes("ot\r\nnext"));
  clock = 2_000;
  log.push(bytes("!"));
  await log.close();
  assert.equal(written, "1970-01-01T00:00:00.000Z boot\n1970-01-01T00:00:01.000Z next!\n");
});

Deno.test("a log that can't be written says so at the end", async () => {
  const log = new LineLog(() => Promise.reject(new Error("disk full")));
  log.push(bytes("x\n"));
  await assert.rejects(log.close(), /disk full/);
});
