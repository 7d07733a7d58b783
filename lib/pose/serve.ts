/**
 * A phone's pose on the network: any number watch, one may send to the phone. Poses go as datagrams
 * of each watcher's pipe, everything else as lines on the pipe (docs/xoq-1.md); both also as tracks of
 * MoQT (docs/moqt.md).
 *
 * @module
 */
import type {
  ClientEvent,
  DeviceEvent,
  Peer,
  PipeRequest,
  ServedDevice,
  TrackOffer,
} from "../device.ts";
import { BusyError, DeniedError, ProtocolError } from "../errors.ts";
import { type HeldLease, Lease } from "../lease.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { BidirectionalStream, Connection } from "../transport/connection.ts";
import { LineWriter } from "./line_writer.ts";
import { PoseReception, type ReceptionListener, type ReceptionOptions } from "./reception.ts";
import { PoseTracks } from "./tracks.ts";
import type { Datagram, Dialect } from "./wire/datagram.ts";
import {
  beginsMovement,
  commandEvent,
  parseReverse,
  type PhoneEvent,
  poseLine,
} from "./wire/event.ts";
import { decodeReverse, encodeRecord } from "./wire/record.ts";

/** Most watchers at once. */
export const MAX_WATCHERS = 256;

/** How to serve. */
export interface PoseServerOptions extends ReceptionOptions {
  /** Device name in tickets. */
  name: string;
  /** Where poses go as JSON lines, too. */
  output?: WritableStream<Uint8Array>;
}

interface Watcher {
  send(record: Uint8Array): void;
  lines: LineWriter;
}

/** Serves the poses of one phone. */
export class PoseServer implements ServedDevice, ReceptionListener {
  /** The kind's name. */
  readonly kind = "pose";
  /** Device name in tickets. */
  readonly name: string;
  /** There is none: poses go on `xoq/1`. */
  readonly protocols: readonly string[] = [];
  /** A phone is no device that is lost: it comes and goes. */
  onEvent: ((event: DeviceEvent) => void) | undefined;
  /** Called when somebody begins or stops to watch. */
  onClient: ((event: ClientEvent) => void) | undefined;
  /** Called for what the phone does beside its poses. */
  onPhone: ((event: PhoneEvent) => void) | undefined;
  readonly #tracks = new PoseTracks();
  readonly #watchers = new Set<Watcher>();
  readonly #lease = new Lease();
  readonly #output: LineWriter | undefined;
  readonly #sinks = new AsyncDisposableStack();
  #reception: PoseReception | undefined;
  /** Reverse messages from the network that were none. */
  #badReverse = 0;

  private constructor(options: PoseServerOptions) {
    this.name = options.name;
    this.#output = options.output === undefined ? undefined : new LineWriter(options.output);
  }

  /** Binds the port and serves. Throws as `PoseReception.open`. */
  static async open(options: PoseServerOptions): Promise<PoseServer> {
    const server = new PoseServer(options);
    try {
      server.#reception = await PoseReception.open(options, server);
    } catch (error) {
      server.#output?.release();
      throw error;
    }
    return server;
  }

  /** `pose` and `events`. */
  get tracks(): readonly TrackOffer[] {
    return this.#tracks.offers;
  }

  /** UDP port that phones send to. */
  get port(): number {
    return this.#reception!.port;
  }

  /** Takes something over that ends with the server: its announcement. */
  attach(resource: AsyncDisposable): void {
    this.#sinks.use(resource);
  }

  /** For `ready`, `welcome` and `ls`. */
  describe(): Record<string, unknown> {
    const client = this.#reception?.client;
    return {
      id: "wifi",
      label: "a phone's pose",
      port: this.port,
      phone: client?.address ?? null,
      dialect: client?.dialect ?? null,
    };
  }

  /** Nothing leads straight here. */
  accept(connection: Connection): Promise<void> {
    connection.close({ closeCode: CLOSE.protocol, reason: "poses go on xoq/1" });
    return Promise.resolve();
  }

  /** A client watches, and sends to the phone where it is the controller. */
  async pipe(
    stream: BidirectionalStream,
    request: PipeRequest,
    peer: Peer,
    reply: (answer: Record<string, unknown>) => Promise<void>,
  ): Promise<void> {
    const { datagrams, role } = request;
    if (datagrams === undefined) {
      throw new ProtocolError("poses go as datagrams: the pipe wants a channel");
    }
    if (this.#watchers.size >= MAX_WATCHERS) {
      throw new BusyError(`already ${MAX_WATCHERS} watch`);
    }
    if (role === "controller" && peer.rights !== "control") {
      throw new DeniedError("this grant only lets watch", {
        hint: "ask for a control grant, or open it without --reverse",
      });
    }
    using lease = role === "controller"
      ? this.#lease.acquire(peer.id, "xoq/1", { take: request.take })
      : undefined;
    await reply(this.describe());
    const watcher: Watcher = {
      send: (record) => datagrams.send(record),
      lines: new LineWriter(stream.writable),
    };
    datagrams.onDatagram = lease === undefined ? undefined : (payload) => {
      const message = decodeReverse(payload);
      if (message === undefined) this.#badReverse++;
      else this.#reception?.reverse(message);
    };
    this.#watchers.add(watcher);
    this.onClient?.({ type: "client", id: peer.id, role });
    let reason = "it left";
    try {
      reason = await untilLeft(stream, lease);
    } finally {
      this.#watchers.delete(watcher);
      datagrams.onDatagram = undefined;
      watcher.lines.release();
      // The connection may be gone already.
      stream.writable.close().catch(() => {});
      this.onClient?.({ type: "gone", id: peer.id, role, reason });
    }
  }

  /** There are no settings. */
  configure(): void {}

  /** Nothing depends on it. */
  feedback(): void {}

  /** Sends a line of JSON (haptic or message) to the phone. Throws `TypeError` for what is none. */
  reverse(line: string): void {
    this.#reception?.reverse(parseReverse(line));
  }

  /** Counters now. */
  stats(): Record<string, unknown> {
    const stats = this.#reception?.stats();
    const client = this.#reception?.client;
    return {
      text: stats === undefined || client === undefined
        ? "no phone"
        : `${stats.rate} poses/s · ${stats.lost} lost · jitter ${stats.jitterMs} ms`,
      ...stats,
      badReverse: this.#badReverse,
      viewers: this.#watchers.size,
      ...(this.#output === undefined ? {} : { superseded: this.#output.superseded }),
    };
  }

  /** See {@link ReceptionListener}. */
  onPose(
    pose: Datagram,
    bytes: Uint8Array,
    length: number,
    receivedUs: number,
    first: boolean,
  ): void {
    if (this.#output !== undefined || this.#tracks.wantPoses) {
      const line = poseLine(pose, receivedUs, beginsMovement(pose, first));
      this.#output?.pose(line);
      if (this.#tracks.wantPoses) this.#tracks.pose(line, receivedUs);
    }
    if (this.#watchers.size === 0) return;
    const record = encodeRecord(bytes.subarray(0, length), receivedUs, first);
    for (const watcher of this.#watchers) watcher.send(record);
  }

  /** See {@link ReceptionListener}. */
  onCommand(command: number, value: number): void {
    this.#tell(commandEvent(command, value));
  }

  /** See {@link ReceptionListener}. */
  onBegin(client: string, dialect: Dialect): void {
    this.#tracks.beginEvents();
    this.#tell({ type: "wifi_connected", client });
    this.onEvent?.({ type: "notice", message: `+ phone ${client} (${dialect})` });
  }

  /** See {@link ReceptionListener}. */
  onEnd(client: string, reason: "bye" | "timeout"): void {
    this.#tell({ type: "wifi_disconnected", reason });
    const why = reason === "bye" ? "it said goodbye" : "nothing was heard of it";
    this.onEvent?.({ type: "notice", message: `- phone ${client}: ${why}` });
  }

  /** Stops. Idempotent. */
  async close(): Promise<void> {
    await this.#sinks.disposeAsync();
    await this.#reception?.close();
    this.#output?.release();
  }

  /** Stops. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #tell(event: PhoneEvent): void {
    const line = JSON.stringify(event);
    this.#output?.line(line);
    this.#tracks.event(line);
    for (const { lines } of this.#watchers) lines.line(line);
    this.onPhone?.(event);
  }
}

/** Waits until the client ends its half, the stream fails, or another took the lease. Says why. */
async function untilLeft(
  stream: BidirectionalStream,
  lease: HeldLease | undefined,
): Promise<string> {
  const reader = stream.readable.getReader();
  const revoked = () => void reader.cancel(lease?.signal.reason).catch(() => {});
  lease?.signal.addEventListener("abort", revoked, { once: true });
  try {
    // Nothing is said on this half; what comes is read so that it doesn't pile up.
    while (!(await reader.read()).done);
  } catch {
    return "the connection ended";
  } finally {
    lease?.signal.removeEventListener("abort", revoked);
    reader.releaseLock();
  }
  return lease?.signal.aborted ? (lease.signal.reason as Error).message : "it left";
}
