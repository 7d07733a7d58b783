/**
 * Sessions by address from a program on Deno: `moqt://…`, `https://…`, or an iroh ticket.
 *
 * ```ts
 * await using session = await connect("moqt://localhost:4443", { trust: { insecure: true } });
 * ```
 *
 * @module
 */
import {
  type DialledSession,
  dialSession,
  type DialSessionOptions,
  sessionUrl,
} from "../moqt/dial.ts";
import { connect as begin, type MoqtSession } from "../moqt/session/session.ts";
import { grantToken } from "../moqt/device_tracks.ts";
import { protocols, VERSIONS } from "../moqt/versions.ts";
import type { Token } from "../moqt/wire/token.ts";
import { UsageError } from "../errors.ts";
import type { Endpoint, EndpointOptions } from "../transport/connection.ts";
import { type Connection, TransportError } from "../transport/connection.ts";
import type { DirectTransport } from "../transport/direct.ts";
import { parseTicket, type Ticket } from "../transport/ticket.ts";
import { directTransport } from "./direct.ts";

/** How to reach a server. */
export interface ConnectOptions extends DialSessionOptions {
  /** What dials URLs. Default: this machine's QUIC. */
  transport?: Pick<DirectTransport, "dial">;
  /** What dials tickets; the caller's to close. Default: an endpoint of its own. */
  endpoint?: Endpoint;
  /** Settings of the endpoint that is made for tickets. */
  iroh?: Pick<EndpointOptions, "relay" | "bind" | "mdns">;
}

/** Begins a session with a server. Throws what dialling and the set-up throw. */
export async function connect(target: string, options: ConnectOptions = {}): Promise<MoqtSession> {
  const dialler = new Dialler(target, options);
  try {
    const { session } = await dialler.dial();
    const close = () => dialler.close();
    session.closed.then(close, close);
    return session;
  } catch (error) {
    await dialler.close();
    throw error;
  }
}

/** Dials one server, as often as needed. Owns the endpoint it makes for tickets. */
export class Dialler implements AsyncDisposable {
  readonly #options: ConnectOptions;
  readonly #ticket: Ticket | undefined;
  #endpoint: Promise<Endpoint> | undefined;
  /** The URL or ticket, as it was given. */
  readonly target: string;

  /** Takes a target. Throws `UsageError` where it is neither URL nor ticket. */
  constructor(target: string, options: ConnectOptions = {}) {
    this.target = target;
    this.#options = options;
    this.#ticket = target.includes("://") ? void sessionUrl(target) : readTicket(target);
  }

  /** Begins a session: with the target, or with the place its server pointed to. */
  async dial(
    options: Partial<DialSessionOptions> & { uri?: string } = {},
  ): Promise<DialledSession> {
    const { uri = "", ...changes } = options;
    const merged = { ...this.#options, ...changes };
    merged.signal?.throwIfAborted();
    if (uri !== "" || this.#ticket === undefined) {
      const transport = this.#options.transport ?? await directTransport();
      return await dialSession(transport, uri === "" ? this.target : uri, merged);
    }
    const connection = await this.#dialTicket(this.#ticket, merged);
    try {
      const { tokens = tokensOf(this.#ticket) } = merged;
      const shown = tokens === undefined ? merged : { ...merged, tokens };
      return { session: await begin(connection, shown), connection };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** iroh offers one protocol a dial: the newest is asked for first. */
  async #dialTicket(ticket: Ticket, options: DialSessionOptions): Promise<Connection> {
    const endpoint = this.#options.endpoint ?? await this.#ownEndpoint();
    const { signal, timeoutMs, versions = VERSIONS } = options;
    let refusal: unknown;
    for (const protocol of protocols(versions)) {
      try {
        return await endpoint.connect(ticket.address, protocol, {
          ...(signal === undefined ? {} : { signal }),
          ...(timeoutMs === undefined ? {} : { timeoutMs }),
        });
      } catch (error) {
        if (!(error instanceof TransportError && error.failure === "refused")) throw error;
        refusal = error;
      }
    }
    throw refusal;
  }

  #ownEndpoint(): Promise<Endpoint> {
    return this.#endpoint ??= import("../transport/mod.ts").then(({ createEndpoint }) =>
      createEndpoint(this.#options.iroh ?? {})
    );
  }

  /** Closes the endpoint it made, and with it its sessions over iroh. Idempotent. */
  async close(): Promise<void> {
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    await endpoint?.then((it) => it.close(), () => {});
  }

  /** Closes. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A ticket's grant is what its server wants to see. */
function tokensOf({ grant }: Ticket): readonly Token[] | undefined {
  return grant === undefined ? undefined : [grantToken(grant)];
}

function readTicket(text: string): Ticket {
  try {
    return parseTicket(text);
  } catch (cause) {
    throw new UsageError(`${JSON.stringify(text)} is neither a URL nor a ticket`, {
      hint: "write moqt://HOST:PORT/PATH, https://HOST:PORT/PATH, or a ticket",
      cause,
    });
  }
}
