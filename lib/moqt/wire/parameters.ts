/**
 * Parameters of control messages: draft-16, section 9.2.2; draft-18, section 10.2.
 *
 * @module
 */
import { violation } from "../errors.ts";
import {
  hasStrictScopes,
  hasSubgroupTimeout,
  hasSubscribeTracks,
  hasTypedParameters,
} from "../versions.ts";
import type { Version } from "../versions.ts";
import { decodeFilter, encodeFilter, type SubscriptionFilter } from "./filter.ts";
import { formatted, MAX_VALUE_BYTES } from "./key_values.ts";
import { type Location, readLocation, writeLocation } from "./location.ts";
import { Reader } from "./reader.ts";
import { decodeToken, encodeToken, type Token } from "./token.ts";
import { type Namespace, readNamespace, writeNamespace } from "./track_name.ts";
import { Writer } from "./writer.ts";

/** Which way groups of one subscription or fetch go. */
export type GroupOrder = "ascending" | "descending";

/** What a message may say beside its fields; what is absent has the draft's default. */
export interface Parameters {
  /** Objects may be dropped after this many milliseconds; 0: not (draft-16 has no 0). */
  deliveryTimeoutMs?: number;
  /** Subgroups may be cut off so many milliseconds after their end; since draft-18. 0: not. */
  subgroupTimeoutMs?: number;
  /** How long to wait for a publisher, in milliseconds; since draft-18. */
  rendezvousTimeoutMs?: number;
  /** How long a fetch may wait for objects that are not at hand, in milliseconds; since draft-18. */
  fillTimeoutMs?: number;
  /** What authorizes the request; the values differ from each other. */
  tokens?: readonly Token[];
  /** The sender ends the subscription after this many milliseconds; 0: not, or at an unknown time. */
  expiresMs?: number;
  /** The largest location published; absent: none was. */
  largest?: Location;
  /** Whether objects are sent; absent: they are. */
  forward?: boolean;
  /** The subscriber's priority, 0 (first) to 255; absent: 128. */
  priority?: number;
  /** Which objects; absent: all that are published from now on. */
  filter?: SubscriptionFilter;
  /** Absent: as the publisher prefers; for FETCH ascending. */
  groupOrder?: GroupOrder;
  /** Asks for a new group: the largest group known plus one, or 0. */
  newGroup?: number;
  /** The new prefix of a namespace subscription; since draft-18. */
  prefix?: Namespace;
}

type Name = keyof Parameters;

const TIMEOUTS: readonly Name[] = ["deliveryTimeoutMs", "subgroupTimeoutMs"];
const SUBSCRIPTION: readonly Name[] = [...TIMEOUTS, "forward", "priority", "filter", "newGroup"];

/** The parameters each message may carry. */
export const SCOPES = {
  SUBSCRIBE: [...SUBSCRIPTION, "tokens", "groupOrder", "rendezvousTimeoutMs"],
  SUBSCRIBE_OK: ["expiresMs", "largest"],
  REQUEST_UPDATE: [...SUBSCRIPTION, "tokens", "prefix"],
  PUBLISH: ["tokens", "expiresMs", "largest", "forward"],
  PUBLISH_OK: [...SUBSCRIPTION, "expiresMs", "groupOrder"],
  FETCH: ["tokens", "priority", "groupOrder", "fillTimeoutMs"],
  FETCH_OK: [],
  TRACK_STATUS: ["tokens"],
  REQUEST_OK: ["expiresMs", "largest"],
  PUBLISH_NAMESPACE: ["tokens"],
  SUBSCRIBE_NAMESPACE: ["tokens", "forward"],
  /** Any answer that has REQUEST_OK's number where requests have streams of their own. */
  ANY_OK: [...SUBSCRIPTION, "expiresMs", "groupOrder", "largest"],
} as const satisfies Record<string, readonly Name[]>;

/** A message that has parameters. */
export type Scope = keyof typeof SCOPES;

interface Form<T> {
  type: number;
  /** Whether the draft has it. */
  since?(version: Version): boolean;
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
}

type Range = readonly [least: number, most: number];

function inRange(value: number, what: string, [least, most]: Range): number {
  if (value >= least && value <= most) return value;
  throw violation(`${what} is ${value}; ${least} to ${most} may be`);
}

function checked(value: number, what: string, [least, most]: Range): number {
  if (value >= least && value <= most) return value;
  throw new RangeError(`${what} is ${value}; ${least} to ${most} may be`);
}

function integer(type: number, since?: (version: Version) => boolean): Form<number> {
  return {
    type,
    ...(since === undefined ? {} : { since }),
    read: (reader) => reader.integer(),
    write: (writer, value) => void writer.integer(value),
  };
}

/** A byte where parameters have forms of their own, an integer where they are key-value pairs. */
function small<T>(
  type: number,
  what: string,
  range: Range,
  from: (value: number) => T,
  to: (value: T) => number,
): Form<T> {
  return {
    type,
    read: (reader) => {
      const value = hasTypedParameters(reader.version) ? reader.byte() : reader.integer();
      return from(inRange(value, what, range));
    },
    write: (writer, value) => {
      const number = checked(to(value), what, range);
      if (hasTypedParameters(writer.version)) writer.byte(number);
      else writer.integer(number);
    },
  };
}

/** Bytes after their length, which hold one thing. */
function sized<T>(reader: Reader, what: string, read: (inner: Reader) => T): T {
  const inner = new Reader(reader.sized(MAX_VALUE_BYTES, what), reader.version);
  const value = read(inner);
  inner.end(what);
  return value;
}

const DELIVERY_TIMEOUT: Range = [1, Number.MAX_SAFE_INTEGER];

const FORMS: { [K in keyof Required<Parameters>]: Form<Required<Parameters>[K]> } = {
  deliveryTimeoutMs: {
    type: 0x02,
    read: (reader) => {
      const value = reader.integer();
      if (hasSubgroupTimeout(reader.version)) return value;
      return inRange(value, "DELIVERY_TIMEOUT", DELIVERY_TIMEOUT);
    },
    write: (writer, value) => {
      if (!hasSubgroupTimeout(writer.version)) checked(value, "DELIVERY_TIMEOUT", DELIVERY_TIMEOUT);
      writer.integer(value);
    },
  },
  tokens: {
    type: 0x03,
    read: (reader) => [
      decodeToken(reader.sized(MAX_VALUE_BYTES, "a token"), reader.version),
    ],
    write: (writer, [token]) => {
      const bytes = encodeToken(token!, writer.version);
      writer.sized(bytes, MAX_VALUE_BYTES, "a token");
    },
  },
  rendezvousTimeoutMs: integer(0x04, hasTypedParameters),
  subgroupTimeoutMs: integer(0x06, hasSubgroupTimeout),
  expiresMs: integer(0x08),
  largest: {
    type: 0x09,
    read: (reader) =>
      hasTypedParameters(reader.version)
        ? readLocation(reader)
        : formatted("LARGEST_OBJECT", () => sized(reader, "LARGEST_OBJECT", readLocation)),
    write: (writer, value) => {
      if (hasTypedParameters(writer.version)) return writeLocation(writer, value);
      const inner = new Writer(writer.version);
      writeLocation(inner, value);
      writer.sized(inner.finish(), MAX_VALUE_BYTES, "LARGEST_OBJECT");
    },
  },
  fillTimeoutMs: integer(0x0a, hasTypedParameters),
  forward: small(0x10, "FORWARD", [0, 1], (value) => value === 1, Number),
  priority: small(0x20, "SUBSCRIBER_PRIORITY", [0, 255], (value) => value, Number),
  filter: {
    type: 0x21,
    read: (reader) => {
      const bytes = reader.sized(MAX_VALUE_BYTES, "a subscription filter");
      return decodeFilter(bytes, reader.version);
    },
    write: (writer, value) => {
      const bytes = encodeFilter(value, writer.version);
      writer.sized(bytes, MAX_VALUE_BYTES, "a subscription filter");
    },
  },
  groupOrder: small(
    0x22,
    "GROUP_ORDER",
    [1, 2],
    (value) => value === 1 ? "ascending" : "descending",
    (value) => value === "ascending" ? 1 : 2,
  ),
  newGroup: integer(0x32),
  prefix: {
    type: 0x34,
    since: hasSubscribeTracks,
    read: (reader) => readNamespace(reader, 0),
    write: (writer, value) => writeNamespace(writer, value, 0),
  },
};

const BY_TYPE = new Map(
  (Object.keys(FORMS) as Name[]).map((name) => [FORMS[name].type, name]),
);

/** Most tokens of one message; more close with PROTOCOL_VIOLATION. */
const MAX_TOKENS = 16;

function hasParameter(version: Version, name: Name): boolean {
  return FORMS[name].since?.(version) ?? true;
}

/** Reads the parameters of a message: their number, then each. */
export function readParameters(reader: Reader, scope: Scope): Parameters {
  const parameters: Record<string, unknown> = {};
  const tokens: Token[] = [];
  let before: Name | undefined;
  let type = 0;
  for (let left = reader.integer(); left > 0; left--) {
    type += reader.integer();
    const name = BY_TYPE.get(type);
    if (name === undefined || !hasParameter(reader.version, name)) {
      throw violation(`parameter ${type} is not of this draft`);
    }
    if (name === before && name !== "tokens") throw violation(`parameter ${type} is there twice`);
    before = name;
    const value = FORMS[name].read(reader);
    if (!(SCOPES[scope] as readonly string[]).includes(name)) {
      if (hasStrictScopes(reader.version)) throw violation(`${scope} takes no parameter ${type}`);
    } else if (name === "tokens") tokens.push(...value as Token[]);
    else parameters[name] = value;
  }
  if (tokens.length > MAX_TOKENS) {
    throw violation(`${tokens.length} tokens in one message; at most ${MAX_TOKENS} may be`);
  }
  if (tokens.length > 0) parameters.tokens = tokens;
  return parameters as Parameters;
}

/** Writes the parameters of a message. A `TypeError` for one that it may not carry. */
export function writeParameters(writer: Writer, scope: Scope, parameters: Parameters): void {
  const names = (Object.keys(parameters) as Name[])
    .filter((name) => parameters[name] !== undefined)
    .sort((a, b) => FORMS[a].type - FORMS[b].type);
  const tokens = parameters.tokens;
  writer.integer(names.length + (tokens === undefined ? 0 : tokens.length - 1));
  let before = 0;
  for (const name of names) {
    if (!(SCOPES[scope] as readonly string[]).includes(name)) {
      throw new TypeError(`${scope} takes no parameter ${name}`);
    }
    if (!hasParameter(writer.version, name)) {
      throw new TypeError(`draft ${writer.version} has no parameter ${name}`);
    }
    const form = FORMS[name] as Form<unknown>;
    const values = name === "tokens" ? tokens!.map((token) => [token]) : [
      parameters[name],
    ];
    for (const value of values) {
      writer.integer(form.type - before);
      before = form.type;
      form.write(writer, value);
    }
  }
}

/** Checks that a message carries only what it may, where its number alone did not tell what it is. */
export function checkScope(parameters: Parameters, scope: Scope): void {
  for (const name of Object.keys(parameters)) {
    if (!(SCOPES[scope] as readonly string[]).includes(name)) {
      throw violation(`${scope} takes no parameter ${name}`);
    }
  }
}
