/** Whatever is sent as fast as it is taken arrives byte for byte, to the last object. */
import assert from "node:assert/strict";
import { Dialler } from "../../lib/moq_tools/connect.ts";
import { listenSessions } from "../../lib/moqt/listen.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { type CheckedLoad, Checker, sendChecked } from "../support/checked_load.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { TRACK } from "./sessions.ts";

const LOADS: Readonly<Record<string, CheckedLoad>> = {
  "an object a group": { sizeOf: () => 1024, groupObjects: 1, streams: 1 },
  "two tiny objects a group": { sizeOf: (_, id) => id, groupObjects: 2, streams: 1 },
  "eight subgroups of one object": { sizeOf: () => 64, groupObjects: 8, streams: 8 },
  "long groups": { sizeOf: () => 1024, groupObjects: 4096, streams: 1 },
  "sizes of all kinds": {
    sizeOf: (group, id) => (group * 7919 + id * 104_729) % 40_000,
    groupObjects: 30,
    streams: 3,
  },
  "priorities that change": {
    sizeOf: (group) => group % 3 === 0 ? 100_000 : 500,
    groupObjects: 6,
    streams: 2,
    priorityOf: (group) => group * 53 % 256,
  },
  "a steady rate": { sizeOf: () => 300, groupObjects: 10, streams: 1, rate: 2000 },
};

/** How long each is sent, in milliseconds. */
const SEND_MS = 250;

for (const draft of [14, 22] as const) {
  for (const scheme of ["moqt", "https"] as const) {
    for (const [name, load] of Object.entries(LOADS)) {
      Deno.test({
        name: `${scheme}, draft ${draft}: ${name}, and nothing is lost or out of place`,
        ...requires(whyNoNativeQuic()),
        fn: async () => {
          const made = Promise.withResolvers<Publication>();
          await using listener = await listenSessions(directTransport, {
            address: "127.0.0.1:0",
            versions: [draft],
          }, {
            admit: () => ({
              handlers: { subscribe: (request) => made.resolve(request.accept()) },
            }),
            arrived: ({ session }) => void session.closed.catch(() => {}),
          });
          await using dialler = new Dialler(`${scheme}://${listener.address}/`, {
            transport: directTransport,
            versions: [draft],
            trust: { insecure: true },
          });
          const { session } = await dialler.dial();
          const subscription = session.subscribe(TRACK);
          const sending = (async () => {
            const publication = await made.promise;
            const sent = await sendChecked(publication, load, AbortSignal.timeout(SEND_MS));
            publication.done();
            return sent;
          })();
          const checker = new Checker(load);
          for await (const batch of subscription.batches()) checker.take(batch);
          const sent = await sending;
          assert.equal(checker.gaps, 0);
          assert.equal(checker.objects, sent);
          assert.ok(sent >= load.groupObjects, `${sent} objects`);
          assert.equal((await subscription.closed).reason, "track-ended");
          await session.close();
        },
      });
    }
  }
}
