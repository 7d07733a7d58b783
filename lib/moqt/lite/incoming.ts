/**
 * What the peer asks for, for who answers it otherwise than with broadcasts: relays.
 *
 * @module
 */
import type { LiteFeed } from "./feed.ts";
import type { LitePublication } from "./publication.ts";

/** The peer wants to hear of broadcasts. */
export interface IncomingLiteAnnounce {
  /** Below which path. */
  readonly prefix: string;
  /** Aborted when the peer wants to hear no more. */
  readonly signal: AbortSignal;
  /** Tells it from now on; {@link LiteFeed.begin} sends what there is. */
  accept(): LiteFeed;
}

/** The peer wants a track. */
export interface IncomingLiteSubscribe {
  /** The broadcast's path. */
  readonly broadcast: string;
  /** The track's name. */
  readonly track: string;
  /** 0 to 255, as it is now; higher ones go first. */
  readonly priority: number;
  /** Aborted when the peer wants no more of it, and when it is over. */
  readonly signal: AbortSignal;
  /** Agrees. A `TypeError` the second time. */
  accept(): LitePublication;
}

/** Who answers the peer. What is not accepted when they return, or resolve, is refused. */
export interface LiteHandlers {
  /** The peer wants to hear of broadcasts. */
  announce(request: IncomingLiteAnnounce): void | Promise<void>;
  /** The peer wants a track. Throws a `LiteStreamError` to refuse with its code. */
  subscribe(request: IncomingLiteSubscribe): void | Promise<void>;
}
