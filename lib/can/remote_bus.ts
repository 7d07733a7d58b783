/**
 * A CAN bus across the network: attaches, reconnects by itself, sends and receives, and never sends
 * what was meant for an earlier time. Uses nothing of one runtime: it runs in Node, Bun and browsers.
 *
 * @module
 */
import { BusyError, DeniedError, LostError, UnsupportedError } from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import type { Attachment, RemoteControl, RemoteDevice } from "../remote.ts";
import { stayAttached } from "../stay_attached.ts";
import type { BusState } from "./bus.ts";
import type { CanFilter } from "./filter.ts";
import { type CanFrame, checked } from "./frame.ts";
import { XOQ_PROTOCOL } from "./protocol.ts";
import { RemotePipe } from "./remote_pipe.ts";
import type { DropCause } from "./wire.ts";

/** How to use the bus. */
export interface RemoteBusOptions {
  /** To send too, or only to watch. Default controller where the grant allows it. */
  role?: "controller" | "viewer";
  /** Take it over from its present controller. */
  take?: boolean;
  /** Frames wanted; none: all. */
  filters?: readonly CanFilter[];
  /** Be told of each frame of ours that was on the bus, by `onOutcome`. */
  confirm?: boolean;
}

/** What happens to the attachment, for people and `--json`. */
export type RemoteBusEvent =
  | { type: "attached"; attachment: Attachment; role: "controller" | "viewer" }
  | { type: "lost"; reason: string }
  | { type: "back" }
  | { type: "retry"; error: unknown }
  | { type: "notice"; event: Readonly<Record<string, unknown>> };

/** Counters since the beginning. */
export interface RemoteBusStats {
  /** Frames received. */
  received: number;
  /** Frames of the bus that the server or the network left out. */
  missed: number;
  /** Frames of ours that were written to the network. */
  sent: number;
  /** Frames of ours that were not sent, or not put on the bus, by cause. */
  dropped: Record<DropCause, number>;
  /** Frames of ours waiting. */
  waiting: number;
  /** Times the connection was made anew. */
  reconnects: number;
  /** Bus to here of the newest frame in milliseconds, by both clocks; `undefined` where unknown. */
  latencyMs: number | undefined;
}

/** See the module. */
export class RemoteCanBus {
  /** Frames of the bus, in its order, with their times by our clock. */
  onReceive: ((frames: CanFrame[]) => void) | undefined;
  /** A frame given to {@link send} was on the bus at this time, or was dropped. Sent: only with `confirm`. */
  onOutcome: ((tag: unknown, dropped: DropCause | undefined, time: number) => void) | undefined;
  /** The bus's state changed. */
  onState: ((state: BusState) => void) | undefined;
  /** Something happened to the attachment. */
  onEvent: ((event: RemoteBusEvent) => void) | undefined;
  readonly #remote: RemoteDevice;
  readonly #options: RemoteBusOptions;
  #filters: readonly CanFilter[];
  #pipe: RemotePipe | undefined;
  #control: RemoteControl | undefined;
  #live = true;
  #state: BusState | undefined;
  readonly #stats: Omit<RemoteBusStats, "waiting" | "latencyMs"> = {
    received: 0,
    missed: 0,
    sent: 0,
    dropped: { stale: 0, overflow: 0, down: 0, refused: 0, replaced: 0 },
    reconnects: 0,
  };
  #latencyMs: number | undefined;

  /** Makes a bus that is not attached yet: see {@link run}. */
  constructor(remote: RemoteDevice, options: RemoteBusOptions = {}) {
    this.#remote = remote;
    this.#options = options;
    this.#filters = options.filters ?? [];
  }

  /** Whether frames can be sent now. */
  get attached(): boolean {
    return this.#pipe !== undefined;
  }

  /** FD frames can be sent; `undefined` where the server doesn't say (XoQ's). */
  get fd(): boolean | undefined {
    const fd = this.#pipe?.answer["fd"];
    return typeof fd === "boolean" ? fd : undefined;
  }

  /** The bus's state as last told. */
  get state(): BusState | undefined {
    return this.#state;
  }

  /** The control side of the present attachment. */
  get control(): RemoteControl | undefined {
    return this.#control;
  }

  /** Frames of ours waiting for the network. */
  get waiting(): number {
    return this.#pipe?.waiting ?? 0;
  }

  /** Counters now. */
  stats(): RemoteBusStats {
    return {
      ...this.#stats,
      dropped: { ...this.#stats.dropped },
      waiting: this.waiting,
      latencyMs: this.#latencyMs,
    };
  }

  /**
   * Sends frames now, or never: while there is no attachment, and when the network is behind for
   * too long, they are dropped and counted. Throws `RangeError` for a frame no bus can carry.
   *
   * @param tag given back to `onOutcome` for each of them.
   */
  send(frames: readonly CanFrame[], tag?: unknown): void {
    for (let i = 0; i < frames.length; i++) checked(frames[i]!);
    const pipe = this.#pipe;
    if (pipe === undefined) {
      for (let i = 0; i < frames.length; i++) this.#outcome(tag, "down", nowMicros());
    } else pipe.send(frames, tag);
  }

  /** Resolves when nothing waits here any more. */
  async drained(): Promise<void> {
    await this.#pipe?.drained();
  }

  /** Changes which frames are wanted. */
  async setFilters(filters: readonly CanFilter[], signal?: AbortSignal): Promise<void> {
    this.#filters = filters;
    const pipe = this.#pipe?.answer["pipe"];
    if (pipe !== undefined) await this.call("filter", { pipe, filters }, signal);
  }

  /** Calls a method of the bus (`lib/can/protocol.ts`). Throws what the server refused with. */
  async call(
    method: string,
    params: Record<string, unknown> = {},
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    if (this.#control === undefined) {
      throw this.#pipe === undefined
        ? new LostError("the bus is not attached")
        : new UnsupportedError("XoQ's servers have no calls");
    }
    return await this.#control.call(method, params, signal);
  }

  /**
   * Attaches, and stays attached until the signal aborts. Throws what trying again can't mend
   * (`DeniedError`, `BusyError` with who holds the bus, `NotFoundError`), `UnreachableError` when
   * the peer was never reached in time, and `LostError` where reconnecting is switched off.
   */
  async run(signal: AbortSignal): Promise<void> {
    await stayAttached(this.#remote, {
      signal,
      plain: XOQ_PROTOCOL,
      use: (attachment) => this.#attached(attachment, signal),
      onRetry: (error) => this.onEvent?.({ type: "retry", error }),
      onLost: (reason) => {
        if (this.#live) this.onEvent?.({ type: "lost", reason });
        this.#live = false;
      },
      onReconnect: () => this.#stats.reconnects++,
    });
  }

  /** Lives through one attachment. Ends by throwing, or with the signal. */
  async #attached(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { control } = attachment;
    const ended = AbortSignal.any([signal, attachment.signal]);
    const role = this.#options.role ?? (control?.rights === "view" ? "viewer" : "controller");
    const unsubscribe = control?.onEvent((event) => {
      if (event.type === "lost") this.onEvent?.(event);
      else if (event.type === "back") this.onEvent?.({ type: "back" });
      else if (event.type === "notice") {
        this.onEvent?.({ type: "notice", event: event.event });
      }
    });
    const options = {
      role,
      take: this.#options.take ?? false,
      filters: this.#filters,
      confirm: this.#options.confirm ?? false,
      onFrames: (frames: CanFrame[]) => this.#received(frames),
      onOutcome: (tag: unknown, dropped: DropCause | undefined, time: number) =>
        this.#outcome(tag, dropped, time),
      onMissing: (count: number) => this.#stats.missed += count,
      onState: (state: BusState) => {
        this.#state = state;
        this.onState?.(state);
      },
      onWritten: (count: number) => this.#stats.sent += count,
    };
    const pipe = control === undefined
      ? await RemotePipe.direct(attachment, XOQ_PROTOCOL, options, ended)
      : await RemotePipe.open(control, options, ended);
    const stop = () => void pipe.close();
    ended.addEventListener("abort", stop, { once: true });
    this.#control = control;
    this.#pipe = pipe;
    this.#live = true;
    try {
      this.onEvent?.({ type: "attached", attachment, role });
      await pipe.run();
      ended.throwIfAborted();
      if (pipe.ended === "taken-over") throw takenOverError();
      if (pipe.ended === "denied") throw new DeniedError("the grant ended");
      throw new LostError("the server ended the pipe");
    } finally {
      this.#pipe = undefined;
      this.#control = undefined;
      unsubscribe?.();
      ended.removeEventListener("abort", stop);
      await pipe.close();
    }
  }

  #received(frames: CanFrame[]): void {
    this.#stats.received += frames.length;
    const { time } = frames[frames.length - 1]!;
    if (time > 0) this.#latencyMs = Math.max(0, (nowMicros() - time) / 1000);
    this.onReceive?.(frames);
  }

  #outcome(tag: unknown, dropped: DropCause | undefined, time: number): void {
    if (dropped !== undefined) this.#stats.dropped[dropped]++;
    this.onOutcome?.(tag, dropped, time);
  }
}

function takenOverError(): BusyError {
  return new BusyError("another client took the bus over", {
    hint: "--take takes it back; without control, watch only",
  });
}
