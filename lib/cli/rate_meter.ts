/**
 * From counters to rates, once a second.
 *
 * @module
 */
import type { ServedDevice } from "../device.ts";

/** Reads a device's counters and adds how fast they grow: `fps` of `encoded`, `mbps` of `bytesSent`. */
export class RateMeter {
  readonly #device: Pick<ServedDevice, "name" | "stats">;
  #before: Record<string, unknown>;
  #beforeAt: number;

  /** Begins to measure. */
  constructor(device: Pick<ServedDevice, "name" | "stats">) {
    this.#device = device;
    this.#before = device.stats();
    this.#beforeAt = performance.now();
  }

  /** The counters now, with rates since the last reading. */
  read(): Record<string, unknown> {
    const now = this.#device.stats();
    const at = performance.now();
    const seconds = (at - this.#beforeAt) / 1000;
    const perSecond = (key: string, scale: number) => {
      const [before, after] = [this.#before[key], now[key]];
      if (typeof before !== "number" || typeof after !== "number" || seconds <= 0) return undefined;
      return Math.round((after - before) / seconds * scale * 100) / 100;
    };
    const fps = perSecond("encoded", 1);
    const mbps = perSecond("bytesSent", 8e-6);
    this.#before = now;
    this.#beforeAt = at;
    return {
      device: this.#device.name,
      ...(fps === undefined ? {} : { fps }),
      ...(mbps === undefined ? {} : { mbps }),
      ...now,
    };
  }
}
