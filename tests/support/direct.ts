/**
 * Direct connections in the shape of endpoints, for the compliance suite: each endpoint has a listener
 * that takes one protocol, and dials the other's by its address.
 *
 * @module
 */
import {
  type Connection,
  type ConnectOptions,
  type Endpoint,
  type EndpointAddress,
  TransportError,
} from "../../lib/transport/connection.ts";
import type { DirectOptions, IncomingSession, Listener } from "../../lib/transport/direct.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";

/** How direct endpoints come to each other. */
export type DirectScheme = "moqt" | "https";

/** An endpoint over {@link directTransport}. */
export class DirectTestEndpoint implements Endpoint {
  readonly #scheme: DirectScheme;
  readonly #protocol: string;
  readonly #listener: Listener;
  readonly #dialled = new Set<Connection>();
  readonly #admitted: Promise<void>;
  #closing: Promise<void> | undefined;
  readonly id = "";
  readonly incoming: ReadableStream<Connection>;

  private constructor(scheme: DirectScheme, protocol: string, listener: Listener) {
    this.#scheme = scheme;
    this.#protocol = protocol;
    this.#listener = listener;
    let controller: ReadableStreamDefaultController<Connection>;
    this.incoming = new ReadableStream({ start: (started) => void (controller = started) });
    this.#admitted = this.#admit(controller!);
  }

  /** Listens on loopback for `protocol`. */
  static async bind(
    scheme: DirectScheme,
    protocol: string,
    options: DirectOptions = {},
  ): Promise<DirectTestEndpoint> {
    const listener = await directTransport.listen({
      ...options,
      address: "127.0.0.1:0",
      alpns: scheme === "moqt" ? [protocol] : [],
    });
    return new DirectTestEndpoint(scheme, protocol, listener);
  }

  async #admit(controller: ReadableStreamDefaultController<Connection>): Promise<void> {
    for await (const session of this.#listener.incoming) {
      const connection = await this.#decide(session);
      if (connection !== undefined) controller.enqueue(connection);
    }
    controller.close();
  }

  #decide(session: IncomingSession): Promise<Connection | undefined> {
    if (session.protocols.includes(this.#protocol)) return session.accept(this.#protocol);
    session.refuse(400);
    return Promise.resolve(undefined);
  }

  address(): EndpointAddress {
    return { id: "", relays: [], direct: [this.#listener.address] };
  }

  async connect(
    to: EndpointAddress,
    protocol: string,
    options: ConnectOptions = {},
  ): Promise<Connection> {
    if (this.#closing !== undefined) {
      throw new TransportError("the endpoint is closed", { source: "session", failure: "closed" });
    }
    const connection = await directTransport.dial(`${this.#scheme}://${to.direct[0]}/test?a=b`, {
      ...options,
      protocols: [protocol],
      trust: { insecure: true },
    });
    this.#dialled.add(connection);
    return connection;
  }

  onAddressChange(): () => void {
    return () => {};
  }

  online(): Promise<void> {
    return new Promise(() => {});
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    for (const connection of this.#dialled) await connection[Symbol.asyncDispose]();
    await this.#listener.close();
    await this.#admitted;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
