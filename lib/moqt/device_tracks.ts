/**
 * How devices are offered as tracks (docs/moqt.md, "Devices as tracks"): the names, what says who may
 * have them, and what is said of them. Both sides use it.
 *
 * @module
 */
import type { TokenValue } from "./requests/tokens.ts";
import type { TrackProperties } from "./wire/properties.ts";
import type { Token } from "./wire/token.ts";
import { type Namespace, namespace, type TrackName, trackName } from "./wire/track_name.ts";

/** First field of the namespace of every device. */
export const DEVICE_PREFIX = "xoq";
/** Track property: what the objects are, as JSON. Odd: bytes. */
export const DESCRIPTION_PROPERTY = 0x78_6f_71;
/** Object property: when it was captured, µs since the epoch by the server's clock. Even: an integer. */
export const CAPTURE_TIME_PROPERTY = 0x78_6f_70;
/** Type of a token whose meaning both sides agreed on elsewhere: draft-18, section 10.2.2. */
const AGREED_ELSEWHERE = 0;

/** The namespace of a device's tracks. */
export function deviceNamespace(device: string): Namespace {
  return namespace(DEVICE_PREFIX, device);
}

/** The full name of a device's track. */
export function deviceTrack(device: string, track: string): TrackName {
  return trackName([DEVICE_PREFIX, device], track);
}

/** The authorization token that shows a ticket's grant. */
export function grantToken(grant: string): Token {
  return { use: "value", type: AGREED_ELSEWHERE, value: new TextEncoder().encode(grant) };
}

/** The grant among a session's or a request's tokens. */
export function grantOf(tokens: readonly TokenValue[]): string | undefined {
  const token = tokens.find(({ type }) => type === AGREED_ELSEWHERE);
  return token === undefined ? undefined : new TextDecoder().decode(token.value);
}

/** What a track's objects are, as its publisher says it; `undefined` where it says nothing readable. */
export function trackDescription(
  properties: TrackProperties,
): Readonly<Record<string, unknown>> | undefined {
  const pair = properties.others?.find(({ type }) => type === DESCRIPTION_PROPERTY);
  if (!(pair?.value instanceof Uint8Array)) return undefined;
  try {
    const description: unknown = JSON.parse(new TextDecoder().decode(pair.value));
    const isObject = typeof description === "object" && description !== null;
    return isObject && !Array.isArray(description)
      ? description as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}
