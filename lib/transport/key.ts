/**
 * ed25519 by WebCrypto (https://www.w3.org/TR/webcrypto-2/#ed25519): native and constant-time, and
 * the same in Deno, Node, Bun and browsers. Secrets are the 32-byte seeds iroh and XoQ keep.
 *
 * @module
 */
import { decodeBase64Url, decodeHex, encodeHex } from "../bytes/text.ts";

/** Bytes of a secret key. */
export const SECRET_KEY_BYTES = 32;

/** PKCS #8 around an ed25519 seed (RFC 8410 §7): everything before the seed. */
const PKCS8 = decodeHex("302e020100300506032b657004220420");

/** A new secret key. */
export function generateSecretKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(SECRET_KEY_BYTES));
}

/** The endpoint id that belongs to a secret key. */
export async function endpointIdOf(secretKey: Uint8Array): Promise<string> {
  const jwk = await crypto.subtle.exportKey("jwk", await importSecret(secretKey, true));
  return encodeHex(decodeBase64Url(jwk.x ?? ""));
}

/** Signs. */
export async function sign(
  secretKey: Uint8Array,
  message: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  return new Uint8Array(
    await crypto.subtle.sign("Ed25519", await importSecret(secretKey, false), message),
  );
}

/** Whether the endpoint of this id signed the message. Everything here is public: no secret can leak. */
export async function isSignedBy(
  endpointId: string,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array,
): Promise<boolean> {
  const key = await crypto.subtle.importKey(
    "raw",
    Uint8Array.from(decodeHex(endpointId)),
    "Ed25519",
    false,
    ["verify"],
  );
  return await crypto.subtle.verify("Ed25519", key, Uint8Array.from(signature), message);
}

async function importSecret(secretKey: Uint8Array, extractable: boolean): Promise<CryptoKey> {
  if (secretKey.length !== SECRET_KEY_BYTES) {
    throw new RangeError(`a secret key has ${SECRET_KEY_BYTES} bytes, not ${secretKey.length}`);
  }
  const der = new Uint8Array(PKCS8.length + SECRET_KEY_BYTES);
  der.set(PKCS8);
  der.set(secretKey, PKCS8.length);
  try {
    return await crypto.subtle.importKey("pkcs8", der, "Ed25519", extractable, ["sign"]);
  } finally {
    der.fill(0);
  }
}
