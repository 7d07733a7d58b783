/**
 * pyserial's own test scripts (of its source distribution, which `deno task peers` unpacks), on the
 * echo that `xoq serial test` serves: TX is on RX, RTS on CTS and DTR on DSR, as they ask for.
 *
 * Not run: `test_asyncio` needs another package; `test_pty`, `test_rfc2217`, `test_timeout_class`,
 * `test_url` and `test_util` open no port; `test_exclusive` and `test_rs485` are about ioctls of
 * local terminals, and skip themselves over RFC 2217.
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasPty } from "../support/pty_echo.ts";
import { missingPython, python } from "../support/python.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";

const RUNNER = fileURLToPath(new URL("../support/peers/pyserial_tests.py", import.meta.url));
const SCRIPTS = join(dirname(dirname(python)), "pyserial-3.5", "test");
/** Longest run, in seconds. */
const LIMIT_S = 170;

const missing = [
  whyNoNativeQuic(),
  await missingPython("serial"),
  await Deno.stat(SCRIPTS).then(
    () => undefined,
    () => "pyserial's test scripts are not there (deno task peers)",
  ),
];

/** What applies to any port. */
const ON_EVERY_PORT = [
  ...["test", "test_advanced", "test_cancel", "test_context", "test_high_load", "test_iolib"],
  ...["test_readline", "test_settings_dict", "test_threaded"],
];

/** Runs scripts on a port but for some of their tests. */
async function runScripts(
  port: string,
  scripts: readonly string[],
  excluded: readonly string[],
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("timeout", {
    args: [String(LIMIT_S), python, RUNNER, SCRIPTS, port, excluded.join(" "), ...scripts],
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.ok(success, new TextDecoder().decode(stderr));
  const ran = Number(/^RAN (\d+) /m.exec(said)?.[1]);
  assert.ok(ran >= 25, `only ${said}`);
}

async function opened(sink: string) {
  const stack = new AsyncDisposableStack();
  try {
    const server = stack.use(xoq(["serial", "test", "--json"]));
    const { ticket } = await server.until("ready");
    const client = stack.use(xoq(["open", String(ticket), sink, "--json"]));
    await client.until("open");
    return { client, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

Deno.test({
  name: "pyserial's own tests pass on the PTY",
  ...requires(...missing, hasPty() ? undefined : "pseudo-terminals can't be made"),
}, async () => {
  await using session = await opened("--pty");
  const { path } = await session.client.until("pty");
  await runScripts(String(path), [...ON_EVERY_PORT, "test_exclusive"], [
    // A PTY has no modem lines.
    "test.Test0_DataWires",
    // They fill a line's buffer of less than 3,000 bytes; a network's holds more.
    "test.Test_MoreTimeouts.test_WriteTimeout",
    "test_cancel.TestCancelWrite",
  ]);
});

Deno.test({
  name: "pyserial's own tests pass over RFC 2217",
  ...requires(...missing),
}, async () => {
  await using session = await opened("--rfc2217=:0");
  const { address } = await session.client.until("listening");
  await runScripts(`rfc2217://${address}`, ON_EVERY_PORT, [
    // Without a timeout pyserial's own RFC 2217 reads one byte at a time; the tests want them all.
    "test.Test4_Nonblocking",
    // pyserial's RFC 2217 has neither a timeout of writes nor cancellation.
    "test.Test_MoreTimeouts.test_WriteTimeout",
    "test_cancel",
  ]);
});
