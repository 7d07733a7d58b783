/**
 * A phone's pose across the network: attached again after a loss, newest poses only.
 *
 * @module
 */
import { LostError, UnsupportedError } from "../errors.ts";
import type { Attachment, RemoteDevice } from "../remote.ts";
import { stayAttached } from "../stay_attached.ts";
import { readLines } from "./lines.ts";
import { Datagram } from "./wire/datagram.ts";
import { decodeDatagram } from "./wire/decode.ts";
import type { PhoneEvent, ReverseMessage } from "./wire/event.ts";
import { decodeRecord, encodeReverse } from "./wire/record.ts";

/** Longest line of a pipe, in characters. */
const MAX_LINE = 1_024;

/** What happens beside poses. */
export type RemotePoseEvent =
  | { type: "attached"; attachment: Attachment }
  | { type: "retry"; error: unknown }
  | { type: "lost"; reason: string }
  /** The phone came, went, or pressed a button. */
  | { type: "phone"; event: PhoneEvent };

/** How to attach. */
export interface RemotePoseOptions {
  /** `controller` may send to the phone, `viewer` only watches. Default `viewer`. */
  role?: "viewer" | "controller";
  /** Take control over from its present holder. */
  take?: boolean;
}

/** Counters. */
export interface RemotePoseStats {
  /** Poses handed on. */
  received: number;
  /** Poses that came behind newer ones. */
  stale: number;
  /** Records that were none. */
  malformed: number;
  /** Attachments after the first. */
  reconnects: number;
}

/** A remote phone. */
export class RemotePose {
  /**
   * A pose, newer than all before; valid until this returns.
   *
   * @param raw the phone's datagram
   * @param receivedUs the server's clock, µs since the epoch
   */
  onPose:
    | ((pose: Datagram, raw: Uint8Array<ArrayBuffer>, receivedUs: number, first: boolean) => void)
    | undefined;
  /** What happens beside. */
  onEvent: ((event: RemotePoseEvent) => void) | undefined;
  readonly #remote: RemoteDevice;
  readonly #options: RemotePoseOptions;
  readonly #datagram = new Datagram();
  readonly #stats: RemotePoseStats = { received: 0, stale: 0, malformed: 0, reconnects: 0 };
  #send: ((payload: Uint8Array) => void) | undefined;
  #take: boolean;
  #newestUs = 0;

  /** Attaches when {@link run}. */
  constructor(remote: RemoteDevice, options: RemotePoseOptions = {}) {
    this.#remote = remote;
    this.#options = options;
    this.#take = options.take ?? false;
  }

  /** Counters now. */
  stats(): Readonly<RemotePoseStats> {
    return this.#stats;
  }

  /** Sends to the phone; dropped while there is no connection. Only as `controller`. */
  reverse(message: ReverseMessage): void {
    this.#send?.(encodeReverse(message));
  }

  /** Attaches, and stays attached until the signal aborts. Throws as `stayAttached`. */
  async run(signal: AbortSignal): Promise<void> {
    await stayAttached(this.#remote, {
      signal,
      use: (attachment) => this.#attached(attachment, signal),
      onRetry: (error) => this.onEvent?.({ type: "retry", error }),
      onLost: (reason) => this.onEvent?.({ type: "lost", reason }),
      onReconnect: () => this.#stats.reconnects++,
    });
  }

  async #attached(attachment: Attachment, signal: AbortSignal): Promise<void> {
    const { control } = attachment;
    if (control === undefined) {
      throw new UnsupportedError("this server doesn't speak xoq/1, and so has no poses");
    }
    const { role = "viewer" } = this.#options;
    const ended = AbortSignal.any([signal, attachment.signal]);
    const pipe = await control.openPipe({ role, take: this.#take, datagrams: true }, ended);
    // From now on a takeover is somebody else's wish.
    this.#take = false;
    // Another server's clock may be behind the one before.
    this.#newestUs = 0;
    const { datagrams } = pipe;
    if (datagrams !== undefined) datagrams.onDatagram = (payload) => this.#record(payload);
    this.#send = (payload) => datagrams?.send(payload);
    this.onEvent?.({ type: "attached", attachment });
    try {
      await readLines(pipe.stream.readable, MAX_LINE, (line) => this.#line(line), ended);
      if (signal.aborted) return;
      if (attachment.signal.aborted) throw attachment.signal.reason;
      throw new LostError("the server ended the stream");
    } finally {
      this.#send = undefined;
      if (datagrams !== undefined) datagrams.onDatagram = undefined;
    }
  }

  #record(payload: Uint8Array): void {
    const record = decodeRecord(payload);
    const datagram = this.#datagram;
    if (
      record === undefined || decodeDatagram(record.datagram, datagram) !== "valid" ||
      datagram.type !== "pose"
    ) {
      this.#stats.malformed++;
      return;
    }
    if (record.receivedUs < this.#newestUs) {
      this.#stats.stale++;
      return;
    }
    this.#newestUs = record.receivedUs;
    this.#stats.received++;
    const raw = record.datagram.slice();
    this.onPose?.(datagram, raw, record.receivedUs, record.first);
  }

  #line(line: string): void {
    let event: unknown;
    try {
      event = JSON.parse(line);
    } catch {
      this.#stats.malformed++;
      return;
    }
    const type = (event as { type?: unknown } | null)?.type;
    if (type === "command" || type === "wifi_connected" || type === "wifi_disconnected") {
      this.onEvent?.({ type: "phone", event: event as PhoneEvent });
    }
  }
}
