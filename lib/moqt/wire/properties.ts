/**
 * Properties of tracks and objects (draft-18, section 12), which draft-16 calls extension headers
 * (section 11).
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import {
  hasMandatoryProperties,
  hasParametersForFields as hasTrackExtensions,
  hasSubgroupTimeout,
  type Version,
} from "../versions.ts";
import { integerOf, type KeyValue, readKeyValues, writeKeyValues } from "./key_values.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";
import type { GroupOrder } from "./parameters.ts";

/** What a publisher says of a whole track; what is absent has the draft's default. */
export interface TrackProperties {
  /** Objects may be dropped after this many milliseconds; 0: not (draft-16 has no 0). */
  deliveryTimeoutMs?: number;
  /** Subgroups may be cut off so many milliseconds after their end; since draft-18. 0: not. */
  subgroupTimeoutMs?: number;
  /** Caches may serve objects for this many milliseconds. */
  maxCacheDurationMs?: number;
  /** The priority of streams that name none, 0 (first) to 255; absent: 128. */
  defaultPriority?: number;
  /** The order the publisher prefers; absent: ascending. */
  groupOrder?: GroupOrder;
  /** Whether subscribers may ask for new groups. */
  dynamicGroups?: boolean;
  /** All others, as they came. */
  others?: readonly KeyValue[];
}

/** Types of properties that the draft defines. */
export const PROPERTY = {
  deliveryTimeout: 0x02,
  maxCacheDuration: 0x04,
  subgroupTimeout: 0x06,
  immutable: 0x0b,
  defaultPriority: 0x0e,
  groupOrder: 0x22,
  dynamicGroups: 0x30,
  /** On objects: so many groups before this one do not exist. */
  priorGroupGap: 0x3c,
  /** On objects: so many objects before this one do not exist. */
  priorObjectGap: 0x3e,
} as const;

/**
 * What relays must not change: the pairs inside of IMMUTABLE_PROPERTIES (draft-18, section 12.4). Throws
 * a violation where its value is no pairs, or holds another of its kind.
 */
export function immutableProperties(pairs: readonly KeyValue[], version: Version): KeyValue[] {
  const inside: KeyValue[] = [];
  for (const { type, value } of pairs) {
    if (type !== PROPERTY.immutable || typeof value === "bigint") continue;
    inside.push(...readKeyValues(new Reader(value, version)));
  }
  if (inside.some(({ type }) => type === PROPERTY.immutable)) {
    throw violation("immutable properties hold immutable properties");
  }
  return inside;
}

/** The first property of a type, be it immutable or not; undefined: there is none. */
export function findProperty(
  pairs: readonly KeyValue[],
  type: number,
  version: Version,
): KeyValue | undefined {
  const is = (pair: KeyValue) => pair.type === type;
  return pairs.find(is) ?? immutableProperties(pairs, version).find(is);
}

/** What pairs say of a track; what is said immutably, too, counts where it is said so alone. */
export function trackProperties(pairs: readonly KeyValue[], version: Version): TrackProperties {
  const said = mutableTrackProperties(pairs, version);
  if (!hasTrackExtensions(version)) return said;
  const inside = readableInside(pairs, version);
  if (inside.length === 0) return said;
  const { others: _, ...immutable } = mutableTrackProperties(inside, version);
  return { ...immutable, ...said };
}

/** None where they cannot be read: that is the track's fault, not the fault of who passes it on. */
function readableInside(pairs: readonly KeyValue[], version: Version): KeyValue[] {
  try {
    return immutableProperties(pairs, version);
  } catch (error) {
    if (error instanceof MoqtViolation) return [];
    throw error;
  }
}

function mutableTrackProperties(pairs: readonly KeyValue[], version: Version): TrackProperties {
  const properties: TrackProperties = {};
  const others: KeyValue[] = [];
  for (const pair of pairs) {
    switch (pair.type) {
      case PROPERTY.deliveryTimeout:
        properties.deliveryTimeoutMs = integerOf(pair, "DELIVERY_TIMEOUT", [
          hasSubgroupTimeout(version) ? 0 : 1,
          Number.MAX_SAFE_INTEGER,
        ]);
        break;
      case PROPERTY.subgroupTimeout:
        if (hasSubgroupTimeout(version)) {
          properties.subgroupTimeoutMs = integerOf(pair, "SUBGROUP_DELIVERY_TIMEOUT");
        } else others.push(pair);
        break;
      case PROPERTY.maxCacheDuration:
        properties.maxCacheDurationMs = integerOf(pair, "MAX_CACHE_DURATION");
        break;
      case PROPERTY.defaultPriority:
        properties.defaultPriority = integerOf(pair, "DEFAULT_PUBLISHER_PRIORITY", [0, 255]);
        break;
      case PROPERTY.groupOrder:
        properties.groupOrder = integerOf(pair, "DEFAULT_PUBLISHER_GROUP_ORDER", [1, 2]) === 1
          ? "ascending"
          : "descending";
        break;
      case PROPERTY.dynamicGroups:
        properties.dynamicGroups = integerOf(pair, "DYNAMIC_GROUPS", [0, 1]) === 1;
        break;
      default:
        others.push(
          typeof pair.value === "bigint" ? pair : { type: pair.type, value: pair.value.slice() },
        );
    }
  }
  if (others.length > 0) properties.others = others;
  return properties;
}

/** The pairs that say it. */
export function trackPropertyPairs(properties: TrackProperties, version: Version): KeyValue[] {
  const { deliveryTimeoutMs, maxCacheDurationMs, defaultPriority, groupOrder, dynamicGroups } =
    properties;
  const pairs: KeyValue[] = [...properties.others ?? []];
  const inside = hasTrackExtensions(version) ? readableInside(pairs, version) : [];
  const add = (type: number, value: number | undefined, most = Number.MAX_SAFE_INTEGER) => {
    if (value === undefined) return;
    const isSaid = inside.some((pair) => pair.type === type && pair.value === BigInt(value));
    if (isSaid) return;
    if (!Number.isInteger(value) || value < 0 || value > most) {
      throw new RangeError(`track property ${type} is ${value}; 0 to ${most} may be`);
    }
    pairs.push({ type, value: BigInt(value) });
  };
  if (deliveryTimeoutMs === 0 && !hasSubgroupTimeout(version)) {
    throw new RangeError(`a delivery timeout is above 0 in draft ${version}`);
  }
  if (properties.subgroupTimeoutMs !== undefined && !hasSubgroupTimeout(version)) {
    throw new TypeError(`draft ${version} has no track property subgroupTimeoutMs`);
  }
  add(PROPERTY.subgroupTimeout, properties.subgroupTimeoutMs);
  add(PROPERTY.deliveryTimeout, deliveryTimeoutMs);
  add(PROPERTY.maxCacheDuration, maxCacheDurationMs);
  add(PROPERTY.defaultPriority, defaultPriority, 255);
  add(PROPERTY.groupOrder, groupOrder && (groupOrder === "ascending" ? 1 : 2));
  add(PROPERTY.dynamicGroups, dynamicGroups === undefined ? undefined : Number(dynamicGroups));
  return pairs;
}

/** Reads what is said of a track: all that is left. */
export function readTrackProperties(reader: Reader): TrackProperties {
  return trackProperties(readKeyValues(reader), reader.version);
}

/** Writes what is said of a track. */
export function writeTrackProperties(writer: Writer, properties: TrackProperties): void {
  writeKeyValues(writer, trackPropertyPairs(properties, writer.version));
}

/** Types whose tracks must not be taken by who does not know them: draft-18, section 2.5.1. */
const MANDATORY = [0x4000, 0x7fff] as const;

/**
 * The first property of a track that must be known here, and is not. Throws a violation where the
 * immutable ones cannot be read: the track is malformed.
 */
export function unknownMandatory(
  properties: TrackProperties,
  version: Version,
): number | undefined {
  const { others } = properties;
  if (others === undefined || !hasMandatoryProperties(version)) return undefined;
  return [...others, ...immutableProperties(others, version)]
    .find(({ type }) => type >= MANDATORY[0] && type <= MANDATORY[1])?.type;
}
