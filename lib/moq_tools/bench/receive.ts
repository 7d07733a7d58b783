/**
 * The subscriber of a benchmark.
 *
 * @module
 */
import type { Subscription } from "../../moqt/receive/subscription.ts";
import type { ReceiveStats } from "./stats.ts";
import { WallClock } from "./stamp.ts";
import { Turns } from "./pace.ts";

/** Counts what comes until the track ends or `signal` aborts; the subscription is closed then. */
export async function receiveLoad(
  subscription: Subscription,
  stats: ReceiveStats,
  signal: AbortSignal,
): Promise<void> {
  const clock = new WallClock();
  const turns = new Turns();
  const stop = () => void subscription.close();
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const batch of subscription.batches({ lend: true })) {
      turns.look();
      stats.add(batch, clock.now(turns.now));
      if (turns.due) await turns.give();
      if (signal.aborted) break;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await subscription.close();
  }
}
