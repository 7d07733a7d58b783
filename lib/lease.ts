/**
 * Control of a device belongs to one holder at a time; the lease ends with the holder's connection.
 *
 * @module
 */
import { BusyError } from "./errors.ts";

/** Who holds a device. */
export interface Holder {
  /** Endpoint id. */
  readonly id: string;
  /** When it took the device, milliseconds since the epoch. */
  readonly since: number;
  /** How it came: on `xoq/1`, or on a device's own ALPN (XoQ's clients). */
  readonly via: "xoq/1" | "direct";
}

/** A lease that is held. Disposing gives the device back. */
export interface HeldLease extends Disposable {
  /** Whose it is. */
  readonly holder: Holder;
  /** Aborts when another took the device over, with a `BusyError` that says who. */
  readonly signal: AbortSignal;
}

/** The lease of one device. */
export class Lease {
  #held: { lease: HeldLease; revoke: (reason: BusyError) => void } | undefined;

  /** Who holds the device now. */
  get holder(): Holder | undefined {
    return this.#held?.lease.holder;
  }

  /**
   * Takes the device. An `xoq/1` client gets a free device, or one held on its own earlier
   * connection, or any with `take`. A direct client replaces a direct one (as XoQ's clients
   * expect), never an `xoq/1` holder. Throws `BusyError` with who holds it and since when.
   */
  acquire(id: string, via: Holder["via"], options: { take?: boolean } = {}): HeldLease {
    const present = this.#held;
    if (present !== undefined) {
      const { holder } = present.lease;
      const replaces = via === "direct"
        ? holder.via === "direct"
        : options.take === true || holder.id === id;
      if (!replaces) {
        throw new BusyError(`in use by ${describeHolder(holder)}`, { hint: takeHint(via) });
      }
      this.#held = undefined;
      present.revoke(new BusyError(`taken over by ${id.slice(0, 10)}`));
    }
    const controller = new AbortController();
    const lease: HeldLease = {
      holder: { id, since: Date.now(), via },
      signal: controller.signal,
      [Symbol.dispose]: () => {
        if (this.#held?.lease === lease) this.#held = undefined;
      },
    };
    this.#held = { lease, revoke: (reason) => controller.abort(reason) };
    return lease;
  }
}

/** `1f2e3d4c5b since 12:04:05` */
export function describeHolder(holder: Holder): string {
  return `${holder.id.slice(0, 10)} since ${
    new Date(holder.since).toISOString().slice(11, 19)
  } UTC`;
}

function takeHint(via: Holder["via"]): string {
  return via === "direct"
    ? "wait until it is free"
    : "--take takes it over; without it, watch only";
}
