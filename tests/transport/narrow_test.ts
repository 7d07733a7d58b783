import assert from "node:assert/strict";
import type { Connection } from "../../lib/transport/connection.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { BadPath, noBadPath } from "../support/bad_path.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const STREAMS = 8;
const CHUNK_BYTES = 8_000;

/** Writes to a stream of its own for as long as it goes. */
async function flood(connection: Connection, number: number): Promise<void> {
  const writer = (await connection.createUnidirectionalStream()).getWriter();
  writer.closed.catch(() => {});
  try {
    for (;;) await writer.write(new Uint8Array(CHUNK_BYTES).fill(number));
  } catch {
    // The connection is closed.
  }
}

Deno.test({
  name: "direct: streams that wait for room in a connection's send window take turns",
  ...requires(noBadPath, whyNoNativeQuic()),
  async fn() {
    await using listener = await directTransport.listen({
      ...{ address: "127.0.0.1:0", alpns: ["a"], sendWindow: 32_768 },
    });
    await using path = new BadPath(listener.address, { mbps: 10, delayMs: 5 });
    const arrived = listener.incoming.getReader().read();
    await using client = await directTransport.dial(`moqt://${path.address}/`, {
      ...{ protocols: ["a"], trust: { insecure: true } },
    });
    const server = await (await arrived).value!.accept();
    const flooding = Array.from({ length: STREAMS }, (_, i) => flood(server, i));
    const received = new Array<number>(STREAMS).fill(0);
    let total = 0;
    const enough = Promise.withResolvers<void>();
    const reading = (async () => {
      for await (const stream of client.incomingUnidirectionalStreams) {
        void (async () => {
          for await (const chunk of stream) {
            received[chunk[0]!]! += chunk.length;
            total += chunk.length;
            if (total > STREAMS * 100_000) enough.resolve();
          }
        })().catch(() => {});
      }
    })().catch(() => {});
    await enough.promise;
    const least = Math.min(...received);
    server.close();
    await Promise.all([...flooding, reading]);
    assert.ok(least > 60_000, `${received}`);
  },
});
