/**
 * A relay's figures in Prometheus' text format, and whether it is well, over HTTP.
 *
 * @module
 */
import type { RelayStats } from "./relay.ts";

/** Name, type, help and unit of each figure. */
const FIGURES: Readonly<
  Record<keyof RelayStats, readonly [name: string, type: "counter" | "gauge", help: string]>
> = {
  sessions: ["sessions", "gauge", "Sessions now."],
  sessionsTotal: ["sessions_total", "counter", "Sessions begun."],
  refusedSessions: ["refused_sessions_total", "counter", "Connections turned away."],
  namespaces: ["namespaces", "gauge", "Namespaces published now."],
  tracks: ["tracks", "gauge", "Tracks known now."],
  subscriptions: ["subscriptions", "gauge", "Subscriptions served now."],
  upstreams: ["upstream_subscriptions", "gauge", "Subscriptions at publishers now."],
  objectsIn: ["received_objects_total", "counter", "Objects received."],
  bytesIn: ["received_bytes_total", "counter", "Bytes of objects received."],
  bytesOut: ["sent_bytes_total", "counter", "Bytes of objects sent."],
  droppedGroups: ["dropped_groups_total", "counter", "Groups cut off for slow subscribers."],
  cacheBytes: ["cache_bytes", "gauge", "Bytes of groups held."],
  cacheGroups: ["cache_groups", "gauge", "Groups held."],
  evictedGroups: ["evicted_groups_total", "counter", "Groups let go to make room."],
  trimmedBytes: ["trimmed_bytes_total", "counter", "Bytes newest groups lost to make room."],
  fetchesHeld: ["fetches_held_total", "counter", "Fetches answered from memory."],
  fetchesAsked: ["fetches_asked_total", "counter", "Fetches that needed publishers."],
  memoryBytes: ["memory_bytes", "gauge", "Resident memory of the process."],
  memoryReliefs: ["memory_reliefs_total", "counter", "Garbage collections because of its size."],
  memoryHolds: ["memory_holds_total", "counter", "Times publishers waited because of its size."],
  fetchesUpstream: ["fetches_upstream_total", "counter", "Fetches at publishers."],
};

/** The figures as Prometheus reads them (text format 0.0.4). */
export function metricsText(stats: RelayStats): string {
  const lines: string[] = [];
  for (const [key, [name, type, help]] of Object.entries(FIGURES)) {
    const full = `xoq_relay_${name}`;
    lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`);
    lines.push(`${full} ${stats[key as keyof RelayStats]}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Names by which a page elsewhere cannot reach this machine (DNS rebinding). */
const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** Answers `/metrics` and `/healthz`. `local`: whether only this machine's own names are taken. */
export function metricsHandler(
  stats: () => RelayStats,
  { local }: { local: boolean },
): (request: Request) => Response {
  return (request) => {
    if (local && !LOCAL.test(request.headers.get("host") ?? "")) {
      return new Response("unknown host\n", { status: 403 });
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("GET only\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    switch (new URL(request.url).pathname) {
      case "/healthz":
        return new Response("ok\n");
      case "/metrics":
        return new Response(metricsText(stats()), {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        });
      default:
        return new Response("not here\n", { status: 404 });
    }
  };
}
