/**
 * Parameters of control messages: draft-16, section 9.2.2; draft-18, section 10.2; draft-20, section
 * 10.2. Draft-14 has few of them (section 9.2.1), and says the rest in fields.
 *
 * @module
 */
import { violation } from "../errors.ts";
import { hasKnownParametersOnly, hasStrictScopes, type Version } from "../versions.ts";
import type { SubscriptionFilter } from "./filter.ts";
import type { Location } from "./location.ts";
import { readPairParameters, writePairParameters } from "./pair_parameters.ts";
import { FORMS, hasParameter, parameterOf } from "./parameter_forms.ts";
import { type Scope, takes } from "./parameter_scopes.ts";
import type { RangeFilter } from "./range_filter.ts";
import type { Reader } from "./reader.ts";
import type { Token } from "./token.ts";
import type { Namespace } from "./track_name.ts";
import type { Writer } from "./writer.ts";

/** Which way groups of one subscription or fetch go. */
export type GroupOrder = "ascending" | "descending";

/** Numbers that objects and tracks must have to be sent; an empty list in an update ends that. */
export interface RangeFilters {
  /** Of subgroups' ids; since draft-20. */
  subgroupRanges?: readonly RangeFilter[];
  /** Of objects' ids; since draft-20. */
  objectRanges?: readonly RangeFilter[];
  /** Of publishers' priorities; since draft-20. */
  priorityRanges?: readonly RangeFilter[];
  /** Of objects' properties; since draft-20. */
  objectPropertyRanges?: readonly RangeFilter[];
  /** Of tracks' properties; since draft-20. */
  trackPropertyRanges?: readonly RangeFilter[];
}

/** How what was published before a subscription is to be sent. */
export interface FillParameters extends RangeFilters {
  /** How long to wait for objects that are not at hand, in milliseconds. */
  fillTimeoutMs?: number;
  /** The subscriber's priority, 0 (first) to 255; absent: the subscription's. */
  priority?: number;
  /** Which objects; absent: those of the subscription's filter. */
  filter?: SubscriptionFilter;
  /** Absent: ascending. */
  groupOrder?: GroupOrder;
}

/** What a message may say beside its fields; what is absent has the draft's default. */
export interface Parameters extends RangeFilters {
  /** Objects may be dropped after this many milliseconds; 0: not (drafts before 18 have no 0). */
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
  /** Sends what was published before, too, as a fetch of the same request; since draft-20. */
  fill?: FillParameters;
  /** Asks for a new group: the largest group known plus one, or 0. */
  newGroup?: number;
  /** The new prefix of a namespace subscription; since draft-18. */
  prefix?: Namespace;
  /** Whether the answer tells the track's properties; absent: it does. Since draft-20. */
  includeProperties?: boolean;
}

type Name = keyof Parameters;

/** Most values of one parameter in one message; more close with PROTOCOL_VIOLATION. */
const MAX_VALUES = 16;

/** Reads the parameters of a message: their number, then each. */
export function readParameters(reader: Reader, scope: Scope): Parameters {
  if (!hasKnownParametersOnly(reader.version)) {
    return readPairParameters(reader, scope);
  }
  const parameters: Record<string, unknown> = {};
  const lists = new Map<Name, unknown[]>();
  let before: Name | undefined;
  let type = 0;
  for (let left = reader.integer(); left > 0; left--) {
    type += reader.integer();
    const name = parameterOf(type);
    if (name === undefined || !hasParameter(reader.version, name)) {
      throw violation(`parameter ${type} is not of this draft`);
    }
    const form = FORMS[name];
    if (name === before && form.many !== true) throw violation(`parameter ${type} is there twice`);
    before = name;
    const value = form.read(reader);
    if (!takes(scope, name, reader.version)) {
      if (hasStrictScopes(reader.version)) throw violation(`${scope} takes no parameter ${type}`);
    } else if (form.many !== true) {
      if (!saysNothing(scope, name, value)) parameters[name] = value;
    } else {
      const list = lists.get(name) ?? [];
      lists.set(name, list);
      list.push(...value as unknown[]);
      if (list.length > MAX_VALUES) {
        throw violation(`parameter ${type} is there more than ${MAX_VALUES} times`);
      }
      parameters[name] = list;
    }
  }
  return parameters as Parameters;
}

/** Whether a value is what its absence means: in requests, not in their changes. */
function saysNothing(scope: Scope, name: Name, value: unknown): boolean {
  return name === "filter" && (value as SubscriptionFilter).from === "all" &&
    scope !== "REQUEST_UPDATE" && scope !== "FILL_PARAMETERS" && scope !== "PUBLISH_STATE_NOTIFY";
}

/** Writes the parameters of a message. A `TypeError` for one that it may not carry. */
export function writeParameters(writer: Writer, scope: Scope, parameters: Parameters): void {
  const names = (Object.keys(parameters) as Name[])
    .filter((name) => parameters[name] !== undefined)
    .sort((a, b) => FORMS[a].type - FORMS[b].type);
  for (const name of names) {
    if (!takes(scope, name, writer.version)) {
      throw new TypeError(`${scope} takes no parameter ${name} in draft ${writer.version}`);
    }
    if (!hasParameter(writer.version, name)) {
      throw new TypeError(`draft ${writer.version} has no parameter ${name}`);
    }
  }
  if (!hasKnownParametersOnly(writer.version)) return writePairParameters(writer, parameters);
  const values = names.map((name) => valuesOf(name, parameters));
  writer.integer(values.reduce((sum, list) => sum + list.length, 0));
  let before = 0;
  for (const [index, name] of names.entries()) {
    const { type, write } = FORMS[name];
    for (const value of values[index]!) {
      writer.integer(type - before);
      before = type;
      (write as (writer: Writer, value: unknown) => void)(writer, value);
    }
  }
}

/** What is written for a parameter, each as one; no tokens are none, no ranges say that. */
function valuesOf(name: Name, parameters: Parameters): readonly unknown[] {
  const value = parameters[name];
  if (FORMS[name].many !== true) return [value];
  const list = value as readonly unknown[];
  return list.length === 0 && name !== "tokens" ? [[]] : list.map((item) => [item]);
}

/** Checks that a message carries only what it may, where its number alone did not tell what it is. */
export function checkScope(parameters: Parameters, scope: Scope, version: Version): void {
  for (const name of Object.keys(parameters) as Name[]) {
    if (!takes(scope, name, version)) {
      throw violation(`${scope} takes no parameter ${name}`);
    }
  }
}

export type { Scope } from "./parameter_scopes.ts";
