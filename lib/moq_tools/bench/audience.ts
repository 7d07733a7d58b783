/**
 * Subscribers of a benchmark, each with a session of its own.
 *
 * @module
 */
import type { MoqtSession } from "../../moqt/session/session.ts";
import type { Subscription } from "../../moqt/receive/subscription.ts";
import type { Parameters } from "../../moqt/wire/parameters.ts";
import type { TrackName } from "../../moqt/wire/track_name.ts";
import { Histogram } from "./histogram.ts";
import { receiveLoad } from "./receive.ts";
import { latencyOf, ReceiveStats, round, type Summary } from "./stats.ts";

/** One subscriber. */
interface Member {
  session: MoqtSession;
  stats: ReceiveStats;
  subscription: Subscription;
  /** Makes it leave. */
  leave: AbortController;
  /** Settled once it has left, or the track has ended for it. */
  received: Promise<void>;
}

/** Subscribers of one track. */
export class Audience {
  readonly #track: TrackName;
  readonly #countOnly: boolean;
  readonly #parameters: Parameters;
  readonly #members = new Set<Member>();
  /** Those who left, or lost their track. */
  readonly #past: Member[] = [];
  #lostMembers = 0;
  #active = 0;

  /** Begins without subscribers. */
  constructor(track: TrackName, options: { countOnly?: boolean; parameters?: Parameters } = {}) {
    this.#track = track;
    this.#countOnly = options.countOnly ?? false;
    this.#parameters = options.parameters ?? {};
  }

  /** How many subscribers there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Subscribers that got something in the last interval. */
  get active(): number {
    return this.#active;
  }

  /** Subscribers whose session or track was lost before they left. */
  get lostMembers(): number {
    return this.#lostMembers;
  }

  /** Subscribes with a session, which from now on is the audience's. Rejects where it is refused. */
  async join(session: MoqtSession, signal: AbortSignal): Promise<void> {
    const subscription = session.subscribe(this.#track, { signal, parameters: this.#parameters });
    try {
      await subscription.ready;
    } catch (error) {
      await session.close();
      throw error;
    }
    const stats = new ReceiveStats(this.#countOnly);
    const leave = new AbortController();
    const stop = () => leave.abort();
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    const received = receiveLoad(subscription, stats, leave.signal).finally(() => {
      signal.removeEventListener("abort", stop);
    });
    const member = { session, stats, subscription, leave, received };
    this.#members.add(member);
    const gone = () => {
      if (leave.signal.aborted || !this.#members.delete(member)) return;
      this.#past.push(member);
      this.#lostMembers++;
    };
    received.then(gone, gone);
  }

  /** The newest `count` leave. */
  async leave(count: number): Promise<void> {
    const leaving = count <= 0 ? [] : [...this.#members].slice(-count);
    await Promise.all(leaving.map(async (member) => {
      this.#members.delete(member);
      this.#past.push(member);
      member.leave.abort();
      await member.received;
      await member.session.close();
    }));
  }

  /** Resolves when the track has ended for all of them, or their signals aborted. */
  async done(): Promise<void> {
    await Promise.all([...this.#members, ...this.#past].map(({ received }) => received));
  }

  /** What came since the last call, added up. */
  takeInterval(now: number): Summary {
    const parts = [...this.#members].map(({ stats }) => stats.takeInterval(now));
    this.#active = parts.filter(({ objects }) => objects > 0).length;
    return added(parts, new Histogram());
  }

  /** All that came, added up; latencies are those of all objects. */
  summary(): Summary {
    const latency = new Histogram();
    const all = this.#all;
    for (const { stats } of all) stats.mergeLatency(latency);
    return added(all.map(({ stats }) => stats.summary()), latency);
  }

  /** What each of them got. */
  each(): Summary[] {
    return this.#all.map(({ stats }) => stats.summary());
  }

  /** What was lost on purpose: by the sender's policy, or because a subscriber was slow. */
  get dropped(): Dropped {
    const sum = { cut_streams: 0, dropped_datagrams: 0 };
    for (const { subscription } of this.#all) {
      sum.cut_streams += subscription.stats.cutStreams;
      sum.dropped_datagrams += subscription.stats.droppedDatagrams;
    }
    return sum;
  }

  get #all(): Member[] {
    return [...this.#past, ...this.#members];
  }

  /** Closes their sessions. */
  async close(): Promise<void> {
    await Promise.all(this.#all.map(({ session }) => session.close()));
  }
}

/** What somebody's policy let go. */
export interface Dropped {
  /** Streams that the sender cut off. */
  cut_streams: number;
  /** Datagrams that came while their subscriber was far behind. */
  dropped_datagrams: number;
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
