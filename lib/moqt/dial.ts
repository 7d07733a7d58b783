/**
 * Sessions by URL: `moqt://HOST[:PORT]/PATH` is plain QUIC, `https://…` WebTransport. What dials is
 * given, so that this runs wherever there is something that does.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import type { Connection } from "../transport/connection.ts";
import type { DialOptions, DirectTransport } from "../transport/direct.ts";
import type { SessionOptions } from "./session/options.ts";
import { connect, type MoqtSession } from "./session/session.ts";
import { protocols, type Version, VERSIONS } from "./versions.ts";

/** How a session is dialled. Path and authority come from the URL. */
export interface DialSessionOptions
  extends
    Omit<SessionOptions, "path" | "authority" | "webTransport">,
    Omit<DialOptions, "protocols" | "signal"> {
  /** Drafts to offer, the preferred one first. Default: all, the newest first. */
  versions?: readonly Version[];
}

/** A session that was dialled, and what carries it. */
export interface DialledSession {
  /** The session, set up. */
  session: MoqtSession;
  /** The connection: round trips, paths, datagram sizes. */
  connection: Connection;
}

/** Reads a session's URL. Throws `UsageError` where it is none. */
export function sessionUrl(text: string | URL): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(moqt|https):$/.test(url.protocol) || url.hostname === "") {
    throw new UsageError(`${JSON.stringify(String(text))} is no address of a MoQT server`, {
      hint: "write moqt://HOST:PORT/PATH (QUIC) or https://HOST:PORT/PATH (WebTransport)",
    });
  }
  return url;
}

/** Names that WebTransport subprotocols have; drafts before them negotiate in their set-up. */
const SUBPROTOCOL = /^moqt-\d+$/;

/** The subprotocols that stand for drafts; those that have none are negotiated in band. */
export function subprotocols(versions: readonly Version[] = VERSIONS): string[] {
  return protocols(versions).filter((name) => SUBPROTOCOL.test(name));
}

/** Dials a URL and begins a session. Throws what the transport, and the session's set-up, throw. */
export async function dialSession(
  transport: Pick<DirectTransport, "dial">,
  target: string | URL,
  options: DialSessionOptions = {},
): Promise<DialledSession> {
  const url = sessionUrl(target);
  const webTransport = url.protocol === "https:";
  const { versions = VERSIONS, ...rest } = options;
  const connection = await transport.dial(url, {
    ...rest,
    protocols: webTransport ? subprotocols(versions) : protocols(versions),
  });
  try {
    const session = await connect(connection, {
      ...rest,
      versions,
      webTransport,
      path: url.pathname + url.search,
      authority: url.host,
    });
    return { session, connection };
  } catch (error) {
    connection.close();
    throw error;
  }
}
