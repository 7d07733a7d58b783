/**
 * What answering requests needs of the session.
 *
 * @module
 */
import type { Connection } from "../../transport/connection.ts";
import type { Version } from "../versions.ts";
import type { TrackAliases } from "../receive/aliases.ts";
import type { RequestHandlers } from "./incoming.ts";
import type { Publication } from "../publish/publication.ts";
import type { Role } from "../requests/request_ids.ts";
import type { TokenCache } from "../requests/tokens.ts";

/** What answering needs of the session. */
export interface ResponderHost {
  /** The connection. */
  readonly connection: Connection;
  /** Which side this is. */
  readonly role: Role;
  /** The draft. */
  readonly version: Version;
  /** What is done about requests. */
  readonly handlers: RequestHandlers;
  /** Most ranges in the filters of one request. */
  readonly maxFilterRanges: number;
  /** The peer's tokens. */
  readonly tokens: TokenCache;
  /** The peer's aliases. */
  readonly aliases: TrackAliases;
  /** The publications that are there, by request. */
  readonly publications: Map<number, Publication>;
  /** The writer all datagrams go to. */
  readonly datagrams: WritableStreamDefaultWriter<Uint8Array>;
  /** A new alias. */
  nextAlias(): number;
  /** Calls `end` when the session is over. Returns what takes that back. */
  onEnd(end: () => void): () => void;
  /** The peer broke a rule. */
  fail(error: unknown): void;
  /** Resolves once the peer is let in, as it may ask before that; undefined: it is. */
  readonly admitted: Promise<void> | undefined;
  /** Whether this side said GOAWAY. */
  readonly isGoingAway: boolean;
}
