/**
 * Parameters that are key-value pairs, of which those nobody knows are ignored: draft-14, section 9.2.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { bytesOf, integerOf, type KeyValue, readKeyValues, writeKeyValues } from "./key_values.ts";
import { type Scope, takes } from "./parameter_scopes.ts";
import { type TrackProperties, trackProperties, trackPropertyPairs } from "./properties.ts";
import type { Reader } from "./reader.ts";
import { decodeToken, encodeToken, type Token } from "./token.ts";
import type { Writer } from "./writer.ts";

/** What drafts with such parameters say of a request in them. */
export interface PairParameters {
  /** Objects may be dropped after this many milliseconds, above 0. */
  deliveryTimeoutMs?: number;
  /** What authorizes the request. */
  tokens?: readonly Token[];
}

const DELIVERY_TIMEOUT = 0x02;
const AUTHORIZATION_TOKEN = 0x03;

/** Most tokens of one message; more close with PROTOCOL_VIOLATION. */
const MAX_TOKENS = 16;
/** Most parameters of one message. */
const MAX_PARAMETERS = 256;

const TIMEOUT_RANGE = [1, Number.MAX_SAFE_INTEGER] as const;

function readPairs(reader: Reader): { tokens: Token[]; others: KeyValue[] } {
  const count = reader.integer();
  if (count > MAX_PARAMETERS) {
    throw violation(`${count} parameters; at most ${MAX_PARAMETERS} are taken`);
  }
  const tokens: Token[] = [];
  const others: KeyValue[] = [];
  for (const pair of readKeyValues(reader, count)) {
    if (pair.type !== AUTHORIZATION_TOKEN) others.push(pair);
    else tokens.push(decodeToken(bytesOf(pair), reader.version));
  }
  if (tokens.length > MAX_TOKENS) {
    throw violation(`${tokens.length} tokens in one message; at most ${MAX_TOKENS} may be`);
  }
  return { tokens, others };
}

/** Reads what is said of a request: the number of parameters, then each. */
export function readPairParameters(reader: Reader, scope: Scope): PairParameters {
  const { tokens, others } = readPairs(reader);
  const timeouts = others.filter(({ type }) => type === DELIVERY_TIMEOUT);
  if (timeouts.length > 1) throw violation("DELIVERY_TIMEOUT is there twice");
  const parameters: PairParameters = {};
  if (tokens.length > 0 && takes(scope, "tokens", reader.version)) parameters.tokens = tokens;
  if (timeouts.length > 0 && takes(scope, "deliveryTimeoutMs", reader.version)) {
    parameters.deliveryTimeoutMs = integerOf(timeouts[0]!, "DELIVERY_TIMEOUT", TIMEOUT_RANGE);
  }
  return parameters;
}

/** Writes the same. */
export function writePairParameters(writer: Writer, parameters: PairParameters): void {
  const { deliveryTimeoutMs, tokens } = parameters;
  if (deliveryTimeoutMs !== undefined && deliveryTimeoutMs < 1) {
    throw new RangeError(`a delivery timeout is above 0 in draft ${writer.version}`);
  }
  writePairs(writer, tokens, [
    ...(deliveryTimeoutMs === undefined
      ? []
      : [{ type: DELIVERY_TIMEOUT, value: BigInt(deliveryTimeoutMs) }]),
  ]);
}

/**
 * Reads what is said of a track. The draft has two durations for that; later drafts' properties come in
 * the same way, as who does not know them ignores them.
 */
export function readPairProperties(
  reader: Reader,
): { parameters: PairParameters; properties: TrackProperties } {
  const { tokens, others } = readPairs(reader);
  return {
    parameters: tokens.length === 0 ? {} : { tokens },
    properties: trackProperties(others, reader.version),
  };
}

/** Writes the same. What parameters cannot say stays behind. */
export function writePairProperties(
  writer: Writer,
  properties: TrackProperties,
  parameters: PairParameters = {},
): void {
  const { groupOrder: _, subgroupTimeoutMs: __, deliveryTimeoutMs = 0, ...others } = properties;
  const said = deliveryTimeoutMs === 0 ? others : { ...others, deliveryTimeoutMs };
  const pairs = trackPropertyPairs(said, writer.version);
  writePairs(writer, parameters.tokens, pairs.filter(({ type }) => type !== AUTHORIZATION_TOKEN));
}

function writePairs(
  writer: Writer,
  tokens: readonly Token[] = [],
  others: readonly KeyValue[],
): void {
  const pairs = [
    ...others,
    ...tokens.map((token) => ({
      type: AUTHORIZATION_TOKEN,
      value: encodeToken(token, writer.version),
    })),
  ];
  writer.integer(pairs.length);
  writeKeyValues(writer, pairs);
}
