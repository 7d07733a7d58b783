/** Servers that speak their device's own protocol and nothing else, as XoQ's do. */
import assert from "node:assert/strict";
import { attach } from "../../lib/session/attach.ts";
import type { Connection, Endpoint } from "../../lib/transport/connection.ts";
import { MemoryNetwork } from "../../lib/transport/memory.ts";
import { createEndpoint } from "../../lib/transport/mod.ts";
import { servePort } from "../serial/support.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const PLAIN = "xoq/p2p/0";
const options = () => ({ signal: AbortSignal.timeout(5_000), timeoutMs: 4_000, plain: PLAIN });

/** Attaches to a server that accepts one connection and says what it was. */
async function attachesAtOnce(server: Endpoint, client: Endpoint): Promise<void> {
  const incoming = server.incoming.getReader();
  await using attachment = await attach(
    client,
    { address: server.address(), agent: "test" },
    options(),
  );
  assert.equal(attachment.control, undefined);
  const { value } = await incoming.read() as { value: Connection };
  assert.equal(value.protocol, PLAIN);
  // The device's connection is the one that was dialled: there is no second.
  const connection = await attachment.connect(PLAIN);
  connection.close({ closeCode: 7, reason: "seen" });
  assert.equal((await value.closed).closeCode, 7);
}

Deno.test("a server with the device's own protocol is attached to by its first connection", async () => {
  const network = new MemoryNetwork();
  await using server = network.endpoint([PLAIN]);
  await using client = network.endpoint();
  await attachesAtOnce(server, client);
});

Deno.test({
  name: "iroh's endpoints choose the protocol that both have, in one handshake",
  ...requires(whyNoNativeQuic()),
}, async () => {
  const local = { bind: "127.0.0.1", relay: "none" };
  await using server = await createEndpoint({ ...local, protocols: [PLAIN] });
  await using client = await createEndpoint(local);
  await attachesAtOnce(server, client);
});

Deno.test("a server that has both gives control", async () => {
  await using served = await servePort();
  await using client = served.network.endpoint();
  const address = { id: served.id, relays: [], direct: [] };
  await using attachment = await attach(client, { address, agent: "test" }, options());
  assert.equal(attachment.control?.rights, "control");
});

Deno.test("who has a grant to show offers nothing that could not take it", async () => {
  const network = new MemoryNetwork();
  await using server = network.endpoint([PLAIN]);
  await using client = network.endpoint();
  const target = { address: server.address(), agent: "test", grant: "g" };
  await using attachment = await attach(client, target, options());
  assert.equal(attachment.control, undefined);
  // Refused first, then dialled for the device.
  const connection = await attachment.connect(PLAIN);
  assert.equal(connection.protocol, PLAIN);
  connection.close();
});
