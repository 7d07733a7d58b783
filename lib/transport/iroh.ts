/**
 * Endpoints and connections of iroh, by the QUIC library in `ffi/quic`.
 *
 * @module
 */
import { type QuicConnection, QuicEndpoint } from "../../ffi/quic/mod.ts";
import {
  type Connection,
  type ConnectOptions,
  type Endpoint,
  type EndpointAddress,
  type EndpointOptions,
  TransportError,
} from "./connection.ts";
import { bindError, dialError, transportError } from "./quic_errors.ts";
import { QuicSession } from "./quic_session.ts";
import { bindAddresses, DEFAULT_DIAL_TIMEOUT_MS, relaySetting } from "./options.ts";
import { OwnConnections } from "./own_connections.ts";
import { callListener, type SessionConnection } from "./session_connection.ts";
import { incomingStream } from "./streams.ts";

/** An iroh endpoint. */
export class IrohEndpoint implements Endpoint {
  readonly #endpoint: QuicEndpoint;
  readonly #listeners = new Set<(address: EndpointAddress) => void>();
  readonly #connections = new OwnConnections();
  #incoming: ReadableStream<Connection> | undefined;
  #watching = false;
  #closing: Promise<void> | undefined;
  /** This endpoint's id, 64 hex digits. */
  readonly id: string;

  private constructor(endpoint: QuicEndpoint) {
    this.#endpoint = endpoint;
    this.id = endpoint.info().id;
  }

  /** Binds an endpoint. Throws as {@link bindError} says when the address cannot be bound. */
  static async bind(options: EndpointOptions = {}): Promise<IrohEndpoint> {
    const settings = {
      alpns: options.protocols ?? [],
      bind: bindAddresses(options.bind),
      relay: relaySetting(options.relay),
      mdns: options.mdns ?? false,
      ...(options.secretKey === undefined ? {} : { secretKey: options.secretKey }),
      ...(options.congestion === undefined ? {} : { congestion: options.congestion }),
      ...(options.sendWindow === undefined ? {} : { sendWindow: options.sendWindow }),
      ...(options.datagramWindow === undefined ? {} : { datagramWindow: options.datagramWindow }),
      ...(options.receiveWindow === undefined ? {} : { streamWindow: options.receiveWindow }),
    };
    try {
      return new IrohEndpoint(await QuicEndpoint.bind(settings));
    } catch (error) {
      throw bindError(error, options.bind);
    }
  }

  /** Where this endpoint can be dialled now. */
  address(): EndpointAddress {
    const { id, relays, direct } = this.#endpoint.info();
    return { id, relays: [...relays], direct: [...direct] };
  }

  /** What is known beyond the interface: sockets, handshakes counted, mDNS. */
  info(): ReturnType<QuicEndpoint["info"]> {
    return this.#endpoint.info();
  }

  /** Calls back whenever the address changes, until unsubscribed or closed. */
  onAddressChange(listener: (address: EndpointAddress) => void): () => void {
    this.#listeners.add(listener);
    if (!this.#watching) void this.#watch();
    return () => this.#listeners.delete(listener);
  }

  async #watch(): Promise<void> {
    this.#watching = true;
    try {
      for (;;) {
        await this.#endpoint.changed();
        this.#tell(this.address());
      }
    } catch {
      // The endpoint is closed: its address does not change any more.
    }
  }

  #tell(address: EndpointAddress): void {
    for (const listener of this.#listeners) callListener(listener, address);
  }

  /** Resolves when a relay is connected. */
  async online(signal?: AbortSignal): Promise<void> {
    try {
      await this.#endpoint.online(signal);
    } catch (error) {
      throw transportError(error);
    }
  }

  /** Accepts these protocols from now on. */
  setProtocols(protocols: readonly string[]): void {
    this.#endpoint.setAlpns(protocols);
  }

  /** Connections whose handshake is through. */
  get incoming(): ReadableStream<Connection> {
    return this.#incoming ??= incomingStream({
      next: () => this.#endpoint.accept(),
      wrap: (connection) => this.#adopt(connection),
      refuse: (connection) => {
        connection.close(0, "not accepting");
        connection.free();
      },
      ending: () => Promise.resolve(undefined),
    });
  }

  #adopt(connection: QuicConnection): SessionConnection {
    return this.#connections.adopt(new QuicSession(connection));
  }

  /** Dials. Throws `TransportError` with source `session`. */
  async connect(
    to: EndpointAddress,
    protocol: string,
    options: ConnectOptions = {},
  ): Promise<Connection> {
    const { timeoutMs = DEFAULT_DIAL_TIMEOUT_MS, signal, alternatives = [] } = options;
    const offered = [protocol, ...alternatives];
    if (this.#closing !== undefined) {
      throw new TransportError("the endpoint is closed", { source: "session", failure: "closed" });
    }
    try {
      return this.#adopt(await this.#endpoint.connect(to, offered, timeoutMs, signal));
    } catch (error) {
      throw dialError(error);
    }
  }

  /** Closes all connections and the socket. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#connections.close();
    this.#listeners.clear();
    await this.#endpoint.close();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
