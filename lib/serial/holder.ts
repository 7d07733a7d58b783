/**
 * The controller's end of a served port: its bytes into the port, and its requests in the order they
 * were made, bytes and requests alike.
 *
 * Bytes and requests travel on different streams. A request that must not overtake bytes says how many
 * the client had sent before it, and waits here until the port has taken them.
 *
 * @module
 */
import type { HeldLease } from "../lease.ts";
import type { BidirectionalStream } from "../transport/connection.ts";
import type { PortKeeper } from "./keeper.ts";
import { Outlet } from "./outlet.ts";
import { pipeEnd } from "./pipe_end.ts";

/** Most bytes that wait for the transport before the port isn't read any more. Policy: block. */
export const HOLDER_QUEUE_BYTES = 262_144;

/** Bytes from a controller that did not reach the port, by cause. */
export interface DroppedToPort {
  /** The port was unplugged. */
  lost: number;
  /** The controller flushed them. */
  flushed: number;
}

/** What a holder needs of its server. */
export interface HolderHost {
  /** The port. */
  readonly keeper: PortKeeper;
  /** Counted here. */
  readonly dropped: DroppedToPort;
  /** The controller is alive. */
  heard(): void;
  /** Bytes reached the port. */
  written(count: number): void;
}

/** See the module. */
export class Holder {
  /** The lease. */
  readonly lease: HeldLease;
  /** To the client. */
  readonly outlet: Outlet;
  /** Bytes of the client dealt with: written, or dropped and counted. */
  position = 0;
  /** When the last change of lines was made here and there, in milliseconds of each clock. */
  lastEdge: { here: number; there: number } | undefined;
  readonly #stream: BidirectionalStream;
  readonly #host: HolderHost;
  #discardUntil = 0;
  #flushing = new AbortController();
  #moved = Promise.withResolvers<void>();
  #requests: Promise<unknown> = Promise.resolve();
  #ended = false;

  /** Takes the stream over. */
  constructor(lease: HeldLease, stream: BidirectionalStream, host: HolderHost) {
    this.lease = lease;
    this.#stream = stream;
    this.#host = host;
    this.outlet = new Outlet(stream.writable, "block", HOLDER_QUEUE_BYTES);
  }

  /** Whether a write to the port is waiting: the port takes no more now. */
  get writing(): boolean {
    return this.#writing;
  }
  #writing = false;

  /** Carries the client's bytes until it ends its half, or `signal` aborts. Answers why it ended. */
  async run(signal: AbortSignal): Promise<string> {
    const reader = this.#stream.readable.getReader();
    const abort = () => {
      this.#flushing.abort();
      reader.cancel(pipeEnd(signal.reason)).catch(() => {});
    };
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (signal.aborted) return messageOf(signal.reason);
        if (done) return "it closed";
        this.#host.heard();
        const pending = this.#take(value);
        if (pending !== undefined) await pending;
      }
    } catch (error) {
      return messageOf(signal.aborted ? signal.reason : error);
    } finally {
      signal.removeEventListener("abort", abort);
      this.#ended = true;
      this.#move();
    }
  }

  /** Drops what the client had sent up to a position and what the driver has not sent. */
  discard(until: number): void {
    this.#discardUntil = Math.max(this.#discardUntil, until);
    this.#flushing.abort();
    this.#flushing = new AbortController();
    void this.#host.keeper.port?.flush("output");
  }

  /** Waits until the port has taken so many of the client's bytes, or the holder has ended. */
  async reached(position: number): Promise<void> {
    while (this.position < position && !this.#ended) await this.#moved.promise;
  }

  /** Runs a request after those before it. */
  inTurn<T>(request: () => Promise<T>): Promise<T> {
    const result = this.#requests.then(request);
    this.#requests = result.catch(() => {});
    return result;
  }

  #take(bytes: Uint8Array): void | Promise<void> {
    let rest = bytes;
    if (this.#discardUntil > this.position) {
      const dropped = Math.min(this.#discardUntil - this.position, rest.length);
      rest = rest.subarray(dropped);
      this.#host.dropped.flushed += dropped;
      this.#advance(dropped);
      if (rest.length === 0) return;
    }
    const { port } = this.#host.keeper;
    if (port === undefined) return this.#drop(rest.length);
    try {
      const pending = port.write(rest, { signal: this.#flushing.signal });
      if (pending !== undefined) return this.#finish(pending, rest.length);
    } catch {
      // The port is gone; its keeper says so.
      return this.#drop(rest.length);
    }
    this.#host.written(rest.length);
    this.#advance(rest.length);
  }

  async #finish(pending: Promise<void>, count: number): Promise<void> {
    const flushing = this.#flushing.signal;
    this.#writing = true;
    try {
      await pending;
      this.#host.written(count);
      this.#advance(count);
    } catch {
      if (flushing.aborted) {
        this.#host.dropped.flushed += count;
        this.#advance(count);
      } else this.#drop(count);
    } finally {
      this.#writing = false;
    }
  }

  #drop(count: number): void {
    this.#host.dropped.lost += count;
    this.#advance(count);
  }

  #advance(count: number): void {
    this.position += count;
    this.#move();
  }

  #move(): void {
    const moved = this.#moved;
    this.#moved = Promise.withResolvers();
    moved.resolve();
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
