/**
 * A device elsewhere, as the device kinds' opening sides see it. `lib/session/` implements this;
 * device kinds depend on it alone.
 *
 * @module
 */
import type { PipeDatagrams } from "./device.ts";
import type { BidirectionalStream, Connection } from "./transport/connection.ts";

/** The control side of one attachment: `xoq/1` (docs/xoq-1.md). */
export interface RemoteControl {
  /** What the server says of the device; kept up to date. */
  readonly description: Readonly<Record<string, unknown>>;
  /** What we may do. */
  readonly rights: "view" | "control";
  /**
   * Microseconds to add to the server's clock to get ours, from the round trip that was shortest so
   * far; `undefined` before the first.
   */
  readonly clockOffset: number | undefined;
  /** Round trip of control messages in milliseconds, smoothed; `undefined` before the first. */
  readonly roundTripMs: number | undefined;
  /** Asks the server to change a setting of the device. A refusal arrives at `onEvent`. */
  configure(settings: Record<string, unknown>): void;
  /** Tells the server what has arrived on the device's connection. Rate-limit it yourself. */
  report(received: { frames: number; bytes: number; captured?: number }): void;
  /** Asks for the device's counters on the server. */
  stats(signal?: AbortSignal): Promise<Record<string, unknown>>;
  /**
   * Opens a byte pipe to the device. Resolves with the server's answer and the stream, on which
   * only the device's bytes follow. Throws what the server refused with, as an `XoqError`.
   */
  openPipe(request: RemotePipeRequest, signal?: AbortSignal): Promise<RemotePipe>;
  /** Calls a method of the device. Throws what the server refused with, as an `XoqError`. */
  call(
    method: string,
    params?: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>>;
  /** Says that we are alive: send it at a quarter of the device's safe-state deadline. */
  beat(): void;
  /** Measures one round trip now, in milliseconds. */
  ping(signal?: AbortSignal): Promise<number>;
  /** Calls back when the device at the server goes or comes, and when a request is refused. Returns the unsubscriber. */
  onEvent(listener: (event: RemoteEvent) => void): () => void;
}

/** What a server tells of a device, unasked. */
export type RemoteEvent =
  | { type: "lost"; reason: string }
  | { type: "back" }
  | { type: "refused"; request: string; code: string; message: string }
  /** What the kind defines (bus state, modem lines, a lease taken over). */
  | { type: "notice"; event: Readonly<Record<string, unknown>> };

/** What is asked for when a byte pipe is opened. */
export interface RemotePipeRequest {
  /** To use the device, or only to watch. */
  role: "viewer" | "controller";
  /** Take the device over from its present holder. */
  take?: boolean;
  /** What the kind defines beyond that. */
  params?: Record<string, unknown>;
  /** Datagrams are wanted beside the bytes. */
  datagrams?: boolean;
}

/** An open byte pipe. */
export interface RemotePipe {
  /** The server's answer. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** The bytes. */
  readonly stream: BidirectionalStream;
  /** Datagrams beside them, where they were asked for. */
  readonly datagrams?: PipeDatagrams;
}

/** One attachment to a device: lives until its connection ends. */
export interface Attachment extends AsyncDisposable {
  /** Device name at the server; `undefined` on a server that doesn't speak `xoq/1`. */
  readonly device: string | undefined;
  /** Control; `undefined` on a server that doesn't speak `xoq/1` (XoQ's own programs). */
  readonly control: RemoteControl | undefined;
  /** Aborts when the attachment is gone, with the reason. */
  readonly signal: AbortSignal;
  /**
   * Dials the device's own protocol. Throws `TransportError` with `failure: "refused"` when the
   * server doesn't speak it.
   */
  connect(protocol: string, signal?: AbortSignal): Promise<Connection>;
  /** Ends it. Idempotent. */
  close(reason?: string): Promise<void>;
}

/** How often and how long to try. */
export interface AttachPolicy {
  /** Milliseconds until a peer never reached counts as unreachable. Default 15,000. */
  timeoutMs: number;
  /** Whether to go on after a loss. */
  reconnect: boolean;
}

/** A device somewhere, that can be attached to again and again. */
export interface RemoteDevice {
  /** For messages to people: the name, or the beginning of the endpoint id. */
  readonly label: string;
  /** How persistent to be. */
  readonly policy: AttachPolicy;
  /**
   * Attaches once. `hint` is the protocol most likely wanted: it is dialled at the same time as
   * control. `plain` is the device's own protocol, for servers that have no other: some end when they
   * are asked for one that they don't have.
   */
  attach(options: { signal: AbortSignal; hint?: string; plain?: string }): Promise<Attachment>;
}
