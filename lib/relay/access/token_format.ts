/**
 * The bytes of a relay's token, and their base64url text. Big endian:
 *
 * ```text
 * offset  bytes  field
 *      0      1  version, 1
 *      1      4  first bytes of the id of the key that signs it
 *      5      6  expiry, whole seconds since the Unix epoch; 0 never
 *     11     12  nonce
 *     23      1  n, bytes of the path; 0: every path
 *     24      n  the only path it opens, UTF-8
 *   24+n      …  prefixes that may be published, then prefixes that may be subscribed to. Each list:
 *                1 byte, how many; each prefix: 1 byte, how many fields; each field: 1 byte, its
 *                length, and its bytes. A prefix without fields: every namespace
 *      …     64  ed25519 signature by the relay's key
 * ```
 *
 * Signed is the ASCII text `xoq relay token v1`, a zero byte, the whole id, and the bytes before the
 * signature, so that no other use of the key can be taken for a token.
 *
 * @module
 */
import { concat } from "../../bytes/concat.ts";
import { ByteReader, ShortInputError } from "../../bytes/reader.ts";
import {
  decodeBase64Url,
  decodeHex,
  encodeBase64Url,
  encodeHex,
  TextEncodingError,
} from "../../bytes/text.ts";
import type { Namespace } from "../../moqt/wire/track_name.ts";

/** Longest token's text, characters. */
export const MAX_TOKEN_CHARS = 4096;
/** Most prefixes of each kind. */
export const MAX_PREFIXES = 32;

const VERSION = 1;
const ISSUER_BYTES = 4;
const NONCE_BYTES = 12;
const SIGNATURE_BYTES = 64;
const MAX_FIELDS = 32;
const MAX_BYTE = 255;
const CONTEXT = new TextEncoder().encode("xoq relay token v1\0");

/** What a token says. */
export interface TokenFields {
  /** Prefixes of namespaces that may be published. */
  publish: readonly Namespace[];
  /** Prefixes of namespaces that may be subscribed to. */
  subscribe: readonly Namespace[];
  /** The only path it opens; absent: every. */
  path?: string;
  /** Seconds since the Unix epoch from which on it is void; absent: never. */
  expires?: number;
}

/** A token as read, its signature not yet checked. */
export interface UnverifiedToken extends TokenFields {
  /** First bytes, in hex, of the id of the key that signed it. */
  issuer: string;
  /** The bytes that are signed, less what stands before them. */
  body: Uint8Array;
  /** The signature. */
  signature: Uint8Array;
}

/** Text that is no token; the message continues "the token …". */
export class TokenFormatError extends SyntaxError {
  /** Tells the class by name. */
  override readonly name = "TokenFormatError";
}

/** Reads a token's text without checking the signature. Throws {@link TokenFormatError}. */
export function decodeRelayToken(text: string): UnverifiedToken {
  if (text.length > MAX_TOKEN_CHARS) {
    throw new TokenFormatError(`is longer than ${MAX_TOKEN_CHARS} characters`);
  }
  try {
    return decodeBody(decodeBase64Url(text));
  } catch (cause) {
    if (cause instanceof ShortInputError) throw new TokenFormatError("is cut short", { cause });
    if (cause instanceof TextEncodingError) throw new TokenFormatError("is mistyped", { cause });
    throw cause;
  }
}

function decodeBody(bytes: Uint8Array): UnverifiedToken {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) {
    throw new TokenFormatError("is none of xoq relay token, or of another version");
  }
  const issuer = encodeHex(reader.take(ISSUER_BYTES));
  const expires = reader.u16() * 0x1_0000_0000 + reader.u32();
  reader.take(NONCE_BYTES);
  const path = new TextDecoder().decode(reader.take(reader.u8()));
  const publish = readPrefixes(reader);
  const subscribe = readPrefixes(reader);
  const body = bytes.subarray(0, reader.offset);
  const signature = reader.take(SIGNATURE_BYTES);
  if (reader.remaining > 0) throw new TokenFormatError("has something added at its end");
  return {
    publish,
    subscribe,
    ...(path === "" ? {} : { path }),
    ...(expires === 0 ? {} : { expires }),
    issuer,
    body,
    signature,
  };
}

function readPrefixes(reader: ByteReader): Namespace[] {
  const count = reader.u8();
  if (count > MAX_PREFIXES) throw new TokenFormatError("has too many prefixes");
  return Array.from({ length: count }, () => {
    const fields = reader.u8();
    if (fields > MAX_FIELDS) throw new TokenFormatError("has a prefix with too many fields");
    return Array.from({ length: fields }, () => reader.take(reader.u8()).slice());
  });
}

/** The bytes before the signature, with a new nonce. A `RangeError` for what does not fit. */
export function encodeTokenBody(fields: TokenFields, issuerId: string): Uint8Array<ArrayBuffer> {
  const { publish, subscribe, path = "", expires = 0 } = fields;
  if (!Number.isSafeInteger(expires) || expires < 0 || expires >= 2 ** 48) {
    throw new RangeError(`an expiry of ${expires} s is not in 0…2^48-1`);
  }
  const pathBytes = new TextEncoder().encode(path);
  if (pathBytes.length > MAX_BYTE) throw new RangeError("the path has more than 255 bytes");
  const bytes = [VERSION, ...decodeHex(issuerId).subarray(0, ISSUER_BYTES)];
  for (let shift = 5; shift >= 0; shift--) bytes.push(Math.floor(expires / 2 ** (8 * shift)) % 256);
  bytes.push(...crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  bytes.push(pathBytes.length, ...pathBytes);
  for (const prefixes of [publish, subscribe]) {
    if (prefixes.length > MAX_PREFIXES) throw new RangeError(`more than ${MAX_PREFIXES} prefixes`);
    bytes.push(prefixes.length);
    for (const prefix of prefixes) {
      if (prefix.length > MAX_FIELDS) throw new RangeError("a prefix has more than 32 fields");
      bytes.push(prefix.length);
      for (const field of prefix) {
        if (field.length === 0 || field.length > MAX_BYTE) {
          throw new RangeError("a prefix's field has 1 to 255 bytes");
        }
        bytes.push(field.length, ...field);
      }
    }
  }
  return Uint8Array.from(bytes);
}

/** What the signature covers. */
export function signedBytes(body: Uint8Array, issuerId: string): Uint8Array<ArrayBuffer> {
  return concat(CONTEXT, decodeHex(issuerId), body);
}

/** Body and signature as text. */
export function encodeRelayToken(body: Uint8Array, signature: Uint8Array): string {
  const text = encodeBase64Url(concat(body, signature));
  if (text.length > MAX_TOKEN_CHARS) {
    throw new RangeError(`the token would have more than ${MAX_TOKEN_CHARS} characters`);
  }
  return text;
}
