/**
 * What `xoq relay` does once its options are read.
 *
 * @module
 */
import { limitArenas } from "../../ffi/malloc.ts";
import { mapOwnContent } from "../../ffi/own_content.ts";
import { BusyError } from "../errors.ts";
import { listenDirect, listenIroh, relayProtocols, type Visitor } from "../relay/listen.ts";
import { metricsHandler } from "../relay/metrics.ts";
import { Relay, type RelayStats, SEND_WINDOW } from "../relay/relay.ts";
import { tokenGate } from "../relay/access/token.ts";
import type { Endpoint } from "../transport/connection.ts";
import { directTransport } from "../transport/direct_endpoint.ts";
import { type Identity, openIdentity } from "../transport/identity.ts";
import { lastingListener } from "../transport/lasting_listener.ts";
import { formatEndpointTicket } from "../transport/ticket.ts";
import type { CommandContext } from "./command.ts";
import { endpointOptions, type EndpointValues } from "./endpoint_values.ts";
import type { Output } from "./output.ts";
import { processMemory } from "./process_memory.ts";
import { parseListen, parseSize, readCertificate, RELAY_NAME } from "./relay_options.ts";

/** The command's options. */
export interface RelayValues extends EndpointValues {
  /** `--listen`. */
  readonly listen: string;
  /** `--cert`. */
  readonly cert: string | undefined;
  /** `--key`. */
  readonly key: string | undefined;
  /** `--iroh`. */
  readonly iroh: boolean;
  /** `--keylogfile`. */
  readonly keylogfile: string | undefined;
  /** `--public`. */
  readonly public: boolean;
  /** `--name`. */
  readonly name: string | undefined;
  /** `--cache`. */
  readonly cache: string;
  /** `--memory`. */
  readonly memory: string;
  /** `--max-pending`. */
  readonly "max-pending": string;
  /** `--late`, in milliseconds. */
  readonly late: number;
  /** `--hold`, in milliseconds. */
  readonly hold: number;
  /** `--max-sessions`. */
  readonly "max-sessions": number;
  /** `--metrics`. */
  readonly metrics: string | undefined;
}

/** Counters are told this often, in milliseconds. */
const STATS_INTERVAL_MS = 1_000;

/** Relays until the signal aborts. */
export async function runRelay(
  values: RelayValues,
  { output, signal }: Pick<CommandContext, "output" | "signal">,
): Promise<void> {
  const listen = parseListen(values.listen, "--listen");
  const certificate = await readCertificate(values.cert, values.key);
  const cacheBytes = parseSize(values.cache, "--cache");
  const limitBytes = parseSize(values.memory, "--memory");
  const maxPendingBytes = parseSize(values["max-pending"], "--max-pending");
  limitArenas(2);
  mapOwnContent();
  await using stack = new AsyncDisposableStack();
  const identity = stack.use(
    await openIdentity({
      name: values.name ?? RELAY_NAME,
      explicit: values.name !== undefined,
    }),
  );
  for (const notice of identity.notices) output.warn(notice);
  if (identity.ephemeral && !values.public) {
    output.warn("the relay's key is new at every start, so no token made before opens it");
  }
  const relay = new Relay({
    cacheBytes,
    holdMs: values.hold,
    memory: { limitBytes, gauge: processMemory() },
    maxSessions: values["max-sessions"],
    outlet: { maxPendingBytes, lateMs: values.late },
    ...(values.public ? {} : { gate: tokenGate(identity.id) }),
  });
  const events = visitorEvents(output);
  const { keylogfile } = values;
  const listener = stack.use(
    await listenDirect(relay, directTransport, {
      address: listen.address,
      ...await lastingListener(identity, listen.address),
      ...(certificate === undefined ? {} : { certificate }),
      ...(keylogfile === undefined ? {} : { keyLogFile: keylogfile }),
    }, events),
  );
  const endpoint = values.iroh ? stack.use(await irohEndpoint(values, identity)) : undefined;
  if (endpoint !== undefined) listenIroh(relay, endpoint, events);
  const metrics = values.metrics === undefined
    ? undefined
    : stack.use(serveMetrics(values.metrics, () => relay.stats));
  // Sessions go away before the sockets that carry them.
  stack.use(relay);
  const { address, certificateHash } = listener;
  const { id } = identity;
  output.event({
    type: "ready",
    device: "relay",
    id,
    address,
    urls: [`moqt://${address}`, `https://${address}`],
    certificate_hash: certificateHash,
    public: values.public,
    ...(endpoint === undefined
      ? {}
      : { endpoint_ticket: formatEndpointTicket(endpoint.address()) }),
    ...(metrics === undefined ? {} : { metrics: metrics.url }),
  });
  if (!output.json) {
    output.notice(
      `relaying MoQT at moqt://${address} and https://${address}` +
        (certificate === undefined ? `\ncertificate's SHA-256: ${certificateHash}` : "") +
        (values.public ? "" : "\nsessions need a token: xoq relay token makes one"),
    );
  }
  const meter = new Meter(relay.stats);
  const timer = setInterval(() => {
    output.event(meter.read(relay.stats));
  }, STATS_INTERVAL_MS);
  try {
    await aborted(signal);
  } finally {
    clearInterval(timer);
  }
}

function visitorEvents(output: Output) {
  const fields = ({ id, role, draft, transport, remote }: Visitor) => ({
    id,
    role,
    draft,
    transport,
    remote,
  });
  return {
    arrived: (visitor: Visitor) => output.event({ type: "client", ...fields(visitor) }),
    left: (visitor: Visitor, reason: string) =>
      output.event({ type: "gone", ...fields(visitor), reason }),
  };
}

async function irohEndpoint(values: RelayValues, identity: Identity): Promise<Endpoint> {
  const { createEndpoint } = await import("../transport/mod.ts");
  return await createEndpoint({
    ...endpointOptions(values),
    secretKey: identity.secretKey,
    protocols: relayProtocols(),
    congestion: "bbr3",
    sendWindow: SEND_WINDOW,
  });
}

function serveMetrics(
  text: string,
  stats: () => RelayStats,
): AsyncDisposable & { url: string } {
  const { address, isLocal } = parseListen(text, "--metrics");
  const [, hostname, port] = /^\[?(.+?)\]?:(\d+)$/.exec(address)!;
  const handler = metricsHandler(stats, { local: isLocal });
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({ hostname: hostname!, port: Number(port), onListen: () => {} }, handler);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    throw new BusyError(`${address} is taken`, { hint: "give another with --metrics", cause });
  }
  const host = hostname!.includes(":") ? `[${hostname}]` : hostname;
  return {
    url: `http://${host}:${server.addr.port}/metrics`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** From counters to rates. */
class Meter {
  #before: RelayStats;
  #at = performance.now();

  constructor(stats: RelayStats) {
    this.#before = stats;
  }

  read(stats: RelayStats): { type: "stats" } & Record<string, unknown> {
    const now = performance.now();
    const seconds = (now - this.#at) / 1000;
    const rate = (key: "objectsIn" | "bytesIn" | "bytesOut") =>
      (stats[key] - this.#before[key]) / seconds;
    const event = {
      type: "stats" as const,
      sessions: stats.sessions,
      tracks: stats.tracks,
      viewers: stats.subscriptions,
      upstreams: stats.upstreams,
      objects_per_second: Math.round(rate("objectsIn")),
      mbps_in: round(rate("bytesIn") * 8 / 1e6),
      mbps: round(rate("bytesOut") * 8 / 1e6),
      dropped: stats.droppedGroups,
      cache_bytes: stats.cacheBytes,
      cache_groups: stats.cacheGroups,
      evicted_groups: stats.evictedGroups,
      memory_bytes: stats.memoryBytes,
      memory_holds: stats.memoryHolds,
    };
    this.#before = stats;
    this.#at = now;
    return event;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
