/**
 * Subscribers of a benchmark, each with a session of its own.
 *
 * @module
 */
import type { MoqtSession } from "../../moqt/session/session.ts";
import type { TrackName } from "../../moqt/wire/track_name.ts";
import { Histogram } from "./histogram.ts";
import { receiveLoad } from "./receive.ts";
import { latencyOf, ReceiveStats, round, type Summary } from "./stats.ts";

/** One subscriber. */
interface Member {
  session: MoqtSession;
  stats: ReceiveStats;
}

/** Subscribers of one track. */
export class Audience {
  readonly #track: TrackName;
  readonly #countOnly: boolean;
  readonly #members: Member[] = [];
  readonly #receiving: Promise<void>[] = [];

  /** Begins without subscribers. */
  constructor(track: TrackName, options: { countOnly?: boolean } = {}) {
    this.#track = track;
    this.#countOnly = options.countOnly ?? false;
  }

  /** How many subscribers there are. */
  get size(): number {
    return this.#members.length;
  }

  /** Subscribes with a session, which from now on is the audience's. Rejects where it is refused. */
  async join(session: MoqtSession, signal: AbortSignal): Promise<void> {
    const subscription = session.subscribe(this.#track, { signal });
    try {
      await subscription.ready;
    } catch (error) {
      await session.close();
      throw error;
    }
    const stats = new ReceiveStats(this.#countOnly);
    this.#members.push({ session, stats });
    this.#receiving.push(receiveLoad(subscription, stats, signal));
  }

  /** Resolves when the track has ended for all of them, or their signals aborted. */
  async done(): Promise<void> {
    await Promise.all(this.#receiving);
  }

  /** What came since the last call, added up. */
  takeInterval(now: number): Summary {
    return added(this.#members.map(({ stats }) => stats.takeInterval(now)), new Histogram());
  }

  /** All that came, added up; latencies are those of all objects. */
  summary(): Summary {
    const latency = new Histogram();
    for (const { stats } of this.#members) stats.mergeLatency(latency);
    return added(this.#members.map(({ stats }) => stats.summary()), latency);
  }

  /** What each of them got. */
  each(): Summary[] {
    return this.#members.map(({ stats }) => stats.summary());
  }

  /** Closes their sessions. */
  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ session }) => session.close()));
  }
}

/** Adds up; where latencies are not known together the worst of each is told. */
function added(parts: readonly Summary[], latency: Histogram): Summary {
  const sum = (pick: (part: Summary) => number) =>
    round(parts.reduce((total, part) => total + pick(part), 0));
  const most = (pick: (part: Summary) => number) =>
    parts.reduce((m, part) => Math.max(m, pick(part)), 0);
  const worst = (key: "p50" | "p95" | "p99") => {
    const known = parts.map(({ latency_ms }) => latency_ms[key]).filter((ms) => ms !== null);
    return known.length === 0 ? null : Math.max(...known);
  };
  return {
    objects_per_second: sum((part) => part.objects_per_second),
    mbps: sum((part) => part.mbps),
    lost: sum((part) => part.lost),
    latency_ms: latency.count > 0
      ? latencyOf(latency)
      : { p50: worst("p50"), p95: worst("p95"), p99: worst("p99") },
    jitter_ms: most((part) => part.jitter_ms),
    objects: sum((part) => part.objects),
    bytes: sum((part) => part.bytes),
    groups: most((part) => part.groups),
    seconds: most((part) => part.seconds),
    clock_offset: parts.some(({ clock_offset }) => clock_offset),
  };
}
