import assert from "node:assert/strict";
import { losePatience } from "../../lib/moqt/receive/patience.ts";
import { SilenceWatch } from "../../lib/moqt/silence_watch.ts";
import type { Connection } from "../../lib/transport/connection.ts";

/** As a process that is stopped, or that its machine has no time for. */
function standStill(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

Deno.test("patience is lost after its time, or not where it is taken back", async () => {
  const lost: string[] = [];
  losePatience(() => lost.push("first"), 5);
  losePatience(() => lost.push("never"), 5)();
  await new Promise<void>((resolve) => losePatience(resolve, 20));
  assert.deepEqual(lost, ["first"]);
});

Deno.test("who stood still looks once more at what came before losing patience", async () => {
  const order: string[] = [];
  const done = new Promise<void>((resolve) =>
    losePatience(() => {
      order.push("lost");
      resolve();
    }, 20)
  );
  standStill(150);
  // Due at the same time, as what a socket has is read after a standstill.
  setTimeout(() => order.push("looked"), 0);
  await done;
  assert.deepEqual(order, ["looked", "lost"]);
});

Deno.test("a client that stood still takes nobody for silent, others it does", async () => {
  let packetsSent = 0;
  const connection = {
    getStats: () => Promise.resolve({ packetsReceived: 1, packetsSent: packetsSent++, rttMs: 1 }),
  } as unknown as Connection;
  const watch = new SilenceWatch(connection);
  const silent = Promise.withResolvers<void>();
  let told = 0;
  watch.start(() => {
    told++;
    silent.resolve();
  });
  standStill(1_800);
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(told, 0);
  await silent.promise;
  watch.stop();
});
