/**
 * The bytes of a grant, and their base64url text. Big endian:
 *
 * ```text
 * offset  bytes  field
 *      0      1  version, 1
 *      1      1  flags: bit 0 control (else view), bit 1 once; the others 0
 *      2      4  first bytes of the endpoint id that issued it: tells a stranger's from a forged one
 *      6      6  expiry, whole seconds since the Unix epoch; 0 never
 *     12     12  nonce; all zero in the standing grant that a server prints, so that its ticket is
 *                the same after a restart
 *     24      1  n, bytes of the device's name; 0: every device of the endpoint
 *     25      n  device's name, ASCII
 *   25+n     64  ed25519 signature by the endpoint's key
 * ```
 *
 * Signed is, so that no other use of the key can be taken for a grant, nor a grant for another use:
 * the ASCII text `xoq grant v1`, a zero byte, the whole endpoint id, and the bytes before the
 * signature.
 *
 * @module
 */
import { concat } from "../bytes/concat.ts";
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import {
  decodeBase64Url,
  decodeHex,
  encodeBase64Url,
  encodeHex,
  TextEncodingError,
} from "../bytes/text.ts";
import { isDeviceName } from "./device_name.ts";

/** Bytes of a nonce. */
export const NONCE_BYTES = 12;
/** Longest grant's text, characters: the layout with a device name of 64 bytes. */
export const MAX_GRANT_CHARS: number = Math.ceil((25 + 64 + 64) * 4 / 3);
/** The latest expiry that fits: whole seconds, 2^48-1. */
export const MAX_EXPIRY: number = 2 ** 48 - 1;

const VERSION = 1;
const CONTROL = 1;
const ONCE = 2;
const ISSUER_BYTES = 4;
const SIGNATURE_BYTES = 64;
const CONTEXT = new TextEncoder().encode("xoq grant v1\0");

/** What a bearer may do: look, or also steer. `control` includes `view`. */
export type Rights = "view" | "control";

/** What a grant says. */
export interface GrantFields {
  /** What the bearer may do. */
  rights: Rights;
  /** Whether only the first bearer is admitted. */
  once: boolean;
  /** Seconds since the Unix epoch from which on it is void; `undefined`: never. */
  expires: number | undefined;
  /** {@link NONCE_BYTES} bytes in hex. */
  nonce: string;
  /** The only device it opens; `undefined`: all of the endpoint's. */
  device: string | undefined;
}

/** A grant as read, its signature not yet checked. */
export interface UnverifiedGrant extends GrantFields {
  /** First 4 bytes, in hex, of the id of the endpoint that issued it. */
  issuer: string;
  /** The bytes the signature covers, less the context and the id. */
  body: Uint8Array;
  /** The signature. */
  signature: Uint8Array;
}

/** Text that is no grant; the message continues "the grant …". */
export class GrantFormatError extends SyntaxError {
  /** Tells the class by name. */
  override readonly name = "GrantFormatError";
}

/**
 * Reads a grant's text without checking the signature. `undefined` for a version this program does
 * not know, which only its issuer can judge. Throws {@link GrantFormatError}.
 */
export function decodeGrant(text: string): UnverifiedGrant | undefined {
  if (text === "") throw new GrantFormatError("is missing");
  if (text.length > MAX_GRANT_CHARS) {
    throw new GrantFormatError(
      `has ${text.length} characters, at most ${MAX_GRANT_CHARS}: something was added to it`,
    );
  }
  try {
    return decodeBody(decodeBase64Url(text));
  } catch (cause) {
    if (cause instanceof ShortInputError) throw new GrantFormatError("is cut short", { cause });
    if (cause instanceof TextEncodingError) {
      throw new GrantFormatError(`is mistyped or cut short: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

function decodeBody(bytes: Uint8Array): UnverifiedGrant | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return undefined;
  const flags = reader.u8();
  if ((flags & ~(CONTROL | ONCE)) !== 0) throw new GrantFormatError("is mistyped: unknown flags");
  const issuer = encodeHex(reader.take(ISSUER_BYTES));
  const expiry = reader.u16() * 0x1_0000_0000 + reader.u32();
  const nonce = encodeHex(reader.take(NONCE_BYTES));
  const name = reader.take(reader.u8());
  const device = String.fromCharCode(...name);
  if (device !== "" && !isDeviceName(device)) {
    throw new GrantFormatError("is mistyped: its device name is none");
  }
  const body = bytes.subarray(0, reader.offset);
  const signature = reader.take(SIGNATURE_BYTES);
  if (reader.remaining > 0) throw new GrantFormatError("has something added at its end");
  return {
    rights: (flags & CONTROL) !== 0 ? "control" : "view",
    once: (flags & ONCE) !== 0,
    expires: expiry === 0 ? undefined : expiry,
    nonce,
    device: device === "" ? undefined : device,
    issuer,
    body,
    signature,
  };
}

/** The bytes before the signature. Throws `RangeError` or `TypeError` for fields that don't fit. */
export function encodeGrantBody(fields: GrantFields, endpointId: string): Uint8Array {
  const device = fields.device ?? "";
  if (device !== "" && !isDeviceName(device)) {
    throw new TypeError(`${JSON.stringify(device)} is no device name`);
  }
  const expires = fields.expires ?? 0;
  if (
    !Number.isSafeInteger(expires) || expires > MAX_EXPIRY || expires < 0 || fields.expires === 0
  ) {
    throw new RangeError(`expiry ${fields.expires} is not in 1…2^48-1 whole seconds`);
  }
  const nonce = decodeHex(fields.nonce);
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`a nonce has ${NONCE_BYTES} bytes`);
  const bytes = new Uint8Array(25 + device.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, (fields.rights === "control" ? CONTROL : 0) | (fields.once ? ONCE : 0));
  bytes.set(decodeHex(endpointId).subarray(0, ISSUER_BYTES), 2);
  view.setUint16(6, Math.floor(expires / 0x1_0000_0000));
  view.setUint32(8, expires % 0x1_0000_0000);
  bytes.set(nonce, 12);
  view.setUint8(24, device.length);
  bytes.set(new TextEncoder().encode(device), 25);
  return bytes;
}

/** What the signature covers. */
export function signedBytes(body: Uint8Array, endpointId: string): Uint8Array<ArrayBuffer> {
  return concat(CONTEXT, decodeHex(endpointId), body);
}

/** Body and signature as text. */
export function encodeGrant(body: Uint8Array, signature: Uint8Array): string {
  return encodeBase64Url(concat(body, signature));
}
