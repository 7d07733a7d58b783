/**
 * What works at a relay: for each address and draft a set-up, then cases of the interoperability
 * client. Nothing is dialled but the given addresses.
 *
 * @module
 */
import { RequestError } from "../../moqt/errors.ts";
import { protocolOf, type Version } from "../../moqt/versions.ts";
import { type ConnectOptions, Dialler } from "../connect.ts";
import type { InteropCase } from "../interop/case.ts";
import { CASES, IMPLEMENTATION, runCase } from "../interop/mod.ts";
import type { ProbeEndpoint, ProbeTarget } from "./list.ts";

/** What is checked beyond the set-up, and the case that does it. */
const CHECKS: Readonly<Record<string, string>> = {
  publish_namespace: "announce-only",
  subscribe_error: "subscribe-error",
  publish: "publish-track-only",
  subscribe: "announce-subscribe",
  objects: "data-subgroup-basic",
  fetch: "fetch",
};

/** One thing that was checked. */
export interface CheckReport {
  /** Whether it works; absent: it does not apply. */
  ok?: boolean;
  /** How long it took. */
  duration_ms: number;
  /** Why it does not work, or apply. */
  error?: string;
}

/** One draft at one address. */
export interface DraftReport {
  /** The draft that was asked for; of several that were, the one the server chose. */
  draft: number;
  /** Whether the set-up worked. */
  live: boolean;
  /** The ALPN or WebTransport subprotocol. */
  alpn: string;
  /** From the first packet to the end of the set-up. */
  setup_ms?: number;
  /** The transport's smoothed round trip. */
  rtt_ms?: number;
  /** What the server calls itself. */
  implementation?: string;
  /** What else works. */
  checks?: Readonly<Record<string, CheckReport>>;
  /** Why the set-up did not work. */
  error: string | null;
}

/** One address. */
export interface EndpointReport {
  /** Its URL. */
  url: string;
  /** `QUIC`, or `H3/WT` (WebTransport). */
  transport: "QUIC" | "H3/WT";
  /** Its host. */
  host: string;
  /** Its port. */
  port: number;
  /** Whether some draft is spoken. */
  live: boolean;
  /** The drafts that are spoken, ascending. */
  drafts: number[];
  /** The newest of them. */
  draft: number | null;
  /** How long all of it took. */
  latency_ms: number;
  /** The last error, where no draft is spoken. */
  error: string | null;
  /** Each draft. */
  probes: DraftReport[];
}

/** One relay. */
export interface RelayReport {
  /** What people call it. */
  name: string;
  /** Whether some address answers. */
  live: boolean;
  /** The drafts that are spoken somewhere, ascending. */
  drafts: number[];
  /** Each address. */
  endpoints: EndpointReport[];
}

/** Everything. */
export interface ProbeReport {
  /** When, ISO 8601. */
  timestamp: string;
  /** Relays by their ids. */
  relays: Record<string, RelayReport>;
}

/** How relays are probed. */
export interface ProbeOptions {
  /** Drafts, each tried alone. */
  versions: readonly Version[];
  /** Whether they are offered all at once, to see which one the server chooses. Default false. */
  offer?: boolean;
  /** Trust, token and the like, for every address. */
  connect: ConnectOptions;
  /** The most a set-up may take, in milliseconds. */
  timeoutMs: number;
  /** Whether no more than the set-up is tried. */
  setupOnly: boolean;
  /** Whether each address is tried over its other transport, too. */
  bothTransports: boolean;
  /** Ends it. */
  signal: AbortSignal;
}

/** Probes a relay: its addresses one after the other. Rejects only when the signal aborts. */
export async function probeRelay(
  target: ProbeTarget,
  options: ProbeOptions,
): Promise<RelayReport> {
  const endpoints: EndpointReport[] = [];
  for (const endpoint of target.endpoints.flatMap((it) => transportsOf(it, options))) {
    endpoints.push(await probeEndpoint(endpoint, options));
  }
  return {
    name: target.name,
    live: endpoints.some(({ live }) => live),
    drafts: ascending(endpoints.flatMap(({ drafts }) => drafts)),
    endpoints,
  };
}

function transportsOf(endpoint: ProbeEndpoint, { bothTransports }: ProbeOptions): ProbeEndpoint[] {
  if (!bothTransports) return [endpoint];
  const other = endpoint.url.startsWith("moqt:")
    ? endpoint.url.replace(/^moqt:/, "https:")
    : endpoint.url.replace(/^https:/, "moqt:");
  return [endpoint, { ...endpoint, url: other }];
}

async function probeEndpoint(
  { url, insecure }: ProbeEndpoint,
  options: ProbeOptions,
): Promise<EndpointReport> {
  const began = performance.now();
  const { protocol, hostname, port } = new URL(url);
  await using dialler = new Dialler(url, {
    ...options.connect,
    ...(insecure === undefined ? {} : { trust: { ...options.connect.trust, insecure } }),
    implementation: IMPLEMENTATION,
  });
  const probes: DraftReport[] = [];
  const { versions, offer = false } = options;
  for (const offered of offer ? [versions] : versions.map((version) => [version])) {
    probes.push(await probeDraft(dialler, offered, protocol === "https:", options));
  }
  const drafts = ascending(probes.filter(({ live }) => live).map(({ draft }) => draft));
  return {
    url,
    transport: protocol === "https:" ? "H3/WT" : "QUIC",
    host: hostname,
    port: port === "" ? 443 : Number(port),
    live: drafts.length > 0,
    drafts,
    draft: drafts.at(-1) ?? null,
    latency_ms: Math.round(performance.now() - began),
    error: drafts.length > 0 ? null : probes.at(-1)?.error ?? null,
    probes,
  };
}

async function probeDraft(
  dialler: Dialler,
  offered: readonly Version[],
  webTransport: boolean,
  { timeoutMs, setupOnly, signal, connect }: ProbeOptions,
): Promise<DraftReport> {
  const began = performance.now();
  let version = offered[0]!;
  let report: DraftReport;
  try {
    const { session, connection } = await dialler.dial({
      versions: offered,
      timeoutMs,
      setupTimeoutMs: timeoutMs,
      signal,
    });
    const { implementation } = session.peer;
    version = session.version;
    const { rttMs } = await connection.getStats();
    report = {
      draft: version,
      alpn: protocolOf(version),
      live: true,
      setup_ms: round(performance.now() - began),
      rtt_ms: round(rttMs),
      ...(implementation === undefined ? {} : { implementation }),
      error: null,
    };
    await session.close();
  } catch (error) {
    signal.throwIfAborted();
    return {
      draft: version,
      alpn: protocolOf(version),
      live: false,
      error: errorText(error),
    };
  }
  if (setupOnly) return report;
  const checks: Record<string, CheckReport> = {};
  for (const [name, test] of checkCases()) {
    const { passed, skipped, message, durationMs } = await runCase(test, {
      dialler,
      webTransport,
      versions: [version],
      ...(connect.tokens === undefined ? {} : { tokens: connect.tokens }),
      signal,
    });
    checks[name] = {
      ...(skipped === undefined ? { ok: passed } : {}),
      duration_ms: Math.round(durationMs),
      ...(passed && skipped === undefined ? {} : { error: skipped ?? message }),
    };
  }
  return { ...report, checks };
}

function checkCases(): [string, InteropCase][] {
  return Object.entries(CHECKS).map(([name, test]) => {
    return [name, CASES.find((known) => known.name === test)!];
  });
}

function errorText(error: unknown): string {
  if (error instanceof RequestError) return `refused: ${error.refusal} ${error.message}`;
  return error instanceof Error ? error.message || error.name : String(error);
}

function ascending(drafts: readonly number[]): number[] {
  return [...new Set(drafts)].sort((a, b) => a - b);
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100;
}
