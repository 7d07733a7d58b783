/**
 * Endpoints and connections in memory, with QUIC's semantics: flow control, reset and stop codes,
 * close codes, and peers that vanish. For tests, and for two parts of one program. Runs anywhere.
 *
 * @module
 */
import {
  type Connection,
  type ConnectOptions,
  type Endpoint,
  type EndpointAddress,
  TransportError,
} from "./connection.ts";
import { encodeHex } from "../bytes/text.ts";
import { ENDPOINT_ID_BYTES, isEndpointId } from "./endpoint_id.ts";
import { AsyncQueue } from "./memory_queue.ts";
import { type MemoryOptions, MemorySession } from "./memory_session.ts";
import { SessionConnection } from "./session_connection.ts";
import { incomingStream } from "./streams.ts";

export type { MemoryOptions } from "./memory_session.ts";

/** Endpoints that can dial each other. */
export class MemoryNetwork {
  readonly #endpoints = new Map<string, MemoryEndpoint>();
  readonly #options: MemoryOptions;

  /** Makes a network without endpoints. */
  constructor(options: MemoryOptions = {}) {
    this.#options = options;
  }

  /** Makes an endpoint that accepts `protocols`. */
  endpoint(protocols: readonly string[] = []): MemoryEndpoint {
    const endpoint = new MemoryEndpoint(this, protocols);
    this.#endpoints.set(endpoint.id, endpoint);
    return endpoint;
  }

  /** The endpoint of that id, while it is open. */
  find(id: string): MemoryEndpoint | undefined {
    return this.#endpoints.get(id);
  }

  /** Takes an endpoint out; what its `close()` does. */
  remove(endpoint: MemoryEndpoint): void {
    this.#endpoints.delete(endpoint.id);
  }

  /** A wire between two endpoints. */
  wire(protocol: string, from: string, to: string): [MemorySession, MemorySession] {
    return MemorySession.pair(protocol, [from, to], this.#options);
  }
}

/** A public key that nobody has the secret of. */
function randomId(): string {
  for (;;) {
    const bytes = crypto.getRandomValues(new Uint8Array(ENDPOINT_ID_BYTES));
    if (isEndpointId(bytes)) return encodeHex(bytes);
  }
}

/** An endpoint of a {@link MemoryNetwork}. */
export class MemoryEndpoint implements Endpoint {
  readonly #network: MemoryNetwork;
  readonly #backlog = new AsyncQueue<MemorySession>();
  readonly #sessions = new Set<MemorySession>();
  #protocols: readonly string[];
  #closed = false;
  /** A random id, such as tickets can hold. */
  readonly id: string;
  /** Connections to this endpoint. */
  readonly incoming: ReadableStream<Connection>;

  /** Made by its network. */
  constructor(network: MemoryNetwork, protocols: readonly string[]) {
    this.#network = network;
    this.#protocols = protocols;
    this.id = randomId();
    this.incoming = incomingStream<MemorySession, Connection>({
      next: async () => await this.#backlog.next(),
      wrap: (session) => new SessionConnection(session),
      refuse: (session) => session.close(0, "not accepting"),
      ending: () => Promise.resolve(undefined),
    });
  }

  /** The id alone: there is nothing else to dial. */
  address(): EndpointAddress {
    return { id: this.id, relays: [], direct: [] };
  }

  /** Addresses in memory do not change. */
  onAddressChange(): () => void {
    return () => {};
  }

  /** Never resolves: there is no relay. Rejects when `signal` aborts. */
  online(signal?: AbortSignal): Promise<void> {
    return new Promise((_, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  /** Accepts these protocols from now on. */
  setProtocols(protocols: readonly string[]): void {
    this.#protocols = protocols;
  }

  /** Dials another endpoint of the network. */
  // deno-lint-ignore require-await -- its failures are rejections
  async connect(
    to: EndpointAddress,
    protocol: string,
    options: ConnectOptions = {},
  ): Promise<Connection> {
    options.signal?.throwIfAborted();
    if (this.#closed) throw failure("closed", "the endpoint is closed");
    const peer = this.#network.find(to.id);
    if (peer === undefined) throw failure("unreachable", "the peer cannot be reached: no such id");
    const offered = [protocol, ...options.alternatives ?? []];
    const chosen = peer.#protocols.find((each) => offered.includes(each));
    if (chosen === undefined) {
      throw failure("refused", "the peer refused the connection: no common protocol");
    }
    const [ours, theirs] = this.#network.wire(chosen, this.id, peer.id);
    peer.#adopt(theirs);
    peer.#backlog.push(theirs);
    return new SessionConnection(this.#adopt(ours));
  }

  #adopt(session: MemorySession): MemorySession {
    this.#sessions.add(session);
    session.closed().then(() => this.#sessions.delete(session));
    return session;
  }

  /** This endpoint vanishes: its peers hear nothing more of it, and time out, as it does. */
  vanish(): void {
    this.#network.remove(this);
    for (const session of this.#sessions) session.vanish();
  }

  /** Closes all connections. */
  close(): Promise<void> {
    this.#closed = true;
    this.#network.remove(this);
    this.#backlog.end(failure("closed", "the endpoint is closed"));
    for (const session of this.#sessions) session.close(0, "");
    return Promise.resolve();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Two endpoints of a network of their own, both accepting `protocols`. */
export function memoryEndpoints(
  protocols: readonly string[],
  options: MemoryOptions = {},
): [MemoryEndpoint, MemoryEndpoint] {
  const network = new MemoryNetwork(options);
  return [network.endpoint(protocols), network.endpoint(protocols)];
}

/** Two ends of one connection. */
export function memoryPair(
  protocol: string,
  options: MemoryOptions = {},
): [Connection, Connection] {
  const [a, b] = MemorySession.pair(protocol, ["a".repeat(64), "b".repeat(64)], options);
  return [new SessionConnection(a), new SessionConnection(b)];
}

function failure(kind: "closed" | "unreachable" | "refused", message: string): TransportError {
  return new TransportError(message, { source: "session", failure: kind });
}
