/**
 * One welcomed `xoq/1` connection, seen from the opening side: devices, clock, statistics, events.
 *
 * @module
 */
import {
  BusyError,
  DeniedError,
  type ErrorCode,
  EXIT_CODES,
  LostError,
  NotFoundError,
  ProtocolError,
  UsageError,
  XoqError,
} from "../errors.ts";
import { nowMicros } from "../media/clock.ts";
import { CLOSE } from "../transport/close_codes.ts";
import type { RemoteControl, RemoteEvent, RemotePipe, RemotePipeRequest } from "../remote.ts";
import type { Connection, EndpointAddress } from "../transport/connection.ts";
import { ControlChannel } from "./control_channel.ts";
import { encodeMessage } from "./framing.ts";
import { parsePipeAnswer, parseServerMessage } from "./message_schema.ts";
import type { ClientMessage, RemoteDeviceInfo, ServerMessage, ToldError } from "./messages.ts";
import { DatagramChannels } from "./datagrams.ts";
import { readPreamble } from "./preamble.ts";
import { SESSION_VERSION } from "./protocol.ts";

/** How often the clock is compared, in milliseconds; the first few follow each other at once. */
const CLOCK_INTERVAL_MS = 1_000;
/** Comparisons made at once at the beginning. */
const CLOCK_BURST = 4;
/** Round trips remembered to find the shortest: about this many seconds. */
const CLOCK_WINDOW = 30;

/** What is opened. */
export interface AttachTarget {
  /** Where. */
  address: EndpointAddress;
  /** What lets us in. */
  grant?: string;
  /** Which device; the only one where absent. */
  device?: string;
  /** Program and version. */
  agent: string;
}

/** Options of one attachment. */
export interface AttachOptions {
  /** Gives up. */
  signal: AbortSignal;
  /** Gives up by itself, in milliseconds. */
  timeoutMs: number;
  /** A protocol to dial at the same time: saves a round trip when it is the right one. */
  hint?: string;
  /** The device's own protocol, for servers that have no other; not offered where there is a grant to show. */
  plain?: string;
}

type CallResult = ServerMessage & { t: "result" };
type ClientChannel = ControlChannel<ClientMessage, ServerMessage>;

/** One `xoq/1` connection that was welcomed. */
export class ControlSession implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #target: AttachTarget;
  readonly #ended = new AbortController();
  readonly #listeners = new Set<(event: RemoteEvent) => void>();
  readonly #statsWaiters = new Set<(devices: Record<string, Record<string, unknown>>) => void>();
  readonly #clockWaiters = new Map<number, (roundTripMs: number) => void>();
  readonly #roundTrips: { ms: number; offset: number }[] = [];
  readonly #calls = new Map<number, (result: CallResult) => void>();
  readonly #channels: DatagramChannels;
  #nextCall = 1;
  #nextChannel = 0;
  #channel: ClientChannel | undefined;
  #devices: RemoteDeviceInfo[] = [];
  #rights: "view" | "control" = "view";
  #smoothedMs: number | undefined;
  #clockTimer: ReturnType<typeof setInterval> | undefined;

  /** Takes a connection on `xoq/1` over. */
  constructor(connection: Connection, target: AttachTarget) {
    this.#connection = connection;
    this.#target = target;
    this.#channels = new DatagramChannels(connection);
  }

  /** The connection, for its paths and statistics. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Devices that the grant opens. */
  get devices(): readonly RemoteDeviceInfo[] {
    return this.#devices;
  }

  /** What the grant allows. */
  get rights(): "view" | "control" {
    return this.#rights;
  }

  /** Aborts when the session ended. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** See {@link RemoteControl.clockOffset}. */
  get clockOffset(): number | undefined {
    let best: { ms: number; offset: number } | undefined;
    for (const trip of this.#roundTrips) if (best === undefined || trip.ms < best.ms) best = trip;
    return best?.offset;
  }

  /** Smoothed round trip in milliseconds. */
  get roundTripMs(): number | undefined {
    return this.#smoothedMs;
  }

  /** Shows the grant and waits for the welcome. Throws `DeniedError`, `ProtocolError`, transport errors. */
  async hello(options: AttachOptions): Promise<void> {
    const deadline = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
    const abandon = () => this.#connection.close({ closeCode: CLOSE.done });
    deadline.addEventListener("abort", abandon, { once: true });
    try {
      const stream = await this.#connection.createBidirectionalStream({ signal: deadline });
      this.#channel = new ControlChannel<ClientMessage, ServerMessage>(
        stream,
        parseServerMessage,
        abandon,
      );
      const { grant, agent } = this.#target;
      await this.#channel.send({
        t: "hello",
        version: SESSION_VERSION,
        agent,
        ...(grant === undefined ? {} : { grant }),
      });
      const messages = this.#channel.messages();
      const first = await messages.next();
      if (first.done) throw await this.#endedEarly();
      const welcome = first.value;
      if (welcome.t === "error") {
        const { hint } = welcome as { hint?: unknown };
        throw new DeniedError(
          `the server refused: ${welcome.message}`,
          typeof hint === "string" ? { hint } : {},
        );
      }
      if (welcome.t !== "welcome") throw new ProtocolError(`${welcome.t} before the welcome`);
      this.#devices = welcome.devices;
      this.#rights = welcome.rights;
      void this.#read(messages);
      this.#keepClock();
    } catch (error) {
      abandon();
      throw error;
    } finally {
      deadline.removeEventListener("abort", abandon);
    }
  }

  /** The device that is meant. Throws `NotFoundError`, `UsageError`. */
  choose(): RemoteDeviceInfo {
    const names = this.#devices.map((device) => device.name).join(", ");
    const wanted = this.#target.device;
    const [only] = this.#devices;
    if (wanted !== undefined) {
      const found = this.#devices.find((device) => device.name === wanted);
      if (found !== undefined) return found;
      throw new NotFoundError(`no device "${wanted}" there`, {
        hint: names === "" ? "the grant opens no device there" : `there are: ${names}`,
      });
    }
    if (only === undefined) throw new NotFoundError("the grant opens no device there");
    if (this.#devices.length > 1) {
      throw new UsageError("several devices there, and none named", {
        hint: `put /NAME before the '#' of the ticket: ${names}`,
      });
    }
    return only;
  }

  /** The control side of one device. */
  control(device: string): RemoteControl {
    return new DeviceControl(this, device);
  }

  /** Sends a message; does nothing after the end. */
  send(message: ClientMessage): void {
    void this.#channel?.send(message);
  }

  /** Registers a listener of one device's events. */
  onEvent(device: string, listener: (event: RemoteEvent) => void): () => void {
    const filtered = (event: RemoteEvent & { device?: string }) => {
      if (event.device === undefined || event.device === device) listener(event);
    };
    this.#listeners.add(filtered);
    return () => this.#listeners.delete(filtered);
  }

  /** Counters of all devices at the server. */
  async stats(signal?: AbortSignal): Promise<Record<string, Record<string, unknown>>> {
    const { promise, resolve } = Promise.withResolvers<Record<string, Record<string, unknown>>>();
    this.#statsWaiters.add(resolve);
    this.send({ t: "stats" });
    return await this.#orEnd(promise, signal).finally(() => this.#statsWaiters.delete(resolve));
  }

  /** See {@link RemoteControl.call}. */
  async call(
    device: string,
    method: string,
    params: Record<string, unknown> = {},
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const id = this.#nextCall++;
    const { promise, resolve } = Promise.withResolvers<CallResult>();
    this.#calls.set(id, resolve);
    this.send({ t: "call", id, device, method, params });
    const answer = await this.#orEnd(promise, signal).finally(() => this.#calls.delete(id));
    if (answer.error !== undefined) throw remoteError(answer.error);
    return answer.result ?? {};
  }

  /** See {@link RemoteControl.openPipe}. */
  async openPipe(
    device: string,
    { role, take = false, params = {}, datagrams = false }: RemotePipeRequest,
    signal?: AbortSignal,
  ): Promise<RemotePipe> {
    const stop = signal === undefined ? this.signal : AbortSignal.any([signal, this.signal]);
    const stream = await this.#connection.createBidirectionalStream({ signal: stop });
    const writer = stream.writable.getWriter();
    writer.closed.catch(() => {});
    // Before the request is sent: the first datagram may come with the answer.
    const channel = datagrams ? this.#nextChannel++ : undefined;
    const channels = channel === undefined ? undefined : this.#channels.open(channel);
    await writer.write(encodeMessage({
      ...{ t: "pipe", device, role, take, params },
      ...(channel === undefined ? {} : { channel }),
    }));
    writer.releaseLock();
    const { body, readable } = await readPreamble(stream.readable, stop);
    const answer = parsePipeAnswer(body);
    if (answer.t === "error") {
      stream.writable.close().catch(() => {});
      throw remoteError(answer);
    }
    return {
      answer: answer.answer,
      stream: { readable, writable: stream.writable },
      ...(channels === undefined ? {} : { datagrams: channels }),
    };
  }

  /** One round trip, in milliseconds. */
  async ping(signal?: AbortSignal): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    let sent = nowMicros();
    while (this.#clockWaiters.has(sent)) sent++;
    this.#clockWaiters.set(sent, resolve);
    this.send({ t: "clock", c: sent });
    return await this.#orEnd(promise, signal).finally(() => this.#clockWaiters.delete(sent));
  }

  /** Ends the session. Idempotent. */
  close(reason = ""): Promise<void> {
    this.#end(new LostError(reason === "" ? "closed" : reason));
    this.#connection.close({ closeCode: CLOSE.done, reason });
    return Promise.resolve();
  }

  /** Ends the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(messages: AsyncGenerator<ServerMessage, void, void>): Promise<void> {
    try {
      for await (const message of messages) this.#take(message);
      this.#end(await this.#endedEarly());
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#connection.close({ closeCode: CLOSE.protocol, reason: error.message });
        this.#end(error);
      } else this.#end(await this.#endedEarly());
    }
  }

  #take(message: ServerMessage): void {
    switch (message.t) {
      case "clock": {
        const now = nowMicros();
        const ms = Math.max(0, (now - message.c - (message.s - message.r)) / 1000);
        const offset = (message.c + now) / 2 - (message.r + message.s) / 2;
        this.#roundTrips.push({ ms, offset });
        if (this.#roundTrips.length > CLOCK_WINDOW) this.#roundTrips.shift();
        this.#smoothedMs = this.#smoothedMs === undefined ? ms : this.#smoothedMs * 0.8 + ms * 0.2;
        this.#clockWaiters.get(message.c)?.(ms);
        return;
      }
      case "stats":
        for (const settle of this.#statsWaiters) settle(message.devices);
        return;
      case "device": {
        const { t: _t, device, state, reason, ...changes } = message;
        const known = this.#devices.find((entry) => entry.name === device);
        if (known !== undefined) Object.assign(known, changes, { name: device });
        if (state === "back") this.#emit({ type: "back", device });
        else this.#emit({ type: "lost", reason: reason ?? "the device is gone", device });
        return;
      }
      case "error":
        this.#emit({
          type: "refused",
          request: message.re ?? "",
          code: message.code,
          message: message.message,
        });
        return;
      case "result":
        this.#calls.get(message.id)?.(message);
        return;
      case "notice":
        this.#emit({ type: "notice", event: message.event, device: message.device });
        return;
      case "bye":
        this.#end(new LostError(message.reason));
        return;
      case "welcome":
        throw new ProtocolError("welcome twice");
    }
  }

  #emit(event: RemoteEvent & { device?: string }): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #keepClock(): void {
    const measure = () => void this.ping(this.#ended.signal).catch(() => {});
    for (let i = 0; i < CLOCK_BURST; i++) measure();
    this.#clockTimer = setInterval(measure, CLOCK_INTERVAL_MS);
  }

  #end(reason: unknown): void {
    clearInterval(this.#clockTimer);
    if (!this.#ended.signal.aborted) this.#ended.abort(reason);
  }

  /** Why the connection is gone, as an error for people. */
  async #endedEarly(): Promise<Error> {
    try {
      const info = await this.#connection.closed;
      if (info.closeCode === CLOSE.denied) {
        return new DeniedError(info.reason || "the server refused");
      }
      if (info.closeCode === CLOSE.busy) return new BusyError(info.reason || "the server is busy");
      return new LostError(info.reason || "the server closed the connection");
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      return new LostError(`the connection was lost: ${why}`, { cause });
    }
  }

  async #orEnd<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
    const stop = signal === undefined
      ? this.#ended.signal
      : AbortSignal.any([signal, this.#ended.signal]);
    stop.throwIfAborted();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const abort = () => reject(stop.reason);
    stop.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([promise, ended]);
    } finally {
      stop.removeEventListener("abort", abort);
    }
  }
}

/** {@link RemoteControl} of one device of a session. */
class DeviceControl implements RemoteControl {
  readonly #session: ControlSession;
  readonly #device: string;

  constructor(session: ControlSession, device: string) {
    this.#session = session;
    this.#device = device;
  }

  get description(): Readonly<Record<string, unknown>> {
    return this.#session.devices.find((entry) => entry.name === this.#device) ?? {};
  }

  get rights(): "view" | "control" {
    return this.#session.rights;
  }

  get clockOffset(): number | undefined {
    return this.#session.clockOffset;
  }

  get roundTripMs(): number | undefined {
    return this.#session.roundTripMs;
  }

  configure(settings: Record<string, unknown>): void {
    this.#session.send({ ...settings, t: "settings", device: this.#device });
  }

  report(received: { frames: number; bytes: number; captured?: number }): void {
    this.#session.send({ ...received, t: "received", device: this.#device });
  }

  async stats(signal?: AbortSignal): Promise<Record<string, unknown>> {
    return (await this.#session.stats(signal))[this.#device] ?? {};
  }

  openPipe(request: RemotePipeRequest, signal?: AbortSignal): Promise<RemotePipe> {
    return this.#session.openPipe(this.#device, request, signal);
  }

  call(
    method: string,
    params?: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>> {
    return this.#session.call(this.#device, method, params, signal);
  }

  beat(): void {
    this.#session.send({ t: "beat", device: this.#device });
  }

  ping(signal?: AbortSignal): Promise<number> {
    return this.#session.ping(signal);
  }

  onEvent(listener: (event: RemoteEvent) => void): () => void {
    return this.#session.onEvent(this.#device, listener);
  }
}

/** What a server refused with, as an error of ours. */
function remoteError(told: ToldError): XoqError {
  const code = Object.hasOwn(EXIT_CODES, told.code) ? told.code as ErrorCode : "failed";
  return new XoqError(code, told.message, told.hint === undefined ? {} : { hint: told.hint });
}
