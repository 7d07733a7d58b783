/** Publishers and subscribers that vanish in the middle of a group, without a word. */
import assert from "node:assert/strict";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { noBadPath } from "../support/bad_path.ts";
import { within } from "../support/process.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { Link } from "./link.ts";
import { source, text, TRACK, until, utf8 } from "./support.ts";

const surroundings = requires(noBadPath, whyNoNativeQuic());

/** Objects as `group/id=text`, gaps as `group/from-to?`, group by group, as they come. */
function watch(subscription: Subscription): string[] {
  const seen: string[] = [];
  (async () => {
    for await (const group of subscription.groups()) {
      for await (const item of group.objects) {
        seen.push(
          item.kind === "gap"
            ? `${item.group}/${item.from}-${item.to ?? ""}?`
            : `${item.group}/${item.id}=${text(item.payload)}`,
        );
      }
    }
  })().catch(() => {});
  return seen;
}

for (const [scheme, draft] of [["moqt", 14], ["https", 22]] as const) {
  Deno.test({
    name:
      `${scheme}, draft ${draft}: a publisher that vanishes in the middle of a group and is back with later ones leaves one group cut off, which is told`,
    ...surroundings,
    async fn() {
      await using link = await Link.relay({ delayMs: 1 });
      const first = source();
      await link.come(scheme, draft, new Map([[TRACK, first]]));
      const subscription = (await link.comeNear("moqt", 16)).subscribe(TRACK);
      await subscription.ready;
      const seen = watch(subscription);
      first.startGroup(5);
      first.write({ payload: utf8("a") });
      first.write({ payload: utf8("b") });
      await until(() => seen.length === 2);
      link.path.cut = true;
      // Nobody says so: the relay notices by silence.
      await until(() => link.relay!.stats.sessions === 1, 10_000);
      const second = source();
      await link.comeNear(scheme, draft, new Map([[TRACK, second]]));
      await until(() => second.subscribers === 1, 5_000);
      second.startGroup(9);
      second.write({ payload: utf8("c") });
      second.startGroup(10);
      second.write({ payload: utf8("d") });
      second.endGroup();
      await until(() => seen.length === 5, 5_000);
      assert.deepEqual(seen, ["5/0=a", "5/1=b", "5/2-?", "9/0=c", "10/0=d"]);
    },
  });

  Deno.test({
    name:
      `${scheme}, draft ${draft}: nobody notices a subscriber that vanishes in the middle of a group`,
    ...surroundings,
    async fn() {
      await using link = await Link.relay({ delayMs: 1 });
      const track = source();
      await link.comeNear("moqt", draft, new Map([[TRACK, track]]));
      const staying = (await link.comeNear(scheme, draft)).subscribe(TRACK);
      const vanishing = (await link.come(scheme, draft)).subscribe(TRACK);
      await Promise.all([staying.ready, vanishing.ready]);
      const [seen, theirs] = [watch(staying), watch(vanishing)];
      track.startGroup();
      track.write({ payload: utf8("a") });
      await until(() => seen.length === 1 && theirs.length === 1);
      link.path.cut = true;
      const wanted = ["0/0=a"];
      for (let id = 1; id < 20; id++) {
        track.write({ payload: utf8(`${id}`) });
        wanted.push(`0/${id}=${id}`);
        await until(() => seen.length === id + 1);
      }
      await until(() => link.relay!.stats.subscriptions === 1, 10_000);
      track.startGroup();
      track.write({ payload: utf8("b") });
      await until(() => seen.length === 21);
      assert.deepEqual(seen, [...wanted, "1/0=b"]);
      await within(vanishing.closed, 10_000, () => "the end of the other one");
    },
  });
}
