/**
 * A CAN bus on the network: one controller, any number of watchers, `xoq/1` and XoQ's own protocol
 * side by side.
 *
 * @module
 */
import type { ClientEvent, DeviceEvent, Peer, PipeRequest, ServedDevice } from "../device.ts";
import { BusyError, DeniedError, ProtocolError, UsageError, XoqError } from "../errors.ts";
import { describeHolder, type HeldLease, Lease } from "../lease.ts";
import { nowMicros } from "../media/clock.ts";
import { SafeState, type SafeStateReason } from "../safe_state.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { BidirectionalStream, Connection } from "../transport/connection.ts";
import {
  type BitRates,
  type BusState,
  type CanBusDriver,
  type CanBusWish,
  PLAIN_STATE,
} from "./bus.ts";
import { BusKeeper } from "./bus_keeper.ts";
import { callBus } from "./calls.ts";
import { Cycles } from "./cycles.ts";
import { type CanFrame, withTime } from "./frame.ts";
import { LoadLimiter } from "./load_limiter.ts";
import { DEFAULT_STALE_MS, parsePipeParams, XOQ_PROTOCOL } from "./protocol.ts";
import { CanSession } from "./session.ts";
import { type CommandSource, Transmitter } from "./transmitter.ts";

/** Most clients of one bus; a further one is refused with `busy`. */
export const MAX_CLIENTS = 256;
/** Most commands waiting for the bus: half a second of a full 1 Mbit/s bus. */
export const COMMAND_QUEUE = 4_096;

/** How to serve a bus. */
export interface CanServerOptions {
  /** Device name in tickets. */
  name: string;
  /** Which bus of the driver. */
  bus: string;
  /** How to open it. */
  wish: CanBusWish;
  /** Age beyond which a command is dropped, in milliseconds. Default 100. */
  staleMs?: number;
  /** Delay in milliseconds behind which the gaps between commands are kept. Default 0: none. */
  paceMs?: number;
  /** Greatest load of the bus for which commands are let through, 0 to 1. Default: no limit. */
  maxLoad?: number;
  /** Frames sent when the controller falls silent or goes. */
  onLost?: readonly CanFrame[];
  /** Longest silence of a controller in milliseconds. Default: only its end counts. */
  deadlineMs?: number;
}

/** The server itself as a source of frames: cycles and the safe state. */
const OWN: CommandSource = { sent: () => {}, dropped: () => {} };

/** See the module. */
export class CanServer implements ServedDevice {
  readonly kind = "can";
  readonly name: string;
  readonly protocols: readonly string[] = [XOQ_PROTOCOL];
  onEvent: ((event: DeviceEvent) => void) | undefined;
  onClient: ((event: ClientEvent) => void) | undefined;
  notify: ((event: Record<string, unknown>) => void) | undefined;
  /** Frames seen on the bus, also those of clients; for whoever records. */
  onFrames: ((frames: readonly CanFrame[]) => void) | undefined;
  readonly #options: CanServerOptions;
  readonly #lease = new Lease();
  readonly #keeper: BusKeeper;
  readonly #transmitter: Transmitter;
  readonly #limiter: LoadLimiter | undefined;
  readonly #cycles: Cycles;
  readonly #safe: SafeState;
  readonly #sessions = new Map<number, CanSession>();
  readonly #gone = { frames: 0, commands: 0, dropped: 0 };
  readonly #parts = new AsyncDisposableStack();
  #nextPipe = 1;
  /** Frames of clients that were on the bus, for the others; given to them together. */
  #echo: { frame: CanFrame; source: CommandSource | undefined }[] = [];

  /** Makes a server whose bus is not open yet: see {@link start}. */
  constructor(driver: CanBusDriver, options: CanServerOptions) {
    this.#options = options;
    this.name = options.name;
    const { maxLoad, paceMs = 0, staleMs = DEFAULT_STALE_MS } = options;
    if (paceMs >= staleMs) {
      throw new UsageError(`pacing by ${paceMs} ms makes every command stale at ${staleMs} ms`, {
        hint: "raise --stale above --pace",
      });
    }
    this.#limiter = maxLoad === undefined
      ? undefined
      : new LoadLimiter(maxLoad, () => this.#rates());
    this.#transmitter = new Transmitter({
      capacity: COMMAND_QUEUE,
      staleMicros: staleMs * 1000,
      paceMicros: paceMs * 1000,
      limiter: this.#limiter,
      onBus: (frame, time, source) => this.#echoed(frame, time, source),
    });
    this.#cycles = new Cycles((frames) => this.#sendOwn(frames));
    this.#safe = new SafeState({
      deadlineMs: options.deadlineMs,
      act: (reason) => this.#makeSafe(reason),
    });
    this.#keeper = new BusKeeper(driver, options.bus, options.wish, {
      onOpen: (bus) => {
        this.#transmitter.attach(bus);
        this.#tellState(bus.state);
      },
      onGone: () => {
        this.#transmitter.detach();
        this.#tellState({ ...PLAIN_STATE, up: false });
      },
      onFrames: (frames) => this.#received(frames),
      onState: (state) => {
        this.#transmitter.stateChanged();
        this.#tellState(state);
      },
      onEvent: (event) => this.onEvent?.(event),
    });
  }

  /** Opens the bus. Throws as the driver does, and `UsageError` where its load can't be known. */
  async start(): Promise<void> {
    await this.#keeper.start();
    if (this.#limiter !== undefined && this.#rates()?.bitrate === undefined) {
      await this.close();
      throw new UsageError(`the bit rate of ${this.#options.bus} is not known`, {
        hint: "--max-load needs it: say --bitrate, or leave --max-load out",
      });
    }
  }

  /** See {@link ServedDevice.describe}. */
  describe(): Record<string, unknown> {
    const info = this.#keeper.info;
    const { staleMs = DEFAULT_STALE_MS, paceMs, maxLoad, deadlineMs } = this.#options;
    return {
      bus: this.#options.bus,
      type: info?.type,
      driver: info?.driver,
      fd: this.#keeper.bus?.fd ?? this.#options.wish.fd ?? false,
      ...info?.rates,
      state: this.#state(),
      staleMs,
      ...(paceMs === undefined ? {} : { paceMs }),
      ...(maxLoad === undefined ? {} : { maxLoad }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    };
  }

  /** Serves one XoQ client: its connection is its lease. */
  async accept(connection: Connection, peer: Peer): Promise<void> {
    if (this.#sessions.size >= MAX_CLIENTS) {
      connection.close({ closeCode: CLOSE.busy, reason: `already ${MAX_CLIENTS} clients` });
      return;
    }
    let lease: HeldLease | undefined;
    try {
      if (peer.rights === "control") lease = this.#lease.acquire(peer.id, "direct");
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      connection.close({ closeCode: CLOSE.busy, reason: error.message });
      return;
    }
    lease?.signal.addEventListener("abort", () => {
      connection.close({
        closeCode: CLOSE.replaced,
        reason: (lease.signal.reason as Error).message,
      });
    }, { once: true });
    try {
      // XoQ's clients open their stream with their first frame: there is no hurry.
      const stream = await firstStream(connection);
      if (stream === undefined || lease?.signal.aborted) return;
      const session = new CanSession(stream, {
        peerId: peer.id,
        dialect: "records",
        controls: lease !== undefined,
        filters: [],
        confirm: false,
        submit: (source, commands) => this.#transmitter.submit(source, commands),
        heard: () => this.#safe.heard(),
      });
      await this.#serve(session, peer, lease);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      connection.close({ closeCode: CLOSE.protocol, reason: error.message });
    } finally {
      lease?.[Symbol.dispose]();
      connection.close({ closeCode: CLOSE.done, reason: "" });
    }
  }

  /** Serves one pipe of `xoq/1`. */
  async pipe(
    stream: BidirectionalStream,
    request: PipeRequest,
    peer: Peer,
    reply: (answer: Record<string, unknown>) => Promise<void>,
  ): Promise<void> {
    if (this.#sessions.size >= MAX_CLIENTS) {
      throw new BusyError(`already ${MAX_CLIENTS} clients`, { hint: "wait until one has gone" });
    }
    const { filters, confirm } = parsePipeParams(request.params);
    let lease: HeldLease | undefined;
    if (request.role === "controller") {
      if (peer.rights !== "control") {
        throw new DeniedError("sending on the bus needs a control grant", {
          hint: "open it to watch only, or ask for a control ticket",
        });
      }
      lease = this.#lease.acquire(peer.id, "xoq/1", { take: request.take });
    }
    const pipe = this.#nextPipe++;
    try {
      const { deadlineMs, staleMs = DEFAULT_STALE_MS } = this.#options;
      await reply({
        pipe,
        fd: this.#keeper.bus?.fd ?? false,
        state: this.#state(),
        staleMs,
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
      });
      const session = new CanSession(stream, {
        peerId: peer.id,
        dialect: "xoq/1",
        controls: lease !== undefined,
        filters,
        confirm,
        submit: (source, commands) => this.#transmitter.submit(source, commands),
        heard: () => lease !== undefined && this.#safe.heard(),
      });
      await this.#serve(session, peer, lease, pipe);
    } finally {
      lease?.[Symbol.dispose]();
    }
  }

  /** See `lib/can/protocol.ts` for the methods. */
  call(
    method: string,
    params: Record<string, unknown>,
    peer: Peer,
  ): Promise<Record<string, unknown>> {
    return callBus(method, params, {
      requireControl: () => this.#requireControl(peer),
      session: (pipe) => {
        const session = this.#sessions.get(pipe);
        return session?.peerId === peer.id ? session : undefined;
      },
      cycles: this.#cycles,
      bus: () => this.#keeper.bus,
      describe: () => ({ ...this.describe(), ...this.stats() }),
    });
  }

  /** The controller is alive. */
  beat(peer: Peer): void {
    if (this.#lease.holder?.id === peer.id) this.#safe.heard();
  }

  /** A bus has no settings to change; see {@link call}. */
  configure(): void {}

  /** A bus needs no feedback: its pipes have their own. */
  feedback(): void {}

  /** Counters now. */
  stats(): Record<string, unknown> {
    const clients = [...this.#sessions.values()].map((session) => session.stats());
    const sum = (pick: (each: typeof clients[number]) => number, gone: number) =>
      clients.reduce((total, each) => total + pick(each), gone);
    const transmitter = this.#transmitter.stats();
    const holder = this.#lease.holder;
    return {
      bus: this.#keeper.bus?.stats(),
      reopened: this.#keeper.reopened,
      state: this.#state(),
      clients: clients.length,
      ...(holder === undefined ? {} : { holder: describeHolder(holder) }),
      commands: sum((each) => each.commands, this.#gone.commands),
      sent: transmitter.sent,
      waiting: transmitter.waiting,
      dropped: transmitter.dropped,
      delivered: sum((each) => each.frames, this.#gone.frames),
      undelivered: sum((each) => countOf(each.dropped), this.#gone.dropped),
      ...(this.#limiter === undefined ? {} : { delayedByLoad: this.#limiter.delayed }),
      cycles: this.#cycles.list().length,
      safeStates: this.#safe.taken,
    };
  }

  /** Takes something over that ends with this server. */
  attach(part: AsyncDisposable): void {
    this.#parts.use(part);
  }

  /** Ends all clients and closes the bus. Idempotent. */
  async close(): Promise<void> {
    this.#cycles[Symbol.dispose]();
    this.#safe[Symbol.dispose]();
    await Promise.all([...this.#sessions.values()].map((session) => session.close("closing")));
    await this.#keeper[Symbol.asyncDispose]();
    this.#transmitter.detach();
    await this.#parts.disposeAsync();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(
    session: CanSession,
    peer: Peer,
    lease: HeldLease | undefined,
    pipe: number = this.#nextPipe++,
  ): Promise<void> {
    const role = lease === undefined ? "viewer" : "controller";
    this.#sessions.set(pipe, session);
    const expire = () => void session.close("denied");
    const replace = () => void session.close("taken-over");
    peer.signal.addEventListener("abort", expire, { once: true });
    lease?.signal.addEventListener("abort", replace, { once: true });
    this.onClient?.({ type: "client", id: peer.id, role });
    if (lease !== undefined) {
      this.#safe.begin();
      this.#tellHolder();
    }
    session.tellState(this.#state());
    try {
      await session.run();
    } finally {
      peer.signal.removeEventListener("abort", expire);
      lease?.signal.removeEventListener("abort", replace);
      this.#sessions.delete(pipe);
      const { frames, commands, dropped } = session.stats();
      this.#gone.frames += frames;
      this.#gone.commands += commands;
      this.#gone.dropped += countOf(dropped);
      const replaced = lease?.signal.aborted === true;
      if (lease !== undefined) {
        this.#transmitter.withdraw(session);
        lease[Symbol.dispose]();
        // Whoever took over holds the bus now: nothing is lost.
        if (!replaced) {
          this.#cycles[Symbol.dispose]();
          this.#safe.end();
          this.#tellHolder();
        }
      }
      await session.close();
      const reason = replaced ? "another took over" : "it closed the connection";
      this.onClient?.({ type: "gone", id: peer.id, role, reason });
    }
  }

  #requireControl(peer: Peer): void {
    if (peer.rights !== "control") throw new DeniedError("this needs a control grant");
    const { holder } = this.#lease;
    if (holder?.id === peer.id) return;
    if (holder !== undefined) throw new BusyError(`in use by ${describeHolder(holder)}`);
    throw new XoqError("failed", "this needs control of the bus", {
      hint: "open it as its controller first",
    });
  }

  /** Bit rates of the bus; a virtual one has those that it was said to stand for. */
  #rates(): BitRates | undefined {
    return this.#keeper.info?.rates ?? this.#options.wish.rates;
  }

  #state(): BusState {
    return this.#keeper.bus?.state ?? { ...PLAIN_STATE, up: false };
  }

  #received(frames: CanFrame[]): void {
    this.#flushEcho();
    if (this.#limiter !== undefined) {
      const now = nowMicros();
      for (const frame of frames) this.#limiter.observe(frame, now);
    }
    for (const session of this.#sessions.values()) session.deliver(frames);
    this.onFrames?.(frames);
  }

  #echoed(frame: CanFrame, time: number, source: CommandSource | undefined): void {
    const others = this.#sessions.size - (source instanceof CanSession ? 1 : 0);
    if (others === 0 && this.onFrames === undefined) return;
    if (this.#echo.length === 0) queueMicrotask(() => this.#flushEcho());
    this.#echo.push({ frame: withTime(frame, time), source });
  }

  #flushEcho(): void {
    if (this.#echo.length === 0) return;
    const echo = this.#echo;
    this.#echo = [];
    for (const session of this.#sessions.values()) {
      session.deliver(echo.filter(({ source }) => source !== session).map(({ frame }) => frame));
    }
    this.onFrames?.(echo.map(({ frame }) => frame));
  }

  #tellState(state: BusState): void {
    for (const session of this.#sessions.values()) session.tellState(state);
    this.notify?.({ type: "bus", state });
  }

  #tellHolder(): void {
    const { holder } = this.#lease;
    this.notify?.({ type: "lease", holder: holder?.id, since: holder?.since });
  }

  #sendOwn(frames: readonly CanFrame[]): void {
    // Its time is now, whatever the delay of others is.
    const born = nowMicros() - (this.#options.paceMs ?? 0) * 1000;
    this.#transmitter.submit(OWN, frames.map((frame) => ({ frame, born })));
  }

  #makeSafe(reason: SafeStateReason): void {
    this.#cycles[Symbol.dispose]();
    this.#transmitter.withdraw(OWN);
    for (const session of this.#sessions.values()) this.#transmitter.withdraw(session);
    const frames = this.#options.onLost ?? [];
    this.#sendOwn(frames);
    this.notify?.({ type: "safe-state", reason, frames: frames.length });
  }
}

function countOf(dropped: Partial<Record<string, number>>): number {
  return Object.values(dropped).reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

async function firstStream(connection: Connection): Promise<BidirectionalStream | undefined> {
  const reader = connection.incomingBidirectionalStreams.getReader();
  try {
    return (await reader.read()).value;
  } catch {
    return undefined;
  } finally {
    reader.releaseLock();
  }
}
