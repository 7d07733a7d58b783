/**
 * Sessions as the relay uses them, whatever is spoken on them. Those of MoQT's drafts have all of
 * this; those of moq-lite what it can say.
 *
 * @module
 */
import type { ForwardWriter } from "../moqt/receive/forward.ts";
import type { SubscribeOptions } from "../moqt/session/options.ts";
import type { Publication } from "../moqt/publish/publication.ts";
import type { MoqtSession } from "../moqt/session/session.ts";
import type { Subscription } from "../moqt/receive/subscription.ts";
import type { TrackName } from "../moqt/wire/track_name.ts";
import type { Framing } from "./live/framing.ts";

/** A track that the relay receives. */
export type RelaySubscription = Pick<
  Subscription,
  "ready" | "closed" | "info" | "forward" | "update" | "close"
>;

/** A stream that the relay sends. */
export type RelayWriter = Pick<ForwardWriter, "write" | "close" | "reset" | "sendOrder">;

/** A track that the relay sends. What is optional, moq-lite does not have. */
export interface RelayPublication extends
  Partial<Pick<Publication, "filter" | "properties">>,
  Pick<
    Publication,
    | "closed"
    | "parameters"
    | "start"
    | "largest"
    | "deliveryTimeoutMs"
    | "follow"
    | "onUpdate"
    | "sendOrder"
    | "datagram"
    | "done"
  > {
  /** Opens a stream of a group; rejects where it cannot be sent to this subscriber. */
  forward(...options: Parameters<Publication["forward"]>): Promise<RelayWriter>;
}

/** A session. What is optional, moq-lite does not have. */
export interface RelaySession
  extends
    Pick<MoqtSession, "closed" | "goaway" | "close">,
    Partial<Pick<MoqtSession, "publish" | "fetch" | "trackStatus">> {
  /** How it frames objects. */
  readonly version: Framing;
  /** Wants a track. */
  subscribe(track: TrackName, options?: SubscribeOptions): RelaySubscription;
}
