/**
 * XoQ's own serial client (PyPI `xoq-serial`, of `deno task peers`) on our server and, where
 * `XOQ_PEER_SERIAL_SERVER` names its executable (crate `xoq`, binary `serial-server`), on XoQ's, in
 * turns. It finds servers by DNS alone, so all is done in a network of its own: Linux, root.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { endpointIdOf, generateSecretKey } from "../../lib/transport/key.ts";
import { noPrivateNetwork, PrivateNetwork } from "../../tests/support/private_network.ts";
import { eachLine, within } from "../../tests/support/process.ts";
import { missingPython, python } from "../../tests/support/python.ts";
import { Child } from "./child.ts";

const CLIENT = fileURLToPath(new URL("./serial_xoq.py", import.meta.url));
const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
/** Names XoQ's server. */
export const SERVER_VARIABLE = "XOQ_PEER_SERIAL_SERVER";
/** How often each server has its turn. */
const TURNS = 3;
/** Longest wait for XoQ's server, which looks for its relay first, in milliseconds. */
const START_MS = 15_000;

/** Round trips in milliseconds. */
export interface WheelTimes {
  /** On our server. */
  ours: number[];
  /** On XoQ's; absent where there is none. */
  theirs?: number[];
}

/** Why this can't be measured here, or `undefined`. */
export async function whyNoWheel(): Promise<string | undefined> {
  return noPrivateNetwork ?? await missingPython("xoq_serial");
}

/** Measures. `withDevice` gives a device of its own each time. */
export async function wheelRoundTrips(
  trips: number,
  withDevice: (use: (device: string) => Promise<number[]>) => Promise<number[]>,
): Promise<WheelTimes> {
  const executable = Deno.env.get(SERVER_VARIABLE) ?? "";
  const times: Required<WheelTimes> = { ours: [], theirs: [] };
  for (let turn = 0; turn < TURNS; turn++) {
    const count = Math.ceil(trips / TURNS);
    times.ours.push(...await withDevice((device) => onOurs(device, count)));
    if (executable === "") continue;
    times.theirs.push(...await withDevice((device) => onXoqs(executable, device, count)));
  }
  return executable === "" ? { ours: times.ours } : times;
}

async function onOurs(device: string, count: number): Promise<number[]> {
  await using network = await PrivateNetwork.start();
  const [program = "", ...prefix] = network.prefix;
  const args = ["run", "-A", MAIN, "serial", device, "--public", "--json", "--name", "bench-wheel"];
  await using server = Child.program(program, [...prefix, Deno.execPath(), ...args]);
  const { id, addresses } = await server.json() as { id: string; addresses: string[] };
  await network.serveNames({ [id]: addresses[0]! });
  return await client(network, id, count);
}

async function onXoqs(executable: string, device: string, count: number): Promise<number[]> {
  await using network = await PrivateNetwork.start();
  const folder = await Deno.makeTempDir();
  const secret = generateSecretKey();
  await Deno.writeFile(`${folder}/.xoq_serial_server_key`, secret);
  const id = await endpointIdOf(secret);
  const [program = "", ...prefix] = network.prefix;
  const server = new Deno.Command(program, {
    args: [...prefix, executable, device, "115200", "--key-dir", folder],
    env: { RUST_LOG: "info" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    await running(server, id);
    await network.serveNames({ [id]: `127.0.0.1:${await portOf(server.pid)}` });
    return await client(network, id, count);
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  }
}

/** Waits until the server says its id: it looks for its relay first. */
async function running(server: Deno.ChildProcess, id: string): Promise<void> {
  const said = new Promise<void>((resolve) => {
    for (const pipe of [server.stdout, server.stderr]) {
      eachLine(pipe, (line) => line.includes(id) && resolve()).catch(() => {});
    }
  });
  await within(said, START_MS, () => "the start of XoQ's server");
}

/** The UDP port of the only program in its network, for IPv4. */
async function portOf(pid: number): Promise<number> {
  const table = await Deno.readTextFile(`/proc/${pid}/net/udp`);
  const port = /^ *\d+: 00000000:([0-9A-F]{4}) /m.exec(table)?.[1];
  if (port === undefined) throw new Error("XoQ's server has no port");
  return parseInt(port, 16);
}

/** The client, which gives up after five seconds and is then asked once more. */
async function client(network: PrivateNetwork, id: string, count: number): Promise<number[]> {
  const [program = "", ...prefix] = network.prefix;
  let said = "";
  for (let attempt = 0; attempt < 2; attempt++) {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [...prefix, "timeout", "60", python, CLIENT, id, String(count)],
      stdin: "null",
    }).output();
    if (success) return JSON.parse(new TextDecoder().decode(stdout)) as number[];
    said = new TextDecoder().decode(stderr).slice(-400);
  }
  throw new Error(`XoQ's client failed: ${said}`);
}
