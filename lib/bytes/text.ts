/**
 * Bytes as text: hex, base32 and base64url (RFC 4648), z-base-32. Encoders give one canonical form;
 * decoders refuse everything that is no one's encoding (odd lengths, non-zero padding bits) with a
 * {@link TextEncodingError} that says which character is wrong.
 *
 * @module
 */
import { base32nopad, base64urlnopad, hex } from "@scure/base";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const Z_BASE_32 = "ybndrfg8ejkmcpqxot1uwisza345h769";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX = "0123456789abcdef";

/** Text that is no encoding of any bytes. */
export class TextEncodingError extends SyntaxError {
  /** Tells the class by name. */
  override readonly name = "TextEncodingError";
  /** Index of the first wrong character, or `undefined` where the length or the last bits are wrong. */
  readonly index: number | undefined;

  /** Makes the error. */
  constructor(message: string, index?: number, options?: ErrorOptions) {
    super(message, options);
    this.index = index;
  }
}

/** Lower-case hex, two digits a byte. */
export function encodeHex(bytes: Uint8Array): string {
  return hex.encode(bytes);
}

/** Reads hex in either case. Throws {@link TextEncodingError}. */
export function decodeHex(text: string): Uint8Array {
  const lower = text.toLowerCase();
  return decode(lower, HEX, "a hex digit", () => hex.decode(lower));
}

/** RFC 4648 §6 base32 in lower case without padding, as iroh writes tickets. */
export function encodeBase32(bytes: Uint8Array): string {
  return base32nopad.encode(bytes).toLowerCase();
}

/** Reads RFC 4648 base32 without padding, in either case. Throws {@link TextEncodingError}. */
export function decodeBase32(text: string): Uint8Array {
  const lower = text.toLowerCase();
  return decode(lower, BASE32, "a base32 digit", () => base32nopad.decode(lower.toUpperCase()));
}

/** z-base-32 (philzimmermann.com/docs/human-oriented-base-32-encoding.txt), whole bytes. */
export function encodeZBase32(bytes: Uint8Array): string {
  return translate(encodeBase32(bytes), BASE32, Z_BASE_32);
}

/** Reads z-base-32 in either case. Throws {@link TextEncodingError}. */
export function decodeZBase32(text: string): Uint8Array {
  const lower = text.toLowerCase();
  return decode(
    lower,
    Z_BASE_32,
    "a z-base-32 digit",
    () => base32nopad.decode(translate(lower, Z_BASE_32, BASE32).toUpperCase()),
  );
}

/** RFC 4648 §5 base64url without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return base64urlnopad.encode(bytes);
}

/** Reads base64url without padding. Throws {@link TextEncodingError}. */
export function decodeBase64Url(text: string): Uint8Array {
  return decode(text, BASE64URL, "a base64url digit", () => base64urlnopad.decode(text));
}

function decode(
  text: string,
  alphabet: string,
  digit: string,
  run: () => Uint8Array,
): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (!alphabet.includes(text.charAt(i))) {
      throw new TextEncodingError(`${JSON.stringify(text.charAt(i))} is not ${digit}`, i);
    }
  }
  try {
    return run();
  } catch (cause) {
    throw new TextEncodingError("the last digits are missing or wrong", undefined, { cause });
  }
}

function translate(text: string, from: string, to: string): string {
  let out = "";
  for (const symbol of text) out += to.charAt(from.indexOf(symbol));
  return out;
}
