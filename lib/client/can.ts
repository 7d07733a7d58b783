/**
 * A CAN bus on a ticket, for TypeScript programs: in Deno, Node, Bun or a browser, over any
 * {@link Endpoint}.
 *
 *     await using bus = await openCanBus(ticket, endpoint);
 *     const onBusAt = await bus.send(dataFrame(0x123, new Uint8Array([1, 2])));
 *     for await (const frame of bus) console.log(formatFrame(frame));
 *
 * @module
 */
import { formatFrame, parseFrame } from "../can/candump.ts";
import type { BusState } from "../can/bus.ts";
import type { CanFilter } from "../can/filter.ts";
import { type CanFrame, dataFrame, type FrameOptions, remoteFrame } from "../can/frame.ts";
import { frameToJson } from "../can/frame_json.ts";
import {
  type RemoteBusEvent,
  type RemoteBusOptions,
  type RemoteBusStats,
  RemoteCanBus,
} from "../can/remote_bus.ts";
import type { DropCause } from "../can/wire.ts";
import { LostError, XoqError } from "../errors.ts";
import type { RemoteDevice } from "../remote.ts";
import type { Endpoint } from "../transport/connection.ts";
import { remoteDevice } from "./remote.ts";

export { dataFrame, formatFrame, parseFrame, remoteFrame };
export type { BusState, CanFilter, CanFrame, DropCause, FrameOptions, RemoteBusStats };

/** Most frames waiting for `read()` where nobody said. */
export const DEFAULT_QUEUE = 16_384;

/** How to open a bus. */
export interface CanBusOptions extends Omit<RemoteBusOptions, "confirm"> {
  /** Gives up, and later closes the bus. */
  signal?: AbortSignal;
  /** Milliseconds until a server never reached counts as unreachable. Default 15,000. */
  timeoutMs?: number;
  /** Reconnect by itself. Default true. */
  reconnect?: boolean;
  /** Program and version, for the server's information. */
  agent?: string;
  /** Most frames waiting for `read()`. Policy: the oldest make room, and are counted. */
  queue?: number;
}

/** Why a frame was not put on the bus. */
export class NotSentError extends XoqError {
  /** The class's name. */
  override readonly name = "NotSentError";
  /** The reason as the wire has it. */
  readonly reason: DropCause;
  /** Makes one. */
  constructor(reason: DropCause) {
    super("failed", NOT_SENT[reason]);
    this.reason = reason;
  }
}

const NOT_SENT: Readonly<Record<DropCause, string>> = {
  stale: "the frame was not sent: it would have come too late",
  overflow: "the frame was not sent: too many of higher priority were waiting",
  down: "the frame was not sent: the bus is down, or not attached",
  refused: "the frame was not sent: this bus can't carry it, or we only watch",
  replaced: "the frame was not sent: control of the bus was lost before its turn",
};

/** A frame sent again and again by the server. */
export interface CyclicFrame extends AsyncDisposable {
  /** Changes the frame; the times stay. With `once`, the next time only. */
  change(frame: CanFrame, options?: { once?: boolean }): Promise<void>;
  /** Ends it. */
  stop(): Promise<void>;
}

/**
 * Opens the bus of a ticket and stays attached until closed. The endpoint stays the caller's. Throws
 * `UsageError` for a ticket that is none, `UnreachableError`, `DeniedError`, `BusyError` (with who
 * controls the bus), `NotFoundError`.
 */
export async function openCanBus(
  ticket: string,
  endpoint: Endpoint,
  options: CanBusOptions = {},
): Promise<CanBus> {
  const bus = new CanBus(remoteDevice(ticket, endpoint, options), options);
  await bus.attached();
  return bus;
}

/** See the module. */
export class CanBus implements AsyncDisposable, AsyncIterable<CanFrame> {
  /** Called when the bus's state changes. */
  onState: ((state: BusState) => void) | undefined;
  /** Called when something happens to the attachment. */
  onEvent: ((event: RemoteBusEvent) => void) | undefined;
  readonly #remote: RemoteCanBus;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #most: number;
  readonly #attached = Promise.withResolvers<void>();
  #frames: CanFrame[] = [];
  #head = 0;
  #overflow = 0;
  #reader: PromiseWithResolvers<void> | undefined;
  #ended: { reason: unknown } | undefined;
  #cycles = 0;

  /** Begins to attach. */
  constructor(device: RemoteDevice, options: CanBusOptions = {}) {
    const { signal, queue = DEFAULT_QUEUE, role, take, filters } = options;
    this.#most = queue;
    this.#remote = new RemoteCanBus(device, {
      confirm: true,
      ...(role === undefined ? {} : { role }),
      ...(take === undefined ? {} : { take }),
      ...(filters === undefined ? {} : { filters }),
    });
    this.#remote.onReceive = (frames) => this.#received(frames);
    this.#remote.onState = (state) => this.onState?.(state);
    this.#remote.onOutcome = (tag, dropped, time) => (tag as Outcome | undefined)?.(dropped, time);
    this.#remote.onEvent = (event) => {
      if (event.type === "attached") this.#attached.resolve();
      this.onEvent?.(event);
    };
    const ended = signal === undefined
      ? this.#stop.signal
      : AbortSignal.any([signal, this.#stop.signal]);
    this.#attached.promise.catch(() => {});
    this.#running = this.#remote.run(ended).then(
      () => this.#end(new DOMException("the bus was closed", "AbortError")),
      (error) => this.#end(error),
    );
  }

  /** Resolves once attached for the first time; rejects with why that can't be. */
  async attached(): Promise<void> {
    await this.#attached.promise;
  }

  /** FD frames can be sent; `undefined` where the server doesn't say. */
  get fd(): boolean | undefined {
    return this.#remote.fd;
  }

  /** The bus's state as last told. */
  get state(): BusState | undefined {
    return this.#remote.state;
  }

  /**
   * Sends a frame and resolves with the time it was on the bus, in µs since the epoch by our clock.
   * Rejects with {@link NotSentError}; throws `RangeError` for a frame that no bus carries. Against
   * XoQ's servers, which confirm nothing, it resolves with 0 once the frame was given to the network.
   */
  async send(frame: CanFrame): Promise<number> {
    if (this.#ended !== undefined) throw this.#ended.reason;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const outcome: Outcome = (dropped, time) => {
      if (dropped === undefined) resolve(time);
      else reject(new NotSentError(dropped));
    };
    this.#remote.send([frame], outcome);
    if (this.#remote.attached && this.#remote.control === undefined) {
      await this.#remote.drained();
      resolve(0);
    }
    return await promise;
  }

  /** Sends frames without waiting for what becomes of them: see {@link stats}. */
  write(frames: readonly CanFrame[]): void {
    if (this.#ended !== undefined) throw this.#ended.reason;
    this.#remote.send(frames);
  }

  /**
   * The next frame of the bus. Rejects with the signal's reason; with an `AbortError` after
   * `close()`, with why the attachment ended for good otherwise.
   */
  async read(options: { signal?: AbortSignal } = {}): Promise<CanFrame> {
    const { signal } = options;
    for (;;) {
      signal?.throwIfAborted();
      const frame = this.#frames[this.#head];
      if (frame !== undefined) {
        this.#head++;
        if (this.#head === this.#frames.length) {
          this.#frames = [];
          this.#head = 0;
        }
        return frame;
      }
      if (this.#ended !== undefined) throw this.#ended.reason;
      const reader = this.#reader ??= Promise.withResolvers();
      const abort = () => reader.resolve();
      signal?.addEventListener("abort", abort, { once: true });
      await reader.promise;
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Frames as they come, until the bus is closed; an end for another reason is thrown. */
  async *[Symbol.asyncIterator](): AsyncGenerator<CanFrame, void, void> {
    for (;;) {
      try {
        yield await this.read();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        throw error;
      }
    }
  }

  /** Changes which frames are wanted; none: all. */
  async filter(filters: readonly CanFilter[], signal?: AbortSignal): Promise<void> {
    await this.#remote.setFilters(filters, signal);
  }

  /**
   * Has the server send a frame again and again, on its own clock. Ends with our control of the bus.
   *
   * @param everyMs period in milliseconds, at least 1.
   * @param count how often; absent: until stopped.
   */
  async cycle(frame: CanFrame, everyMs: number, count?: number): Promise<CyclicFrame> {
    const key = `client-${this.#cycles++}`;
    const call = (method: string, params: Record<string, unknown>) =>
      this.#remote.call(method, { key, ...params });
    await call("cycle", {
      frame: frameToJson(frame),
      everyMicros: Math.round(everyMs * 1000),
      ...(count === undefined ? {} : { count }),
    });
    const stop = async () => {
      await call("stop", {}).catch((error) => {
        // It has ended by itself, or with the attachment.
        if (!(error instanceof XoqError && ["not-found", "lost"].includes(error.code))) throw error;
      });
    };
    return {
      change: async (next, { once = false } = {}) => {
        await call("change", { frame: frameToJson(next), once });
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  }

  /** Takes the controller out of bus-off. */
  async restart(): Promise<void> {
    await this.#remote.call("restart");
  }

  /** Counters now; `overflow` are frames that nobody read in time. */
  stats(): RemoteBusStats & { overflow: number } {
    return { ...this.#remote.stats(), overflow: this.#overflow };
  }

  /** Leaves the bus. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Leaves the bus. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #received(frames: readonly CanFrame[]): void {
    for (let i = 0; i < frames.length; i++) this.#frames.push(frames[i]!);
    const excess = this.#frames.length - this.#head - this.#most;
    if (excess > 0) {
      this.#overflow += excess;
      this.#frames = this.#frames.slice(this.#head + excess);
      this.#head = 0;
    }
    this.#wake();
  }

  #end(reason: unknown): void {
    this.#ended = { reason: reason ?? new LostError("the bus is gone") };
    this.#attached.reject(this.#ended.reason);
    this.#wake();
  }

  #wake(): void {
    this.#reader?.resolve();
    this.#reader = undefined;
  }
}

/** What is told of a frame sent. */
type Outcome = (dropped: DropCause | undefined, time: number) => void;
