/**
 * SESSION_INFO, which either side may send on the stream of the set-up: moq-lite-02, section "Session".
 *
 * @module
 */
import { liteWriter, sized, wholly } from "./wire.ts";

/** Most bytes of a SESSION_INFO. */
export const MAX_SESSION_INFO_BYTES = 64;

/** Writes SESSION_INFO. */
export function encodeSessionInfo(bitrate: number): Uint8Array<ArrayBuffer> {
  return sized(liteWriter().integer(bitrate));
}

/** Reads SESSION_INFO: an estimate of the bit rate, in bits per second. Throws a violation. */
export function decodeSessionInfo(body: Uint8Array): bigint {
  return wholly(body, "SESSION_INFO", (reader) => reader.bigInteger());
}
