/**
 * Sessions of those who dial this side, over plain QUIC and WebTransport alike.
 *
 * @module
 */
import type { Connection } from "../transport/connection.ts";
import type {
  DirectTransport,
  IncomingSession,
  Listener,
  ListenOptions,
} from "../transport/direct.ts";
import { subprotocols } from "./dial.ts";
import type { SessionOptions } from "./session/options.ts";
import { accept, type MoqtSession } from "./session/session.ts";
import { protocols, type Version, VERSIONS } from "./versions.ts";

/** Somebody who came in. */
export interface ArrivedSession {
  /** The session, set up. */
  session: MoqtSession;
  /** The connection. */
  connection: Connection;
  /** How they came, and from where. */
  incoming: IncomingSession;
}

/** What a listener does with sessions. */
export interface SessionHost {
  /** Options of a session that is about to begin; `undefined` refuses it with HTTP status 404. */
  admit(incoming: IncomingSession): SessionOptions | undefined;
  /** A session began. */
  arrived(arrival: ArrivedSession): void;
  /** Somebody did not get as far as a session. */
  failed?(error: unknown, incoming: IncomingSession): void;
}

/** How to listen for sessions. */
export interface ListenSessionsOptions extends Omit<ListenOptions, "alpns"> {
  /** Drafts that are spoken, the preferred one first. Default: all. */
  versions?: readonly Version[];
}

/**
 * Listens, and begins a session with everybody who comes until the listener is closed. Throws as
 * `DirectTransport.listen` does.
 */
export async function listenSessions(
  transport: Pick<DirectTransport, "listen">,
  options: ListenSessionsOptions,
  host: SessionHost,
): Promise<Listener> {
  const { versions = VERSIONS, ...rest } = options;
  const listener = await transport.listen({ ...rest, alpns: protocols(versions) });
  void welcomeAll(listener, versions, host);
  return listener;
}

async function welcomeAll(
  listener: Listener,
  versions: readonly Version[],
  host: SessionHost,
): Promise<void> {
  try {
    for await (const incoming of listener.incoming) {
      welcome(incoming, versions, host).catch((error) => host.failed?.(error, incoming));
    }
  } catch {
    // The listener is closed; its owner knows.
  }
}

async function welcome(
  incoming: IncomingSession,
  versions: readonly Version[],
  host: SessionHost,
): Promise<void> {
  const options = host.admit(incoming);
  if (options === undefined) return incoming.refuse(404);
  const webTransport = incoming.kind === "webtransport";
  const spoken = subprotocols(versions);
  const offered = webTransport
    ? incoming.protocols.find((name) => spoken.includes(name))
    : undefined;
  const connection = await incoming.accept(offered);
  try {
    const session = await accept(connection, { ...options, versions, webTransport });
    host.arrived({ session, connection, incoming });
  } catch (error) {
    connection.close();
    throw error;
  }
}
