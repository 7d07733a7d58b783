import assert from "node:assert/strict";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { accept, connect } from "../../lib/moqt/session/session.ts";
import { protocolOf } from "../../lib/moqt/versions.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { TRACK } from "./sessions.ts";

const { ignore } = requires(whyNoNativeQuic());
/** As a type with bytes for a value. */
const LABEL = 0x11;
const SIZES = [50, 8192, 3, 15_000, 1024, 100_000, 0, 40_000];
const STREAMS = 3;
const OBJECTS = 600;

const sizeOf = (id: number) => SIZES[id % SIZES.length]!;
const byteOf = (subgroup: number, id: number) => (subgroup * 71 + id * 7 + 1) % 256;
const pause = () => new Promise<void>((resolve) => setTimeout(resolve));

async function publish(publication: Publication): Promise<void> {
  await Promise.all(Array.from({ length: STREAMS }, async (_, subgroup) => {
    const writer = await publication.subgroup({ group: 0, subgroup });
    for (let id = 0; id < OBJECTS; id++) {
      const byte = byteOf(subgroup, id);
      await writer.write({
        id,
        payload: new Uint8Array(sizeOf(id)).fill(byte),
        properties: [{ type: LABEL, value: new Uint8Array(20).fill(byte) }],
      });
    }
    await writer.close();
  }));
  publication.done();
}

for (const lend of [true, false]) {
  Deno.test({
    name: `objects are whole until the next batch, and their memory is ${lend ? "" : "not "}reused`,
    ignore,
    async fn() {
      const protocols = [protocolOf(18)];
      await using listener = await directTransport.listen({
        address: "127.0.0.1:0",
        alpns: protocols,
        webTransport: false,
      });
      const incoming = listener.incoming.getReader();
      const arriving = incoming.read().then(({ value }) => value!.accept());
      const url = `moqt://${listener.address}/`;
      const dialled = await directTransport.dial(url, { protocols, trust: { insecure: true } });
      const sent = Promise.withResolvers<void>();
      const [server, client] = await Promise.all([
        accept(await arriving, {
          handlers: {
            subscribe: (request) => void publish(request.accept()).then(sent.resolve, sent.reject),
          },
        }),
        connect(dialled),
      ]);
      const memory = new Set<ArrayBufferLike>();
      let objects = 0;
      for await (const batch of client.subscribe(TRACK).batches({ lend })) {
        // Meanwhile more arrives.
        await pause();
        for (const { subgroup, id, payload, properties } of batch) {
          const byte = byteOf(subgroup!, id);
          const what = `object ${id} of ${subgroup}`;
          assert.equal(payload.length, sizeOf(id), what);
          assert.ok(payload.every((value) => value === byte), what);
          assert.deepEqual(properties, [{ type: LABEL, value: new Uint8Array(20).fill(byte) }]);
          if (payload.buffer.byteLength === 65_536) memory.add(payload.buffer);
          objects++;
        }
      }
      assert.equal(objects, STREAMS * OBJECTS);
      assert.equal(memory.size < 150, lend, `${memory.size} buffers`);
      await sent.promise;
      await Promise.all([client.close(), server.close()]);
    },
  });
}
