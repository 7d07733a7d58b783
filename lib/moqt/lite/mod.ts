/**
 * moq-lite-02 (draft-lcurley-moq-lite, by what its implementations do; no later draft of it): sessions
 * and codecs. Imports nothing of Deno: give it a connection.
 *
 * ```ts
 * const broadcast = new LiteBroadcast();
 * const track = broadcast.track("video");
 * await using session = await connectLite(connection);
 * session.publish("live/cam", broadcast);
 * track.startGroup();
 * track.write(frame);
 *
 * const subscription = session.subscribe("live/other", "video", { maxGroups: 1 });
 * for await (const group of subscription.groups()) {
 *   for await (const frame of group) console.log(group.sequence, frame);
 * }
 * ```
 *
 * @module
 */
export * from "./announcements.ts";
export * from "./broadcast.ts";
export { LiteStreamError } from "./errors.ts";
export type { LiteForwardSink } from "./forward.ts";
export type { LiteFeed } from "./feed.ts";
export type { LateGroups } from "./group_queue.ts";
export type * from "./incoming.ts";
export * from "./messages/announce.ts";
export * from "./messages/group.ts";
export * from "./messages/session_info.ts";
export * from "./messages/setup.ts";
export * from "./messages/subscribe.ts";
export { joinPath, litePath, MAX_PATH_BYTES, MAX_PATH_PARTS, pathSuffix } from "./path.ts";
export type { LitePublication } from "./publication.ts";
export type { LiteOffer } from "./publisher.ts";
export { PushBuffer } from "./push_buffer.ts";
export type { LiteGroup } from "./received_group.ts";
export { acceptLite, connectLite, LiteSession, type LiteSessionOptions } from "./session.ts";
export type { LiteSubscribeOptions, LiteSubscription } from "./subscription.ts";
export * from "./track_source.ts";
export type { TrackSender } from "./track_sender.ts";
export * from "./versions.ts";
