/**
 * The serving side of `xoq/1`: takes an endpoint's connections, admits or refuses them, answers on
 * control streams, and hands connections on a device's own ALPN to the device.
 *
 * @module
 */
import { nowMicros } from "../media/clock.ts";
import type { Peer, ServedDevice } from "../device.ts";
import { DeniedError, ProtocolError, XoqError } from "../errors.ts";
import { versionOf } from "../moqt/mod.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { BidirectionalStream, Connection, Endpoint } from "../transport/connection.ts";
import { type Admission, AdmissionDesk, type AdmissionPolicy } from "./admission.ts";
import { ControlChannel } from "./control_channel.ts";
import { endOrDeadline, settledWithin } from "./grace.ts";
import { parseClientMessage } from "./message_schema.ts";
import type { ClientMessage, ServerMessage } from "./messages.ts";
import { FAREWELL_MS, MoqtServer, type MoqtServerStats } from "./moqt_server.ts";
import { noDevice, type Refusal, refusal, servePipes } from "./pipes.ts";
import { SESSION_PROTOCOL, SESSION_VERSION } from "./protocol.ts";

/** How long a connection may say nothing before it is admitted, in milliseconds. */
export const ADMISSION_DEADLINE_MS = 3_000;
/** Most connections of all kinds at once; a further one is closed with `busy`. */
export const MAX_CONNECTIONS = 1_024;
/** Most connections not yet admitted. Policy: the one that has waited longest makes room. */
export const MAX_UNADMITTED = 256;

/** Most byte pipes of one connection. */
export const MAX_PIPES = 64;

/** How to serve. */
export interface SessionServerOptions {
  /** Devices by name. A protocol that several speak leads to the first of them. */
  devices: readonly ServedDevice[];
  /** Who is let in. */
  policy: AdmissionPolicy;
  /** Program and version, for the peer's information. */
  agent: string;
  /** Serves the devices' tracks, where that is shared with others; absent: one of this server's own. */
  moqt?: MoqtServer;
}

/** Counters of a server. */
export interface SessionServerStats {
  /** Connections now. */
  connections: number;
  /** Connections refused since the start, by reason. */
  refused: { denied: number; silent: number; protocol: number; busy: number };
  /** Tracks of MoQT. */
  moqt: MoqtServerStats;
}

type ServerChannel = ControlChannel<ServerMessage, ClientMessage>;

/** Serves devices on an endpoint until closed. The endpoint stays the caller's. */
export class SessionServer implements AsyncDisposable {
  readonly #devices: Map<string, ServedDevice>;
  readonly #byProtocol = new Map<string, ServedDevice>();
  readonly #desk: AdmissionDesk;
  readonly #agent: string;
  readonly #moqt: MoqtServer;
  readonly #connections = new Set<Connection>();
  /** In order of arrival: the first has waited longest. */
  readonly #unadmitted = new Set<Connection>();
  /** Control streams of admitted clients, by endpoint id. */
  readonly #channels = new Map<ServerChannel, string>();
  readonly #reader: ReadableStreamDefaultReader<Connection>;
  readonly #done: Promise<void>;
  readonly #refused = { denied: 0, silent: 0, protocol: 0, busy: 0 };

  /** Begins to serve. */
  constructor(endpoint: Endpoint, options: SessionServerOptions) {
    this.#devices = new Map(options.devices.map((device) => [device.name, device]));
    for (const device of options.devices) {
      // A protocol that several devices speak leads to the first: it can't name another.
      for (const protocol of device.protocols) {
        if (!this.#byProtocol.has(protocol)) this.#byProtocol.set(protocol, device);
      }
    }
    this.#desk = new AdmissionDesk(options.policy);
    this.#agent = options.agent;
    this.#moqt = options.moqt ?? new MoqtServer(options.devices, options.agent);
    for (const device of options.devices) {
      // A device may be served by several endpoints: each tells its own clients.
      const others = device.notify;
      device.notify = (event) => {
        others?.(event);
        this.#notify(device.name, event);
      };
    }
    this.#reader = endpoint.incoming.getReader();
    this.#done = this.#run();
  }

  /** Protocols an endpoint must accept to serve these devices. */
  static protocols(devices: readonly ServedDevice[]): string[] {
    return [
      ...new Set([
        SESSION_PROTOCOL,
        ...MoqtServer.protocols(devices),
        ...devices.flatMap((device) => device.protocols),
      ]),
    ];
  }

  /** Counters now. */
  stats(): SessionServerStats {
    return {
      connections: this.#connections.size,
      refused: { ...this.#refused },
      moqt: this.#moqt.stats(),
    };
  }

  /** Tells every control stream that a device went or came. */
  announce(device: string, state: "lost" | "back", reason?: string): void {
    this.#tell(device, {
      ...this.#devices.get(device)?.describe(),
      t: "device",
      device,
      state,
      ...(reason === undefined ? {} : { reason }),
    });
  }

  #notify(device: string, event: Record<string, unknown>): void {
    this.#tell(device, { t: "notice", device, event });
  }

  /** Sends to every client that may see the device. */
  #tell(device: string, message: ServerMessage): void {
    for (const [channel, id] of this.#channels) {
      if (this.#desk.peer(id, device) !== undefined) void channel.send(message);
    }
  }

  /** Says goodbye and closes every connection. Idempotent. */
  async close(reason = "the server stops"): Promise<void> {
    await this.#reader.cancel().catch(() => {});
    const farewell = [...this.#channels.keys()].map((channel) =>
      channel.send({ t: "bye", reason })
    );
    await settledWithin(FAREWELL_MS, farewell);
    await this.#moqt.close();
    for (const connection of this.#connections) {
      connection.close({ closeCode: CLOSE.goingAway, reason });
    }
    await this.#done;
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #run(): Promise<void> {
    for (;;) {
      const next = await this.#reader.read().catch(() => ({ done: true, value: undefined }));
      if (next.done || next.value === undefined) return;
      void this.#take(next.value);
    }
  }

  async #take(connection: Connection): Promise<void> {
    if (this.#connections.size >= MAX_CONNECTIONS) {
      this.#refuse(connection, "busy", "too many connections");
      return;
    }
    this.#connections.add(connection);
    this.#unadmitted.add(connection);
    if (this.#unadmitted.size > MAX_UNADMITTED) {
      const [oldest] = this.#unadmitted;
      if (oldest !== undefined) this.#refuse(oldest, "silent", "others are waiting");
    }
    try {
      if (connection.protocol === SESSION_PROTOCOL) await this.#control(connection);
      else if (versionOf(connection.protocol) !== undefined) await this.#tracks(connection);
      else await this.#direct(connection);
    } catch {
      connection.close({ closeCode: CLOSE.done, reason: "" });
    } finally {
      this.#connections.delete(connection);
      this.#unadmitted.delete(connection);
    }
  }

  #refuse(
    connection: Connection,
    why: keyof SessionServerStats["refused"],
    reason: string,
  ): void {
    this.#refused[why]++;
    this.#unadmitted.delete(connection);
    connection.close({ closeCode: CLOSE[why], reason });
  }

  /** A connection on a device's own ALPN: its client's grant may be on its way on `xoq/1`. */
  async #direct(connection: Connection): Promise<void> {
    const device = this.#byProtocol.get(connection.protocol);
    const id = connection.remoteId;
    if (device === undefined || id === undefined) {
      this.#refuse(connection, "denied", "unknown protocol or nameless peer");
      return;
    }
    const peer = await this.#desk.waitForPeer(
      id,
      device.name,
      endOrDeadline(connection.closed, ADMISSION_DEADLINE_MS),
    );
    if (peer === undefined) {
      this.#refuse(connection, "silent", "no grant was shown for this endpoint id");
      return;
    }
    this.#unadmitted.delete(connection);
    const expire = () => connection.close(farewell(peer.signal));
    peer.signal.addEventListener("abort", expire, { once: true });
    try {
      await device.accept(connection, peer);
    } finally {
      peer.signal.removeEventListener("abort", expire);
    }
  }

  /** A connection of MoQT, until it ends. */
  async #tracks(connection: Connection): Promise<void> {
    const id = connection.remoteId;
    if (id === undefined) {
      this.#refuse(connection, "denied", "nameless peer");
      return;
    }
    const outcome = await this.#moqt.serve(connection, {
      id,
      label: id,
      desk: this.#desk,
      deadlineMs: ADMISSION_DEADLINE_MS,
      admitted: () => this.#unadmitted.delete(connection),
    });
    if (outcome !== "over") this.#refused[outcome]++;
  }

  /** A control connection, until it ends. */
  async #control(connection: Connection): Promise<void> {
    const id = connection.remoteId;
    if (id === undefined) {
      this.#refuse(connection, "denied", "nameless peer");
      return;
    }
    const deadline = setTimeout(
      () => this.#refuse(connection, "silent", "no hello in time"),
      ADMISSION_DEADLINE_MS,
    );
    let admission: Admission | undefined;
    let channel: ServerChannel | undefined;
    try {
      const stream = await firstStream(connection);
      if (stream === undefined) return;
      channel = new ControlChannel<ServerMessage, ClientMessage>(
        stream,
        parseClientMessage,
        () => this.#refuse(connection, "protocol", "control messages are not read"),
      );
      const messages = channel.messages();
      const first = await messages.next();
      if (first.done) return;
      if (first.value.t !== "hello") throw new ProtocolError("the first message must be hello");
      try {
        admission = await this.#desk.admit(id, first.value.grant);
      } catch (error) {
        if (!(error instanceof DeniedError)) throw error;
        await channel.send({
          t: "error",
          re: "hello",
          code: "denied",
          message: error.message,
          ...(error.hint === undefined ? {} : { hint: error.hint }),
        });
        this.#refuse(connection, "denied", error.message);
        return;
      }
      clearTimeout(deadline);
      this.#unadmitted.delete(connection);
      this.#channels.set(channel, id);
      const { signal } = admission;
      signal.addEventListener("abort", () => connection.close(farewell(signal)), { once: true });
      await channel.send(this.#welcome(admission));
      const pipes = servePipes(connection, (name) => this.#visible(id, name), {
        most: MAX_PIPES,
        deadlineMs: ADMISSION_DEADLINE_MS,
      });
      pipes.catch((error) => {
        if (error instanceof ProtocolError) this.#refuse(connection, "protocol", error.message);
      });
      for await (const message of messages) this.#answer(id, channel, message);
      connection.close({ closeCode: CLOSE.done, reason: "" });
    } catch (error) {
      // Before the admission ends: that closes with a code of its own.
      if (error instanceof ProtocolError) this.#refuse(connection, "protocol", error.message);
      throw error;
    } finally {
      clearTimeout(deadline);
      if (channel !== undefined) this.#channels.delete(channel);
      admission?.[Symbol.dispose]();
    }
  }

  #welcome({ granted }: Admission): ServerMessage {
    const visible = [...this.#devices.values()].filter((device) =>
      granted.device === undefined || granted.device === device.name
    );
    return {
      t: "welcome",
      version: SESSION_VERSION,
      agent: this.#agent,
      rights: granted.rights,
      ...(granted.expires === undefined ? {} : { expires: granted.expires }),
      devices: visible.map((device) => ({
        ...device.describe(),
        name: device.name,
        kind: device.kind,
      })),
    };
  }

  #answer(id: string, channel: ServerChannel, message: ClientMessage): void {
    const received = nowMicros();
    switch (message.t) {
      case "clock":
        void channel.send({ t: "clock", c: message.c, r: received, s: nowMicros() });
        return;
      case "received":
        this.#forDevice(id, message.device, (device, peer) => device.feedback(message, peer));
        return;
      case "settings": {
        const refusal = this.#forDevice(
          id,
          message.device,
          (device, peer) => device.configure(message, peer),
        );
        if (refusal !== undefined) void channel.send({ t: "error", re: "settings", ...refusal });
        return;
      }
      case "stats": {
        const devices: Record<string, Record<string, unknown>> = {};
        for (const device of this.#devices.values()) {
          if (message.device !== undefined && message.device !== device.name) continue;
          if (this.#desk.peer(id, device.name) === undefined) continue;
          devices[device.name] = device.stats();
        }
        void channel.send({ t: "stats", devices });
        return;
      }
      case "call":
        void this.#call(id, message).then((result) => channel.send(result));
        return;
      case "beat": {
        const found = this.#visible(id, message.device);
        found?.device.beat?.(found.peer);
        return;
      }
      case "hello":
        throw new ProtocolError("hello twice");
    }
  }

  /** Carries a call out; a refusal is an answer too. */
  async #call(
    id: string,
    { id: call, device: name, method, params }: ClientMessage & { t: "call" },
  ): Promise<ServerMessage> {
    const found = this.#visible(id, name);
    try {
      if (found === undefined) throw noDevice(name);
      if (found.device.call === undefined) {
        throw new XoqError("unsupported", `a ${found.device.kind} has no calls`);
      }
      return {
        t: "result",
        id: call,
        result: await found.device.call(method, params ?? {}, found.peer),
      };
    } catch (error) {
      return { t: "result", id: call, error: refusal(error) };
    }
  }

  /** A device and who asks, where the one may use the other. */
  #visible(id: string, name: string): { device: ServedDevice; peer: Peer } | undefined {
    const device = this.#devices.get(name);
    const peer = device && this.#desk.peer(id, name);
    return device === undefined || peer === undefined ? undefined : { device, peer };
  }

  #forDevice(
    id: string,
    name: string,
    use: (device: ServedDevice, peer: Peer) => void,
  ): Refusal | undefined {
    try {
      const found = this.#visible(id, name);
      if (found === undefined) throw noDevice(name);
      use(found.device, found.peer);
      return undefined;
    } catch (error) {
      return refusal(error);
    }
  }
}

/** The control stream, or `undefined` when the connection ended first. */
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

/** How a connection ends whose admission did: an expired grant is a refusal, a session's end is not. */
function farewell({ reason }: AbortSignal): { closeCode: number; reason: string } {
  return {
    closeCode: reason instanceof DeniedError ? CLOSE.denied : CLOSE.done,
    reason: reason instanceof Error ? reason.message : "",
  };
}
