/**
 * Options of direct connections as the QUIC library needs them.
 *
 * @module
 */
import type {
  QuicDialSettings,
  QuicDirectSettings,
  QuicListenSettings,
  QuicTrust,
} from "../../ffi/quic/mod.ts";
import { UsageError } from "../errors.ts";
import type { DialOptions, DirectOptions, ListenOptions, ServerTrust } from "./direct.ts";
import { bindAddresses, DEFAULT_DIAL_TIMEOUT_MS } from "./options.ts";

/** Port of URLs that name none: HTTP/3's, and MoQT's (draft-ietf-moq-transport, section 3.1). */
const DEFAULT_PORT = 443;
/** ALPN of HTTP/3. */
const HTTP3 = "h3";
/** Bytes of a SHA-256 hash. */
const HASH_BYTES = 32;
/** Bytes of what stateless resets are made with. */
const RESET_SECRET_BYTES = 32;
/** Longest ALPN (RFC 7301, section 3.1). */
const MAX_ALPN_BYTES = 255;
/**
 * A client that hears nothing asks this often, in milliseconds: a server that was killed and is there
 * again tells it at once (see `resetSecret`).
 */
const KEEP_ALIVE_MS = 500;
/** Most streams at once: QUIC allows more, memory does not. */
const MAX_STREAMS = 65_536;
/** What header names are made of (RFC 9110, section 5.1), in lower case. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** What header values may hold here: visible ASCII, spaces and tabs. */
const HEADER_VALUE = /^[\t\x20-\x7e]*$/;

/** Loopback loses only what is too fast for it: there losses mean congestion, and BBR costs time. */
const HERE = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)(:\d+)?$/;

/** @param place host or address that is dialled, or listened at */
function directSettings(options: DirectOptions, place: string): QuicDirectSettings {
  const { maxStreams, sendWindow, datagramWindow, receiveWindow, keyLogFile } = options;
  const { connectionWindow } = options;
  return {
    congestion: options.congestion ?? (HERE.test(place) ? "cubic" : "bbr3"),
    ...(sendWindow === undefined
      ? {}
      : { sendWindow: whole("sendWindow", sendWindow, 1, 2 ** 31 - 1) }),
    ...(datagramWindow === undefined
      ? {}
      : { datagramWindow: whole("datagramWindow", datagramWindow, 0, 2 ** 31 - 1) }),
    ...(receiveWindow === undefined
      ? {}
      : { streamWindow: whole("receiveWindow", receiveWindow, 1, 2 ** 31 - 1) }),
    ...(connectionWindow === undefined
      ? {}
      : { connectionWindow: whole("connectionWindow", connectionWindow, 1, 2 ** 31 - 1) }),
    ...(maxStreams === undefined
      ? {}
      : { maxStreams: whole("maxStreams", maxStreams, 1, MAX_STREAMS) }),
    ...(keyLogFile === undefined || keyLogFile === "" ? {} : { keyLogFile }),
  };
}

function whole(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${name} ${value} is not a whole number from ${least} to ${most}`);
}

function trustSetting(trust: ServerTrust | undefined): QuicTrust | undefined {
  const { ca, certificateHashes = [], insecure = false } = trust ?? {};
  const given = [ca !== undefined, certificateHashes.length > 0, insecure].filter(Boolean);
  if (given.length > 1) {
    throw new UsageError("more than one way to trust the server was given", {
      hint: "give one of ca, certificateHashes and insecure",
    });
  }
  if (insecure) return { insecure };
  if (ca !== undefined) return { ca };
  if (certificateHashes.length === 0) return undefined;
  for (const hash of certificateHashes) {
    if (hash.byteLength !== HASH_BYTES) {
      throw new UsageError(`a certificate hash has ${hash.byteLength} bytes, not ${HASH_BYTES}`, {
        hint: "give the SHA-256 that the listener shows, 64 hex digits",
      });
    }
  }
  return { hashes: certificateHashes };
}

/** Reads a URL. Throws `UsageError` for one that cannot be dialled. */
export function directUrl(text: string | URL): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "moqt:" && url.protocol !== "https:")) {
    throw new UsageError(`${text} is not a moqt: or https: URL`, {
      hint: "write moqt://HOST:PORT/PATH or https://HOST:PORT/PATH",
    });
  }
  if (url.hostname === "") throw new UsageError(`${text} names no host`);
  if (url.username !== "" || url.password !== "") {
    throw new UsageError("the URL holds a user or a password, which nothing would be done with");
  }
  return url;
}

function alpn(protocol: string): string {
  const { length } = new TextEncoder().encode(protocol);
  if (length > 0 && length <= MAX_ALPN_BYTES) return protocol;
  throw new UsageError(`a protocol's name has 1 to ${MAX_ALPN_BYTES} bytes, not ${length}`);
}

function header(name: string, value: string): void {
  if (!HEADER_NAME.test(name)) {
    throw new UsageError(`${JSON.stringify(name)} is not a header's name in lower case`);
  }
  if (!HEADER_VALUE.test(value)) {
    throw new UsageError(`header ${name} has characters that no header has`);
  }
}

/** Settings of a dial. Throws `UsageError`. */
export function dialSettings(url: URL, options: DialOptions): QuicDialSettings {
  const web = url.protocol === "https:";
  const protocols = options.protocols.map(alpn);
  if (!web && protocols.length === 0) {
    throw new UsageError("moqt: needs at least one protocol to offer");
  }
  if (web) {
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      header(name, value);
    }
  }
  const trust = trustSetting(options.trust);
  const bind = bindAddresses(options.bind)[0];
  // The fragment is the reader's own (RFC 9110, section 4.2.5).
  const target = new URL(url);
  target.hash = "";
  return {
    ...directSettings(options, url.hostname),
    keepAliveMs: KEEP_ALIVE_MS,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
    protocols,
    timeoutMs: Math.ceil(options.timeoutMs ?? DEFAULT_DIAL_TIMEOUT_MS),
    ...(web ? { url: target.href } : {}),
    ...(web && options.headers !== undefined ? { headers: options.headers } : {}),
    ...(bind === undefined ? {} : { bind }),
    ...(trust === undefined ? {} : { trust }),
  };
}

/** Settings of a listener. Throws `UsageError`. */
export function listenSettings(options: ListenOptions): QuicListenSettings {
  const web = options.webTransport ?? true;
  const alpns = options.alpns.map(alpn);
  if (alpns.includes(HTTP3)) {
    throw new UsageError(`${HTTP3} is offered by webTransport, not as a protocol of plain QUIC`);
  }
  if (!web && alpns.length === 0) {
    throw new UsageError("a listener without WebTransport needs at least one protocol");
  }
  const { resetSecret } = options;
  if (resetSecret !== undefined && resetSecret.byteLength !== RESET_SECRET_BYTES) {
    throw new UsageError(
      `the reset secret has ${resetSecret.byteLength} bytes, not ${RESET_SECRET_BYTES}`,
    );
  }
  const addresses = bindAddresses(options.address, "the address");
  if (addresses.length === 0) {
    throw new UsageError("a listener needs an address", { hint: "write ADDR:PORT, or *:PORT" });
  }
  return {
    ...directSettings(options, options.address),
    // IPv6's "all addresses" takes IPv4 too, where the system has IPv6.
    bind: addresses.toReversed(),
    alpns,
    web,
    ...(options.certificate === undefined ? {} : { certificate: options.certificate }),
    ...(resetSecret === undefined ? {} : { resets: resetSecret }),
  };
}
