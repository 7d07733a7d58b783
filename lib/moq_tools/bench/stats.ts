/**
 * What a benchmark counts, and how it tells it.
 *
 * @module
 */
import type { ReceivedObject } from "../../moqt/receive/objects.ts";
import { Histogram } from "./histogram.ts";
import { LossCounter } from "./loss.ts";
import { sentAt } from "./stamp.ts";

/** Latencies of more than this are a clock's fault, in microseconds. */
const MAX_LATENCY_US = 600_000_000;

/** Percentiles of latency in milliseconds; null where nothing told when it was sent. */
export interface Latency {
  /** Half are below. */
  p50: number | null;
  /** 95 % are below. */
  p95: number | null;
  /** 99 % are below. */
  p99: number | null;
}

/** What came, or was sent, in some time. */
export interface Summary {
  /** Over the time from the first object to the last. */
  objects_per_second: number;
  /** Megabits of payload a second. */
  mbps: number;
  /** Objects that did not come. */
  lost: number;
  /** From sending to the application. */
  latency_ms: Latency;
  /** Interarrival jitter in milliseconds (RFC 3550, section 6.4.1). */
  jitter_ms: number;
  /** Objects. */
  objects: number;
  /** Bytes of payload. */
  bytes: number;
  /** Groups. */
  groups: number;
  /** From the first object to the last. */
  seconds: number;
  /** Whether the sender's clock is ahead: latencies then compare with each other only. */
  clock_offset: boolean;
}

/** Counts what a subscriber gets. */
export class ReceiveStats {
  readonly #whole = new Histogram();
  readonly #interval = new Histogram();
  readonly #loss = new LossCounter();
  readonly #plain: boolean;
  #objects = 0;
  #bytes = 0;
  #begin = 0;
  #end = 0;
  #jitterUs = 0;
  #sent = 0;
  #received = 0;
  #negative = false;
  #interval0 = { objects: 0, bytes: 0, lost: 0, at: 0 };

  /** `countOnly`: no latency, jitter or loss, to measure delivery without the measuring. */
  constructor(countOnly = false) {
    this.#plain = countOnly;
  }

  /** Objects so far. */
  get objects(): number {
    return this.#objects;
  }

  /** Objects came at `now`, in microseconds since 1970. */
  add(batch: readonly ReceivedObject[], now: number): void {
    if (this.#begin === 0) {
      this.#begin = now;
      this.#interval0.at = now;
    }
    this.#end = now;
    for (const object of batch) {
      if (object.status !== "normal") continue;
      this.#objects++;
      this.#bytes += object.payload.length;
      if (this.#plain) continue;
      this.#loss.add(object.group, object.subgroup, object.id, now);
      const sent = sentAt(object.properties);
      if (sent !== undefined) this.#delay(now - sent, sent, now);
    }
  }

  #delay(latency: number, sent: number, now: number): void {
    if (Math.abs(latency) > MAX_LATENCY_US) return;
    if (latency < -1000) this.#negative = true;
    this.#whole.add(latency);
    this.#interval.add(latency);
    if (this.#sent > 0) {
      const difference = Math.abs((now - this.#received) - (sent - this.#sent));
      this.#jitterUs += (difference - this.#jitterUs) / 16;
    }
    this.#sent = sent;
    this.#received = now;
  }

  /** What came since the last call. */
  takeInterval(now: number): Summary {
    const { objects, bytes, lost, at } = this.#interval0;
    const all = this.#loss.lost;
    const summary = this.#summary(this.#interval, {
      objects: this.#objects - objects,
      bytes: this.#bytes - bytes,
      lost: all - lost,
      seconds: at === 0 ? 0 : (now - at) / 1e6,
    });
    this.#interval.clear();
    this.#interval0 = { objects: this.#objects, bytes: this.#bytes, lost: all, at: now };
    return summary;
  }

  /** All that came. */
  summary(): Summary {
    return this.#summary(this.#whole, {
      objects: this.#objects,
      bytes: this.#bytes,
      lost: this.#loss.lost,
      seconds: (this.#end - this.#begin) / 1e6,
    });
  }

  /** Adds the latencies of this one to another histogram. */
  mergeLatency(into: Histogram): void {
    into.merge(this.#whole);
  }

  #summary(
    latency: Histogram,
    { objects, bytes, lost, seconds }: {
      objects: number;
      bytes: number;
      lost: number;
      seconds: number;
    },
  ): Summary {
    return {
      objects_per_second: rate(objects, seconds),
      mbps: round(rate(bytes * 8, seconds) / 1e6),
      lost,
      latency_ms: latencyOf(latency),
      jitter_ms: round(this.#jitterUs / 1000),
      objects,
      bytes,
      groups: this.#loss.groups,
      seconds: round(seconds),
      clock_offset: this.#negative,
    };
  }
}

/** Percentiles of microseconds in milliseconds. */
export function latencyOf(histogram: Histogram): Latency {
  const at = (p: number) => histogram.count === 0 ? null : round(histogram.percentile(p) / 1000);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function rate(count: number, seconds: number): number {
  return seconds > 0 ? round(count / seconds) : 0;
}

/** Three decimals. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A summary in one line for people. */
export function summaryText(summary: Summary): string {
  const { objects_per_second, mbps, lost, latency_ms, jitter_ms, clock_offset } = summary;
  const { p50, p95, p99 } = latency_ms;
  const parts = [
    `${Math.round(objects_per_second).toLocaleString("en-US")} objects/s`,
    `${mbps.toFixed(1)} Mbit/s`,
    `${lost} lost`,
    ...(p50 === null ? [] : [`latency ${p50} / ${p95} / ${p99} ms (p50, p95, p99)`]),
    `jitter ${jitter_ms} ms`,
    ...(clock_offset ? ["the sender's clock is ahead"] : []),
  ];
  return parts.join(" · ");
}
