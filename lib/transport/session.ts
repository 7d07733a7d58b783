/**
 * What a kind of transport provides: sessions and stream halves without WHATWG streams. The rest of a
 * {@link import("./connection.ts").Connection} is the same for all (`session_connection.ts`).
 *
 * @module
 */
import type { CloseInfo, ConnectionStats, PathInfo } from "./connection.ts";

/** The sending half of a stream. One write at a time. */
export interface SendHalf {
  /** Takes all of `data`; without a promise where there is room at once. */
  write(data: Uint8Array): void | Promise<void>;
  /** Says that nothing follows. */
  finish(): void | Promise<void>;
  /** Drops what was not sent and tells the peer; a pending write fails at once. */
  reset(code: number): void;
  /** Sets the priority. */
  setPriority(priority: number): void;
  /** Calls back when the peer stops the stream, or the session ends, before this side ended it. */
  watch(onStop: (error: unknown) => void): void;
  /** Lets the half go. Idempotent. */
  free(): void;
}

/** The receiving half of a stream. One read at a time. */
export interface ReceiveHalf {
  /** What has arrived, never empty; `undefined` at the end; without a promise where it is there. */
  read(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Wants no more, and tells the peer; a pending read fails at once. */
  stop(code: number): void;
}

/** Both halves of a bidirectional stream. */
export interface Halves {
  /** Ours. */
  readonly send: SendHalf;
  /** The peer's. */
  readonly receive: ReceiveHalf;
}

/** How a session ended: closed by a side, or by a failure. */
export type SessionEnd =
  | { readonly by: "local" }
  | ({ readonly by: "peer" } & CloseInfo)
  | { readonly by: "failure"; readonly error: Error };

/** A session of some transport. */
export interface Session {
  /** The negotiated protocol. */
  readonly protocol: string;
  /** The peer's endpoint id; `undefined` where it has none. */
  readonly remoteId: string | undefined;
  /** The largest datagram now; 0 when there are none. */
  readonly maxDatagramSize: number;
  /** Opens a stream; waits for credit. */
  openBidirectional(priority: number, signal: AbortSignal | undefined): Promise<Halves>;
  /** Opens a stream; waits for credit. */
  openUnidirectional(priority: number, signal: AbortSignal | undefined): Promise<SendHalf>;
  /** Waits for a stream of the peer's; rejects when the session ends. */
  acceptBidirectional(): Promise<Halves>;
  /** Waits for a stream of the peer's; rejects when the session ends. */
  acceptUnidirectional(): Promise<ReceiveHalf>;
  /** Sends a datagram; `false` when it is too large or the peer takes none. */
  sendDatagram(data: Uint8Array): boolean;
  /** Waits for a datagram; rejects when the session ends. */
  receiveDatagram(): Uint8Array | Promise<Uint8Array>;
  /** Counters now. */
  stats(): ConnectionStats;
  /** Paths now. */
  paths(): PathInfo[];
  /** Waits for the paths to change; rejects when the session ends. */
  pathsChanged(): Promise<void>;
  /** Ends the session at once. */
  close(code: number, reason: string): void;
  /** Resolves when the session has ended. Never rejects. */
  closed(): Promise<SessionEnd>;
  /** Lets the session go; called once, when it has ended. */
  free(): void;
  /** Translates an error of this transport's; others are given back as they are. */
  translate(error: unknown): unknown;
}
