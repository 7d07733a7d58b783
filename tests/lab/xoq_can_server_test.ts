/** XoQ's own CAN server (crate `xoq`, binary `can-server`), where it is installed. */
import assert from "node:assert/strict";
import { endpointIdOf, generateSecretKey } from "../../lib/transport/key.ts";
import { eachLine, end, within } from "../support/process.ts";
import { xoq } from "../support/xoq.ts";
import { DIRECTIONS, listening, pass, PATIENCE_MS } from "./can_support.ts";
import { command, inLab } from "./support.ts";

// No package brings it, so where it is absent there is no such test, rather than a skipped one.
const installed = inLab && await command("which", "can-server").then(() => true, () => false);

/** The UDP port of IPv4 that a process has bound. */
async function portOf(pid: number): Promise<number> {
  const own = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const inode = /socket:\[(\d+)\]/.exec(await Deno.readLink(`/proc/${pid}/fd/${name}`))?.[1];
    if (inode !== undefined) own.add(inode);
  }
  for (const row of (await Deno.readTextFile("/proc/net/udp")).split("\n")) {
    const columns = row.trim().split(/\s+/);
    if (own.has(columns[9] ?? "")) return parseInt(columns[1]!.split(":")[1]!, 16);
  }
  throw new Error("XoQ's server has no port");
}

async function isOnTheBus() {
  await using stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const secret = generateSecretKey();
  await Deno.writeFile(`${folder}/.xoq_can_server_key_vcan0`, secret);
  const id = await endpointIdOf(secret);
  const server = new Deno.Command("can-server", {
    args: ["vcan0:fd", "--key-dir", folder],
    env: { RUST_LOG: "info" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  stack.defer(() => end(server));
  const said: string[] = [];
  // It looks for its relay first, in vain.
  const running = new Promise<void>((resolve) => {
    for (const pipe of [server.stdout, server.stderr]) {
      eachLine(pipe, (line) => {
        said.push(line);
        if (line.includes(id)) resolve();
      }).catch(() => {});
    }
  });
  await within(running, PATIENCE_MS, () => `the start of XoQ's server: ${said.join("\n")}`);
  const address = `${id}@127.0.0.1:${await portOf(server.pid)}`;
  const client = stack.use(xoq(["open", "--json", address, "--kind", "can", "--vcan", "vcan1"]));
  await client.until("attached", { timeoutMs: PATIENCE_MS });
  await listening("vcan1", 1);
  // Nothing comes from XoQ's server before the client has spoken.
  await command("cansend", "vcan1", "001#");
  for (const [from, to] of DIRECTIONS) {
    const [sent, got] = await pass(from, to, "-I", "123");
    assert.deepEqual(got, sent, `${from} to ${to}: ${said.slice(-5).join("\n")}`);
  }
}

if (installed) Deno.test("xoq open is on the bus of XoQ's own CAN server", isOnTheBus);
