/**
 * What a server that is dialled by address keeps with its identity, so that a restart is neither a
 * stranger to its clients nor silent to those it had: its self-signed certificate, whose hash they pin,
 * and the secret that stateless resets are made with.
 *
 * The file `certificate` in the identity's folder, mode 0600: a line `ends=SECONDS address=IP`, then the
 * certificate and its key in PEM.
 *
 * @module
 */
import { quicSelfSigned } from "../../ffi/quic/mod.ts";
import type { Certificate, ListenOptions } from "./direct.ts";
import { assertNative } from "./direct_endpoint.ts";
import type { Identity } from "./identity.ts";
import { bindAddresses } from "./options.ts";
import { join, writeAtomically } from "./state_folder.ts";

/** A certificate that ends sooner is not used at a start any more: seconds, one day. */
const LEAST_LIFE_S = 86_400;
/** Says what the derived secret is for. */
const LABEL = "xoq direct stateless reset";

/**
 * Listening options that are the same after a restart. Nothing for an identity that is kept nowhere.
 * Throws `UsageError` for an address that is none, `UnsupportedError` where nothing listens.
 *
 * @param address as `ListenOptions.address`
 */
export async function lastingListener(
  identity: Pick<Identity, "folder" | "secretKey">,
  address: string,
): Promise<Required<Pick<ListenOptions, "certificate" | "resetSecret">> | undefined> {
  assertNative();
  const { folder, secretKey } = identity;
  if (folder === undefined) return undefined;
  const host = bindAddresses(address, "the address")[0]?.replace(/:\d+$/, "") ?? "0.0.0.0";
  const [certificate, resetSecret] = await Promise.all([
    keptCertificate(join(folder, "certificate"), host.replace(/^\[(.*)\]$/, "$1")),
    derive(secretKey),
  ]);
  return { certificate, resetSecret };
}

async function keptCertificate(path: string, address: string): Promise<Certificate> {
  const kept = await Deno.readTextFile(path).catch(() => "");
  const head = /^ends=(\d+) address=(\S+)\n/.exec(kept);
  if (head?.[2] === address && Number(head[1]) - Date.now() / 1000 > LEAST_LIFE_S) {
    const parts = kept.slice(head[0].length).split(/(?=-----BEGIN PRIVATE KEY-----)/);
    if (parts.length === 2) return { chain: parts[0]!, key: parts[1]! };
  }
  const { certificate, key, ends } = quicSelfSigned(address);
  const made = { chain: pem("CERTIFICATE", certificate), key: pem("PRIVATE KEY", key) };
  // What can't be kept is new at the next start, as without this file.
  await writeAtomically(path, `ends=${ends} address=${address}\n${made.chain}${made.key}`)
    .catch(() => {});
  return made;
}

/** RFC 7468. */
function pem(label: string, der: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

async function derive(secret: Uint8Array): Promise<Uint8Array> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const raw = Uint8Array.from(secret);
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]);
  raw.fill(0);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(LABEL)));
}
