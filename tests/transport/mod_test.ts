import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { BusyError, UnsupportedError, UsageError } from "../../lib/errors.ts";
import { createEndpoint, implementation } from "../../lib/transport/mod.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { bindAddresses, relaySetting } from "../../lib/transport/options.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());

function withEnv(name: string, value: string, run: () => void): void {
  Deno.env.set(name, value);
  try {
    run();
  } finally {
    Deno.env.delete(name);
  }
}

/** A UDP socket that answers nothing. */
async function silentSocket(): Promise<AsyncDisposable & { port: number }> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}

Deno.test("XOQ_QUIC chooses the implementation, and names nothing else", () => {
  withEnv("XOQ_QUIC", "carrier-pigeon", () => assert.throws(implementation, UsageError));
});

Deno.test({ name: "the native library comes first", ignore }, () => {
  assert.equal(implementation().kind, "native");
});

Deno.test("without the library, what to do is said", async () => {
  const code = `
    import { implementation } from "${new URL("../../lib/transport/mod.ts", import.meta.url)}";
    try { implementation(); } catch (error) { console.log(error.name, error.hint); }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    env: { XOQ_QUIC_LIBRARY: "/nonexistent/libxoq_quic.so", XOQ_QUIC: "native" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert.match(said, new RegExp(`${UnsupportedError.name}.*deno task native`));
});

Deno.test({ name: "an endpoint keeps its secret key's id", ignore }, async () => {
  const options = { relay: "none", bind: "127.0.0.1", secretKey: new Uint8Array(32).fill(7) };
  await using endpoint = await createEndpoint(options);
  // The ed25519 public key of 32 times 7.
  const id = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
  assert.equal(endpoint.id, id);
});

Deno.test({ name: "an address in use is busy", ignore }, async () => {
  await using first = await createEndpoint({ relay: "none", bind: "127.0.0.1" });
  const bind = first.address().direct[0]!;
  await assert.rejects(createEndpoint({ relay: "none", bind }), BusyError);
});

Deno.test({ name: "an address that this machine does not have is a mistake", ignore }, async () => {
  await assert.rejects(createEndpoint({ relay: "none", bind: "192.0.2.1" }), UsageError);
});

Deno.test(
  { name: "a peer that does not answer is unreachable in the time given", ignore },
  async () => {
    await using endpoint = await createEndpoint({ relay: "none", bind: "127.0.0.1" });
    await using silent = await silentSocket();
    const { port } = silent;
    const begun = performance.now();
    const to = { id: "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c" };
    const address = { ...to, relays: [], direct: [`127.0.0.1:${port}`] };
    await assert.rejects(endpoint.connect(address, "x", { timeoutMs: 400 }), {
      name: "WebTransportError",
      failure: "unreachable",
    });
    assert(performance.now() - begun < 10_000);
    const nowhere = { id: "00".repeat(32), relays: [], direct: [] };
    await assert.rejects(endpoint.connect(nowhere, "x"), { failure: "unreachable" });
  },
);

Deno.test({ name: "a dial in progress can be given up", ignore }, async () => {
  await using endpoint = await createEndpoint({ relay: "none", bind: "127.0.0.1" });
  await using silent = await silentSocket();
  const { port } = silent;
  const to = {
    id: "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
    relays: [],
    direct: [`127.0.0.1:${port}`],
  };
  const signal = AbortSignal.timeout(50);
  await assert.rejects(endpoint.connect(to, "x", { signal }), { name: "TimeoutError" });
});

Deno.test({ name: "protocols can be changed while an endpoint lives", ignore }, async () => {
  await using server = await IrohEndpoint.bind({ relay: "none", bind: "127.0.0.1" });
  await using client = await IrohEndpoint.bind({ relay: "none", bind: "127.0.0.1" });
  const incoming = server.incoming.getReader();
  await assert.rejects(client.connect(server.address(), "late/1"), { failure: "refused" });
  server.setProtocols(["late/1"]);
  const connection = await client.connect(server.address(), "late/1");
  assert.equal((await incoming.read()).value?.protocol, "late/1");
  connection.close();
});

Deno.test({ name: "what makes no sense is a caller's mistake", ignore }, async () => {
  await using endpoint = await createEndpoint({ relay: "none", bind: "127.0.0.1" });
  const dials = [endpoint.address(), { id: "nonsense", relays: [], direct: [] }];
  for (const to of dials) await assert.rejects(endpoint.connect(to, "x"), TypeError);
  await assert.rejects(createEndpoint({ relay: "none", secretKey: new Uint8Array(3) }), TypeError);
});

Deno.test("addresses to bind are read with and without a port", () => {
  const cases: [string | undefined, string[]][] = [
    [undefined, []],
    ["", []],
    ["127.0.0.1", ["127.0.0.1:0"]],
    ["127.0.0.1:4433", ["127.0.0.1:4433"]],
    ["::1", ["[::1]:0"]],
    ["[::1]", ["[::1]:0"]],
    ["[::1]:9", ["[::1]:9"]],
    [":4433", ["0.0.0.0:4433", "[::]:4433"]],
    ["*:1", ["0.0.0.0:1", "[::]:1"]],
  ];
  for (const [bind, expected] of cases) assert.deepEqual(bindAddresses(bind), expected);
  for (const bind of ["localhost", "127.0.0.1:99999", "1.2.3", "zz::1"]) {
    assert.throws(() => bindAddresses(bind), UsageError, bind);
  }
});

Deno.test("relays are none, the default, or URLs", () => {
  assert.equal(relaySetting(undefined), "default");
  assert.equal(relaySetting("none"), "none");
  assert.deepEqual(relaySetting("https://a.example, http://b.example:3340"), [
    "https://a.example",
    "http://b.example:3340",
  ]);
  for (const relay of ["", "nonsense", "ftp://a.example", "https://a.example,x"]) {
    assert.throws(() => relaySetting(relay), UsageError, relay);
  }
});
