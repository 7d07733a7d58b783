/**
 * The one shape of a connection, whatever carries it: the W3C WebTransport interface
 * (https://www.w3.org/TR/webtransport/), with the few things QUIC gives beyond it (the ALPN, the
 * peer's proven identity, paths). A browser's `WebTransport` object is this interface less those.
 *
 * @module
 */

/** Why a connection ended, as in W3C `WebTransportCloseInfo`. */
export interface CloseInfo {
  /** Application close code, 0 to 2^32-1. */
  closeCode: number;
  /** UTF-8, at most 1,024 bytes on the wire. */
  reason: string;
}

/** Where the failure arose: one stream, or the whole connection. */
export type TransportErrorSource = "stream" | "session";

/** Machine-readable kinds of session failure; `undefined` on stream errors. */
export type SessionFailure =
  | "closed" // either side closed it (see closeCode)
  | "timeout" // the peer vanished: nothing heard for the idle timeout
  | "refused" // ALPN, certificate, or the peer's policy refused the handshake
  | "unreachable" // no address worked within the dial timeout
  | "reset"; // stateless reset, or a transport violation

/**
 * A stream or session error, in the shape of W3C `WebTransportError`. Passing one to
 * `WritableStream.abort` sends RESET_STREAM with its `streamErrorCode`; to `ReadableStream.cancel`,
 * STOP_SENDING. A peer's reset or stop surfaces as one.
 */
export class TransportError extends Error {
  /** The name that W3C gives it. */
  override readonly name = "WebTransportError";
  /** Stream or session. */
  readonly source: TransportErrorSource;
  /** The application's stream error code (RESET_STREAM, STOP_SENDING), or null for session errors. */
  readonly streamErrorCode: number | null;
  /** What ended the session, where `source` is `"session"`. */
  readonly failure: SessionFailure | undefined;
  /** The session's application close code, where the peer gave one. */
  readonly closeCode: number | undefined;

  /** Makes a transport error. */
  constructor(message: string, options: {
    source?: TransportErrorSource;
    streamErrorCode?: number | null;
    failure?: SessionFailure;
    closeCode?: number;
    cause?: unknown;
  } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.source = options.source ?? "stream";
    this.streamErrorCode = options.streamErrorCode ??
      (this.source === "stream" ? 0 : null);
    this.failure = options.failure;
    this.closeCode = options.closeCode;
  }
}

/** Options of a new outgoing stream. */
export interface SendStreamOptions {
  /** Streams with a higher order are sent first (QUIC stream priority). Default 0; an int32. */
  sendOrder?: number;
  /** Gives up waiting for stream credit. */
  signal?: AbortSignal;
}

/**
 * The sending half. `write()` resolves once the bytes were taken into QUIC's send buffer, so
 * awaiting it IS the backpressure, and the chunk's memory is the caller's again then; `close()` sends
 * FIN, and does not wait for the peer to have it: who closes the connection right after may cut the
 * stream short, so the side that receives last closes; `abort(reason)` sends RESET_STREAM at once, and
 * knocks out a write that is pending. A stream that is dropped without either is reset.
 */
export interface SendStream extends WritableStream<Uint8Array> {
  /** The stream's priority; may be changed while it lives. */
  sendOrder: number;
}

/** The receiving half: chunks as they arrive, never empty; `cancel(reason)` sends STOP_SENDING. */
export type ReceiveStream = ReadableStream<Uint8Array>;

/** A bidirectional stream. The peer learns of it with the first byte (or FIN) that is sent on it. */
export interface BidirectionalStream {
  /** What the peer sends. */
  readonly readable: ReceiveStream;
  /** What we send. */
  readonly writable: SendStream;
}

/** Unreliable, unordered messages. */
export interface DatagramDuplex {
  /** Received datagrams; when the reader is slow the oldest are dropped. */
  readonly readable: ReadableStream<Uint8Array>;
  /** Sent at once or dropped, never retransmitted; over `maxDatagramSize` dropped and counted. */
  readonly writable: WritableStream<Uint8Array>;
  /** The largest datagram the path takes now, in bytes; 0 when the peer takes none. */
  readonly maxDatagramSize: number;
  /** Datagrams dropped because they were larger than that. */
  readonly oversized: number;
}

/** One network path of a connection. */
export interface PathInfo {
  /** `direct` is UDP to the peer's own address; `relay` goes through an iroh relay. */
  kind: "direct" | "relay" | "memory";
  /** `IP:PORT`, or the relay's URL. */
  remote: string;
  /** Whether data goes this way now. */
  selected: boolean;
  /** Smoothed round-trip time in milliseconds. */
  rttMs: number;
}

/** Counters of a connection, all since it began. */
export interface ConnectionStats {
  /** Bytes in UDP payloads. */
  bytesSent: number;
  /** Bytes in UDP payloads. */
  bytesReceived: number;
  /** Packets declared lost. */
  packetsLost: number;
  /** Packets sent. */
  packetsSent: number;
  /** Packets received. */
  packetsReceived: number;
  /** Smoothed round-trip time of the selected path in milliseconds. */
  rttMs: number;
  /** Congestion window of the selected path in bytes, where the transport tells. */
  congestionWindow?: number;
}

/** A connection: streams both ways, datagrams, and an end. */
export interface Connection extends AsyncDisposable {
  /** The ALPN (or WebTransport subprotocol) both sides agreed on. */
  readonly protocol: string;
  /** The peer's endpoint id (64 hex digits) proven by TLS; `undefined` where the peer has none. */
  readonly remoteId: string | undefined;
  /** Resolves once usable. Connections handed out by endpoints already are. */
  readonly ready: Promise<void>;
  /** Resolves with the close info when either side closed; rejects with a session error otherwise. Never an unhandled rejection. */
  readonly closed: Promise<CloseInfo>;
  /** Streams the peer opened, in the order their first bytes came. Cancelling it refuses further ones. */
  readonly incomingBidirectionalStreams: ReadableStream<BidirectionalStream>;
  /** Streams the peer opened. */
  readonly incomingUnidirectionalStreams: ReadableStream<ReceiveStream>;
  /** Unreliable messages. */
  readonly datagrams: DatagramDuplex;
  /** Opens a stream; waits for the peer's stream credit. */
  createBidirectionalStream(options?: SendStreamOptions): Promise<BidirectionalStream>;
  /** Opens a stream; waits for the peer's stream credit. */
  createUnidirectionalStream(options?: SendStreamOptions): Promise<SendStream>;
  /** Counters now. */
  getStats(): Promise<ConnectionStats>;
  /** Paths now; one entry on transports that know no paths. */
  paths(): PathInfo[];
  /** Calls back whenever the set of paths or the selected one changes. Returns the unsubscriber. */
  onPathChange(listener: (paths: PathInfo[]) => void): () => void;
  /** Ends the connection at once. Idempotent. */
  close(info?: Partial<CloseInfo>): void;
}

/** Where an endpoint can be dialled. */
export interface EndpointAddress {
  /** Endpoint id: 64 lower-case hex digits of an ed25519 public key. */
  id: string;
  /** Relay URLs, as written. */
  relays: string[];
  /** `IP:PORT` (IPv6 in brackets). */
  direct: string[];
}

/** How to dial. */
export interface ConnectOptions {
  /** Gives the dial up. */
  signal?: AbortSignal;
  /** Gives the dial up by itself; milliseconds, default 15,000. */
  timeoutMs?: number;
  /**
   * What else the peer may choose where it doesn't have the protocol: see the connection's `protocol`.
   * Implementations that can offer only one refuse as if this were empty.
   */
  alternatives?: readonly string[];
}

/** A place that dials and is dialled. */
export interface Endpoint extends AsyncDisposable {
  /** This endpoint's id, 64 hex digits. */
  readonly id: string;
  /** What a ticket says of it now. */
  address(): EndpointAddress;
  /** Calls back whenever {@link address} changes (the relay became known, an interface came up). */
  onAddressChange(listener: (address: EndpointAddress) => void): () => void;
  /** Resolves when a relay is connected; never, where there is none. */
  online(signal?: AbortSignal): Promise<void>;
  /** Connections whose handshake is through; failed handshakes are counted, not shown. */
  readonly incoming: ReadableStream<Connection>;
  /** Dials. Throws `TransportError` with source `session`. */
  connect(to: EndpointAddress, protocol: string, options?: ConnectOptions): Promise<Connection>;
  /** Closes all connections and the socket. Idempotent. */
  close(): Promise<void>;
}

/**
 * How a connection finds out how fast it may send. `cubic` backs off at each loss: the most throughput
 * where losses mean congestion. `bbr3` models bandwidth and round trip: it bears random loss (Wi-Fi)
 * and keeps queues short, which live media wants.
 */
export type CongestionControl = "cubic" | "bbr3";

/** How to make an endpoint. */
export interface EndpointOptions {
  /** 32-byte ed25519 secret; a new one when absent. */
  secretKey?: Uint8Array;
  /** Protocols accepted; none: this endpoint only dials. */
  protocols?: string[];
  /** `ADDR[:PORT]`; default: all addresses, any port. */
  bind?: string;
  /** Relay URL, `"none"` (no relay and no DNS discovery), or `"default"` (n0's). */
  relay?: string;
  /** Announce and find endpoints on the LAN by mDNS. Default false. */
  mdns?: boolean;
  /** Default `cubic`. Implementations that can't choose take their own. */
  congestion?: CongestionControl;
  /** Most bytes in flight or queued per connection before `write()` waits. Default 1 MiB. */
  sendWindow?: number;
  /**
   * Most bytes of datagrams that wait per connection; the oldest make room. Default 1 MiB.
   * Implementations that can't choose take their own.
   */
  datagramWindow?: number;
  /** Most unread bytes the peer may have sent on one stream. Default 1.25 MiB. */
  receiveWindow?: number;
}
