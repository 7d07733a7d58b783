/**
 * X.509 certificates (RFC 5280) as a test wants them: for these names, until then, issued by that one.
 *
 * @module
 */
import type { Certificate } from "../../lib/transport/direct.ts";

/** What a certificate says. */
export interface CertificateWish {
  /** DNS names. */
  readonly names?: readonly string[];
  /** IPv4 addresses. */
  readonly addresses?: readonly string[];
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in an hour. */
  readonly notAfter?: Date;
  /** Whether it may issue others. */
  readonly authority?: boolean;
  /** Who issues it; absent: it stands for itself. */
  readonly issuer?: IssuedCertificate;
  /** Its subject's name. */
  readonly subject?: string;
}

/** A certificate with its key. */
export interface IssuedCertificate extends Certificate {
  /** SHA-256 of its DER. */
  readonly hash: Uint8Array<ArrayBuffer>;
  readonly subject: string;
  readonly keys: CryptoKeyPair;
}

const HOUR_MS = 3_600_000;
const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const OID = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  subjectAltName: [0x55, 0x1d, 0x11],
};

function der(tag: number, ...parts: ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const content = parts.flatMap((part) => Array.from(part));
  const { length } = content;
  const prefix = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return Uint8Array.from([tag, ...prefix, ...content]);
}

const sequence = (...parts: ArrayLike<number>[]) => der(0x30, ...parts);
const oid = (bytes: readonly number[]) => der(0x06, bytes);
const text = (value: string) => new TextEncoder().encode(value);
const ALGORITHM = sequence(oid(OID.ecdsaWithSha256));

/** A non-negative integer from its big-endian bytes. */
function integer(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  const short = from === -1 ? Uint8Array.of(0) : bytes.subarray(from);
  return der(0x02, short[0]! >= 0x80 ? [0, ...short] : short);
}

function name(commonName: string): Uint8Array {
  return sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, text(commonName)))));
}

/** UTCTime: two digits of the year. */
function time(date: Date): Uint8Array {
  return der(0x17, text(`${date.toISOString().replace(/[-:T]|\.\d+/g, "").slice(2, 14)}Z`));
}

function extensions(wish: CertificateWish): Uint8Array {
  const names = [
    ...(wish.names ?? []).map((dns) => der(0x82, text(dns))),
    ...(wish.addresses ?? []).map((ip) => der(0x87, ip.split(".").map(Number))),
  ];
  const list = [
    ...(wish.authority
      ? [
        sequence(
          oid(OID.basicConstraints),
          der(0x01, [0xff]),
          der(0x04, sequence(der(0x01, [0xff]))),
        ),
      ]
      : []),
    ...(names.length > 0 ? [sequence(oid(OID.subjectAltName), der(0x04, sequence(...names)))] : []),
  ];
  return list.length === 0 ? new Uint8Array() : der(0xa3, sequence(...list));
}

function pem(label: string, bytes: ArrayBuffer | Uint8Array<ArrayBuffer>): string {
  const base64 = new Uint8Array(bytes).toBase64().replace(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

/** Makes a certificate; its chain is itself and those it was issued by, less one that stands for itself. */
export async function makeCertificate(wish: CertificateWish): Promise<IssuedCertificate> {
  const keys = await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]) as CryptoKeyPair;
  const subject = wish.subject ?? `test ${crypto.randomUUID()}`;
  const now = Date.now();
  const body = sequence(
    der(0xa0, integer(Uint8Array.of(2))),
    integer(crypto.getRandomValues(new Uint8Array(8))),
    ALGORITHM,
    name(wish.issuer?.subject ?? subject),
    sequence(
      time(wish.notBefore ?? new Date(now - HOUR_MS)),
      time(wish.notAfter ?? new Date(now + HOUR_MS)),
    ),
    name(subject),
    new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey)),
    extensions(wish),
  );
  const signer = (wish.issuer?.keys ?? keys).privateKey;
  const raw = new Uint8Array(await crypto.subtle.sign(ECDSA, signer, body));
  const signature = sequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  const certificate = sequence(body, ALGORITHM, der(0x03, [0], signature));
  return {
    chain: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
    hash: new Uint8Array(await crypto.subtle.digest("SHA-256", certificate)),
    subject,
    keys,
  };
}
