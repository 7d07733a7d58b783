/**
 * A place that is dialled by address, by the QUIC library in `ffi/quic`.
 *
 * @module
 */
import {
  type QuicConnection,
  QuicError,
  type QuicIncoming,
  QuicListener,
} from "../../ffi/quic/mod.ts";
import { UsageError } from "../errors.ts";
import { type Connection, TransportError } from "./connection.ts";
import type { Certificate, IncomingSession, Listener, ListenOptions } from "./direct.ts";
import { listenSettings } from "./direct_options.ts";
import { bindError, transportError } from "./quic_errors.ts";
import { QuicSession } from "./quic_session.ts";
import { OwnConnections } from "./own_connections.ts";
import { incomingStream } from "./streams.ts";

/** HTTP status for those who come while nobody accepts. */
const SERVICE_UNAVAILABLE = 503;

/** A caller's mistake that only the library can tell, as `UsageError`. */
export function usageError(error: unknown): unknown {
  if (!(error instanceof QuicError) || error.status !== "bad-argument") return error;
  return new UsageError(error.text, { cause: error });
}

/** Connections that close with the listener. */
type Adopt = (connection: QuicConnection) => Connection;

class DirectIncoming implements IncomingSession {
  readonly #incoming: QuicIncoming;
  readonly #adopt: Adopt;
  readonly kind: "quic" | "webtransport";
  readonly remote: string;
  readonly protocols: readonly string[];
  readonly path: string | undefined;
  readonly authority: string | undefined;
  readonly headers: ReadonlyMap<string, string>;

  constructor(incoming: QuicIncoming, adopt: Adopt) {
    this.#incoming = incoming;
    this.#adopt = adopt;
    const { kind, remote, protocols, path, authority, headers } = incoming.info;
    this.kind = kind;
    this.remote = remote;
    this.protocols = protocols;
    this.path = path;
    this.authority = authority;
    this.headers = headers;
  }

  async accept(protocol?: string): Promise<Connection> {
    if (protocol !== undefined && !this.protocols.includes(protocol)) {
      throw new UsageError(`${protocol} is not among the protocols offered`);
    }
    try {
      return this.#adopt(await this.#incoming.accept(protocol));
    } catch (error) {
      throw isGone(error)
        ? new TransportError("the client does not wait any more", {
          source: "session",
          failure: "closed",
          cause: error,
        })
        : transportError(error);
    }
  }

  refuse(status: number, closeCode = 0): void {
    if (!Number.isInteger(status) || status < 300 || status > 599) {
      throw new RangeError(`status ${status} is not an HTTP status that refuses (300 to 599)`);
    }
    if (!Number.isInteger(closeCode) || closeCode < 0 || closeCode > 0xffff_ffff) {
      throw new RangeError(`close code ${closeCode} is not an unsigned 32-bit integer`);
    }
    this.#incoming.refuse(status, closeCode);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof QuicError &&
    (error.status === "canceled" || error.status === "bad-handle");
}

/** A listener. */
export class DirectListener implements Listener {
  readonly #listener: QuicListener;
  readonly #connections = new OwnConnections();
  #incoming: ReadableStream<IncomingSession> | undefined;
  #closing: Promise<void> | undefined;
  /** `IP:PORT` it listens on. */
  readonly address: string;

  private constructor(listener: QuicListener) {
    this.#listener = listener;
    this.address = listener.info().address;
  }

  /** Listens. Throws `BusyError` when the address is taken, `UsageError`. */
  static async bind(options: ListenOptions): Promise<DirectListener> {
    const settings = listenSettings(options);
    try {
      return new DirectListener(await QuicListener.bind(settings));
    } catch (error) {
      throw bindError(usageError(error), options.address, "the listener");
    }
  }

  /** SHA-256 of the certificate in use, lower-case hex. */
  get certificateHash(): string {
    return this.#listener.info().certificateHash;
  }

  /** What is known beyond the interface: handshakes counted. */
  info(): ReturnType<QuicListener["info"]> {
    return this.#listener.info();
  }

  /** Who wants in. */
  get incoming(): ReadableStream<IncomingSession> {
    return this.#incoming ??= incomingStream({
      next: () => this.#listener.accept(),
      wrap: (incoming) => new DirectIncoming(incoming, (connection) => this.#adopt(connection)),
      refuse: (incoming) => incoming.refuse(SERVICE_UNAVAILABLE, 0),
      ending: () => Promise.resolve(undefined),
    });
  }

  #adopt(connection: QuicConnection): Connection {
    return this.#connections.adopt(new QuicSession(connection));
  }

  /** Takes another certificate for new connections. Throws `UsageError` for one that cannot be used. */
  setCertificate(certificate: Certificate): void {
    try {
      this.#listener.setCertificate(certificate);
    } catch (error) {
      throw transportError(usageError(error));
    }
  }

  /** Closes the socket and all connections. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#connections.close();
    await this.#listener.close();
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
