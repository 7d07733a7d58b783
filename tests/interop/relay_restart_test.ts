/** `xoq moq pub` and `sub` at moq-relay when it goes and comes back. */
import assert from "node:assert/strict";
import { MoqRelay, noMoqRelay } from "../support/moq_relay.ts";
import { MoqEnds } from "../support/moq_ends.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

for (const scheme of ["moqt", "https"] as const) {
  Deno.test({
    name: `${scheme}: a publisher and a subscriber go on when moq-relay was killed and restarted`,
    ...requires(whyNoNativeQuic(), noMoqRelay),
    async fn() {
      await using first = await MoqRelay.start();
      await using ends = await MoqEnds.start(first.url(scheme), ["--insecure"]);
      await first.kill();
      await using _second = await MoqRelay.start(first.port);
      const took = await ends.objects.more(5);
      assert.ok(took < 3_000, `${took} ms`);
    },
  });
}
