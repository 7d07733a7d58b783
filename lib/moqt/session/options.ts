/**
 * How sessions are begun, and what requests may say.
 *
 * @module
 */
import type { SetupOptions } from "../messages/setup.ts";
import type { Version } from "../versions.ts";
import type { Location } from "../wire/location.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { Token } from "../wire/token.ts";
import type { RequestHandlers } from "../respond/incoming.ts";
import type { ReceiveOptions } from "../receive/subscription.ts";
import type { TokenValue } from "../requests/tokens.ts";

/** How a session is begun. */
export interface SessionOptions {
  /** What is done about the peer's requests. */
  handlers?: RequestHandlers;
  /**
   * Drafts that may be spoken; default: all. WebTransport without a subprotocol stands for the one that
   * tells its version in the set-up, which the dialler may not want.
   */
  versions?: readonly Version[];
  /** The URI's path and query; clients over plain QUIC send it. */
  path?: string;
  /** The URI's authority; clients over plain QUIC send it. */
  authority?: string;
  /** Whether the connection is a WebTransport session, whose URI told path and authority. */
  webTransport?: boolean;
  /** What authorizes the session. */
  tokens?: readonly Token[];
  /** Name and version of the program, which the peer is told. */
  implementation?: string;
  /** Requests the peer may have at once, where the draft limits them. Default 128. */
  maxRequests?: number;
  /** Bytes of tokens the peer may register, each counted with 16 more. Default 0: none. */
  maxTokenCacheSize?: number;
  /** Ranges in the filters of one of the peer's requests, since draft-20. Default 64; 0: none. */
  maxFilterRanges?: number;
  /** Bytes of the largest object that is taken. Default 64 MiB. */
  maxObjectBytes?: number;
  /** How long the peer may take for its set-up, in milliseconds. Default 10,000. */
  setupTimeoutMs?: number;
  /** On servers: looks at the client's set-up; what it throws closes the session. */
  admit?(setup: SetupOptions, tokens: readonly TokenValue[]): void | Promise<void>;
  /** Gives up. */
  signal?: AbortSignal;
}

/** What the peer says when it goes away. */
export interface GoingAway {
  /** Where to go on; empty: the same URI. */
  uri: string;
  /** How long it waits, in milliseconds; 0: it does not say. */
  timeoutMs: number;
}

/** What every request may say about itself. */
export interface AskOptions {
  /** Gives up while the peer has not agreed. */
  signal?: AbortSignal;
  /**
   * The peer wants this request to be made elsewhere, in a session with `uri` or, where that is empty,
   * in this one again: draft-18, section 10.4. Make it there, then close this one.
   */
  onGoaway?(going: GoingAway): void;
}

/** How a track is subscribed to. */
export interface SubscribeOptions extends ReceiveOptions, AskOptions {
  /** Filter, priority, order, timeouts, tokens. */
  parameters?: Parameters;
}

/** How a track is published. */
export interface PublishOptions extends AskOptions {
  /** What is said of the track. */
  properties?: TrackProperties;
  /** The largest location published; absent: none was. */
  largest?: Location;
  /** Tokens, expiry, and whether objects are sent at once. */
  parameters?: Omit<Parameters, "largest">;
  /**
   * What the peer said of the tracks below a prefix that it asked for, of which this is one: how it is
   * sent at first. Draft-20, section 10.20.1.
   */
  asked?: Parameters;
}

/** What else a request may say. */
export interface RequestOptions extends AskOptions {
  /** Priority, order, tokens. */
  parameters?: Parameters;
}
