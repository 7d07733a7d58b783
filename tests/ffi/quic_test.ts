import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { QuicEndpoint, QuicError, quicLibrary } from "../../ffi/quic/mod.ts";
import { operationQueue } from "../../ffi/quic/queue.ts";
import { TransportError } from "../../lib/transport/connection.ts";
import type { EndpointAddress } from "../../lib/transport/connection.ts";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());
const posix = Deno.build.os !== "windows";
const local = { relay: "none", bind: "127.0.0.1", protocols: ["test/1"] };
const peerScript = fileURLToPath(new URL("./quic_peer.ts", import.meta.url));

function peer(role: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", peerScript, role],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function firstLine(child: Deno.ChildProcess): Promise<string> {
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the peer ended: ${await new Response(child.stderr).text()}`);
    text += value;
  }
  await reader.cancel();
  return text.slice(0, text.indexOf("\n"));
}

const signals = [["SIGKILL", "is killed"], ["SIGSTOP", "is stopped"]] as const;
for (const [signal, what] of signals) {
  Deno.test({
    name: `a peer that ${what} is given up, and what waits on it fails`,
    ignore: ignore || !posix,
    async fn() {
      const child = peer("hold");
      try {
        const address = JSON.parse(await firstLine(child)) as EndpointAddress;
        await using endpoint = await IrohEndpoint.bind(local);
        const connection = await endpoint.connect(address, "test/1");
        const { readable, writable } = await connection.createBidirectionalStream();
        const reader = readable.getReader();
        await writable.getWriter().write(Uint8Array.of(1));
        await reader.read();
        const reading = reader.read();
        // Which of the two is told first is open.
        reading.catch(() => {});
        child.kill(signal);
        const begun = performance.now();
        for (const promise of [connection.closed, reading]) {
          await assert.rejects(promise, (error) => {
            assert(error instanceof TransportError);
            assert.equal(error.failure, "timeout");
            assert.equal(error.source, "session");
            return true;
          });
        }
        const took = performance.now() - begun;
        // The idle timeout of 3 s begins again with the first keep-alive that stays unanswered.
        assert(took > 2000 && took < 10_000, `after ${took} ms`);
      } finally {
        try {
          child.kill("SIGKILL");
        } catch {
          // It is dead already.
        }
        await child.status;
        await child.stderr.cancel();
      }
    },
  });
}

for (const [role, said] of [["exit", "closed"], ["idle", "idle"]] as const) {
  Deno.test({ name: `a process ends by itself: ${role}`, ignore }, async () => {
    const child = peer(role);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(timer);
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(new TextDecoder().decode(stdout).trim(), said);
    assert.equal(code, 0);
  });
}

Deno.test(
  { name: "a handle cannot be used after it is freed, nor as another kind", ignore },
  async () => {
    const { symbols } = quicLibrary();
    const out = new Float64Array(2);
    const bytes = new Uint8Array(8);
    assert.equal(symbols.xoq_quic_queue_new(out), 0);
    const queue = out[0]!;
    assert.equal(symbols.xoq_quic_queue_take(queue, bytes, 0), 0);
    assert.equal(symbols.xoq_quic_stream_finish(queue), -2);
    assert.equal(symbols.xoq_quic_free(queue), 0);
    assert.equal(symbols.xoq_quic_queue_take(queue, bytes, 0), -2);
    assert.equal(await symbols.xoq_quic_queue_wait(queue), -2);
    assert.equal(symbols.xoq_quic_free(queue), 0);
    symbols.xoq_quic_queue_new(out);
    assert.notEqual(out[0], queue);
    assert.equal(symbols.xoq_quic_queue_wake(queue), -2);
    symbols.xoq_quic_free(out[0]!);
    for (const made of [0, -1, NaN, Infinity, 2 ** 53, 1.5]) {
      assert.equal(symbols.xoq_quic_connection_stats(made, new Float64Array(7)), -2);
      assert.equal(symbols.xoq_quic_free(made), 0);
    }
  },
);

Deno.test({ name: "settings that cannot be read say which they are", ignore }, async () => {
  const cases = [{ bind: ["nowhere"] }, { relay: ["::"] }, { secretKey: new Uint8Array(5) }];
  for (const settings of cases) {
    await assert.rejects(QuicEndpoint.bind(settings), (error) => {
      assert(error instanceof QuicError);
      assert.equal(error.status, "bad-argument");
      assert.match(error.text, new RegExp(Object.keys(settings)[0]!.slice(0, 4)));
      return true;
    });
  }
  await assert.rejects(QuicEndpoint.bind({ bind: ["127.0.0.1:0\nrelay=default"] }), TypeError);
});

Deno.test(
  { name: "no handle is left when connections and streams have come and gone", ignore },
  async () => {
    const handles = () => quicLibrary().symbols.xoq_quic_handles(operationQueue().handle);
    const before = handles();
    const server = await IrohEndpoint.bind(local);
    const client = await IrohEndpoint.bind(local);
    const open = handles();
    const incoming = server.incoming.getReader();
    for (let i = 0; i < 5; i++) {
      const accepted = incoming.read();
      const connection = await client.connect(server.address(), "test/1");
      const theirs = (await accepted).value!;
      const streams = theirs.incomingBidirectionalStreams.getReader();
      for (let j = 0; j < 20; j++) {
        const ours = await connection.createBidirectionalStream();
        const writer = ours.writable.getWriter();
        await writer.write(Uint8Array.of(j));
        const { readable, writable } = (await streams.read()).value!;
        if (j % 2 === 0) {
          await writer.close();
          await readable.pipeTo(writable);
          for await (const chunk of ours.readable) assert.equal(chunk[0], j);
        } else {
          await writer.abort();
          await readable.cancel();
          await writable.abort();
          await ours.readable.cancel();
        }
      }
      connection.close();
      await connection.closed;
      await theirs.closed;
    }
    // Fewer where some of an earlier test went meanwhile.
    assert.ok(handles() <= open);
    await client.close();
    await server.close();
    assert.ok(handles() <= before);
  },
);

Deno.test({ name: "handshakes that say nothing do not hold up others", ignore }, async () => {
  const { createSocket } = await import("node:dgram");
  await using server = await IrohEndpoint.bind(local);
  await using client = await IrohEndpoint.bind(local);
  const port = Number(server.address().direct[0]!.split(":")[1]);
  const socket = createSocket("udp4");
  // Garbage, and long headers of a version nobody speaks: neither may disturb the endpoint.
  for (let i = 0; i < 200; i++) {
    const datagram = crypto.getRandomValues(new Uint8Array(1200));
    if (i % 2 === 0) datagram.set([0xc0, 0, 0, 0, 1, 8]);
    await new Promise((resolve) => socket.send(datagram, port, "127.0.0.1", resolve));
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  const incoming = server.incoming.getReader();
  const begun = performance.now();
  const connection = await client.connect(server.address(), "test/1");
  assert.equal((await incoming.read()).value?.remoteId, client.id);
  // Half a handshake's time, which those that say nothing have.
  assert(performance.now() - begun < 5_000);
  connection.close();
});
