/**
 * The ways into a relay: plain QUIC and WebTransport on one UDP port, and iroh.
 *
 * @module
 */
import { subprotocols } from "../moqt/dial.ts";
import { LITE_PROTOCOL } from "../moqt/lite/versions.ts";
import { protocols } from "../moqt/versions.ts";
import type { Connection, Endpoint } from "../transport/connection.ts";
import type {
  DirectTransport,
  IncomingSession,
  Listener,
  ListenOptions,
} from "../transport/direct.ts";
import { type PeerInfo, type Relay, SEND_WINDOW } from "./relay.ts";

/** Which way somebody came. */
export type Transport = "quic" | "webtransport" | "iroh";

/** A session of the relay, for people. */
export interface Visitor extends PeerInfo {
  /** Which way it came. */
  readonly transport: Transport;
  /** `IP:PORT` it came from, or its endpoint id. */
  readonly remote: string;
}

/** Who is told of sessions. */
export interface VisitorEvents {
  /** A session began. */
  arrived(visitor: Visitor): void;
  /** A session ended. */
  left(visitor: Visitor, reason: string): void;
}

/** HTTP's "not found": nothing that is spoken here was offered. */
const NOTHING_COMMON = 404;

/** Listens for QUIC and WebTransport. Throws what `DirectTransport.listen` throws. */
export async function listenDirect(
  relay: Relay,
  transport: Pick<DirectTransport, "listen">,
  options: Pick<ListenOptions, "address" | "certificate" | "keyLogFile" | "resetSecret">,
  events: VisitorEvents,
): Promise<Listener> {
  const listener = await transport.listen({
    ...options,
    alpns: relayProtocols(),
    congestion: "bbr3",
    receiveWindow: RECEIVE_WINDOW,
    connectionWindow: CONNECTION_WINDOW,
    sendWindow: SEND_WINDOW,
  });
  void welcomeAll(listener.incoming, (incoming) => welcome(relay, incoming, events));
  return listener;
}

/** Unread bytes that a publisher may have sent on one stream. */
const RECEIVE_WINDOW = 1 << 20;
/** The same on all streams together: so much each one costs that is held back. */
const CONNECTION_WINDOW = 4 << 20;

/** The ALPNs of everything that a relay speaks, the preferred one first. */
export function relayProtocols(): string[] {
  return [...protocols(), LITE_PROTOCOL];
}

/** Listens at an iroh endpoint whose protocols are {@link relayProtocols}. */
export function listenIroh(relay: Relay, endpoint: Endpoint, events: VisitorEvents): void {
  void welcomeAll(endpoint.incoming, async (connection) => {
    await visit(relay, connection, events, {
      transport: "iroh",
      remote: connection.remoteId ?? "",
    });
  });
}

async function welcomeAll<T>(
  incoming: ReadableStream<T>,
  each: (one: T) => Promise<void>,
): Promise<void> {
  try {
    // Who fails, fails alone.
    for await (const one of incoming) each(one).catch(() => {});
  } catch {
    // The listener is closed; its owner knows.
  }
}

async function welcome(
  relay: Relay,
  incoming: IncomingSession,
  events: VisitorEvents,
): Promise<void> {
  const { kind, remote, path } = incoming;
  if (kind === "quic") {
    return await visit(relay, await incoming.accept(), events, { transport: "quic", remote });
  }
  const spoken = [...subprotocols(), LITE_PROTOCOL];
  const chosen = incoming.protocols.find((name) => spoken.includes(name));
  if (chosen === undefined && incoming.protocols.length > 0) return incoming.refuse(NOTHING_COMMON);
  const connection = await incoming.accept(chosen);
  await visit(relay, connection, events, {
    transport: "webtransport",
    remote,
    path: path ?? "/",
  });
}

async function visit(
  relay: Relay,
  connection: Connection,
  events: VisitorEvents,
  how: { transport: Transport; remote: string; path?: string },
): Promise<void> {
  const { transport, remote, path } = how;
  let visitor: Visitor | undefined;
  const reason = await relay.serve(connection, {
    webTransport: transport === "webtransport",
    ...(path === undefined ? {} : { path }),
    onReady: (peer) => {
      visitor = {
        id: peer.id,
        draft: peer.draft,
        get role() {
          return peer.role;
        },
        transport,
        remote,
      };
      events.arrived(visitor);
    },
  });
  if (visitor !== undefined) events.left(visitor, reason);
}
