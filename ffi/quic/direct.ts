/**
 * Dialling and listening by address with the library: plain QUIC, and WebTransport over HTTP/3.
 *
 * @module
 */
import { QuicConnection } from "./connection.ts";
import { HandleOwner } from "./handle.ts";
import { quicLibrary } from "./library.ts";
import { check, operationQueue, readText } from "./queue.ts";
import { bytesOfHex, encodeLines, hex, textOfHex } from "./settings.ts";

/** What both ends may set. */
export interface QuicDirectSettings {
  /** Milliseconds between signs of life; default 1,000. */
  readonly keepAliveMs?: number;
  /** Milliseconds of silence after which a connection has timed out; default 3,000. */
  readonly idleMs?: number;
  /** How a connection finds out how fast it may send; default `cubic`. */
  readonly congestion?: "cubic" | "bbr3";
  /** Bytes in flight or queued before writes wait; default 1 MiB. */
  readonly sendWindow?: number;
  /** Bytes of datagrams that may wait to be sent; the oldest make room. Default 1 MiB. */
  readonly datagramWindow?: number;
  /** Unread bytes the peer may have sent on one stream; default 1,250,000. */
  readonly streamWindow?: number;
  /** Unread bytes the peer may have sent on all streams; default 16 MiB. */
  readonly connectionWindow?: number;
  /** Streams of each direction that the peer may have open at once; default 1,024. */
  readonly maxStreams?: number;
  /** File that TLS secrets are appended to, mode 0600. */
  readonly keyLogFile?: string;
}

/** Whom a client takes the server for: one of these, by default whom the system trusts. */
export type QuicTrust =
  | { readonly ca: string }
  | { readonly hashes: readonly Uint8Array[] }
  | { readonly insecure: true };

/** How to dial. */
export interface QuicDialSettings extends QuicDirectSettings {
  /** Name or IP address, without brackets. */
  readonly host: string;
  /** UDP port. */
  readonly port: number;
  /** The `https:` URL of a WebTransport session; absent: plain QUIC. */
  readonly url?: string;
  /** ALPNs, or WebTransport subprotocols, the preferred one first. */
  readonly protocols: readonly string[];
  /** Headers of the request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `IP:PORT` to send from. */
  readonly bind?: string;
  /** Whom to take the server for. */
  readonly trust?: QuicTrust;
  /** Milliseconds before the dial is given up; default 15,000. */
  readonly timeoutMs?: number;
}

/** A certificate chain and its key, both in PEM. */
export interface QuicCertificate {
  /** The server's own certificate first. */
  readonly chain: string;
  /** PKCS #8, SEC 1 or PKCS #1. */
  readonly key: string;
}

/** How to listen. */
export interface QuicListenSettings extends QuicDirectSettings {
  /** `IP:PORT`; the first one whose address family the system has is used. */
  readonly bind: readonly string[];
  /** ALPNs of plain QUIC. */
  readonly alpns: readonly string[];
  /** Whether WebTransport is offered. */
  readonly web: boolean;
  /** Absent: self-signed. */
  readonly certificate?: QuicCertificate;
  /** 32 bytes that connection ids and stateless resets are made with; absent: new ones. */
  readonly resets?: Uint8Array;
}

/** A self-signed certificate, to be kept. */
export interface QuicSelfSigned {
  /** The certificate in DER. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  /** Its key, PKCS #8 in DER. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** When it ends, in seconds since the epoch. */
  readonly ends: number;
}

/** What is known of a listener. */
export interface QuicListenerInfo {
  /** `IP:PORT` it listens at. */
  readonly address: string;
  /** SHA-256 of its certificate, lower-case hex. */
  readonly certificateHash: string;
  /** Handshakes that went through. */
  readonly accepted: number;
  /** Handshakes that failed or took too long. */
  readonly failed: number;
  /** Handshakes refused because too many were under way. */
  readonly refused: number;
}

/** What is known of somebody who wants in. */
export interface QuicIncomingInfo {
  /** How they came. */
  readonly kind: "quic" | "webtransport";
  /** `IP:PORT`. */
  readonly remote: string;
  /** The agreed ALPN, or the subprotocols offered. */
  readonly protocols: readonly string[];
  /** Path and query of the request. */
  readonly path: string | undefined;
  /** Host of the request, or the TLS server name. */
  readonly authority: string | undefined;
  /** Headers of the request, names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

const encoder = new TextEncoder();

function hexOf(text: string): string {
  return hex(encoder.encode(text));
}

type Line = readonly [key: string, value: string | number | undefined];

function lines(settings: QuicDirectSettings, more: readonly Line[]): Uint8Array<ArrayBuffer> {
  const all: Line[] = [
    ["keep_alive", settings.keepAliveMs],
    ["idle", settings.idleMs],
    ["congestion", settings.congestion],
    ["send_window", settings.sendWindow],
    ["datagram_window", settings.datagramWindow],
    ["stream_window", settings.streamWindow],
    ["connection_window", settings.connectionWindow],
    ["max_streams", settings.maxStreams],
    ["key_log", settings.keyLogFile],
    ...more,
  ];
  return encodeLines(
    all.filter(([, value]) => value !== undefined).map(([key, value]) => `${key}=${value}`),
  );
}

function trustLines(trust: QuicTrust | undefined): Line[] {
  if (trust === undefined) return [];
  if ("ca" in trust) return [["ca", hexOf(trust.ca)]];
  if ("hashes" in trust) return trust.hashes.map((hash) => ["hash", hex(hash)]);
  return [["insecure", 1]];
}

function certificateLines({ chain, key }: QuicCertificate): Line[] {
  return [["chain", hexOf(chain)], ["key", hexOf(key)]];
}

/** Dials. Fails with a {@link import("./error.ts").QuicError}. */
export async function quicDial(
  settings: QuicDialSettings,
  signal?: AbortSignal,
): Promise<QuicConnection> {
  const queue = operationQueue();
  const { symbols } = quicLibrary();
  const text = lines(settings, [
    ["host", settings.host],
    ["port", settings.port],
    ["url", settings.url],
    ...settings.protocols.map((protocol): Line => ["protocol", hexOf(protocol)]),
    ...Object.entries(settings.headers ?? {}).map(([name, value]): Line => [
      "header",
      hexOf(`${name}:${value}`),
    ]),
    ["bind", settings.bind],
    ["timeout", settings.timeoutMs],
    ...trustLines(settings.trust),
  ]);
  const { value } = await queue.run(
    "direct_dial",
    (op) => symbols.xoq_quic_direct_dial(queue.handle, text, text.byteLength, op, queue.out),
    signal,
    ({ value }) => void symbols.xoq_quic_free(value),
  );
  return new QuicConnection(value);
}

/** The values of each key in `key=value` lines. */
function fields(text: string): (key: string) => string[] {
  const all = Map.groupBy(
    text.split("\n").filter((line) => line !== "").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
    ([key]) => key,
  );
  return (key) => all.get(key)?.map(([, value]) => value) ?? [];
}

/**
 * Makes a certificate for localhost and an IP address (without brackets), of the kind that listeners
 * make which are given none. Fails with a {@link import("./error.ts").QuicError}.
 */
export function quicSelfSigned(address: string): QuicSelfSigned {
  const { symbols } = quicLibrary();
  const host = encoder.encode(address);
  const values = fields(readText(
    "self_signed",
    (into, length) => symbols.xoq_quic_self_signed(host, host.byteLength, into, length),
  ));
  return {
    certificate: bytesOfHex(values("certificate")[0] ?? ""),
    key: bytesOfHex(values("key")[0] ?? ""),
    ends: Number(values("ends")[0]),
  };
}

/** Somebody who wants in. Undecided for 10 s: kept out. */
export class QuicIncoming extends HandleOwner {
  readonly #symbols = quicLibrary().symbols;
  readonly #queue = operationQueue();
  /** What is known of them. */
  readonly info: QuicIncomingInfo;

  /** Takes over a handle. */
  constructor(handle: number) {
    super(handle);
    const text = readText(
      "incoming_info",
      (into, length) => this.#symbols.xoq_quic_incoming_info(handle, into, length),
    );
    const values = fields(text);
    const texts = (key: string) => values(key).map(textOfHex);
    this.info = {
      kind: values("kind")[0] === "quic" ? "quic" : "webtransport",
      remote: values("remote")[0] ?? "",
      protocols: texts("protocol"),
      path: texts("path")[0],
      authority: texts("authority")[0],
      headers: new Map(
        texts("header").map((header) => {
          const at = header.indexOf(":");
          return [header.slice(0, at), header.slice(at + 1)];
        }),
      ),
    };
  }

  /** Lets them in, with `protocol` or none. Fails as `canceled` when it was decided before. */
  async accept(protocol = ""): Promise<QuicConnection> {
    const bytes = encoder.encode(protocol);
    try {
      const { value } = await this.#queue.run(
        "incoming_accept",
        (op) =>
          this.#symbols.xoq_quic_incoming_accept(
            this.handle,
            bytes,
            bytes.byteLength,
            op,
            this.#queue.out,
          ),
      );
      return new QuicConnection(value);
    } finally {
      this.free();
    }
  }

  /** Keeps them out: with an HTTP status, plain QUIC with a close code. */
  refuse(status: number, closeCode: number): void {
    if (this.freed) return;
    check(
      "incoming_refuse",
      this.#symbols.xoq_quic_incoming_refuse(this.handle, status, closeCode),
    );
    this.free();
  }
}

/** A socket and those who come to it. */
export class QuicListener {
  readonly #symbols = quicLibrary().symbols;
  readonly #queue = operationQueue();
  readonly #handle: number;
  #closing: Promise<void> | undefined;
  #lastInfo: QuicListenerInfo | undefined;

  private constructor(handle: number) {
    this.#handle = handle;
  }

  /** Listens. Fails with a `QuicError`: `io` (errno in `detailCode`), `bad-argument`. */
  static async bind(settings: QuicListenSettings): Promise<QuicListener> {
    const queue = operationQueue();
    const { symbols } = quicLibrary();
    const text = lines(settings, [
      ...settings.bind.map((address): Line => ["bind", address]),
      ...settings.alpns.map((alpn): Line => ["protocol", hexOf(alpn)]),
      ["web", settings.web ? 1 : 0],
      ...(settings.certificate === undefined ? [] : certificateLines(settings.certificate)),
      ["resets", settings.resets && hex(settings.resets)],
    ]);
    const { value } = await queue.run(
      "direct_listen",
      (op) => symbols.xoq_quic_direct_listen(queue.handle, text, text.byteLength, op, queue.out),
    );
    return new QuicListener(value);
  }

  /** Address, certificate and counters now; the last ones after {@link close}. */
  info(): QuicListenerInfo {
    if (this.#lastInfo !== undefined) return this.#lastInfo;
    const text = readText(
      "listener_info",
      (into, length) => this.#symbols.xoq_quic_listener_info(this.#handle, into, length),
    );
    const values = fields(text);
    const counter = (key: string) => Number(values(key)[0]);
    return {
      address: values("address")[0] ?? "",
      certificateHash: values("hash")[0] ?? "",
      accepted: counter("accepted"),
      failed: counter("failed"),
      refused: counter("refused"),
    };
  }

  /** Waits for somebody who wants in. Fails as `closed-locally` at the end. */
  async accept(): Promise<QuicIncoming> {
    const { value } = await this.#queue.run(
      "listener_accept",
      (op) => this.#symbols.xoq_quic_listener_accept(this.#handle, op, this.#queue.out),
    );
    return new QuicIncoming(value);
  }

  /** Takes another certificate for new connections. */
  setCertificate(certificate: QuicCertificate): void {
    const text = lines({}, certificateLines(certificate));
    check(
      "listener_certificate",
      this.#symbols.xoq_quic_listener_certificate(this.#handle, text, text.byteLength),
    );
  }

  /** Closes all connections and the socket, and frees the handle. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#lastInfo = this.info();
    await this.#queue.run(
      "listener_close",
      (op) => this.#symbols.xoq_quic_listener_close(this.#handle, op, this.#queue.out),
    );
    this.#symbols.xoq_quic_free(this.#handle);
  }
}
