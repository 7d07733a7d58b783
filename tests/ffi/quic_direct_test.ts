import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { quicDial, QuicError, quicLibrary, QuicListener } from "../../ffi/quic/mod.ts";
import { operationQueue } from "../../ffi/quic/queue.ts";
import type { TransportError } from "../../lib/transport/connection.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const { ignore } = requires(whyNoNativeQuic());
const ALPN = "test/1";
const peerScript = fileURLToPath(new URL("./quic_direct_peer.ts", import.meta.url));

Deno.test({
  name: "no handle is left when direct connections have come, gone and been refused",
  ignore,
}, async () => {
  const handles = () => quicLibrary().symbols.xoq_quic_handles(operationQueue().handle);
  const before = handles();
  const listener = await directTransport.listen({ address: "127.0.0.1:0", alpns: [ALPN] });
  const incoming = listener.incoming.getReader();
  for (const scheme of ["moqt", "https"]) {
    for (let i = 0; i < 6; i++) {
      const session = incoming.read();
      const dialling = directTransport.dial(`${scheme}://${listener.address}/`, {
        protocols: [ALPN],
        trust: { insecure: true },
      });
      dialling.catch(() => {});
      const theirs = (await session).value!;
      if (i % 3 === 0) {
        theirs.refuse(404, 4);
        await dialling.then((connection) => connection.closed).catch(() => {});
        continue;
      }
      const server = await theirs.accept(ALPN);
      const client = await dialling;
      const streams = server.incomingBidirectionalStreams.getReader();
      for (let j = 0; j < 10; j++) {
        const ours = await client.createBidirectionalStream();
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
      (i % 2 === 0 ? client : server).close();
      await Promise.all([client.closed, server.closed]);
    }
  }
  await assert.rejects(
    directTransport.dial(`moqt://${listener.address}/`, {
      protocols: ["other"],
      trust: { insecure: true },
    }),
  );
  await listener.close();
  assert.equal(handles(), before);
});

Deno.test(
  { name: "direct calls with handles that are none, or of another kind, fail", ignore },
  () => {
    const { symbols } = quicLibrary();
    const out = new Float64Array(2);
    const bytes = new Uint8Array(8);
    assert.equal(symbols.xoq_quic_queue_new(out), 0);
    const queue = out[0]!;
    for (const made of [0, -1, NaN, Infinity, 2 ** 53, queue]) {
      assert.equal(symbols.xoq_quic_listener_info(made, bytes, 8), -2);
      assert.equal(symbols.xoq_quic_listener_accept(made, 0, out), -2);
      assert.equal(symbols.xoq_quic_listener_certificate(made, bytes, 0), -2);
      assert.equal(symbols.xoq_quic_listener_close(made, 0, out), -2);
      assert.equal(symbols.xoq_quic_incoming_info(made, bytes, 8), -2);
      assert.equal(symbols.xoq_quic_incoming_accept(made, bytes, 0, 0, out), -2);
      assert.equal(symbols.xoq_quic_incoming_refuse(made, 404, 0), -2);
    }
    assert.equal(symbols.xoq_quic_direct_dial(0, bytes, 0, 0, out), -2);
    assert.equal(symbols.xoq_quic_direct_dial(queue, bytes, 8, 0, out), -3);
    assert.equal(symbols.xoq_quic_direct_listen(queue, bytes, 8, 0, out), -3);
    symbols.xoq_quic_free(queue);
  },
);

Deno.test({ name: "a line break in a setting is no second setting", ignore }, async () => {
  const settings = { host: "127.0.0.1\ninsecure=1", port: 1, protocols: ["a"], timeoutMs: 50 };
  await assert.rejects(quicDial(settings), TypeError);
  const listen = { bind: ["nowhere"], alpns: ["a"], web: false };
  await assert.rejects(QuicListener.bind(listen), (error) => {
    assert(error instanceof QuicError);
    assert.equal(error.status, "bad-argument");
    return true;
  });
});

for (const scheme of ["moqt", "https"]) {
  Deno.test(
    { name: `${scheme}: a process that closes ends at once, and is heard`, ignore },
    async () => {
      await using listener = await directTransport.listen({
        address: "127.0.0.1:0",
        alpns: [ALPN],
      });
      const incoming = listener.incoming.getReader();
      // It may have closed before it was let in.
      const heard = incoming.read().then(({ value }) => value!.accept(ALPN))
        .then(({ closed }) => closed).catch((error: TransportError) => error);
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", peerScript, `${scheme}://${listener.address}/`],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
      const ended = child.output();
      // The idle timeout would end it, too, and as a failure.
      assert.equal((await heard).closeCode, 9);
      const { code, stdout, stderr } = await ended;
      clearTimeout(timer);
      assert.equal(new TextDecoder().decode(stderr), "");
      assert.equal(new TextDecoder().decode(stdout).trim(), "closed");
      assert.equal(code, 0);
    },
  );
}
