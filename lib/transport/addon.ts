/**
 * Endpoints of iroh by a prebuilt N-API addon, for machines without Rust: everything works, slowly
 * (7 MB/s, because bytes cross as arrays of numbers), without mDNS and with the idle timeout of iroh
 * (30 s, or the peer's when that is shorter). `bind` sets the IPv4 or the IPv6 socket; the other one
 * stays on all addresses.
 *
 * @module
 */
import { loadAddon } from "./addon_loader.ts";
import type { AddonConnection, AddonEndpoint } from "./addon_types.ts";
import { AddonSession, dialError, raceSignal } from "./addon_session.ts";
import {
  type Connection,
  type ConnectOptions,
  type Endpoint,
  type EndpointAddress,
  type EndpointOptions,
  TransportError,
} from "./connection.ts";
import { bindAddresses, DEFAULT_DIAL_TIMEOUT_MS, relaySetting } from "./options.ts";
import { OwnConnections } from "./own_connections.ts";
import { callListener, type SessionConnection } from "./session_connection.ts";
import { incomingStream } from "./streams.ts";

/** Handshakes at the same time; further ones are refused. */
const MAX_HANDSHAKES = 64;
/** Connections that wait to be accepted; further ones are refused. */
const BACKLOG = 128;

/** How often the address is looked at while somebody wants to know, in milliseconds. */
const ADDRESS_INTERVAL_MS = 1_000;

/** An endpoint of the addon. */
export class AddonEndpointAdapter implements Endpoint {
  readonly #endpoint: AddonEndpoint;
  readonly #connections = new OwnConnections();
  readonly #listeners = new Set<(address: EndpointAddress) => void>();
  readonly #backlog: SessionConnection[] = [];
  #handshakes = 0;
  #wakeAcceptor: (() => void) | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  #last: EndpointAddress | undefined;
  #closing: Promise<void> | undefined;
  /** This endpoint's id, 64 hex digits. */
  readonly id: string;
  /** Connections whose handshake is through. */
  readonly incoming: ReadableStream<Connection>;

  private constructor(endpoint: AddonEndpoint, accepting: boolean) {
    this.#endpoint = endpoint;
    this.id = hex(endpoint.id().toBytes());
    this.incoming = incomingStream<SessionConnection, Connection>({
      next: () => this.#next(),
      wrap: (connection) => connection,
      refuse: (connection) => connection.close({ reason: "not accepting" }),
      ending: () => Promise.resolve(undefined),
    });
    if (accepting) void this.#accept();
  }

  /** Binds an endpoint. */
  static async bind(options: EndpointOptions = {}): Promise<AddonEndpointAdapter> {
    const { Endpoint, RelayMode } = loadAddon();
    const builder = Endpoint.builder();
    const relay = relaySetting(options.relay);
    if (relay === "none") {
      builder.applyMinimal();
      builder.relayMode(RelayMode.disabled());
    } else {
      builder.applyN0();
      if (relay !== "default") builder.relayMode(RelayMode.customFromUrls(relay));
    }
    if (options.secretKey !== undefined) builder.secretKey(Array.from(options.secretKey));
    const protocols = options.protocols ?? [];
    builder.alpns(protocols.map(bytes));
    for (const address of bindAddresses(options.bind)) builder.bindAddr(address);
    return new AddonEndpointAdapter(await builder.bind(), protocols.length > 0);
  }

  /** Where this endpoint can be dialled now. */
  address(): EndpointAddress {
    if (this.#last !== undefined) return this.#last;
    const address = this.#endpoint.addr();
    const relay = address.relayUrl();
    return {
      id: this.id,
      relays: relay === null ? [] : [relay],
      direct: address.directAddresses(),
    };
  }

  /** Calls back whenever the address changes. */
  onAddressChange(listener: (address: EndpointAddress) => void): () => void {
    this.#listeners.add(listener);
    this.#looking ??= this.#lookAtAddress();
    return () => this.#listeners.delete(listener);
  }

  /** The addon's own watch aborts the process when it is begun outside its runtime, as from here. */
  #lookAtAddress(): ReturnType<typeof setInterval> {
    let before = JSON.stringify(this.address());
    const timer = setInterval(() => {
      const address = this.address();
      const now = JSON.stringify(address);
      if (now === before) return;
      before = now;
      for (const listener of this.#listeners) callListener(listener, address);
    }, ADDRESS_INTERVAL_MS);
    Deno.unrefTimer(timer as unknown as number);
    return timer;
  }

  /** Resolves when a relay is connected. */
  online(signal?: AbortSignal): Promise<void> {
    return raceSignal(this.#endpoint.online(), signal, () => {});
  }

  /** Accepts these protocols from now on, where some were given at first. */
  setProtocols(protocols: readonly string[]): void {
    this.#endpoint.setAlpns(protocols.map(bytes));
  }

  async #accept(): Promise<void> {
    for (;;) {
      const incoming = await this.#endpoint.acceptNext().catch(() => null);
      if (incoming === null) break;
      if (this.#handshakes >= MAX_HANDSHAKES || this.#backlog.length >= BACKLOG) {
        incoming.refuse().catch(() => {});
        continue;
      }
      this.#handshakes++;
      void this.#shake(incoming.accept().then((accepting) => accepting.connect()));
    }
    this.#wakeAcceptor?.();
  }

  async #shake(handshake: Promise<AddonConnection>): Promise<void> {
    try {
      this.#backlog.push(this.#adopt(await handshake));
      this.#wakeAcceptor?.();
    } catch {
      // A handshake that fails is the dialler's to know.
    } finally {
      this.#handshakes--;
    }
  }

  async #next(): Promise<SessionConnection> {
    for (;;) {
      const connection = this.#backlog.shift();
      if (connection !== undefined) return connection;
      if (this.#closing !== undefined) throw closedError();
      await new Promise<void>((resolve) => this.#wakeAcceptor = resolve);
    }
  }

  #adopt(connection: AddonConnection): SessionConnection {
    return this.#connections.adopt(new AddonSession(connection));
  }

  /** Dials. Throws `TransportError` with source `session`. */
  async connect(
    to: EndpointAddress,
    protocol: string,
    options: ConnectOptions = {},
  ): Promise<Connection> {
    options.signal?.throwIfAborted();
    if (this.#closing !== undefined) throw closedError();
    const { EndpointAddr, EndpointId } = loadAddon();
    const id = EndpointId.fromBytes(unhex(to.id));
    const address = new EndpointAddr(id, to.relays[0] ?? null, to.direct);
    const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_DIAL_TIMEOUT_MS);
    const signals = options.signal === undefined ? [timeout] : [timeout, options.signal];
    const dial = this.#endpoint.connect(address, bytes(protocol));
    try {
      const signal = AbortSignal.any(signals);
      return this.#adopt(await raceSignal(dial, signal, (late) => late.close(0n, [])));
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      throw dialError(error);
    }
  }

  /** Closes all connections and the socket. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#last = this.address();
    this.#connections.close();
    this.#listeners.clear();
    clearInterval(this.#looking);
    await this.#endpoint.close();
    this.#wakeAcceptor?.();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function bytes(text: string): number[] {
  return Array.from(new TextEncoder().encode(text));
}

function hex(values: readonly number[]): string {
  return values.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function unhex(text: string): number[] {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new TypeError(`${text} is not an endpoint id in hex`);
  return Array.from({ length: 32 }, (_, i) => parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

function closedError(): TransportError {
  return new TransportError("the endpoint is closed", { source: "session", failure: "closed" });
}
