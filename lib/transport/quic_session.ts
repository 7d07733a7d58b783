/**
 * A connection of the QUIC library as a {@link Session}.
 *
 * @module
 */
import { type QuicConnection, QuicError, useSpareMemory } from "../../ffi/quic/mod.ts";
import type { ConnectionStats, PathInfo } from "./connection.ts";
import { sessionError, transportError } from "./quic_errors.ts";
import { takeSpare } from "./read_memory.ts";
import type { Halves, ReceiveHalf, SendHalf, Session, SessionEnd } from "./session.ts";

useSpareMemory(takeSpare);

/** A session of an iroh endpoint, or of one that is dialled by address. */
export class QuicSession implements Session {
  readonly #connection: QuicConnection;
  /** The negotiated ALPN or subprotocol. */
  readonly protocol: string;
  /** The peer's endpoint id; only iroh's have one. */
  readonly remoteId: string | undefined;
  /** Makes an error of the QUIC library one of ours. */
  readonly translate: (error: unknown) => unknown = transportError;

  /** Takes over a connection. */
  constructor(connection: QuicConnection) {
    this.#connection = connection;
    this.protocol = connection.alpn;
    this.remoteId = connection.remoteId === "" ? undefined : connection.remoteId;
  }

  /** The largest datagram now. */
  get maxDatagramSize(): number {
    return this.#connection.maxDatagramSize;
  }

  /** Opens a stream. */
  openBidirectional(priority: number, signal: AbortSignal | undefined): Promise<Halves> {
    return this.#connection.openBidirectional(priority, signal);
  }

  /** Opens a stream. */
  openUnidirectional(priority: number, signal: AbortSignal | undefined): Promise<SendHalf> {
    return this.#connection.openUnidirectional(priority, signal);
  }

  /** Waits for a stream of the peer's. */
  acceptBidirectional(): Promise<Halves> {
    return this.#connection.acceptBidirectional();
  }

  /** Waits for a stream of the peer's. */
  acceptUnidirectional(): Promise<ReceiveHalf> {
    return this.#connection.acceptUnidirectional();
  }

  /** Sends a datagram. */
  sendDatagram(data: Uint8Array): boolean {
    try {
      this.#connection.sendDatagram(data);
      return true;
    } catch (error) {
      if (!(error instanceof QuicError)) throw error;
      if (error.status === "too-large" || error.status === "unsupported") return false;
      throw error;
    }
  }

  /** Waits for a datagram. */
  receiveDatagram(): Uint8Array | Promise<Uint8Array> {
    return this.#connection.receiveDatagram();
  }

  /** Counters now. */
  stats(): ConnectionStats {
    return this.#connection.stats();
  }

  /** Paths now. */
  paths(): PathInfo[] {
    return this.#connection.paths().map(({ kind, remote, selected, rttMs }) => ({
      kind,
      remote,
      selected,
      rttMs,
    }));
  }

  /** Waits for the paths to change. */
  pathsChanged(): Promise<void> {
    return this.#connection.pathsChanged();
  }

  /** Ends the session at once. */
  close(code: number, reason: string): void {
    this.#connection.close(code, reason);
  }

  /** Resolves when the session has ended. */
  async closed(): Promise<SessionEnd> {
    const reason = await this.#connection.closed();
    if (reason.status === "closed-locally") return { by: "local" };
    if (reason.status === "closed-by-peer") {
      return { by: "peer", closeCode: reason.detailCode, reason: reason.text };
    }
    return { by: "failure", error: sessionError(reason) };
  }

  /** Frees the handle. */
  free(): void {
    this.#connection.free();
  }
}
