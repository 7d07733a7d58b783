/**
 * The drafts of moq-lite (draft-lcurley-moq-lite) that are spoken, and the numbers with which streams
 * end. Sessions end with MoQT's own numbers ({@link CLOSE_CODES}).
 *
 * @module
 */
import { nameOf } from "../codes.ts";

/** A draft of moq-lite, by its number. */
export type LiteVersion = 1 | 2;

/** The drafts by the number they have in a set-up, the preferred one first. */
export const LITE_CODES: readonly { version: LiteVersion; code: number }[] = [
  { version: 2, code: 0xff0dad02 },
  { version: 1, code: 0xff0dad01 },
];

/** A draft's name, as its registry and other implementations write it. */
export function liteVersionName(version: LiteVersion): string {
  return `moq-lite-${String(version).padStart(2, "0")}`;
}

/** The ALPN (or WebTransport subprotocol) under which versions are told in the set-up. */
export const LITE_PROTOCOL = "moql";

/**
 * Whether a connection with this protocol is set up as moq-lite 01 and 02 are: it agreed on `moql`, or,
 * over WebTransport, on nothing.
 */
export function isLiteProtocol(protocol: string): boolean {
  return protocol === LITE_PROTOCOL || protocol === "" || protocol === "h3";
}

/** Whether SUBSCRIBE_OK tells a priority: moq-lite-01 alone. */
export function hasOkPriority(version: LiteVersion): boolean {
  return version === 1;
}

/**
 * Why a stream is reset or stopped: MoQT's numbers up to 0x1f, moq-lite's from 0x30. Old
 * implementations send others.
 */
export const LITE_RESETS = {
  "internal-error": 0x0,
  "cancelled": 0x1,
  "delivery-timeout": 0x2,
  "session-closed": 0x3,
  "going-away": 0x4,
  "too-far-behind": 0x5,
  "malformed-track": 0x12,
  "group-too-large": 0x32,
  "not-found": 0x33,
  "old": 0x34,
  "evicted": 0x35,
  "unroutable": 0x36,
  "wrong-size": 0x37,
  "frame-too-large": 0x38,
} as const;

/** A name of {@link LITE_RESETS}. */
export type LiteResetName = keyof typeof LITE_RESETS;

/** The name of a stream's error code; undefined where it has none here. */
export function liteResetName(code: number): LiteResetName | undefined {
  return nameOf<LiteResetName>(LITE_RESETS, code);
}
