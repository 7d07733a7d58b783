/**
 * CLIENT_SETUP and SERVER_SETUP (draft-16, section 9.3), which are one SETUP since draft-18 (section
 * 10.3).
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import { hasRequestStreams, type Version } from "../versions.ts";
import { bytesOf, integerOf, type KeyValue } from "../wire/key_values.ts";
import { readKeyValues, writeKeyValues } from "../wire/key_values.ts";
import { decodeToken, encodeToken, type Token } from "../wire/token.ts";
import type { Reader } from "../wire/reader.ts";
import type { Writer } from "../wire/writer.ts";
import type { MessageCodec } from "./codec.ts";

/** What each side says before anything else. */
export interface SetupOptions {
  /** The URI's path and query, from clients over plain QUIC. */
  path?: string;
  /** The URI's authority, from clients over plain QUIC. */
  authority?: string;
  /** The peer's requests have ids below this; absent: 0, so it may make none. Not since draft-18. */
  maxRequestId?: number;
  /** Most bytes of registered tokens; absent: 0, so aliases may not be used. */
  maxTokenCacheSize?: number;
  /** What authorizes the session. */
  tokens?: readonly Token[];
  /** Name and version of the program. */
  implementation?: string;
  /** Options of numbers unknown here, as they came. */
  others?: readonly KeyValue[];
}

/** The client's set-up. */
export interface ClientSetup {
  /** CLIENT_SETUP. */
  kind: "client-setup";
  /** Its options. */
  options: SetupOptions;
}

/** The server's set-up. */
export interface ServerSetup {
  /** SERVER_SETUP. */
  kind: "server-setup";
  /** Its options. */
  options: SetupOptions;
}

const PATH = 0x01;
const MAX_REQUEST_ID = 0x02;
const AUTHORIZATION_TOKEN = 0x03;
const MAX_AUTH_TOKEN_CACHE_SIZE = 0x04;
const AUTHORITY = 0x05;
const MOQT_IMPLEMENTATION = 0x07;

const KNOWN = [
  PATH,
  MAX_REQUEST_ID,
  AUTHORIZATION_TOKEN,
  MAX_AUTH_TOKEN_CACHE_SIZE,
  AUTHORITY,
  MOQT_IMPLEMENTATION,
];

/** Most options of one message. */
const MAX_OPTIONS = 64;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Either side's set-up, since draft-18. */
export interface Setup {
  /** SETUP. */
  kind: "setup";
  /** Its options. */
  options: SetupOptions;
}

/** SETUP. */
export const setup: MessageCodec<Setup> = {
  type: 0x2f00,
  has: hasRequestStreams,
  name: "SETUP",
  kind: "setup",
  read: (reader) => ({ kind: "setup", options: readOptions(reader) }),
  write: (writer, { options }) => writeOptions(writer, options),
};

const hasOneStream = (version: Version) => !hasRequestStreams(version);

/** CLIENT_SETUP. */
export const clientSetup: MessageCodec<ClientSetup> = {
  type: 0x20,
  has: hasOneStream,
  name: "CLIENT_SETUP",
  kind: "client-setup",
  read: (reader) => ({ kind: "client-setup", options: readOptions(reader) }),
  write: (writer, { options }) => writeOptions(writer, options),
};

/** SERVER_SETUP. */
export const serverSetup: MessageCodec<ServerSetup> = {
  type: 0x21,
  has: hasOneStream,
  name: "SERVER_SETUP",
  kind: "server-setup",
  read: (reader) => ({ kind: "server-setup", options: readOptions(reader) }),
  write: (writer, { options }) => writeOptions(writer, options),
};

function readOptions(reader: Reader): SetupOptions {
  const pairs = hasRequestStreams(reader.version)
    ? readKeyValues(reader)
    : readKeyValues(reader, reader.integer());
  if (pairs.length > MAX_OPTIONS) {
    throw violation(`${pairs.length} set-up options; at most ${MAX_OPTIONS} may be`);
  }
  const options: SetupOptions = {};
  const seen = new Set<number>();
  const tokens: Token[] = [];
  const others: KeyValue[] = [];
  const credit = !hasRequestStreams(reader.version);
  for (const pair of pairs) {
    const known = KNOWN.includes(pair.type) && (credit || pair.type !== MAX_REQUEST_ID);
    if (known && pair.type !== AUTHORIZATION_TOKEN && seen.has(pair.type)) {
      throw violation(`set-up option ${pair.type} is there twice`);
    }
    seen.add(pair.type);
    switch (pair.type) {
      case PATH:
        options.path = text(pair, "malformed-path");
        break;
      case MAX_REQUEST_ID:
        if (credit) options.maxRequestId = integerOf(pair, "MAX_REQUEST_ID");
        else others.push(pair);
        break;
      case AUTHORIZATION_TOKEN:
        tokens.push(decodeToken(bytesOf(pair), reader.version));
        break;
      case MAX_AUTH_TOKEN_CACHE_SIZE:
        options.maxTokenCacheSize = integerOf(pair, "MAX_AUTH_TOKEN_CACHE_SIZE");
        break;
      case AUTHORITY:
        options.authority = text(pair, "malformed-authority");
        break;
      case MOQT_IMPLEMENTATION:
        options.implementation = new TextDecoder().decode(bytesOf(pair));
        break;
      default:
        others.push(
          typeof pair.value === "bigint" ? pair : { type: pair.type, value: pair.value.slice() },
        );
    }
  }
  if (tokens.length > 0) options.tokens = tokens;
  if (others.length > 0) options.others = others;
  return options;
}

function text(pair: KeyValue, closeName: "malformed-path" | "malformed-authority"): string {
  try {
    return UTF8.decode(bytesOf(pair));
  } catch (cause) {
    throw new MoqtViolation(closeName, "the bytes are not UTF-8", { cause });
  }
}

function writeOptions(writer: Writer, options: SetupOptions): void {
  const encoder = new TextEncoder();
  const pairs: KeyValue[] = [...options.others ?? []];
  const add = (type: number, value: string | number | undefined) => {
    if (value === undefined) return;
    pairs.push({ type, value: typeof value === "string" ? encoder.encode(value) : BigInt(value) });
  };
  add(PATH, options.path);
  if (options.maxRequestId !== undefined && hasRequestStreams(writer.version)) {
    throw new TypeError(`draft ${writer.version} has no limit on request ids`);
  }
  add(MAX_REQUEST_ID, options.maxRequestId);
  for (const token of options.tokens ?? []) {
    pairs.push({ type: AUTHORIZATION_TOKEN, value: encodeToken(token, writer.version) });
  }
  add(MAX_AUTH_TOKEN_CACHE_SIZE, options.maxTokenCacheSize);
  add(AUTHORITY, options.authority);
  add(MOQT_IMPLEMENTATION, options.implementation);
  if (!hasRequestStreams(writer.version)) writer.integer(pairs.length);
  writeKeyValues(writer, pairs);
}
