/**
 * Probes a list of relays, once or again and again, each as often as it is to be.
 *
 * @module
 */
import type { ProbeTarget } from "./list.ts";
import { type ProbeOptions, probeRelay, type ProbeReport, type RelayReport } from "./probe.ts";

/** How often. */
export interface ScheduleOptions extends ProbeOptions {
  /** Seconds between rounds; 0: one round. */
  intervalSeconds: number;
  /** Takes a round's report. */
  onReport(report: ProbeReport): Promise<void> | void;
}

/** Relays probed at the same time. */
const AT_ONCE = 8;

/** Probes until done or the signal aborts. Gives the last report. */
export async function probeAll(
  targets: readonly ProbeTarget[],
  options: ScheduleOptions,
): Promise<ProbeReport | undefined> {
  const { intervalSeconds, signal } = options;
  const known = new Map<string, { report: RelayReport; at: number }>();
  let report: ProbeReport | undefined;
  while (!signal.aborted) {
    const due = targets.filter(({ id, intervalSeconds: own = 0 }) => {
      const last = known.get(id)?.at;
      return last === undefined || performance.now() - last >= own * 1000;
    });
    await eachOf(due, AT_ONCE, async (target) => {
      known.set(target.id, { report: await probeRelay(target, options), at: performance.now() });
    });
    report = {
      timestamp: new Date().toISOString(),
      relays: Object.fromEntries(
        targets.map(({ id }) => [id, known.get(id)!.report] as const),
      ),
    };
    await options.onReport(report);
    if (intervalSeconds === 0) break;
    await pause(intervalSeconds * 1000, signal);
  }
  return report;
}

async function eachOf<T>(
  values: readonly T[],
  atOnce: number,
  work: (value: T) => Promise<void>,
): Promise<void> {
  const left = [...values];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  }));
}

/** Waits; resolves early when the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
