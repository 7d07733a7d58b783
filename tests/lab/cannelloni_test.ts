/** cannelloni itself on the other side of `--cannelloni`; where it is installed (Debian 12 has none). */
import assert from "node:assert/strict";
import { missingProgram } from "../support/requires.ts";
import { xoq } from "../support/xoq.ts";
import { DIRECTIONS, listening, pass, PATIENCE_MS, start } from "./can_support.ts";
import { command, inLab } from "./support.ts";

// No package brings it, so where it is absent there is no such test, rather than a skipped one.
const installed = inLab && await missingProgram("cannelloni", ["-h"]) === undefined;

/** cannelloni forgets how many bytes a remote frame asks for. */
const plain = (frames: string[]) => frames.map((frame) => frame.replace(/#R\d$/, "#R"));

async function carriesOn() {
  await command("ip", "link", "add", "vcan1", "mtu", "72", "type", "vcan");
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => void await command("ip", "link", "del", "vcan1"));
  await command("ip", "link", "set", "vcan1", "up");
  await using server = xoq(["can", "--json", "vcan0:fd", "--stale", "20s"]);
  const { ticket } = await server.until("ready", { timeoutMs: PATIENCE_MS });
  await using client = xoq(["open", "--json", String(ticket), "--cannelloni=:0"]);
  const { address } = await client.until("listening", { timeoutMs: PATIENCE_MS });
  const port = String(address).split(":").at(-1)!;
  await client.until("attached", { timeoutMs: PATIENCE_MS });
  const peer = start(
    "cannelloni",
    ...["-I", "vcan1", "-C", "c", "-R", "127.0.0.1", "-r", port, "-t", "1000"],
  );
  await listening("vcan1", 1);
  for (const [from, to] of DIRECTIONS) {
    // -R: remote; -f -b: CAN FD with bit rate switching; -e: 29 bits.
    for (
      const kind of [["-I", "123"], ["-R", "-I", "123"], ["-f", "-b", "-I", "123"], [
        "-e",
        "-I",
        "1ABCDEF0",
      ]]
    ) {
      const [sent, got] = await pass(from, to, ...kind);
      assert.deepEqual(plain(got), plain(sent), `${from} to ${to}: ${kind.join(" ")}`);
    }
  }
  const { text } = await peer.stop();
  assert.doesNotMatch(text, /error|invalid/i);
}

if (installed) {
  Deno.test(
    "cannelloni carries a bus on from xoq's TCP port, classic frames and FD, both ways",
    carriesOn,
  );
}
