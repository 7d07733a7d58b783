/**
 * A browser's `WebTransport` object as a {@link Connection}, for pages that speak our protocols.
 *
 * ```ts
 * const connection = await browserConnection(new WebTransport(url, { protocols: ["moqt-18"] }));
 * ```
 *
 * @module
 */
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
import { browserReceiveStream, browserSendStream, browserStream } from "./browser_streams.ts";
import { TransportError } from "./connection.ts";

/** What of W3C `WebTransport` is needed; browsers have more. */
export interface BrowserTransport {
  /** Resolves once the session stands. */
  readonly ready: Promise<unknown>;
  /** Resolves or rejects when it is over. */
  readonly closed: Promise<{ closeCode?: number; reason?: string }>;
  /** The subprotocol the server chose; absent or empty: none. */
  readonly protocol?: string;
  /** Datagrams. */
  readonly datagrams: {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable?: WritableStream<Uint8Array>;
    createWritable?(): WritableStream<Uint8Array>;
    readonly maxDatagramSize: number;
  };
  /** Streams the server opened. */
  readonly incomingBidirectionalStreams: ReadableStream<unknown>;
  /** Streams the server opened. */
  readonly incomingUnidirectionalStreams: ReadableStream<unknown>;
  /** Opens a stream. */
  createBidirectionalStream(options?: { sendOrder?: number }): Promise<unknown>;
  /** Opens a stream. */
  createUnidirectionalStream(options?: { sendOrder?: number }): Promise<unknown>;
  /** Counters, where the browser has them. */
  getStats?(): Promise<Readonly<Record<string, unknown>>>;
  /** Ends the session. */
  close(info?: { closeCode?: number; reason?: string }): void;
}

/** How a connection is made of the object. */
export interface BrowserConnectionOptions {
  /** What is spoken where the browser does not tell the subprotocol; default empty: none. */
  protocol?: string;
}

/** Waits until the session stands. Throws `TransportError` where it does not. */
export async function browserConnection(
  transport: BrowserTransport,
  options: BrowserConnectionOptions = {},
): Promise<Connection> {
  try {
    await transport.ready;
  } catch (cause) {
    throw new TransportError(messageOf(cause, "the server refused the session"), {
      source: "session",
      failure: "refused",
      cause,
    });
  }
  return new BrowserConnection(transport, transport.protocol || (options.protocol ?? ""));
}

class BrowserConnection implements Connection {
  readonly #transport: BrowserTransport;
  readonly protocol: string;
  readonly remoteId = undefined;
  readonly ready: Promise<void> = Promise.resolve();
  readonly closed: Promise<CloseInfo>;
  readonly incomingBidirectionalStreams: ReadableStream<BidirectionalStream>;
  readonly incomingUnidirectionalStreams: ReadableStream<ReceiveStream>;
  readonly datagrams: DatagramDuplex;

  constructor(transport: BrowserTransport, protocol: string) {
    this.#transport = transport;
    this.protocol = protocol;
    this.closed = transport.closed.then(
      ({ closeCode = 0, reason = "" }) => ({ closeCode, reason }),
      (cause) => {
        throw new TransportError(messageOf(cause, "the session was lost"), {
          source: "session",
          failure: "timeout",
          cause,
        });
      },
    );
    this.closed.catch(() => {});
    this.incomingBidirectionalStreams = mapped(
      transport.incomingBidirectionalStreams,
      browserStream,
    );
    this.incomingUnidirectionalStreams = mapped(
      transport.incomingUnidirectionalStreams,
      (stream) => browserReceiveStream(stream as ReadableStream<Uint8Array>),
    );
    this.datagrams = new BrowserDatagrams(transport.datagrams);
  }

  async createBidirectionalStream(options: SendStreamOptions = {}): Promise<BidirectionalStream> {
    const { signal, ...order } = options;
    const stream = await orAborted(this.#transport.createBidirectionalStream(order), signal);
    return browserStream(stream);
  }

  async createUnidirectionalStream(options: SendStreamOptions = {}): Promise<SendStream> {
    const { signal, ...order } = options;
    const stream = await orAborted(this.#transport.createUnidirectionalStream(order), signal);
    return browserSendStream(stream as WritableStream<Uint8Array>);
  }

  async getStats(): Promise<ConnectionStats> {
    const told = await this.#transport.getStats?.() ?? {};
    const number = (name: string) => typeof told[name] === "number" ? told[name] as number : 0;
    return {
      bytesSent: number("bytesSent"),
      bytesReceived: number("bytesReceived"),
      packetsLost: number("packetsLost"),
      packetsSent: number("packetsSent"),
      packetsReceived: number("packetsReceived"),
      rttMs: number("smoothedRtt"),
    };
  }

  paths(): PathInfo[] {
    return [];
  }

  onPathChange(): () => void {
    return () => {};
  }

  close(info: Partial<CloseInfo> = {}): void {
    const { closeCode = 0, reason = "" } = info;
    try {
      this.#transport.close({ closeCode, reason });
    } catch {
      // It is closed already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed.catch(() => {});
  }
}

class BrowserDatagrams implements DatagramDuplex {
  readonly #datagrams: BrowserTransport["datagrams"];
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  oversized = 0;

  constructor(datagrams: BrowserTransport["datagrams"]) {
    this.#datagrams = datagrams;
    this.readable = datagrams.readable;
    const writer = (datagrams.createWritable?.() ?? datagrams.writable)!.getWriter();
    writer.closed.catch(() => {});
    this.writable = new WritableStream({
      write: (datagram) => {
        if (datagram.length > this.maxDatagramSize) {
          this.oversized++;
          return;
        }
        return writer.write(datagram);
      },
    });
  }

  get maxDatagramSize(): number {
    return this.#datagrams.maxDatagramSize;
  }
}

function mapped<T>(streams: ReadableStream<unknown>, map: (stream: unknown) => T) {
  return streams.pipeThrough(
    new TransformStream<unknown, T>({
      transform: (stream, controller) => controller.enqueue(map(stream)),
    }),
  );
}

/** Gives up waiting; a stream that comes after that is closed. */
async function orAborted<T>(stream: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await stream;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const give = () => reject(signal.reason);
  signal.addEventListener("abort", give, { once: true });
  try {
    return await Promise.race([stream, promise]);
  } catch (error) {
    stream.then((late) => abandon(late), () => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", give);
  }
}

function abandon(stream: unknown): void {
  const { writable = stream, readable } = stream as {
    writable?: WritableStream;
    readable?: ReadableStream;
  };
  (writable as WritableStream).abort().catch(() => {});
  readable?.cancel().catch(() => {});
}

function messageOf(cause: unknown, otherwise: string): string {
  return cause instanceof Error && cause.message !== "" ? cause.message : otherwise;
}
