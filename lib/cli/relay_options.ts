/**
 * What `xoq relay` and `xoq relay token` have in common, and how the relay's options are read.
 *
 * @module
 */
import { UsageError } from "../errors.ts";
import type { Certificate } from "../transport/direct.ts";
import { readPem } from "./files.ts";

/** The relay's identity unless `--name` gives another. */
export const RELAY_NAME = "relay";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** `64MB` as bytes. Throws `UsageError`. */
export function parseSize(text: string, flag: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kKMG]?i?B?)$/.exec(text.trim());
  const unit = match === null ? undefined : UNITS[match[2]!];
  const bytes = unit === undefined ? NaN : Math.round(Number(match![1]) * unit);
  if (!Number.isSafeInteger(bytes)) {
    throw new UsageError(`${flag} ${JSON.stringify(text)} is no size`, {
      hint: "write 64MB, 512KiB or 1GB",
    });
  }
  return bytes;
}

/** `:4443` is loopback's. Throws `UsageError` where it is no `ADDR:PORT`. */
export function parseListen(text: string, flag: string): { address: string; isLocal: boolean } {
  const address = text.startsWith(":") ? `127.0.0.1${text}` : text;
  const host = /^(.+):\d{1,5}$/.exec(address)?.[1];
  if (host === undefined) {
    throw new UsageError(`${flag} ${JSON.stringify(text)} is no address to listen on`, {
      hint: "write ADDR:PORT, as in 127.0.0.1:4443 or [::]:4443; port 0 is any",
    });
  }
  const isLocal = host === "localhost" || host === "[::1]" || host.startsWith("127.");
  return { address, isLocal };
}

/** Reads certificate and key. Throws `UsageError`, `NotFoundError`. */
export async function readCertificate(
  cert: string | undefined,
  key: string | undefined,
): Promise<Certificate | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError(`${cert === undefined ? "--key" : "--cert"} is given alone`, {
      hint: "give the certificate with --cert and its key with --key",
    });
  }
  const [chain, secret] = await Promise.all([readPem(cert), readPem(key)]);
  return { chain, key: secret };
}
