/**
 * QUIC endpoints of the library.
 *
 * @module
 */
import { QuicConnection } from "./connection.ts";
import { quicLibrary } from "./library.ts";
import { check, operationQueue, readText } from "./queue.ts";
import { encodeLines, hex } from "./settings.ts";

/** How to make an endpoint. */
export interface QuicEndpointSettings {
  /** 32 bytes; a new one when absent. */
  readonly secretKey?: Uint8Array;
  /** Protocols accepted. */
  readonly alpns?: readonly string[];
  /** `IP:PORT` to bind, at most one a family; default: all addresses, any port. */
  readonly bind?: readonly string[];
  /** `none` (also no DNS discovery), `default`, or URLs. */
  readonly relay?: "none" | "default" | readonly string[];
  /** Announce and find by mDNS. */
  readonly mdns?: boolean;
  /** Milliseconds between signs of life; default 1,000. */
  readonly keepAliveMs?: number;
  /** Milliseconds of silence after which a connection has timed out; default 3,000. */
  readonly idleMs?: number;
  /** Round-trip time assumed before the first is measured, in milliseconds; default 100. */
  readonly initialRttMs?: number;
  /** Packets the peer may leave unacknowledged: asked of it by the ACK frequency extension. */
  readonly ackThreshold?: number;
  /** Milliseconds the peer may delay an acknowledgement: asked of it likewise. */
  readonly maxAckDelayMs?: number;
  /** How a connection finds out how fast it may send; default `cubic`. */
  readonly congestion?: "cubic" | "bbr3";
  /** Bytes in flight or queued before writes wait. */
  readonly sendWindow?: number;
  /** Bytes of datagrams that may wait to be sent; the oldest make room. Default 1 MiB. */
  readonly datagramWindow?: number;
  /** Unread bytes the peer may have sent on one stream. */
  readonly streamWindow?: number;
  /** Unread bytes the peer may have sent on all streams. */
  readonly connectionWindow?: number;
}

/** Where an endpoint can be dialled. */
export interface QuicAddress {
  /** Endpoint id, 64 hex digits. */
  readonly id: string;
  /** Relay URLs. */
  readonly relays: readonly string[];
  /** `IP:PORT`. */
  readonly direct: readonly string[];
}

/** What is known of an endpoint. */
export interface QuicEndpointInfo extends QuicAddress {
  /** Sockets. */
  readonly bound: readonly string[];
  /** Handshakes that went through. */
  readonly accepted: number;
  /** Handshakes that failed or took too long. */
  readonly failed: number;
  /** Handshakes refused because too many were under way. */
  readonly refused: number;
  /** Why mDNS does not work, where it was asked for and does not. */
  readonly mdnsFailure: string | undefined;
}

const encoder = new TextEncoder();

function alpnLines(alpns: readonly string[]): string[] {
  return alpns.map((alpn) => `alpn=${hex(encoder.encode(alpn))}`);
}

function settingLines(settings: QuicEndpointSettings): string[] {
  const lines = alpnLines(settings.alpns ?? []);
  const add = (key: string, value: string | number | undefined) => {
    if (value !== undefined) lines.push(`${key}=${value}`);
  };
  if (settings.secretKey !== undefined) add("secret", hex(settings.secretKey));
  for (const address of settings.bind ?? []) add("bind", address);
  const relay = settings.relay ?? "none";
  for (const url of typeof relay === "string" ? [relay] : relay) add("relay", url);
  if (settings.mdns) add("mdns", 1);
  add("keep_alive", settings.keepAliveMs);
  add("idle", settings.idleMs);
  add("initial_rtt", settings.initialRttMs);
  add("ack_threshold", settings.ackThreshold);
  add("max_ack_delay", settings.maxAckDelayMs);
  add("congestion", settings.congestion);
  add("send_window", settings.sendWindow);
  add("datagram_window", settings.datagramWindow);
  add("stream_window", settings.streamWindow);
  add("connection_window", settings.connectionWindow);
  return lines;
}

/** An endpoint. */
export class QuicEndpoint {
  readonly #symbols = quicLibrary().symbols;
  readonly #queue = operationQueue();
  readonly #handle: number;
  #closing: Promise<void> | undefined;
  #lastInfo: QuicEndpointInfo | undefined;

  private constructor(handle: number) {
    this.#handle = handle;
  }

  /** Binds an endpoint. Fails with a {@link QuicError}: `io` (errno in `detailCode`), `bad-argument`. */
  static async bind(settings: QuicEndpointSettings): Promise<QuicEndpoint> {
    const queue = operationQueue();
    const { symbols } = quicLibrary();
    const text = encodeLines(settingLines(settings));
    const { value } = await queue.run(
      "endpoint_bind",
      (op) => symbols.xoq_quic_endpoint_bind(queue.handle, text, text.byteLength, op, queue.out),
    );
    return new QuicEndpoint(value);
  }

  /** Address, sockets and counters now; the last ones after {@link close}. */
  info(): QuicEndpointInfo {
    if (this.#lastInfo !== undefined) return this.#lastInfo;
    const text = readText(
      "endpoint_info",
      (into, length) => this.#symbols.xoq_quic_endpoint_info(this.#handle, into, length),
    );
    const values = (key: string) =>
      text.split("\n").filter((line) => line.startsWith(`${key}=`)).map((line) =>
        line.slice(key.length + 1)
      );
    return {
      id: values("id")[0] ?? "",
      relays: values("relay"),
      direct: values("direct"),
      bound: values("bound"),
      accepted: Number(values("accepted")[0]),
      failed: Number(values("failed")[0]),
      refused: Number(values("refused")[0]),
      mdnsFailure: values("mdns_failure")[0],
    };
  }

  /** Waits for a connection whose handshake is through. Fails as `closed-locally` at the end. */
  async accept(): Promise<QuicConnection> {
    const { value } = await this.#queue.run(
      "endpoint_accept",
      (op) => this.#symbols.xoq_quic_endpoint_accept(this.#handle, op, this.#queue.out),
    );
    return new QuicConnection(value);
  }

  /** Dials, for at most `timeoutMs`. The peer takes one of `alpns`. */
  async connect(
    to: QuicAddress,
    alpns: readonly string[],
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<QuicConnection> {
    const address = encodeLines([
      `id=${to.id}`,
      ...to.relays.map((url) => `relay=${url}`),
      ...to.direct.map((socket) => `direct=${socket}`),
    ]);
    const protocol = encoder.encode(alpns.join("\0"));
    const { value } = await this.#queue.run(
      "endpoint_connect",
      (op) =>
        this.#symbols.xoq_quic_endpoint_connect(
          this.#handle,
          address,
          address.byteLength,
          protocol,
          protocol.byteLength,
          timeoutMs,
          op,
          this.#queue.out,
        ),
      signal,
      ({ value }) => void this.#symbols.xoq_quic_free(value),
    );
    return new QuicConnection(value);
  }

  /** Waits until the address changes. Fails as `closed-locally` at the end. */
  async changed(): Promise<void> {
    await this.#queue.run(
      "endpoint_changed",
      (op) => this.#symbols.xoq_quic_endpoint_changed(this.#handle, op, this.#queue.out),
    );
  }

  /** Waits until a relay is connected. */
  async online(signal?: AbortSignal): Promise<void> {
    await this.#queue.run(
      "endpoint_online",
      (op) => this.#symbols.xoq_quic_endpoint_online(this.#handle, op, this.#queue.out),
      signal,
    );
  }

  /** Accepts these protocols from now on. */
  setAlpns(alpns: readonly string[]): void {
    const text = encodeLines(alpnLines(alpns));
    check(
      "endpoint_alpns",
      this.#symbols.xoq_quic_endpoint_alpns(this.#handle, text, text.byteLength),
    );
  }

  /** Closes all connections and the socket, and frees the handle. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#lastInfo = this.info();
    await this.#queue.run(
      "endpoint_close",
      (op) => this.#symbols.xoq_quic_endpoint_close(this.#handle, op, this.#queue.out),
    );
    this.#symbols.xoq_quic_free(this.#handle);
  }
}
