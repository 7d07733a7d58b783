/**
 * A connection of iroh in the shape of W3C WebTransport.
 *
 * @module
 */
import { type QuicConnection, QuicError } from "../../ffi/quic/mod.ts";
import type {
  BidirectionalStream,
  CloseInfo,
  Connection,
  ConnectionStats,
  DatagramDuplex,
  PathInfo,
  ReceiveStream,
  SendStream,
  SendStreamOptions,
} from "./connection.ts";
import { sessionError, transportError } from "./errors.ts";
import { IrohDatagrams } from "./iroh_datagrams.ts";
import {
  bidirectionalStream,
  incomingStream,
  IrohSendStream,
  receiveStream,
} from "./iroh_streams.ts";

/** Most bytes of a close reason. */
const MAX_REASON_BYTES = 1024;

/** A connection over QUIC, of an iroh endpoint. */
export class IrohConnection implements Connection {
  readonly #connection: QuicConnection;
  readonly #listeners = new Set<(paths: PathInfo[]) => void>();
  #bidirectional: ReadableStream<BidirectionalStream> | undefined;
  #unidirectional: ReadableStream<ReceiveStream> | undefined;
  #datagrams: IrohDatagrams | undefined;
  #watching = false;
  #closeInfo: CloseInfo | undefined;
  #ended = false;
  #lastStats: ConnectionStats | undefined;
  #lastPaths: PathInfo[] = [];
  /** The negotiated ALPN. */
  readonly protocol: string;
  /** The peer's endpoint id, 64 hex digits. */
  readonly remoteId: string;
  /** Resolved: endpoints give out connections that are usable. */
  readonly ready: Promise<void> = Promise.resolve();
  /** Resolves when either side closed, rejects with a session error otherwise. */
  readonly closed: Promise<CloseInfo>;

  /** Takes over a connection of the library. */
  constructor(connection: QuicConnection) {
    this.#connection = connection;
    this.protocol = connection.alpn;
    this.remoteId = connection.remoteId;
    this.closed = this.#end();
    this.closed.catch(() => {});
  }

  async #end(): Promise<CloseInfo> {
    const reason = await this.#connection.closed();
    this.#lastStats = this.#stats();
    this.#lastPaths = this.#paths();
    this.#ended = true;
    this.#connection.free();
    this.#listeners.clear();
    if (reason.status === "closed-locally") {
      return this.#closeInfo ?? { closeCode: 0, reason: "" };
    }
    if (reason.status === "closed-by-peer") {
      return { closeCode: reason.detailCode, reason: reason.text };
    }
    throw sessionError(reason);
  }

  /** The error that ended the connection; `undefined` where it was closed. */
  #ending(): Promise<Error | undefined> {
    return this.closed.then(() => undefined, (error) => error);
  }

  /** Streams the peer opened. */
  get incomingBidirectionalStreams(): ReadableStream<BidirectionalStream> {
    return this.#bidirectional ??= incomingStream({
      next: () => this.#connection.acceptBidirectional(),
      wrap: (pair) => bidirectionalStream(pair),
      refuse: ({ send, receive }) => {
        send.reset(0);
        receive.stop(0);
      },
      ending: () => this.#ending(),
    });
  }

  /** Streams the peer opened. */
  get incomingUnidirectionalStreams(): ReadableStream<ReceiveStream> {
    return this.#unidirectional ??= incomingStream({
      next: () => this.#connection.acceptUnidirectional(),
      wrap: receiveStream,
      refuse: (stream) => stream.stop(0),
      ending: () => this.#ending(),
    });
  }

  /** Unreliable messages. */
  get datagrams(): DatagramDuplex {
    return this.#datagrams ??= new IrohDatagrams(this.#connection, () => this.#ending());
  }

  /** Opens a stream; waits for the peer's stream credit. */
  async createBidirectionalStream(options: SendStreamOptions = {}): Promise<BidirectionalStream> {
    const order = options.sendOrder ?? 0;
    try {
      this.#assertOpen();
      const pair = await this.#connection.openBidirectional(order, options.signal);
      return bidirectionalStream(pair, order);
    } catch (error) {
      throw transportError(error);
    }
  }

  /** Opens a stream; waits for the peer's stream credit. */
  async createUnidirectionalStream(options: SendStreamOptions = {}): Promise<SendStream> {
    const order = options.sendOrder ?? 0;
    try {
      this.#assertOpen();
      const stream = await this.#connection.openUnidirectional(order, options.signal);
      return new IrohSendStream(stream, order);
    } catch (error) {
      throw transportError(error);
    }
  }

  #assertOpen(): void {
    if (this.#ended || this.#closeInfo !== undefined) {
      throw new QuicError("connection_open", -6, 0, "closed");
    }
  }

  /** Counters now; the last ones once it has ended. */
  getStats(): Promise<ConnectionStats> {
    return Promise.resolve(this.#ended ? this.#lastStats! : this.#stats());
  }

  #stats(): ConnectionStats {
    return this.#connection.stats();
  }

  /** Paths now; the last ones once it has ended. */
  paths(): PathInfo[] {
    return this.#ended ? this.#lastPaths : this.#paths();
  }

  #paths(): PathInfo[] {
    return this.#connection.paths().map(({ kind, remote, selected, rttMs }) => ({
      kind,
      remote,
      selected,
      rttMs,
    }));
  }

  /** Calls back whenever the paths or the selected one change. */
  onPathChange(listener: (paths: PathInfo[]) => void): () => void {
    if (this.#ended) return () => {};
    this.#listeners.add(listener);
    if (!this.#watching) void this.#watch();
    return () => this.#listeners.delete(listener);
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    try {
      for (;;) {
        await this.#connection.pathsChanged();
        const paths = this.paths();
        for (const listener of this.#listeners) listener(paths);
      }
    } catch {
      // The connection has ended: its paths do not change any more.
    }
  }

  /** Ends the connection at once. */
  close(info: Partial<CloseInfo> = {}): void {
    if (this.#ended || this.#closeInfo !== undefined) return;
    const closeCode = info.closeCode ?? 0;
    if (!Number.isInteger(closeCode) || closeCode < 0 || closeCode > 0xffff_ffff) {
      throw new RangeError(`close code ${closeCode} is not an unsigned 32-bit integer`);
    }
    const reason = truncate(info.reason ?? "");
    this.#closeInfo = { closeCode, reason };
    this.#connection.close(closeCode, reason);
  }

  /** Closes, and waits until everything of it is freed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#ending();
  }
}

/** Cuts a reason to what fits, at a character. */
function truncate(reason: string): string {
  const room = new Uint8Array(MAX_REASON_BYTES);
  const { read } = new TextEncoder().encodeInto(reason, room);
  return reason.slice(0, read);
}
