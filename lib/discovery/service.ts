/**
 * Services by DNS-SD (RFC 6763): names and the records that say them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { DnsRecord } from "./link.ts";

/** Longest label, in bytes (RFC 1035). */
export const MAX_LABEL_BYTES = 63;
/** Longest string of a TXT record, in bytes. */
const MAX_TXT_STRING = 255;
/** Longest TXT record that is read or written, in bytes (RFC 6763, section 6.2). */
export const MAX_TXT_BYTES = 1_300;

/** Seconds that records with a host in them hold. */
const HOST_TTL = 120;
/** Seconds that others hold. */
const OTHER_TTL = 4_500;

/** A service to be announced. */
export interface Service {
  /** `_xoq._udp.local`. */
  type: string;
  /** Name for people: any text of 1 to 63 bytes. */
  instance: string;
  /** UDP port. */
  port: number;
  /** Strings of the TXT record in order, `key=value`. */
  txt: readonly string[];
}

/** A name's label for a DNS name: dots in instance names are escaped by nobody, so that they become middle dots. */
export function label(text: string): string {
  const clean = text.replaceAll(".", "·");
  const bytes = new TextEncoder().encode(clean);
  if (bytes.length <= MAX_LABEL_BYTES) return clean;
  // Cut between characters.
  return new TextDecoder().decode(bytes.subarray(0, MAX_LABEL_BYTES)).replace(/\uFFFD+$/, "");
}

/** The instance's whole name. */
export function instanceName({ instance, type }: Pick<Service, "instance" | "type">): string {
  return `${label(instance)}.${type}`;
}

/** The next name to try: `Name (2)`, `Name (3)`. */
export function nextName(instance: string): string {
  const match = /^(.*) \((\d{1,4})\)$/s.exec(instance);
  const count = match === null ? 2 : Number(match[2]) + 1;
  const suffix = ` (${count})`;
  let stem = match?.[1] ?? instance;
  while (new TextEncoder().encode(stem + suffix).length > MAX_LABEL_BYTES) {
    stem = [...stem].slice(0, -1).join("");
  }
  return stem + suffix;
}

/** The TXT record's strings as bytes. Throws `RangeError` where they are too long. */
export function txtStrings(txt: readonly string[]): Buffer[] {
  const strings = txt.map((text) => Buffer.from(text));
  const total = strings.reduce((sum, { length }) => sum + length + 1, 0);
  if (total > MAX_TXT_BYTES || strings.some(({ length }) => length > MAX_TXT_STRING)) {
    throw new RangeError(`a TXT record of ${total} bytes, at most ${MAX_TXT_BYTES}`);
  }
  return strings;
}

/** Keys and values of a TXT record as it was read; the first of a key counts (RFC 6763, section 6.4). */
export function readTxt(data: unknown): Map<string, string> {
  const values = new Map<string, string>();
  const decoder = new TextDecoder();
  for (const string of Array.isArray(data) ? data : [data]) {
    const text = string instanceof Uint8Array ? decoder.decode(string) : String(string ?? "");
    const at = text.indexOf("=");
    const key = (at < 0 ? text : text.slice(0, at)).toLowerCase();
    if (key !== "" && !values.has(key)) values.set(key, at < 0 ? "" : text.slice(at + 1));
  }
  return values;
}

/** The records of a service, `host` being its host's name. */
export interface ServiceRecords {
  /** From the type to the instance. */
  pointer: DnsRecord;
  /** From the list of types to the type. */
  kind: DnsRecord;
  /** Host and port. */
  place: DnsRecord;
  /** Details. */
  text: DnsRecord;
}

/** Writes a service's records. */
export function serviceRecords(service: Service, host: string): ServiceRecords {
  const name = instanceName(service);
  const { type, port, txt } = service;
  return {
    pointer: { name: type, type: "PTR", ttl: OTHER_TTL, data: name },
    kind: { name: "_services._dns-sd._udp.local", type: "PTR", ttl: OTHER_TTL, data: type },
    place: {
      name,
      type: "SRV",
      ttl: HOST_TTL,
      flush: true,
      data: { priority: 0, weight: 0, port, target: host },
    },
    text: { name, type: "TXT", ttl: OTHER_TTL, flush: true, data: txtStrings(txt) },
  };
}

/** The address records of a host. */
export function addressRecords(host: string, addresses: readonly string[]): DnsRecord[] {
  return addresses.map((address) => ({
    name: host,
    type: address.includes(":") ? "AAAA" : "A",
    ttl: HOST_TTL,
    flush: true,
    data: address,
  }));
}

/** Whether a name from outside can be asked for. */
export function isSendable(name: string): boolean {
  const encoder = new TextEncoder();
  const lengths = name.split(".").map((part) => encoder.encode(part).length);
  return lengths.every((length) => length > 0 && length <= MAX_LABEL_BYTES) &&
    lengths.reduce((sum, length) => sum + length + 1, 1) <= 255;
}

/** Names are the same without regard to case (of ASCII letters). */
export function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
