/**
 * A serial port on the network: one holder controls, any number watch. The port is open all the time,
 * so that its lines stay as they are when clients come and go, and what it says while nobody holds it
 * is never given to the next one as new.
 *
 * @module
 */
import type { ClientEvent, DeviceEvent, Peer, PipeRequest, ServedDevice } from "../device.ts";
import { BusyError, DeniedError, LostError, XoqError } from "../errors.ts";
import { type HeldLease, Lease } from "../lease.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { BidirectionalStream, Connection } from "../transport/connection.ts";
import { control, look, onlyLooks, setLines } from "./calls.ts";
import { serveDirect, XOQ_SERIAL_PROTOCOL } from "./direct.ts";
import { checkChanges, formatText } from "./format.ts";
import { type DroppedToPort, Holder, type HolderHost } from "./holder.ts";
import { PortKeeper } from "./keeper.ts";
import { LineWatch } from "./line_watch.ts";
import { Observers } from "./observers.ts";
import type { LineLevels, OpenOptions, SerialDriver, SerialPortInfo } from "./port.ts";
import { pipeEnd, SilentError } from "./pipe_end.ts";
import type { SafeAction } from "./safe_action.ts";
import { PortSafety } from "./safety.ts";

/** How to serve a port. */
export interface SerialServerOptions {
  /** Device name in tickets. */
  name: string;
  /** How to open the port. */
  open: OpenOptions;
  /** Bytes that a new observer gets of what was said before. */
  scrollbackBytes: number;
  /** What to do when nobody is in control any more, in this order. */
  onLost: readonly SafeAction[];
  /** Milliseconds of silence that are allowed a controller; absent: until its connection ends. */
  deadlineMs?: number;
}

/** Serves one port. */
export class SerialServer implements ServedDevice, HolderHost {
  /** The kind's name. */
  readonly kind = "serial";
  /** Device name in tickets. */
  readonly name: string;
  /** XoQ's ALPN. */
  readonly protocols: readonly string[] = [XOQ_SERIAL_PROTOCOL];
  /** Bytes of controllers that didn't reach the port. */
  readonly dropped: DroppedToPort = { lost: 0, flushed: 0 };
  /** Called when the port goes, comes or fails. */
  onEvent: ((event: DeviceEvent) => void) | undefined;
  /** Called when somebody begins or stops to use it. */
  onClient: ((event: ClientEvent) => void) | undefined;
  /** Set by the session. */
  notify: ((event: Record<string, unknown>) => void) | undefined;
  readonly #options: SerialServerOptions;
  readonly #lease = new Lease();
  readonly #observers: Observers;
  readonly #safety: PortSafety;
  readonly #counts = { received: 0, sent: 0, unheld: 0, toGone: 0 };
  #keeper: PortKeeper | undefined;
  #watch: LineWatch | undefined;
  #holder: Holder | undefined;
  #endHolder: ((reason: Error) => void) | undefined;

  private constructor(options: SerialServerOptions) {
    this.name = options.name;
    this.#options = options;
    this.#observers = new Observers(options.scrollbackBytes);
    this.#safety = new PortSafety(
      {
        port: () => this.#keeper?.port,
        cutOff: (reason) => this.#cutOff(reason),
        onSafe: (reason) => {
          this.onEvent?.({ type: "notice", message: `${reason}: making the port safe` });
          this.notify?.({ type: "safe", reason });
        },
        onTrouble: (error) => this.#trouble(error),
      },
      options.onLost,
      options.deadlineMs,
    );
  }

  /** Opens the port and serves it. Throws as the driver's `open`. */
  static async open(
    driver: SerialDriver,
    info: SerialPortInfo,
    options: SerialServerOptions,
  ): Promise<SerialServer> {
    const server = new SerialServer(options);
    const keeper = await PortKeeper.open(driver, info, options.open, {
      onBytes: (bytes) => server.#distribute(bytes),
      onLost: (reason) => server.onEvent?.({ type: "lost", reason }),
      onBack: (path) => server.#back(path),
      onTrouble: (error) => server.#trouble(error),
    });
    server.#keeper = keeper;
    server.#watch = new LineWatch(keeper, (notice) => server.notify?.({ ...notice }));
    return server;
  }

  /** The port. */
  get keeper(): PortKeeper {
    return this.#keeper!;
  }

  /** The lease of the port. */
  get lease(): Lease {
    return this.#lease;
  }

  /** For `ready`, `welcome` and `ls`. */
  describe(): Record<string, unknown> {
    const { id, path, label, vendorId, productId, serialNumber } = this.keeper.info;
    return {
      id,
      path,
      label,
      ...(vendorId === undefined ? {} : { vendorId, productId }),
      ...(serialNumber === undefined ? {} : { serialNumber }),
      format: formatText(this.keeper.format),
      present: this.keeper.port !== undefined,
    };
  }

  /** A client on XoQ's ALPN: raw bytes both ways. */
  async accept(connection: Connection, peer: Peer): Promise<void> {
    if (peer.rights !== "control") {
      connection.close({ closeCode: CLOSE.denied, reason: "this grant only lets watch" });
      return;
    }
    let lease: HeldLease;
    try {
      lease = this.#lease.acquire(peer.id, "direct");
    } catch (error) {
      connection.close({ closeCode: CLOSE.busy, reason: (error as Error).message });
      return;
    }
    using _held = lease;
    await serveDirect(connection, lease, peer, (stream) => this.#hold(stream, lease, peer));
  }

  /** A client on `xoq/1`. */
  async pipe(
    stream: BidirectionalStream,
    request: PipeRequest,
    peer: Peer,
    reply: (answer: Record<string, unknown>) => Promise<void>,
  ): Promise<void> {
    if (request.role === "viewer") return await this.#observe(stream, peer, reply);
    if (peer.rights !== "control") {
      throw new DeniedError("this grant only lets watch", {
        hint: "ask for a control grant, or open it with --watch",
      });
    }
    const changes = checkChanges(request.params["format"] ?? {});
    const lines = checkLines(request.params["lines"]);
    using lease = this.#lease.acquire(peer.id, "xoq/1", { take: request.take });
    const format = await this.keeper.configure({ ...this.#options.open.format, ...changes });
    if (lines !== undefined && this.keeper.port !== undefined) await setLines(this.keeper, lines);
    const { deadlineMs } = this.#safety;
    await reply({
      format,
      present: this.keeper.port !== undefined,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
    using _watch = request.params["watchLines"] === true ? this.#watch?.watch() : undefined;
    await this.#hold(stream, lease, peer);
  }

  /** See `calls.ts`. */
  async call(
    method: string,
    params: Record<string, unknown>,
    peer: Peer,
  ): Promise<Record<string, unknown>> {
    if (onlyLooks(method)) return await look(method, this.keeper);
    const holder = this.#holder;
    if (holder === undefined || holder.lease.holder.id !== peer.id) {
      throw new BusyError("only who holds the port may do that");
    }
    this.heard();
    return await control(method, params, holder, this.keeper);
  }

  /** The peer is alive. */
  beat(peer: Peer): void {
    if (this.#holder?.lease.holder.id === peer.id) this.heard();
  }

  /** Nothing is set without an answer: see {@link call}. */
  configure(): void {}

  /** Nothing depends on it. */
  feedback(): void {}

  /** The controller is alive. */
  heard(): void {
    this.#safety.heard();
  }

  /** Bytes reached the port. */
  written(count: number): void {
    this.#counts.sent += count;
  }

  /** Counters now. */
  stats(): Record<string, unknown> {
    const { received, sent, unheld, toGone } = this.#counts;
    const holder = this.#lease.holder;
    return {
      received,
      sent,
      dropped: {
        unheld,
        toGone: toGone + (this.#holder?.outlet.dropped ?? 0),
        observersBehind: this.#observers.dropped,
        portLost: this.dropped.lost,
        flushed: this.dropped.flushed,
      },
      observers: this.#observers.size,
      ...(holder === undefined ? {} : { holder: { ...holder } }),
      safeStates: this.#safety.taken,
      format: formatText(this.keeper.format),
      ...this.#lineCounters(),
    };
  }

  /** Ends all clients and closes the port. Idempotent. */
  async close(): Promise<void> {
    this.#safety[Symbol.dispose]();
    this.#endHolder?.(new LostError("the server stops"));
    this.#observers.close();
    await this.keeper.close();
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #lineCounters(): Record<string, unknown> {
    try {
      const counters = this.keeper.port?.counters();
      return counters === undefined || counters instanceof Promise ? {} : { line: counters };
    } catch {
      return {};
    }
  }

  /** What the port said: to its holder, to those who watch, to the scrollback. */
  #distribute(bytes: Uint8Array): void | Promise<void> {
    this.#counts.received += bytes.length;
    const holder = this.#holder;
    const wait = holder?.outlet.push(bytes);
    if (holder === undefined) this.#counts.unheld += bytes.length;
    this.#observers.push(bytes);
    return wait;
  }

  /** Lets a client hold the port until either side ends it. */
  async #hold(stream: BidirectionalStream, lease: HeldLease, peer: Peer): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([lease.signal, peer.signal, ended.signal]);
    const holder = new Holder(lease, stream, this);
    // What was said before is old: it is not for this one.
    const old = this.keeper.unread();
    if (old !== undefined) void this.#distribute(old);
    this.#holder = holder;
    this.#endHolder = (reason) => ended.abort(reason);
    this.#safety.begin();
    const id = peer.id;
    this.onClient?.({ type: "client", id, role: "controller" });
    const reason = await holder.run(signal);
    if (this.#holder === holder) {
      this.#holder = undefined;
      this.#endHolder = undefined;
      // Taken over is not gone: the next controller is there already.
      if (!lease.signal.aborted) this.#safety.end();
    }
    this.#counts.toGone += holder.outlet.dropped;
    if (signal.aborted) holder.outlet.abort(pipeEnd(signal.reason));
    else await holder.outlet.finish();
    this.onClient?.({ type: "gone", id, role: "controller", reason });
  }

  async #observe(
    stream: BidirectionalStream,
    peer: Peer,
    reply: (answer: Record<string, unknown>) => Promise<void>,
  ): Promise<void> {
    this.onClient?.({ type: "client", id: peer.id, role: "viewer" });
    const { format, port } = this.keeper;
    const reason = await this.#observers.serve(
      stream,
      peer.signal,
      (scrollback) => reply({ format: { ...format }, present: port !== undefined, scrollback }),
    );
    this.onClient?.({ type: "gone", id: peer.id, role: "viewer", reason });
  }

  /** What a silent controller has under way must not undo the safe state. */
  #cutOff(reason: string): void {
    const holder = this.#holder;
    // XoQ's clients are judged by their data alone: silence is not the end of them.
    if (holder?.lease.holder.via === "xoq/1") this.#endHolder?.(new SilentError(reason));
    else if (holder?.writing) holder.discard(holder.position);
  }

  #back(path: string): void {
    this.onEvent?.({ type: "back", path });
    this.#safety.back();
  }

  #trouble(error: unknown): void {
    const known = error instanceof XoqError ? error : undefined;
    this.onEvent?.({
      type: "error",
      code: known?.code ?? "failed",
      message: error instanceof Error ? error.message : String(error),
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
    });
  }
}

function checkLines(value: unknown): LineLevels | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { dtr, rts } = value as Record<string, unknown>;
  const levels: LineLevels = {};
  if (typeof dtr === "boolean") levels.dtr = dtr;
  if (typeof rts === "boolean") levels.rts = rts;
  return levels.dtr === undefined && levels.rts === undefined ? undefined : levels;
}
