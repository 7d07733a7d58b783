/**
 * `xoq ls --network`: servers on the LAN, their devices, whether somebody controls them, and how far
 * away they are.
 *
 * @module
 */
import { browseXoq, type LanServer } from "../../discovery/xoq_service.ts";
import { UsageError } from "../../errors.ts";
import { SESSION_PROTOCOL } from "../../session/protocol.ts";
import type { Endpoint } from "../../transport/connection.ts";
import { createEndpoint } from "../../transport/mod.ts";
import { endpointOptions, type EndpointValues } from "../endpoint_values.ts";
import type { Output } from "../output.ts";
import { aborted } from "../serve_devices.ts";
import { table } from "../table.ts";

/** How long is listened where nothing is watched, in ms: answers come within 120 ms of a question. */
const LOOK_MS = 1_500;
/** Longest that a server is waited for, in ms. */
const RTT_LIMIT_MS = 1_500;

/** Options of the command that matter here. */
export interface NetworkValues extends EndpointValues {
  /** `--watch`. */
  readonly watch: boolean;
  /** `--kind`. */
  readonly kind: readonly string[];
}

/** Lists once, or tells of changes until the signal aborts. */
export async function listNetwork(
  values: NetworkValues,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  if (values["no-announce"]) {
    throw new UsageError("--network and --no-announce contradict each other", {
      hint: "XOQ_NO_ANNOUNCE in the environment means the same",
    });
  }
  await using endpoint = await createEndpoint({
    ...endpointOptions(values),
    // What is looked for is on this network, with its address.
    relay: "none",
    mdns: false,
  });
  const servers = new Map<string, LanServer>();
  const measured = new Map<string, number | undefined>();
  const tell = async (server: LanServer) => {
    const rtt = await roundTrip(endpoint, server, signal);
    if (signal.aborted || servers.get(server.name) !== server) return;
    for (const row of rows(server, rtt, values.kind)) {
      if (output.json) output.record({ event: "found", ...row });
      else output.print(line(row));
    }
  };
  await using browser = await browseXoq({
    onFound: (server) => {
      servers.set(server.name, server);
      if (values.watch) void tell(server);
    },
    onLost: (name) => {
      const server = servers.get(name);
      servers.delete(name);
      if (!values.watch || server === undefined) return;
      if (output.json) output.record({ event: "lost", id: server.id, server: server.label });
      else output.print(`- ${server.label}`);
    },
  });
  if (browser.trouble !== undefined) output.warn(browser.trouble);
  if (values.watch) return await aborted(signal);
  await aborted(AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]));
  signal.throwIfAborted();
  const found = [...servers.values()];
  await Promise.all(found.map(async (server) => {
    measured.set(server.name, await roundTrip(endpoint, server, signal));
  }));
  const all = found.flatMap((server) => rows(server, measured.get(server.name), values.kind));
  if (output.json) { for (const row of all) output.record(row); }
  else if (all.length === 0) output.notice("no servers found on this network");
  else {
    output.print(table(
      ["KIND", "NAME", "STATE", "RTT", "SERVER"],
      all.map(({ kind, name, state, rtt_ms, server }) => [kind, name, state, ms(rtt_ms), server]),
    ));
  }
}

interface Row {
  kind: string;
  name: string;
  state: "busy" | "free";
  /** Absent: it can't be reached. */
  rtt_ms?: number;
  server: string;
  id: string;
  addresses: readonly string[];
}

function rows(server: LanServer, rtt: number | undefined, kinds: readonly string[]): Row[] {
  return server.devices.filter(({ kind }) => kinds.length === 0 || kinds.includes(kind)).map(
    ({ kind, name, busy }) => ({
      kind,
      name,
      state: busy ? "busy" : "free",
      ...(rtt === undefined ? {} : { rtt_ms: Math.round(rtt * 100) / 100 }),
      server: server.label,
      id: server.id,
      addresses: server.addresses,
    }),
  );
}

function line({ kind, name, state, rtt_ms, server }: Row): string {
  return `+ ${kind} ${name}, ${state}, ${ms(rtt_ms)}, ${server}`;
}

function ms(value: number | undefined): string {
  return value === undefined ? "unreachable" : `${value.toFixed(2)} ms`;
}

/** One handshake tells the round trip; no grant is shown. */
async function roundTrip(
  endpoint: Endpoint,
  { id, addresses }: LanServer,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    await using connection = await endpoint.connect(
      { id, relays: [], direct: addresses },
      SESSION_PROTOCOL,
      { signal, timeoutMs: RTT_LIMIT_MS },
    );
    return (await connection.getStats()).rttMs;
  } catch {
    return undefined;
  }
}
