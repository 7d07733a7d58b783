/**
 * The subscribe stream: SUBSCRIBE and any number of SUBSCRIBE_UPDATE, and SUBSCRIBE_OK from who
 * publishes. Either side ends the subscription by ending its half. moq-lite-02, section "Subscribe".
 *
 * @module
 */
import { MAX_PATH_BYTES, receivedPath } from "../path.ts";
import { hasOkPriority, type LiteVersion } from "../versions.ts";
import { liteWriter, MAX_TRACK_NAME_BYTES, sized, wholly } from "./wire.ts";

/** The type of the stream. */
export const SUBSCRIBE_STREAM = 2;
/** Most bytes of a SUBSCRIBE. */
export const MAX_SUBSCRIBE_BYTES: number = MAX_PATH_BYTES + MAX_TRACK_NAME_BYTES + 32;
/** Most bytes of a SUBSCRIBE_UPDATE. */
export const MAX_SUBSCRIBE_UPDATE_BYTES = 16;
/** Most bytes of a SUBSCRIBE_OK. */
export const MAX_SUBSCRIBE_OK_BYTES = 16;

/** A track is wanted. */
export interface LiteSubscribe {
  /** What its groups' streams are told by; the subscriber chooses, each once. */
  id: number;
  /** The broadcast's path. */
  broadcast: string;
  /** The track's name. */
  track: string;
  /** 0 to 255; higher ones go first. */
  priority: number;
}

/** Writes the stream's type and SUBSCRIBE. */
export function encodeSubscribe(subscribe: LiteSubscribe): Uint8Array<ArrayBuffer> {
  const { id, broadcast, track, priority } = subscribe;
  const body = liteWriter().integer(id).text(broadcast, MAX_PATH_BYTES, "a path");
  body.text(track, MAX_TRACK_NAME_BYTES, "a track's name").byte(priority);
  return sized(body, SUBSCRIBE_STREAM);
}

/** Reads SUBSCRIBE. Throws a violation. */
export function decodeSubscribe(body: Uint8Array): LiteSubscribe {
  return wholly(body, "SUBSCRIBE", (reader) => ({
    id: reader.integer(),
    broadcast: receivedPath(reader.text(MAX_PATH_BYTES, "a path")),
    track: reader.text(MAX_TRACK_NAME_BYTES, "a track's name"),
    priority: reader.byte(),
  }));
}

/**
 * Writes SUBSCRIBE_UPDATE, which follows SUBSCRIBE: the new priority. Relays of moq-dev do not take it
 * in moq-lite-02, so sessions here do not send it.
 */
export function encodeSubscribeUpdate(priority: number): Uint8Array<ArrayBuffer> {
  return sized(liteWriter().byte(priority));
}

/** Reads SUBSCRIBE_UPDATE: the new priority. Throws a violation. */
export function decodeSubscribeUpdate(body: Uint8Array): number {
  return wholly(body, "SUBSCRIBE_UPDATE", (reader) => reader.byte());
}

/** Writes SUBSCRIBE_OK. */
export function encodeSubscribeOk(version: LiteVersion, priority = 0): Uint8Array<ArrayBuffer> {
  return sized(hasOkPriority(version) ? liteWriter().byte(priority) : liteWriter());
}

/** Reads SUBSCRIBE_OK; moq-lite-01 tells a priority. Throws a violation. */
export function decodeSubscribeOk(body: Uint8Array, version: LiteVersion): number | undefined {
  return wholly(
    body,
    "SUBSCRIBE_OK",
    (reader) => hasOkPriority(version) ? reader.byte() : undefined,
  );
}
