/**
 * A session of any transport in the shape of W3C WebTransport.
 *
 * @module
 */
import {
  type BidirectionalStream,
  type CloseInfo,
  type Connection,
  type ConnectionStats,
  type DatagramDuplex,
  type PathInfo,
  type ReceiveStream,
  type SendStream,
  type SendStreamOptions,
  TransportError,
} from "./connection.ts";
import { SessionDatagrams } from "./datagrams.ts";
import type { Session } from "./session.ts";
import { bidirectionalStream, HalfSendStream, incomingStream, receiveStream } from "./streams.ts";

/** Most bytes of a close reason. */
const MAX_REASON_BYTES = 1024;

/** A connection. */
export class SessionConnection implements Connection {
  readonly #session: Session;
  readonly #listeners = new Set<(paths: PathInfo[]) => void>();
  #bidirectional: ReadableStream<BidirectionalStream> | undefined;
  #unidirectional: ReadableStream<ReceiveStream> | undefined;
  #datagrams: SessionDatagrams | undefined;
  #watching = false;
  #closeInfo: CloseInfo | undefined;
  #ended = false;
  #lastStats: ConnectionStats | undefined;
  #lastPaths: PathInfo[] = [];
  /** The negotiated protocol. */
  readonly protocol: string;
  /** The peer's endpoint id, 64 hex digits; `undefined` where it has none. */
  readonly remoteId: string | undefined;
  /** Resolved: endpoints give out connections that are usable. */
  readonly ready: Promise<void> = Promise.resolve();
  /** Resolves when either side closed, rejects with a session error otherwise. */
  readonly closed: Promise<CloseInfo>;

  /** Takes over a session that is usable. */
  constructor(session: Session) {
    this.#session = session;
    this.protocol = session.protocol;
    this.remoteId = session.remoteId;
    this.closed = this.#end();
    this.closed.catch(() => {});
  }

  async #end(): Promise<CloseInfo> {
    const end = await this.#session.closed();
    this.#lastStats = this.#session.stats();
    this.#lastPaths = this.#session.paths();
    this.#ended = true;
    this.#session.free();
    this.#listeners.clear();
    if (end.by === "failure") throw end.error;
    if (end.by === "peer") return { closeCode: end.closeCode, reason: end.reason };
    return this.#closeInfo ?? { closeCode: 0, reason: "" };
  }

  /** The error that ended the connection; `undefined` where it was closed. */
  #ending(): Promise<Error | undefined> {
    return this.closed.then(() => undefined, (error) => error);
  }

  /** Streams the peer opened. */
  get incomingBidirectionalStreams(): ReadableStream<BidirectionalStream> {
    return this.#bidirectional ??= incomingStream({
      next: () => this.#session.acceptBidirectional(),
      wrap: (halves) => bidirectionalStream(halves, this.#session.translate),
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
      next: () => this.#session.acceptUnidirectional(),
      wrap: (half) => receiveStream(half, this.#session.translate),
      refuse: (half) => half.stop(0),
      ending: () => this.#ending(),
    });
  }

  /** Unreliable messages. */
  get datagrams(): DatagramDuplex {
    return this.#datagrams ??= new SessionDatagrams(this.#session, () => this.#ending());
  }

  /** Opens a stream; waits for the peer's stream credit. */
  async createBidirectionalStream(options: SendStreamOptions = {}): Promise<BidirectionalStream> {
    const order = options.sendOrder ?? 0;
    const { translate } = this.#session;
    try {
      this.#assertOpen();
      const halves = await this.#session.openBidirectional(order, options.signal);
      return bidirectionalStream(halves, translate, order);
    } catch (error) {
      throw translate(error);
    }
  }

  /** Opens a stream; waits for the peer's stream credit. */
  async createUnidirectionalStream(options: SendStreamOptions = {}): Promise<SendStream> {
    const order = options.sendOrder ?? 0;
    const { translate } = this.#session;
    try {
      this.#assertOpen();
      const half = await this.#session.openUnidirectional(order, options.signal);
      return new HalfSendStream(half, translate, order);
    } catch (error) {
      throw translate(error);
    }
  }

  #assertOpen(): void {
    if (this.#ended || this.#closeInfo !== undefined) {
      throw new TransportError("the connection has ended", {
        source: "session",
        failure: "closed",
      });
    }
  }

  /** Counters now; the last ones once it has ended. */
  getStats(): Promise<ConnectionStats> {
    return Promise.resolve(this.#lastStats ?? this.#session.stats());
  }

  /** Paths now; the last ones once it has ended. */
  paths(): PathInfo[] {
    return this.#ended ? this.#lastPaths : this.#session.paths();
  }

  /** Calls back whenever the paths or the selected one change. */
  onPathChange(listener: (paths: PathInfo[]) => void): () => void {
    if (this.#ended) return () => {};
    this.#listeners.add(listener);
    if (!this.#watching) void this.#watch();
    return () => void this.#listeners.delete(listener);
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    try {
      for (;;) {
        await this.#session.pathsChanged();
        const paths = this.paths();
        for (const listener of this.#listeners) callListener(listener, paths);
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
    this.#session.close(closeCode, reason);
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

/** Calls a listener; what it throws is reported as the platform does, and disturbs nobody else. */
export function callListener<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    reportError(error);
  }
}
