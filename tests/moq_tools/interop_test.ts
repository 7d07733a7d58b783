import assert from "node:assert/strict";
import { Dialler } from "../../lib/moq_tools/connect.ts";
import { CASES, runCase } from "../../lib/moq_tools/interop/mod.ts";
import type { CaseResult } from "../../lib/moq_tools/interop/tap.ts";
import { probeAll } from "../../lib/moq_tools/probe/schedule.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { Relay } from "../../lib/relay/relay.ts";
import type { Listener } from "../../lib/transport/direct.ts";
import { MemoryDirect } from "../support/memory_direct.ts";
import { subprotocols } from "../../lib/moqt/dial.ts";
import { protocols } from "../../lib/moqt/versions.ts";

/** A relay that listens in memory. */
async function relayOn(network: MemoryDirect): Promise<AsyncDisposable & { listener: Listener }> {
  const relay = new Relay();
  const listener = await network.listen({ address: "127.0.0.1:0", alpns: protocols() });
  const serving = (async () => {
    for await (const incoming of listener.incoming) {
      const webTransport = incoming.kind === "webtransport";
      const protocol = incoming.protocols.find((name) => subprotocols().includes(name));
      const connection = await incoming.accept(protocol);
      relay.serve(connection, { webTransport }).catch(() => {});
    }
  })();
  return {
    listener,
    async [Symbol.asyncDispose]() {
      await relay.close();
      await listener.close();
      await serving;
    },
  };
}

for (const version of VERSIONS) {
  for (const scheme of ["moqt", "https"]) {
    Deno.test(`draft ${version}, ${scheme}: our relay passes every case of our interop client`, async () => {
      const network = new MemoryDirect();
      await using relay = await relayOn(network);
      await using dialler = new Dialler(`${scheme}://${relay.listener.address}`, {
        transport: network,
      });
      const results: CaseResult[] = [];
      for (const test of CASES) {
        results.push(
          await runCase(test, {
            dialler,
            versions: [version],
            webTransport: scheme === "https",
            signal: new AbortController().signal,
          }),
        );
      }
      const failed = results.filter(({ passed }) => !passed)
        .map(({ name, message, received }) => `${name}: ${message} ${received ?? ""}`);
      assert.deepEqual(failed, []);
      const notes = results.filter(({ note }) => note !== undefined)
        .map(({ name, message, note }) => `${name}: ${message} (${note})`);
      assert.deepEqual(notes, []);
      for (const { name, sessions } of results) {
        assert.ok(Object.keys(sessions).length > 0, name);
        for (const meta of Object.values(sessions)) {
          assert.equal(meta.moqt_version, `moqt-${version}`);
        }
      }
    });
  }
}

Deno.test("a relay that does nothing fails every case but the set-up, in bounded time", async () => {
  const network = new MemoryDirect();
  const { listenSessions } = await import("../../lib/moqt/listen.ts");
  await using listener = await listenSessions(network, { address: "127.0.0.1:0" }, {
    admit: () => ({}),
    arrived() {},
  });
  await using dialler = new Dialler(`moqt://${listener.address}`, { transport: network });
  const passed: string[] = [];
  for (const test of CASES) {
    const result = await runCase(test, {
      dialler,
      versions: VERSIONS,
      webTransport: false,
      signal: new AbortController().signal,
    });
    if (result.passed) passed.push(result.name);
    else assert.match(result.message, /refused|refusal/);
  }
  // Every request is refused with NOT_SUPPORTED, which two cases take for an answer.
  assert.deepEqual(passed, ["setup-only", "subscribe-error"]);
});

Deno.test("a probe tells what each address and draft can, and dials nothing else", async () => {
  const network = new MemoryDirect();
  await using relay = await relayOn(network);
  const url = `moqt://${relay.listener.address}/`;
  const report = await probeAll([
    { id: "ours", name: "Ours", endpoints: [{ url }] },
    { id: "gone", name: "Gone", endpoints: [{ url: "moqt://127.0.0.1:9/" }] },
  ], {
    versions: [...VERSIONS].slice(0, 2),
    connect: { transport: network },
    timeoutMs: 1_000,
    setupOnly: false,
    bothTransports: false,
    intervalSeconds: 0,
    signal: new AbortController().signal,
    onReport() {},
  });
  const { ours, gone } = report!.relays;
  assert.equal(ours?.live, true);
  assert.deepEqual(ours?.drafts, [...VERSIONS].slice(0, 2).sort((a, b) => a - b));
  for (const { checks, implementation } of ours!.endpoints[0]!.probes) {
    assert.match(implementation ?? "", /^xoq/);
    for (const [name, { ok, error }] of Object.entries(checks!)) {
      assert.equal(ok, true, name + error);
    }
  }
  assert.equal(gone?.live, false);
  assert.match(gone?.endpoints[0]?.error ?? "", /nobody listens/);
  const hosts = new Set(network.dialled.map((dialled) => new URL(dialled).host));
  assert.deepEqual([...hosts].sort(), ["127.0.0.1:9", relay.listener.address].sort());
});
