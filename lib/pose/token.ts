/**
 * The token that pairs a phone with its receiver.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import { MAX_TOKEN_BYTES, TELE_TOKEN_BYTES } from "./wire/datagram.ts";

/** Letters and digits that can't be taken for each other: 32 of them, 30 bits a token. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/** A new random token of six characters, which both dialects take. */
export function randomToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(TELE_TOKEN_BYTES));
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

/** The bytes of a token as the user gives it. Throws `UsageError`. */
export function tokenBytes(token: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(token);
  // deno-lint-ignore no-control-regex
  if (bytes.length === 0 || bytes.length > MAX_TOKEN_BYTES || /[\x00-\x1f\x7f]/.test(token)) {
    throw new UsageError(`--pairing-token: ${bytes.length} bytes`, {
      hint: `a token is 1 to ${MAX_TOKEN_BYTES} bytes of text; the app types ${TELE_TOKEN_BYTES}`,
    });
  }
  return bytes;
}

/** Whether TELE, whose tokens have six bytes, can carry it. */
export function fitsTele(token: Uint8Array | undefined): boolean {
  return token === undefined || token.length === TELE_TOKEN_BYTES;
}

/** Compares in a time that depends on the lengths only. */
export function sameToken(expected: Uint8Array, given: Uint8Array, length: number): boolean {
  let difference = expected.length ^ length;
  for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ (given[i] ?? 0);
  return difference === 0;
}
