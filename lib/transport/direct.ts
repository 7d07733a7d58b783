/**
 * Dialling and listening by address instead of by ticket: plain QUIC (`moqt://HOST:PORT/PATH`) and
 * WebTransport over HTTP/3 (`https://HOST:PORT/PATH`). A listener serves both on one UDP port and tells
 * them apart by ALPN (RFC 7301): `h3` is WebTransport, everything else plain QUIC.
 *
 * @module
 */
import type { CongestionControl, Connection } from "./connection.ts";

/** Whom a client takes a server for. Default: the system's roots and the name in the URL. */
export interface ServerTrust {
  /** Roots in PEM, instead of the system's. */
  ca?: string;
  /** SHA-256 of the server's certificate (DER), 32 bytes each; one must match, nothing else is checked. */
  certificateHashes?: readonly Uint8Array[];
  /** Takes any certificate. */
  insecure?: boolean;
}

/** What both ends may set. */
export interface DirectOptions {
  /** Default `bbr3`, which bears packets that are lost by chance; on loopback `cubic`. */
  congestion?: CongestionControl;
  /** Most bytes in flight or queued per connection before `write()` waits. Default 1 MiB. */
  sendWindow?: number;
  /** Most bytes of datagrams that wait per connection; the oldest make room. Default 1 MiB. */
  datagramWindow?: number;
  /** Most unread bytes the peer may have sent on one stream. Default 1.25 MiB. */
  receiveWindow?: number;
  /** Most unread bytes the peer may have sent on all streams together. Default 16 MiB. */
  connectionWindow?: number;
  /** Streams of each direction that the peer may have open at once. Default 1,024. */
  maxStreams?: number;
  /** File that TLS secrets are appended to (NSS key log format), mode 0600. */
  keyLogFile?: string;
}

/** How to dial. */
export interface DialOptions extends DirectOptions {
  /** ALPNs for `moqt://`, WebTransport subprotocols for `https://`; the preferred one first. */
  protocols: readonly string[];
  /** Whom to take the server for. */
  trust?: ServerTrust;
  /** `ADDR[:PORT]` to send from. */
  bind?: string;
  /** Headers of the CONNECT request, where it is WebTransport. Names in lower case. */
  headers?: Readonly<Record<string, string>>;
  /** Gives the dial up. */
  signal?: AbortSignal;
  /** Gives the dial up by itself; milliseconds, default 15,000. */
  timeoutMs?: number;
}

/** A server's certificate. */
export interface Certificate {
  /** Certificates in PEM, the server's own first. */
  chain: string;
  /** Its private key in PEM (PKCS #8, SEC 1 or PKCS #1). */
  key: string;
}

/** How to listen. */
export interface ListenOptions extends DirectOptions {
  /** `ADDR:PORT`; port 0: any. */
  address: string;
  /** ALPNs of plain QUIC; none: WebTransport only. */
  alpns: readonly string[];
  /** Whether `h3` is offered. Default true. */
  webTransport?: boolean;
  /** Absent: self-signed for localhost and the address, ECDSA P-256, 13 days (what browsers pin). */
  certificate?: Certificate;
  /**
   * 32 bytes that this server alone has and that outlive its process. Who still talks to one that was
   * killed is then told so by the one started in its place, at the same address, instead of finding out
   * by silence (stateless resets: RFC 9000, section 10.3).
   */
  resetSecret?: Uint8Array;
}

/** Somebody who wants in. Neither accepted nor refused within 10 s: refused. */
export interface IncomingSession {
  /** How they came. */
  readonly kind: "quic" | "webtransport";
  /** `IP:PORT` they came from. */
  readonly remote: string;
  /** The agreed ALPN, or the WebTransport subprotocols offered, the preferred one first (may be none). */
  readonly protocols: readonly string[];
  /** `/path?query`; plain QUIC tells none before the application does. */
  readonly path: string | undefined;
  /** `host[:port]` as the client wrote it (WebTransport), or the TLS server name. */
  readonly authority: string | undefined;
  /** Headers of the CONNECT request, names in lower case. Empty for plain QUIC. */
  readonly headers: ReadonlyMap<string, string>;
  /** Lets them in. `protocol` chooses among the subprotocols offered; absent: none is named. */
  accept(protocol?: string): Promise<Connection>;
  /** Keeps them out: an HTTP status for WebTransport; plain QUIC is closed with `closeCode`. */
  refuse(status: number, closeCode?: number): void;
}

/** A place that is dialled by address. */
export interface Listener extends AsyncDisposable {
  /** `IP:PORT` it listens on. */
  readonly address: string;
  /** SHA-256 of its certificate in lower-case hex: what clients pin. */
  readonly certificateHash: string;
  /** Who wants in, in the order they came. Slow handshakes hold nobody up. */
  readonly incoming: ReadableStream<IncomingSession>;
  /** Takes another certificate for new connections. */
  setCertificate(certificate: Certificate): void;
  /** Closes the socket and all connections. Idempotent. */
  close(): Promise<void>;
}

/** See the module: what a program that needs direct connections is given. */
export interface DirectTransport {
  /** Dials a URL (`moqt:` or `https:`). Throws `TransportError` with source `session`, `UsageError`. */
  dial(url: string | URL, options: DialOptions): Promise<Connection>;
  /** Listens. Throws `BusyError` when the address is taken, `UsageError`. */
  listen(options: ListenOptions): Promise<Listener>;
}
