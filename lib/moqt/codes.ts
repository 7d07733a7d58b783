/**
 * The numbers with which sessions, requests, subscriptions and streams end: draft-18, section 15.9;
 * draft-16, section 13.5. Where drafts differ, the names are the same.
 *
 * @module
 */
import { hasRequestStreams, NEWEST, type Version } from "./versions.ts";

/** Why a session is closed: draft-16, section 3.4. */
export const CLOSE_CODES = {
  "no-error": 0x0,
  "internal-error": 0x1,
  "unauthorized": 0x2,
  "protocol-violation": 0x3,
  "invalid-request-id": 0x4,
  "duplicate-track-alias": 0x5,
  "key-value-formatting-error": 0x6,
  "too-many-requests": 0x7,
  "invalid-path": 0x8,
  "malformed-path": 0x9,
  "goaway-timeout": 0x10,
  "control-message-timeout": 0x11,
  "data-stream-timeout": 0x12,
  "auth-token-cache-overflow": 0x13,
  "duplicate-auth-token-alias": 0x14,
  "version-negotiation-failed": 0x15,
  "malformed-auth-token": 0x16,
  "unknown-auth-token-alias": 0x17,
  "expired-auth-token": 0x18,
  "invalid-authority": 0x19,
  "malformed-authority": 0x1a,
} as const;

/** A name of {@link CLOSE_CODES}. */
export type CloseName = keyof typeof CLOSE_CODES;

/** Why a request is refused: draft-16, section 9.8. */
export const REQUEST_ERROR_CODES = {
  "internal-error": 0x0,
  "unauthorized": 0x1,
  "timeout": 0x2,
  "not-supported": 0x3,
  "malformed-auth-token": 0x4,
  "expired-auth-token": 0x5,
  "going-away": 0x6,
  "excessive-load": 0x9,
  "does-not-exist": 0x10,
  "invalid-range": 0x11,
  "malformed-track": 0x12,
  "duplicate-subscription": 0x19,
  "uninterested": 0x20,
  "prefix-overlap": 0x30,
  "namespace-too-large": 0x31,
  "invalid-joining-request-id": 0x32,
  "unsupported-extension": 0x33,
  "redirect": 0x34,
} as const;

/** A name of {@link REQUEST_ERROR_CODES}. */
export type RequestErrorName = keyof typeof REQUEST_ERROR_CODES;

/** Names that draft-16 does not have; there they are internal errors. */
const SINCE_18: readonly RequestErrorName[] = [
  "going-away",
  "excessive-load",
  "namespace-too-large",
  "unsupported-extension",
  "redirect",
];

/** The number of a refusal; that of an internal error where the draft has none. */
export function requestErrorCode(name: RequestErrorName, version: Version = NEWEST): number {
  const known = hasRequestStreams(version) || !SINCE_18.includes(name);
  return REQUEST_ERROR_CODES[known ? name : "internal-error"];
}

const DONE_16 = {
  "internal-error": 0x0,
  "unauthorized": 0x1,
  "track-ended": 0x2,
  "subscription-ended": 0x3,
  "going-away": 0x4,
  "expired": 0x5,
  "too-far-behind": 0x6,
  "update-failed": 0x8,
  "malformed-track": 0x12,
} as const;

/** Why a subscription is over, in the newest draft; {@link doneCodes} for others. */
export const DONE_CODES = {
  ...DONE_16,
  "expired": 0x6,
  "too-far-behind": 0x5,
  "excessive-load": 0x9,
} as const;

/** Why a subscription is over. */
export type DoneName = keyof typeof DONE_CODES;

/** The numbers of PUBLISH_DONE: draft-18, section 10.10; draft-16, section 9.15. */
export function doneCodes(version: Version = NEWEST): Readonly<Partial<Record<DoneName, number>>> {
  return hasRequestStreams(version) ? DONE_CODES : DONE_16;
}

const RESETS_16 = {
  "internal-error": 0x0,
  "cancelled": 0x1,
  "delivery-timeout": 0x2,
  "session-closed": 0x3,
  "unknown-object-status": 0x4,
  "malformed-track": 0x12,
} as const;

/** Why a stream is cut off, in the newest draft; {@link resetCodes} for others. */
export const RESET_CODES = {
  ...RESETS_16,
  "going-away": 0x4,
  "too-far-behind": 0x5,
  "unknown-object-status": 0x6,
  "expired-auth-token": 0x7,
  "excessive-load": 0x9,
} as const;

/** Why a stream is reset or stopped. */
export type ResetName = keyof typeof RESET_CODES;

/** The numbers of resets and stops: draft-18, section 3.3.3; draft-16, section 10.4.3. */
export function resetCodes(
  version: Version = NEWEST,
): Readonly<Partial<Record<ResetName, number>>> {
  return hasRequestStreams(version) ? RESET_CODES : RESETS_16;
}

/** The number of a reset; that of an internal error where the draft has none. */
export function resetCode(name: ResetName, version: Version = NEWEST): number {
  return resetCodes(version)[name] ?? RESETS_16["internal-error"];
}

/** The name of a number in one of the tables; undefined where the draft has none. */
export function nameOf<Name extends string>(
  table: Readonly<Partial<Record<Name, number>>>,
  code: number,
): Name | undefined {
  for (const name in table) if (table[name] === code) return name;
  return undefined;
}
