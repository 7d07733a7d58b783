/**
 * Endpoint ids: ed25519 public keys, written as 64 hex digits or 52 digits of z-base-32.
 *
 * @module
 */
import { Point } from "@noble/ed25519";
import { decodeHex, decodeZBase32, encodeHex, encodeZBase32 } from "../bytes/text.ts";

/** Bytes of an endpoint id. */
export const ENDPOINT_ID_BYTES = 32;

/** Whether the bytes are a public key at all: half of all 32-byte strings are no point of the curve. */
export function isEndpointId(bytes: Uint8Array): boolean {
  if (bytes.length !== ENDPOINT_ID_BYTES) return false;
  try {
    // The lenient rule of ZIP 215: what iroh (ed25519-dalek) takes for a key is taken here too.
    Point.fromBytes(bytes, true);
    return true;
  } catch {
    return false;
  }
}

/** Reads an id in hex or z-base-32 (either case); the result is 64 lower-case hex digits. */
export function parseEndpointId(text: string): string | undefined {
  try {
    const bytes = text.length === 64
      ? decodeHex(text)
      : text.length === 52
      ? decodeZBase32(text)
      : undefined;
    return bytes !== undefined && isEndpointId(bytes) ? encodeHex(bytes) : undefined;
  } catch {
    return undefined;
  }
}

/** An id's z-base-32 form, as DNS discovery names it. */
export function endpointIdToZBase32(id: string): string {
  return encodeZBase32(decodeHex(id));
}
