/**
 * Media over QUIC Transport: sessions and codecs. Imports nothing of Deno: give it a connection.
 *
 * ```ts
 * await using session = await connect(connection, { path: "/live" });
 * const subscription = session.subscribe(trackName(["example.com", "cam"], "video"));
 * for await (const group of subscription.groups()) {
 *   for await (const item of group.objects) console.log(item);
 * }
 * ```
 *
 * @module
 */
export * from "./codes.ts";
export * from "./device_tracks.ts";
export * from "./errors.ts";
export * from "./versions.ts";
export * from "./dial.ts";
export * from "./listen.ts";
export * from "./persistent.ts";
export * from "./data/datagram.ts";
export * from "./data/fetch.ts";
export {
  MAX_PAYLOAD_BYTES,
  MAX_PROPERTIES_BYTES,
  type ObjectStatus,
  statusCode,
  statusOf,
} from "./data/object.ts";
export * from "./data/subgroup.ts";
export { CODECS, type ControlMessage, ControlParser, encodeControl } from "./messages/control.ts";
export type { MessageOf } from "./messages/control.ts";
export type { FetchRange } from "./messages/fetch.ts";
export type { NamespaceInterest } from "./messages/namespace.ts";
export type { SetupOptions } from "./messages/setup.ts";
export type { FetchAnswer, Fetched, FetchInfo } from "./receive/fetch.ts";
export type { SubgroupPiece } from "./data/scan.ts";
export type { ForwardSink, ForwardStream, ForwardWriter } from "./receive/forward.ts";
export type * from "./respond/incoming.ts";
export type {
  NamespaceFeed,
  NamespaceNews,
  NamespaceOffer,
  NamespaceWatch,
} from "./requests/namespaces.ts";
export type { StandingRequest } from "./requests/standing_request.ts";
export type * from "./receive/objects.ts";
export type * from "./session/options.ts";
export type {
  OutgoingObject,
  Publication,
  SubgroupOptions,
  SubgroupWriter,
} from "./publish/publication.ts";
export * from "./session/session.ts";
export type { GroupPolicy, ReceivedGroup, SinkStats } from "./receive/sinks.ts";
export type {
  ReceiveOptions,
  Subscription,
  SubscriptionEnd,
  SubscriptionInfo,
  SubscriptionStats,
} from "./receive/subscription.ts";
export type { JoinFrom } from "./receive/join.ts";
export type { TrackStanding } from "./session/status.ts";
export type { TokenValue } from "./requests/tokens.ts";
export * from "./publish/track_source.ts";
export type { SubscriptionFilter } from "./wire/filter.ts";
export type { KeyValue } from "./wire/key_values.ts";
export { compareLocations, type Location } from "./wire/location.ts";
export type { FillParameters, GroupOrder, Parameters, RangeFilters } from "./wire/parameters.ts";
export type { RangeFilter, ValueRange } from "./wire/range_filter.ts";
export {
  findProperty,
  immutableProperties,
  PROPERTY,
  type TrackProperties,
} from "./wire/properties.ts";
export type { Token } from "./wire/token.ts";
export {
  formatNamespace,
  formatTrackName,
  type Namespace,
  namespace,
  type TrackName,
  trackName,
} from "./wire/track_name.ts";
