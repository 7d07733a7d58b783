/**
 * The numbers with which sessions, requests, subscriptions and streams end: draft-20, section 15.11;
 * draft-18, section 15.9; draft-16, section 13.5; draft-14, section 13.1. Where drafts differ, the
 * names are the same.
 *
 * @module
 */
import {
  hasCommonErrorCodes,
  hasLocationFilters,
  hasRequestStreams,
  NEWEST,
  type Version,
} from "./versions.ts";

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
  "too-many-request-updates": 0x1b,
} as const;

/** A name of {@link CLOSE_CODES}. */
export type CloseName = keyof typeof CLOSE_CODES;

/** What a request asks for; the kind of the message that makes it. */
export type RequestKind =
  | "subscribe"
  | "publish"
  | "fetch"
  | "track-status"
  | "publish-namespace"
  | "subscribe-namespace"
  | "subscribe-tracks";

/** Why a request is refused, in any draft, by the newest number: draft-20, section 15.11.2. */
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
  "conflicting-filters": 0x35,
  "invalid-filter": 0x36,
} as const;

/** A name of {@link REQUEST_ERROR_CODES}. */
export type RequestErrorName = keyof typeof REQUEST_ERROR_CODES;

type ErrorCodes = Readonly<Partial<Record<RequestErrorName, number>>>;

const SINCE_18: readonly RequestErrorName[] = [
  "going-away",
  "excessive-load",
  "namespace-too-large",
  "unsupported-extension",
  "redirect",
];
const SINCE_20: readonly RequestErrorName[] = ["conflicting-filters", "invalid-filter"];
const UNTIL_18: readonly RequestErrorName[] = [
  "duplicate-subscription",
  "invalid-joining-request-id",
];

function errorsWithout(...names: readonly RequestErrorName[]): ErrorCodes {
  const codes: Partial<Record<RequestErrorName, number>> = { ...REQUEST_ERROR_CODES };
  for (const name of names) delete codes[name];
  return codes;
}

const ERRORS_16 = errorsWithout(...SINCE_18, ...SINCE_20);
const ERRORS_18 = errorsWithout(...SINCE_20);
const ERRORS_20 = errorsWithout(...UNTIL_18);

/** What all requests of draft-14 may be refused with; the rest differs from one to another. */
const ANY_14: ErrorCodes = {
  "internal-error": 0x0,
  "unauthorized": 0x1,
  "timeout": 0x2,
  "not-supported": 0x3,
  "malformed-auth-token": 0x10,
  "expired-auth-token": 0x12,
};
const TRACK_14: ErrorCodes = { ...ANY_14, "does-not-exist": 0x4, "invalid-range": 0x5 };
const OFFER_14: ErrorCodes = { ...ANY_14, "uninterested": 0x4 };
const PREFIX_14: ErrorCodes = { ...ANY_14, "does-not-exist": 0x4, "prefix-overlap": 0x5 };

const ERRORS_14: Readonly<Record<RequestKind, ErrorCodes>> = {
  "subscribe": TRACK_14,
  "track-status": TRACK_14,
  "fetch": { ...TRACK_14, "invalid-joining-request-id": 0x7, "malformed-track": 0x9 },
  "publish": OFFER_14,
  "publish-namespace": OFFER_14,
  "subscribe-namespace": PREFIX_14,
  "subscribe-tracks": PREFIX_14,
};

/** Draft-14's number for a fetch of a track without objects, which later ones call a bad range. */
const NO_OBJECTS_14 = 0x6;

/** The numbers of refusals in a draft; in draft-14 those of one kind of request. */
export function requestErrorCodes(
  version: Version = NEWEST,
  of: RequestKind = "subscribe",
): Readonly<Partial<Record<RequestErrorName, number>>> {
  if (!hasCommonErrorCodes(version)) return ERRORS_14[of];
  if (!hasRequestStreams(version)) return ERRORS_16;
  return hasLocationFilters(version) ? ERRORS_20 : ERRORS_18;
}

/** The number of a refusal; that of an internal error where the draft has none. */
export function requestErrorCode(
  name: RequestErrorName,
  version: Version = NEWEST,
  of: RequestKind = "subscribe",
): number {
  return requestErrorCodes(version, of)[name] ?? REQUEST_ERROR_CODES["internal-error"];
}

/** The name of a refusal's number; undefined where the draft has no such. */
export function requestErrorName(
  code: number,
  version: Version = NEWEST,
  of: RequestKind = "subscribe",
): RequestErrorName | undefined {
  const isEmptyTrack = code === NO_OBJECTS_14 && of === "fetch" && !hasCommonErrorCodes(version);
  return isEmptyTrack ? "invalid-range" : nameOf(requestErrorCodes(version, of), code);
}

const DONE_ANY = {
  "internal-error": 0x0,
  "unauthorized": 0x1,
  "track-ended": 0x2,
  "subscription-ended": 0x3,
  "going-away": 0x4,
  "expired": 0x5,
  "too-far-behind": 0x6,
} as const;
const DONE_14 = { ...DONE_ANY, "malformed-track": 0x7 } as const;
const DONE_16 = { ...DONE_ANY, "update-failed": 0x8, "malformed-track": 0x12 } as const;

/** Why a subscription is over, in the newest drafts; {@link doneCodes} for others. */
export const DONE_CODES = {
  ...DONE_16,
  "expired": 0x6,
  "too-far-behind": 0x5,
  "excessive-load": 0x9,
} as const;

/** Why a subscription is over. */
export type DoneName = keyof typeof DONE_CODES;

/**
 * The numbers of PUBLISH_DONE: draft-18, section 10.10; draft-16, section 9.15; draft-14, section
 * 9.12. Drafts since 20 have no `subscription-ended`; those who send it all the same are understood.
 */
export function doneCodes(version: Version = NEWEST): Readonly<Partial<Record<DoneName, number>>> {
  if (!hasCommonErrorCodes(version)) return DONE_14;
  return hasRequestStreams(version) ? DONE_CODES : DONE_16;
}

/** The number to send; where the draft has none, that of the closest one. */
export function doneCode(name: DoneName, version: Version = NEWEST): number {
  const sent = name === "subscription-ended" && hasLocationFilters(version) ? "track-ended" : name;
  return doneCodes(version)[sent] ?? DONE_CODES["internal-error"];
}

const RESETS_14 = {
  "internal-error": 0x0,
  "cancelled": 0x1,
  "delivery-timeout": 0x2,
  "session-closed": 0x3,
} as const;

const RESETS_16 = {
  ...RESETS_14,
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

/**
 * The numbers of resets and stops: draft-18, section 3.3.3; draft-16, section 10.4.3; draft-14, section
 * 10.4.3.
 */
export function resetCodes(
  version: Version = NEWEST,
): Readonly<Partial<Record<ResetName, number>>> {
  if (!hasCommonErrorCodes(version)) return RESETS_14;
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
