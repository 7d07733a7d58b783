/**
 * Those who only watch a port: each gets the scrollback, then what the port says. Watching never slows
 * the holder down: who is behind loses bytes, which are counted.
 *
 * @module
 */
import { BusyError } from "../errors.ts";
import { CLOSE } from "../transport/close_codes.ts";
import { type BidirectionalStream, TransportError } from "../transport/connection.ts";
import { Outlet } from "./outlet.ts";
import { Scrollback } from "./scrollback.ts";

/** Most bytes that wait for one observer. Policy: drop-oldest. */
export const OBSERVER_QUEUE_BYTES = 262_144;
/** Most observers at once. */
export const MAX_OBSERVERS = 64;

/** See the module. */
export class Observers {
  readonly #scrollback: Scrollback;
  readonly #outlets = new Set<Outlet>();
  readonly #closing = new AbortController();
  readonly #joining = new Set<Uint8Array[]>();
  #droppedBefore = 0;

  /** Keeps so many bytes for newcomers. */
  constructor(scrollbackBytes: number) {
    this.#scrollback = new Scrollback(scrollbackBytes);
  }

  /** How many there are. */
  get size(): number {
    return this.#outlets.size;
  }

  /** Bytes that observers lost because they were behind. */
  get dropped(): number {
    let dropped = this.#droppedBefore;
    for (const outlet of this.#outlets) dropped += outlet.dropped;
    return dropped;
  }

  /** The port said something. */
  push(bytes: Uint8Array): void {
    this.#scrollback.push(bytes);
    for (const early of this.#joining) early.push(bytes);
    for (const outlet of this.#outlets) void outlet.push(bytes);
  }

  /** Serves one until either side ends it; answers why. Throws `BusyError` where there are too many. */
  async serve(
    stream: BidirectionalStream,
    signal: AbortSignal,
    reply: (scrollbackBytes: number) => Promise<void>,
  ): Promise<string> {
    if (this.#outlets.size >= MAX_OBSERVERS) {
      throw new BusyError(`already ${MAX_OBSERVERS} watch this port`);
    }
    const past = this.#scrollback.snapshot();
    // What is said while the answer is on its way.
    const early: Uint8Array[] = [];
    this.#joining.add(early);
    try {
      await reply(past.length);
    } finally {
      this.#joining.delete(early);
    }
    const outlet = new Outlet(stream.writable, "drop-oldest", OBSERVER_QUEUE_BYTES);
    if (past.length > 0) void outlet.push(past);
    for (const bytes of early) void outlet.push(bytes);
    this.#outlets.add(outlet);
    const either = AbortSignal.any([signal, this.#closing.signal]);
    try {
      return await untilEnd(stream, either);
    } finally {
      this.#outlets.delete(outlet);
      this.#droppedBefore += outlet.dropped;
      outlet.abort(new TransportError("ended", { streamErrorCode: CLOSE.goingAway }));
    }
  }

  /** Ends all. */
  close(): void {
    this.#closing.abort(new Error("the server stops"));
  }
}

/** An observer says nothing; the end of its half is its end. */
async function untilEnd(stream: BidirectionalStream, signal: AbortSignal): Promise<string> {
  const reader = stream.readable.getReader();
  const abort = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    while (!(await reader.read()).done);
    return signal.aborted ? String((signal.reason as Error)?.message ?? "ended") : "it closed";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
