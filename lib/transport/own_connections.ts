/**
 * The connections of an endpoint, which end with it.
 *
 * @module
 */
import type { Session } from "./session.ts";
import { SessionConnection } from "./session_connection.ts";

/** Those that are open. */
export class OwnConnections {
  readonly #open = new Set<SessionConnection>();

  /** Makes a connection of a session, and keeps it until it has ended. */
  adopt(session: Session): SessionConnection {
    const connection = new SessionConnection(session);
    this.#open.add(connection);
    const forget = () => this.#open.delete(connection);
    connection.closed.then(forget, forget);
    return connection;
  }

  /** Closes them all. */
  close(): void {
    for (const connection of this.#open) connection.close();
  }
}
