/**
 * CLIENT_SETUP and SERVER_SETUP, in the form of draft-ietf-moq-transport-14, sections 9.3.1 and 9.3.2:
 * a type, two bytes of length, versions, then key-value pairs, whose values are an integer where the
 * key is even, else bytes.
 *
 * @module
 */
import { violation } from "../../errors.ts";
import type { Reader } from "../../wire/reader.ts";
import type { Writer } from "../../wire/writer.ts";
import { liteWriter, wholly } from "./wire.ts";

/** The type of a client's set-up. */
export const CLIENT_SETUP = 0x20;
/** The type of a server's. */
export const SERVER_SETUP = 0x21;

/** Most versions a client may offer. */
const MAX_VERSIONS = 64;
/** Most parameters there may be. */
const MAX_PARAMETERS = 64;
/** Most bytes of one parameter. */
const MAX_PARAMETER_BYTES = 4096;
/** Most bytes of a set-up: its length has two. */
const MAX_SETUP_BYTES = 0xffff;

const PATH = 1n;
const MAX_REQUEST_ID = 2n;
const IMPLEMENTATION = 7n;

/** What either side says of itself. moq-lite uses none of it. */
export interface LiteSetupOptions {
  /** The path of the URI. */
  path?: string;
  /** Name and version of the program. */
  implementation?: string;
  /** Where the peer speaks MoQT instead: the requests it may make. */
  maxRequestId?: number;
}

/** What a client says. */
export interface LiteClientSetup {
  /** Versions it speaks, the preferred one first. */
  versions: readonly number[];
  /** What else it says. */
  options: LiteSetupOptions;
}

/** What a server answers. */
export interface LiteServerSetup {
  /** The version that is spoken. */
  version: number;
  /** What else it says. */
  options: LiteSetupOptions;
}

/** Writes a client's set-up. */
export function encodeClientSetup(setup: LiteClientSetup): Uint8Array<ArrayBuffer> {
  const body = liteWriter().integer(setup.versions.length);
  for (const version of setup.versions) body.integer(version);
  return framed(CLIENT_SETUP, writeOptions(body, setup.options));
}

/** Writes a server's set-up. */
export function encodeServerSetup(setup: LiteServerSetup): Uint8Array<ArrayBuffer> {
  return framed(SERVER_SETUP, writeOptions(liteWriter().integer(setup.version), setup.options));
}

function framed(type: number, body: Writer): Uint8Array<ArrayBuffer> {
  const { length } = body;
  if (length > MAX_SETUP_BYTES) throw new RangeError(`a set-up has ${length} bytes: too many`);
  return liteWriter().integer(type).byte(length >> 8).byte(length & 0xff).bytes(body.finish())
    .finish();
}

function writeOptions(body: Writer, options: LiteSetupOptions): Writer {
  const { path, implementation, maxRequestId } = options;
  const given = [path, implementation, maxRequestId].filter((option) => option !== undefined);
  body.integer(given.length);
  if (path !== undefined) body.integer(PATH).text(path, MAX_PARAMETER_BYTES, "a path");
  if (maxRequestId !== undefined) body.integer(MAX_REQUEST_ID).integer(maxRequestId);
  if (implementation !== undefined) {
    body.integer(IMPLEMENTATION).text(implementation, MAX_PARAMETER_BYTES, "an implementation");
  }
  return body;
}

/** Reads a client's set-up without its type and length. Throws a violation. */
export function decodeClientSetup(body: Uint8Array): LiteClientSetup {
  return wholly(body, "CLIENT_SETUP", (reader) => {
    const count = reader.integer();
    if (count > MAX_VERSIONS) {
      throw violation(`a client offers ${count} versions; at most ${MAX_VERSIONS} may be`);
    }
    const versions: number[] = [];
    for (let i = 0; i < count; i++) versions.push(reader.integer());
    return { versions, options: readOptions(reader) };
  });
}

/** Reads a server's set-up without its type and length. Throws a violation. */
export function decodeServerSetup(body: Uint8Array): LiteServerSetup {
  return wholly(body, "SERVER_SETUP", (reader) => {
    const version = reader.integer();
    return { version, options: readOptions(reader) };
  });
}

function readOptions(reader: Reader): LiteSetupOptions {
  const count = reader.integer();
  if (count > MAX_PARAMETERS) {
    throw violation(`a set-up has ${count} parameters; at most ${MAX_PARAMETERS} may be`);
  }
  const options: LiteSetupOptions = {};
  for (let i = 0; i < count; i++) {
    const key = reader.bigInteger();
    if (key === PATH) options.path = reader.text(MAX_PARAMETER_BYTES, "a path");
    else if (key === IMPLEMENTATION) {
      options.implementation = reader.text(MAX_PARAMETER_BYTES, "an implementation");
    } else if (key === MAX_REQUEST_ID) {
      const id = reader.bigInteger();
      if (id <= BigInt(Number.MAX_SAFE_INTEGER)) options.maxRequestId = Number(id);
    } else if (key % 2n === 0n) reader.bigInteger();
    else reader.sized(MAX_PARAMETER_BYTES, "a parameter");
  }
  return options;
}
