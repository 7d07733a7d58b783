/**
 * The peer's requests, as handlers get them.
 *
 * @module
 */
import type { NamespaceInterest } from "../messages/namespace.ts";
import type { Location } from "../wire/location.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { TrackProperties } from "../wire/properties.ts";
import type { Namespace, TrackName } from "../wire/track_name.ts";
import type { FetchAnswer } from "../receive/fetch.ts";
import type { NamespaceFeed } from "../requests/namespaces.ts";
import type { Publication } from "../publish/publication.ts";
import type { ReceiveOptions, Subscription } from "../receive/subscription.ts";
import type { TokenValue } from "../requests/tokens.ts";

/** What every request has. */
export interface IncomingRequest {
  /** What the peer says beside what is here. */
  readonly parameters: Parameters;
  /** What authorizes the request, aliases resolved. */
  readonly tokens: readonly TokenValue[];
  /** Aborted when the peer wants no more of it, or the session ends. */
  readonly signal: AbortSignal;
  /**
   * Asks the peer to make this request elsewhere, as its `onGoaway` hears; after `timeoutMs` (0, the
   * default: never) it is reset. Servers alone may name a `uri`; empty: this session. Once. A
   * `TypeError` where the draft has no such: before draft-18.
   */
  goaway(options?: { uri?: string; timeoutMs?: number }): void;
}

/** What a subscriber is told. */
export interface SubscribeAnswer {
  /** The largest location published; absent: none was. */
  largest?: Location;
  /** What is said of the track. */
  properties?: TrackProperties;
  /** The subscription ends after this many milliseconds. */
  expiresMs?: number;
}

/** SUBSCRIBE. */
export interface IncomingSubscribe extends IncomingRequest {
  /** Which track. */
  readonly track: TrackName;
  /** Agrees, and gives what to send objects with. */
  accept(answer?: SubscribeAnswer): Publication;
}

/** PUBLISH. */
export interface IncomingPublish extends IncomingRequest {
  /** Which track. */
  readonly track: TrackName;
  /** What the publisher says of it. */
  readonly properties: TrackProperties;
  /** Takes the track; the parameters say how. */
  accept(parameters?: Parameters, options?: ReceiveOptions): Subscription;
}

/** FETCH. Joining ones are resolved. */
export interface IncomingFetch extends IncomingRequest {
  /** Which track. */
  readonly track: TrackName;
  /** The first object wanted. */
  readonly start: Location;
  /** One after the last; `object: 0` means the whole of `group`. */
  readonly end: Location;
}

/** TRACK_STATUS. */
export interface IncomingTrackStatus extends IncomingRequest {
  /** Which track. */
  readonly track: TrackName;
}

/** PUBLISH_NAMESPACE. `signal` is aborted when it is gone. */
export interface IncomingNamespace extends IncomingRequest {
  /** Which. */
  readonly namespace: Namespace;
  /** Says that it is not wanted any more. */
  cancel(): void;
}

/** SUBSCRIBE_NAMESPACE, or SUBSCRIBE_TRACKS. */
export interface IncomingNamespaceWatch extends IncomingRequest {
  /** Below what. */
  readonly prefix: Namespace;
  /** Whether namespaces, tracks (make them known with `publish`), or both are asked for. */
  readonly interest: NamespaceInterest;
  /** Agrees, and gives what to tell of namespaces with. */
  accept(): NamespaceFeed;
}

/**
 * What is done about the peer's requests. A handler refuses by throwing a `RequestError`; another
 * error refuses with `internal-error`. A request without a handler is refused with `not-supported`.
 */
export interface RequestHandlers {
  /** The peer wants a track: call `accept`. */
  subscribe?(request: IncomingSubscribe): void | Promise<void>;
  /** The peer has a track: call `accept`. */
  publish?(request: IncomingPublish): void | Promise<void>;
  /** The peer wants objects of the past. */
  fetch?(request: IncomingFetch): FetchAnswer | Promise<FetchAnswer>;
  /** The peer wants to know how a track stands. */
  trackStatus?(request: IncomingTrackStatus): SubscribeAnswer | Promise<SubscribeAnswer>;
  /** The peer has a namespace; returning takes it. */
  publishNamespace?(request: IncomingNamespace): void | Promise<void>;
  /** The peer wants to hear of namespaces or tracks: call `accept`. */
  subscribeNamespace?(request: IncomingNamespaceWatch): void | Promise<void>;
}
