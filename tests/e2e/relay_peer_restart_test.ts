/** `xoq moq pub` and `sub` at a relay of aiomoqt's that goes and comes back. */
import assert from "node:assert/strict";
import { AiomoqtRelay, noAiomoqtRelay } from "../support/aiomoqt.ts";
import { MoqEnds } from "../support/moq_ends.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

for (const [scheme, draft] of [["moqt", 16], ["https", 22]] as const) {
  Deno.test({
    name:
      `${scheme}, draft ${draft}: a publisher and a subscriber go on when aiomoqt's relay was killed and restarted`,
    ...requires(whyNoNativeQuic(), noAiomoqtRelay),
    async fn() {
      await using first = await AiomoqtRelay.start();
      const trust = ["--insecure", "--draft", `${draft}`];
      // Its relay leaves the group that a subscriber joins in its middle without an end.
      await using ends = await MoqEnds.start(first.url(scheme), trust, ["--arrival"]);
      await first.kill();
      await using _second = await AiomoqtRelay.start(first.port);
      const took = await ends.objects.more(5);
      assert.ok(took < 3_000, `${took} ms`);
    },
  });
}
