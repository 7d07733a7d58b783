/**
 * iroh's EndpointTicket as bytes, both ways (crate iroh-tickets 1.0, `src/endpoint.rs`, over crate
 * iroh-base 1.4, `src/endpoint_addr.rs`), in postcard:
 *
 * ```text
 * varint 0                the ticket's version, Variant1
 * 32 bytes                endpoint id
 * varint n                addresses, a sorted set:
 *   varint 0              relay
 *     varint length, UTF-8 of the URL
 *   varint 1              socket address
 *     varint 0            IPv4: 4 bytes, varint port
 *     varint 1            IPv6: 16 bytes, varint port
 *   varint 2              custom transport
 *     varint id (64 bits), varint length, bytes
 * ```
 *
 * @module
 */
import { formatSocketAddress, parseSocketAddress } from "../bytes/ip.ts";
import { pushUnsigned, readSmall, readUnsigned } from "../bytes/postcard.ts";
import { ByteReader } from "../bytes/reader.ts";
import { decodeHex, encodeHex } from "../bytes/text.ts";
import type { EndpointAddress } from "./connection.ts";
import { ENDPOINT_ID_BYTES, isEndpointId } from "./endpoint_id.ts";

/** Most addresses in one ticket. */
export const MAX_TICKET_ADDRESSES = 256;
/** Longest relay URL, bytes of UTF-8. */
export const MAX_RELAY_URL_BYTES = 2048;
/** Longest data of a custom transport's address, bytes. */
export const MAX_CUSTOM_BYTES = 1024;

/** An endpoint's address with everything a ticket may say of it. */
export interface TicketAddress extends EndpointAddress {
  /**
   * Addresses of custom transports as iroh writes them: the transport's id in hex, `_`, the data in
   * hex. Kept as they are; this program does not dial them.
   */
  custom?: string[];
}

/** Bytes that are no EndpointTicket; the message continues "the ticket …". */
export class TicketFormatError extends SyntaxError {
  /** Tells the class by name. */
  override readonly name = "TicketFormatError";
}

/** Reads a ticket's bytes. Throws {@link TicketFormatError}, or `ShortInputError` when cut short. */
export function decodeEndpointTicket(bytes: Uint8Array): TicketAddress {
  const reader = new ByteReader(bytes);
  const version = readSmall(reader);
  if (version !== 0) throw new TicketFormatError(`is of version ${version + 1}, not 1`);
  const id = reader.take(ENDPOINT_ID_BYTES);
  if (!isEndpointId(id)) throw new TicketFormatError("names an endpoint id that is no public key");
  const count = readSmall(reader);
  if (count > MAX_TICKET_ADDRESSES) {
    throw new TicketFormatError(`has ${count} addresses, at most ${MAX_TICKET_ADDRESSES}`);
  }
  const relays: string[] = [];
  const direct: string[] = [];
  const custom: string[] = [];
  for (let i = 0; i < count; i++) {
    const kind = readSmall(reader);
    if (kind === 0) relays.push(readRelay(reader));
    else if (kind === 1) direct.push(readSocketAddress(reader));
    else if (kind === 2) custom.push(readCustom(reader));
    else throw new TicketFormatError(`has an address of unknown kind ${kind}`);
  }
  if (reader.remaining > 0) {
    throw new TicketFormatError(`has ${reader.remaining} bytes too many at its end`);
  }
  return { id: encodeHex(id), relays, direct, ...(custom.length > 0 ? { custom } : {}) };
}

/**
 * Writes a ticket's bytes, addresses sorted and single as iroh has them. Throws `TypeError` for an
 * address that is none.
 */
export function encodeEndpointTicket(address: TicketAddress): Uint8Array {
  const id = decodeHex(address.id);
  if (!isEndpointId(id)) throw new TypeError(`${address.id} is no endpoint id`);
  const out: number[] = [0, ...id];
  const encoded = [
    ...unique(address.relays.map(normalRelay)).sort(byUtf8).map(encodeRelay),
    ...uniqueSorted(address.direct.map(encodeSocketAddress)),
    ...uniqueSorted((address.custom ?? []).map(encodeCustom)),
  ];
  if (encoded.length > MAX_TICKET_ADDRESSES) {
    throw new TypeError(`${encoded.length} addresses, at most ${MAX_TICKET_ADDRESSES}`);
  }
  pushUnsigned(out, encoded.length);
  for (const bytes of encoded) out.push(...bytes);
  return Uint8Array.from(out);
}

function readRelay(reader: ByteReader): string {
  const length = readSmall(reader);
  if (length > MAX_RELAY_URL_BYTES) {
    throw new TicketFormatError(
      `has a relay URL of ${length} bytes, at most ${MAX_RELAY_URL_BYTES}`,
    );
  }
  const bytes = reader.take(length);
  let url: string;
  try {
    url = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TicketFormatError("has a relay URL that is not UTF-8", { cause });
  }
  if (!URL.canParse(url)) {
    throw new TicketFormatError(`has a relay URL that is none: ${JSON.stringify(url)}`);
  }
  return url;
}

function readSocketAddress(reader: ByteReader): string {
  const family = readSmall(reader);
  if (family > 1) throw new TicketFormatError(`has a socket address of unknown family ${family}`);
  const ip = reader.take(family === 0 ? 4 : 16);
  return formatSocketAddress({ ip, port: Number(readUnsigned(reader, 16)) });
}

function readCustom(reader: ByteReader): string {
  const id = readUnsigned(reader, 64);
  const length = readSmall(reader);
  if (length > MAX_CUSTOM_BYTES) {
    throw new TicketFormatError(
      `has a custom address of ${length} bytes, at most ${MAX_CUSTOM_BYTES}`,
    );
  }
  return `${id.toString(16)}_${encodeHex(reader.take(length))}`;
}

function normalRelay(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new TypeError(`${JSON.stringify(text)} is no relay URL`);
  return url.href;
}

function encodeRelay(url: string): number[] {
  const bytes = new TextEncoder().encode(url);
  if (bytes.length > MAX_RELAY_URL_BYTES) {
    throw new TypeError(`relay URL of ${bytes.length} bytes, at most ${MAX_RELAY_URL_BYTES}`);
  }
  const out = [0];
  pushUnsigned(out, bytes.length);
  out.push(...bytes);
  return out;
}

/** Encoded, behind a sort key. */
type Keyed = { key: number[]; bytes: number[] };

function encodeSocketAddress(text: string): Keyed {
  const address = parseSocketAddress(text);
  if (address === undefined) throw new TypeError(`${JSON.stringify(text)} is no IP:PORT`);
  const family = address.ip.length === 4 ? 0 : 1;
  const bytes = [1, family, ...address.ip];
  pushUnsigned(bytes, address.port);
  return { key: [family, ...address.ip, address.port >> 8, address.port & 0xff], bytes };
}

/** iroh keeps up to 30 bytes inline, ordered by length and then content; longer ones behind them. */
const CUSTOM_INLINE_BYTES = 30;

function encodeCustom(text: string): Keyed {
  const match = /^([0-9a-f]{1,16})_((?:[0-9a-f]{2})*)$/.exec(text);
  if (match === null) throw new TypeError(`${JSON.stringify(text)} is no custom address`);
  const id = BigInt(`0x${match[1]}`);
  const data = decodeHex(match[2] ?? "");
  if (data.length > MAX_CUSTOM_BYTES) {
    throw new TypeError(`custom address of ${data.length} bytes, at most ${MAX_CUSTOM_BYTES}`);
  }
  const bytes = [2];
  pushUnsigned(bytes, id);
  pushUnsigned(bytes, data.length);
  bytes.push(...data);
  const inline = data.length <= CUSTOM_INLINE_BYTES;
  const idBytes = decodeHex(id.toString(16).padStart(16, "0"));
  return { key: [...idBytes, inline ? 0 : 1, ...(inline ? [data.length] : []), ...data], bytes };
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)];
}

function uniqueSorted(items: Keyed[]): number[][] {
  const sorted = items.toSorted((a, b) => compare(a.key, b.key));
  return sorted
    .filter((item, i) => i === 0 || compare(item.key, sorted[i - 1]?.key ?? []) !== 0)
    .map((item) => item.bytes);
}

function byUtf8(a: string, b: string): number {
  const encoder = new TextEncoder();
  return compare([...encoder.encode(a)], [...encoder.encode(b)]);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
