/**
 * QUIC connections of the library.
 *
 * @module
 */
import { PENDING, QuicError } from "./error.ts";
import { quicLibrary } from "./library.ts";
import { check, lastError, operationQueue, readText } from "./queue.ts";
import { QuicReceiveStream, QuicSendStream } from "./streams.ts";

/** One network path. */
export interface QuicPath {
  /** UDP to the peer itself, or by a relay. */
  readonly kind: "direct" | "relay";
  /** `IP:PORT`, or the relay's URL. */
  readonly remote: string;
  /** Whether data goes this way. */
  readonly selected: boolean;
  /** Smoothed round-trip time in milliseconds. */
  readonly rttMs: number;
  /** Congestion window in bytes. */
  readonly congestionWindow: number;
}

/** Counters since the connection began. */
export interface QuicStats {
  /** Bytes of UDP payload. */
  readonly bytesSent: number;
  /** Bytes of UDP payload. */
  readonly bytesReceived: number;
  /** Packets declared lost. */
  readonly packetsLost: number;
  /** QUIC packets. */
  readonly packetsSent: number;
  /** UDP datagrams. */
  readonly packetsReceived: number;
  /** Of the selected path, in milliseconds. */
  readonly rttMs: number;
  /** Of the selected path, in bytes. */
  readonly congestionWindow: number;
}

/** A stream's two halves. */
export interface QuicStreamPair {
  /** What this side sends. */
  readonly send: QuicSendStream;
  /** What the peer sends. */
  readonly receive: QuicReceiveStream;
}

/** Largest datagram that is received whole: UDP's own limit. */
const DATAGRAM_BYTES = 65_535;
let datagramScratch: Uint8Array<ArrayBuffer> | undefined;

/** A connection. Free it when {@link closed} has settled. */
export class QuicConnection {
  readonly #symbols = quicLibrary().symbols;
  readonly #queue = operationQueue();
  readonly #handle: number;
  #freed = false;
  /** The peer's endpoint id as hex; empty where it has none. */
  readonly remoteId: string;
  /** The negotiated protocol. */
  readonly alpn: string;

  /** Takes over a handle. */
  constructor(handle: number) {
    this.#handle = handle;
    const info = readText(
      "connection_info",
      (into, length) => this.#symbols.xoq_quic_connection_info(handle, into, length),
    );
    const at = info.indexOf("\n");
    this.remoteId = info.slice(0, at);
    this.alpn = info.slice(at + 1);
  }

  /** Opens a bidirectional stream; waits for the peer's credit. */
  async openBidirectional(priority = 0, signal?: AbortSignal): Promise<QuicStreamPair> {
    const { value, extra } = await this.#open(1, priority, signal);
    return { send: new QuicSendStream(value, priority), receive: new QuicReceiveStream(extra) };
  }

  /** Opens a unidirectional stream; waits for the peer's credit. */
  async openUnidirectional(priority = 0, signal?: AbortSignal): Promise<QuicSendStream> {
    return new QuicSendStream((await this.#open(0, priority, signal)).value, priority);
  }

  #open(bidirectional: number, priority: number, signal: AbortSignal | undefined) {
    const { out } = this.#queue;
    return this.#queue.run(
      "connection_open",
      (op) =>
        this.#symbols.xoq_quic_connection_open(this.#handle, bidirectional, priority, op, out),
      signal,
      ({ value, extra }) => {
        this.#symbols.xoq_quic_free(value);
        if (extra !== 0) this.#symbols.xoq_quic_free(extra);
      },
    );
  }

  /** Waits for a bidirectional stream of the peer's. */
  async acceptBidirectional(): Promise<QuicStreamPair> {
    const { value, extra } = await this.#accept(1);
    return { send: new QuicSendStream(value), receive: new QuicReceiveStream(extra) };
  }

  /** Waits for a unidirectional stream of the peer's. */
  async acceptUnidirectional(): Promise<QuicReceiveStream> {
    return new QuicReceiveStream((await this.#accept(0)).extra);
  }

  #accept(bidirectional: number) {
    const { out } = this.#queue;
    return this.#queue.run(
      "connection_accept",
      (op) => this.#symbols.xoq_quic_connection_accept(this.#handle, bidirectional, op, out),
    );
  }

  /** Resolves with the reason when the connection has ended. */
  async closed(): Promise<QuicError> {
    const { out } = this.#queue;
    try {
      await this.#queue.run(
        "connection_closed",
        (op) => this.#symbols.xoq_quic_connection_closed(this.#handle, op, out),
      );
    } catch (error) {
      if (error instanceof QuicError) return error;
      throw error;
    }
    throw new TypeError("a connection ends with a reason");
  }

  /** Ends the connection at once. */
  close(code: number, reason: string): void {
    if (this.#freed) return;
    const bytes = new TextEncoder().encode(reason);
    check(
      "connection_close",
      this.#symbols.xoq_quic_connection_close(this.#handle, code, bytes, bytes.length),
    );
  }

  /** Counters now. */
  stats(): QuicStats {
    const out = new Float64Array(7);
    check("connection_stats", this.#symbols.xoq_quic_connection_stats(this.#handle, out));
    return {
      bytesSent: out[0]!,
      bytesReceived: out[1]!,
      packetsLost: out[2]!,
      packetsSent: out[3]!,
      packetsReceived: out[4]!,
      rttMs: out[5]!,
      congestionWindow: out[6]!,
    };
  }

  /** Open paths now. */
  paths(): QuicPath[] {
    const text = readText(
      "connection_paths",
      (into, length) => this.#symbols.xoq_quic_connection_paths(this.#handle, into, length),
    );
    return text.split("\n").filter((line) => line !== "").map((line) => {
      const [kind, selected, rtt, window, remote] = line.split("\t");
      return {
        kind: kind === "relay" ? "relay" : "direct",
        remote: remote ?? "",
        selected: selected === "1",
        rttMs: Number(rtt) / 1000,
        congestionWindow: Number(window),
      };
    });
  }

  /** Waits until the paths, or the selected one, change. */
  async pathsChanged(): Promise<void> {
    const { out } = this.#queue;
    await this.#queue.run(
      "connection_paths_changed",
      (op) => this.#symbols.xoq_quic_connection_paths_changed(this.#handle, op, out),
    );
  }

  /** Sends a datagram, or fails: `too-large`, `unsupported`. */
  sendDatagram(data: Uint8Array): void {
    check(
      "datagram_send",
      this.#symbols.xoq_quic_datagram_send(
        this.#handle,
        data as Uint8Array<ArrayBuffer>,
        data.byteLength,
      ),
    );
  }

  /** Receives a datagram: at once and without a promise when there is one. */
  receiveDatagram(): Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>> {
    datagramScratch ??= new Uint8Array(DATAGRAM_BYTES);
    const op = this.#queue.next;
    const count = this.#symbols.xoq_quic_datagram_read(
      this.#handle,
      datagramScratch,
      DATAGRAM_BYTES,
      op,
      this.#queue.out,
    );
    if (count >= 0) return datagramScratch.slice(0, count);
    if (count !== PENDING) throw lastError("datagram_read", count);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    this.#queue.hold(op, (status, value, extra) => {
      if (status < 0) {
        return reject(this.#queue.failure("datagram_read", op, status, value, extra));
      }
      try {
        resolve(this.receiveDatagram());
      } catch (error) {
        reject(error);
      }
    });
    return promise;
  }

  /** The largest datagram the path takes now, in bytes; 0 when the peer takes none. */
  get maxDatagramSize(): number {
    return this.#freed ? 0 : Math.max(0, this.#symbols.xoq_quic_datagram_max(this.#handle));
  }

  /** Frees the handle, and closes the connection with code 0 where it is not closed. Idempotent. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#symbols.xoq_quic_free(this.#handle);
  }
}
