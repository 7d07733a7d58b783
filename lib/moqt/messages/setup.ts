/**
 * CLIENT_SETUP and SERVER_SETUP (draft-14, section 9.3, with versions; draft-16, section 9.3), which
 * are one SETUP since draft-18 (section 10.3).
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import {
  hasRangeFilters,
  hasRequestStreams,
  hasUpdateCredit,
  hasVersionInSetup,
  type Version,
} from "../versions.ts";
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
  /** Most ranges in the filters of one of the peer's requests; absent: 0. Since draft-20. */
  maxFilterRanges?: number;
  /** Most updates of one request that wait for answers; absent, 0: any number. Since draft-20. */
  maxRequestUpdates?: number;
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
  /** The versions it speaks, as the draft numbers them: draft-14 alone. */
  versions?: readonly number[];
  /** Its options. */
  options: SetupOptions;
}

/** The server's set-up. */
export interface ServerSetup {
  /** SERVER_SETUP. */
  kind: "server-setup";
  /** The version it chose: draft-14 alone. */
  version?: number;
  /** Its options. */
  options: SetupOptions;
}

const PATH = 0x01;
const MAX_REQUEST_ID = 0x02;
const AUTHORIZATION_TOKEN = 0x03;
const MAX_AUTH_TOKEN_CACHE_SIZE = 0x04;
const AUTHORITY = 0x05;
const MOQT_IMPLEMENTATION = 0x07;

const MAX_FILTER_RANGES = 0x06;
const MAX_REQUEST_UPDATES = 0x08;

/** Options that all drafts have. */
const ALWAYS = [
  PATH,
  AUTHORIZATION_TOKEN,
  MAX_AUTH_TOKEN_CACHE_SIZE,
  AUTHORITY,
  MOQT_IMPLEMENTATION,
];

function isKnown(type: number, version: Version): boolean {
  switch (type) {
    case MAX_REQUEST_ID:
      return !hasRequestStreams(version);
    case MAX_FILTER_RANGES:
      return hasRangeFilters(version);
    case MAX_REQUEST_UPDATES:
      return hasUpdateCredit(version);
    default:
      return ALWAYS.includes(type);
  }
}

/** Most versions of one message. */
const MAX_VERSIONS = 64;

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
  read: (reader) => {
    if (!hasVersionInSetup(reader.version)) {
      return { kind: "client-setup", options: readOptions(reader) };
    }
    const count = reader.integer();
    if (count > MAX_VERSIONS) {
      throw violation(`${count} versions are offered; at most ${MAX_VERSIONS} are taken`);
    }
    const versions = Array.from({ length: count }, () => reader.integer());
    return { kind: "client-setup", versions, options: readOptions(reader) };
  },
  write: (writer, { versions, options }) => {
    if (hasVersionInSetup(writer.version)) {
      if (versions === undefined) throw new TypeError("a client's set-up offers versions");
      writer.integer(versions.length);
      for (const version of versions) writer.integer(version);
    }
    writeOptions(writer, options);
  },
};

/** SERVER_SETUP. */
export const serverSetup: MessageCodec<ServerSetup> = {
  type: 0x21,
  has: hasOneStream,
  name: "SERVER_SETUP",
  kind: "server-setup",
  read: (reader) => {
    if (!hasVersionInSetup(reader.version)) {
      return { kind: "server-setup", options: readOptions(reader) };
    }
    return { kind: "server-setup", version: reader.integer(), options: readOptions(reader) };
  },
  write: (writer, { version, options }) => {
    if (hasVersionInSetup(writer.version)) {
      if (version === undefined) throw new TypeError("a server's set-up names a version");
      writer.integer(version);
    }
    writeOptions(writer, options);
  },
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
  for (const pair of pairs) {
    const known = isKnown(pair.type, reader.version);
    if (known && pair.type !== AUTHORIZATION_TOKEN && seen.has(pair.type)) {
      throw violation(`set-up option ${pair.type} is there twice`);
    }
    seen.add(pair.type);
    switch (known ? pair.type : undefined) {
      case PATH:
        options.path = text(pair, "malformed-path");
        break;
      case MAX_REQUEST_ID:
        options.maxRequestId = integerOf(pair, "MAX_REQUEST_ID");
        break;
      case MAX_FILTER_RANGES:
        options.maxFilterRanges = integerOf(pair, "MAX_FILTER_RANGES");
        break;
      case MAX_REQUEST_UPDATES:
        options.maxRequestUpdates = integerOf(pair, "MAX_REQUEST_UPDATES");
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
  const limits: [type: number, value: number | undefined][] = [
    [MAX_REQUEST_ID, options.maxRequestId],
    [MAX_FILTER_RANGES, options.maxFilterRanges],
    [MAX_REQUEST_UPDATES, options.maxRequestUpdates],
  ];
  for (const [type, value] of limits) {
    if (value !== undefined && !isKnown(type, writer.version)) {
      throw new TypeError(`draft ${writer.version} has no set-up option ${type}`);
    }
    add(type, value);
  }
  for (const token of options.tokens ?? []) {
    pairs.push({ type: AUTHORIZATION_TOKEN, value: encodeToken(token, writer.version) });
  }
  add(MAX_AUTH_TOKEN_CACHE_SIZE, options.maxTokenCacheSize);
  add(AUTHORITY, options.authority);
  add(MOQT_IMPLEMENTATION, options.implementation);
  if (!hasRequestStreams(writer.version)) writer.integer(pairs.length);
  writeKeyValues(writer, pairs);
}
