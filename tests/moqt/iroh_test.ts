import assert from "node:assert/strict";
import { IrohEndpoint } from "../../lib/transport/iroh.ts";
import { accept, connect } from "../../lib/moqt/session/session.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { all, DRAFTS, TRACK } from "./sessions.ts";

const { ignore } = requires(whyNoNativeQuic());

for (const [draft, protocol] of DRAFTS) {
  Deno.test({
    name: `draft ${draft}: tracks, fetches and refusals go over iroh`,
    ignore,
    async fn() {
      const local = { relay: "none", bind: "127.0.0.1", protocols: [protocol] };
      await using a = await IrohEndpoint.bind(local);
      await using b = await IrohEndpoint.bind(local);
      const incoming = b.incoming.getReader();
      const [ours, { value: theirs }] = await Promise.all([
        a.connect(b.address(), protocol),
        incoming.read(),
      ]);
      const source = new TrackSource();
      const payload = crypto.getRandomValues(new Uint8Array(3000));
      const [client, server] = await Promise.all([
        connect(ours),
        accept(theirs!, {
          handlers: {
            subscribe: (request) => void source.accept(request),
            fetch: ({ end }) => ({
              end,
              items: [{ kind: "object", group: 0, subgroup: 0, id: 0, priority: 1, payload }],
            }),
          },
        }),
      ]);
      const subscription = client.subscribe(TRACK);
      await subscription.ready;
      const received = all(subscription.objects());
      for (let group = 0; group < 50; group++) {
        source.startGroup();
        for (let id = 0; id < 4; id++) source.write({ payload });
        await source.drained();
      }
      await source.end();
      const objects = await received;
      assert.equal(objects.length, 200);
      for (const object of objects) assert.deepEqual(object.payload, payload);
      const range = { track: TRACK, start: { group: 0, object: 0 }, end: { group: 0, object: 1 } };
      const items = await all(client.fetch(range));
      assert.deepEqual(items.map((item) => item.kind === "object" && item.payload), [payload]);
      await assert.rejects(client.trackStatus(TRACK), { refusal: "not-supported" });
      await client.close();
      assert.equal((await server.closed).closeCode, 0);
    },
  });
}
