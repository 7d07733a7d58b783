import assert from "node:assert/strict";
import { metricsHandler, metricsText } from "../../lib/relay/metrics.ts";
import { Stage } from "./support.ts";

Deno.test("figures are told as Prometheus reads them", async () => {
  await using stage = new Stage();
  const text = metricsText(stage.relay.stats);
  assert.match(text, /^# HELP xoq_relay_sessions .+\n# TYPE xoq_relay_sessions gauge\n/);
  for (const line of text.trimEnd().split("\n")) {
    assert.match(line, /^(# (HELP|TYPE) xoq_relay_[a-z_]+ .+|xoq_relay_[a-z_]+ \d+)$/);
  }
  assert.ok(text.includes("\nxoq_relay_cache_bytes 0\n"));
});

Deno.test("figures and health are told to this machine, by its own names only", async () => {
  await using stage = new Stage();
  const answer = metricsHandler(() => stage.relay.stats, { local: true });
  const ask = (path: string, host: string, method = "GET") =>
    answer(new Request(`http://127.0.0.1:9090${path}`, { method, headers: { host } }));
  assert.equal(ask("/healthz", "127.0.0.1:9090").status, 200);
  assert.equal(ask("/metrics", "localhost:9090").status, 200);
  assert.equal(ask("/metrics", "evil.example:9090").status, 403);
  assert.equal(ask("/metrics", "localhost.evil.example").status, 403);
  assert.equal(ask("/", "localhost").status, 404);
  assert.equal(ask("/metrics", "localhost", "POST").status, 405);
});
