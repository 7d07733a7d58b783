/** Nobody's requests are looked at before it is let in. */
import assert from "node:assert/strict";
import { accept, connect } from "../../lib/moqt/session/session.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { DRAFTS, TRACK } from "./sessions.ts";

for (const [draft, protocol] of DRAFTS) {
  for (const isLetIn of [false, true]) {
    const what = isLetIn ? "is answered once it is let in" : "reaches no handler";
    Deno.test(`draft ${draft}: a request that comes before its session is judged ${what}`, async () => {
      const [ours, theirs] = memoryPair(protocol);
      const judged = Promise.withResolvers<void>();
      const asked: string[] = [];
      const accepting = accept(theirs, {
        admit: () => judged.promise,
        handlers: {
          subscribe: (request) => {
            asked.push("subscribe");
            request.accept();
          },
          trackStatus: () => {
            asked.push("status");
            return {};
          },
        },
      });
      const client = await connect(ours);
      const subscription = client.subscribe(TRACK);
      const status = client.trackStatus(TRACK);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
      assert.deepEqual(asked, []);
      if (isLetIn) {
        judged.resolve();
        await Promise.all([accepting, subscription.ready, status]);
        assert.deepEqual(asked.sort(), ["status", "subscribe"]);
      } else {
        judged.reject(new Error("no"));
        await assert.rejects(accepting);
        await Promise.all([assert.rejects(subscription.ready), assert.rejects(status)]);
        assert.deepEqual(asked, []);
      }
      await client.close();
      await Promise.allSettled([ours.closed, theirs.closed]);
    });
  }
}
