import assert from "node:assert/strict";
import { TransportError } from "../../lib/transport/connection.ts";
import { memoryEndpoints, MemoryNetwork, memoryPair } from "../../lib/transport/memory.ts";
import { connectionCompliance } from "../compliance/connection.ts";

connectionCompliance({
  name: "memory",
  endpoints: () => Promise.resolve(memoryEndpoints(["test/1"])),
});

Deno.test("memory: a peer that vanishes times out on both sides", async () => {
  const [server, client] = memoryEndpoints(["test/1"], { idleTimeoutMs: 20, window: 1000 });
  const incoming = server.incoming.getReader();
  const connection = await client.connect(server.address(), "test/1");
  const accepted = (await incoming.read()).value!;
  const stream = await connection.createUnidirectionalStream();
  const writer = stream.getWriter();
  await writer.write(Uint8Array.of(1));
  server.vanish();
  const failing = writer.write(new Uint8Array(5000));
  for (const promise of [connection.closed, accepted.closed, failing]) {
    await assert.rejects(promise, (error) => {
      assert(error instanceof TransportError);
      assert.equal(error.failure, "timeout");
      return true;
    });
  }
  await assert.rejects(client.connect(server.address(), "test/1"), /cannot be reached/);
});

Deno.test("memory: what a vanished peer had written before can still be read", async () => {
  const network = new MemoryNetwork({ idleTimeoutMs: 10 });
  const [server, client] = [network.endpoint(["a"]), network.endpoint()];
  const incoming = server.incoming.getReader();
  const connection = await client.connect(server.address(), "a");
  const accepted = (await incoming.read()).value!;
  const writer = (await connection.createUnidirectionalStream()).getWriter();
  await writer.write(Uint8Array.of(5));
  client.vanish();
  await writer.write(Uint8Array.of(6));
  const streams = accepted.incomingUnidirectionalStreams.getReader();
  const reader = (await streams.read()).value!.getReader();
  assert.deepEqual((await reader.read()).value, Uint8Array.of(5));
  await assert.rejects(reader.read(), TransportError);
});

Deno.test("memory: a pair is one connection", async () => {
  const [a, b] = memoryPair("x");
  const stream = await a.createUnidirectionalStream();
  const writer = stream.getWriter();
  await writer.write(Uint8Array.of(1));
  const received = (await b.incomingUnidirectionalStreams.getReader().read()).value!;
  assert.deepEqual((await received.getReader().read()).value, Uint8Array.of(1));
  a.close({ closeCode: 5, reason: "done" });
  assert.deepEqual(await b.closed, { closeCode: 5, reason: "done" });
});

Deno.test("memory: the 2,049th open stream waits until another one has ended", async () => {
  const [a, b] = memoryPair("x");
  const streams = await Promise.all(
    Array.from({ length: 2048 }, () => a.createUnidirectionalStream()),
  );
  const signal = AbortSignal.timeout(20);
  await assert.rejects(a.createUnidirectionalStream({ signal }), { name: "TimeoutError" });
  const waiting = a.createUnidirectionalStream();
  await streams[0]!.close();
  const received = (await b.incomingUnidirectionalStreams.getReader().read()).value!;
  assert.equal((await received.getReader().read()).done, true);
  await waiting;
  a.close();
});
