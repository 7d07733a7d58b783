/**
 * Which parameters each message may carry: draft-14, section 9.2.1; draft-16, section 9.2.2; draft-18
 * and draft-20, section 10.2.
 *
 * @module
 */
import { hasLocationFilters, hasPublishOkParameters, NEWEST, type Version } from "../versions.ts";
import type { Parameters } from "./parameters.ts";

/** A parameter. */
export type ParameterName = keyof Parameters;

/** A message that has parameters, or several that have the same. */
export type Scope =
  | "SUBSCRIBE"
  | "SUBSCRIBE_OK"
  | "REQUEST_UPDATE"
  | "PUBLISH"
  | "PUBLISH_OK"
  | "PUBLISH_STATE_NOTIFY"
  | "FETCH"
  | "FETCH_OK"
  | "FILL_PARAMETERS"
  | "TRACK_STATUS"
  | "REQUEST_OK"
  | "PUBLISH_NAMESPACE"
  /** Also SUBSCRIBE_TRACKS, where that is a message of its own. */
  | "SUBSCRIBE_NAMESPACE"
  /** Any answer that has REQUEST_OK's number where requests have streams of their own. */
  | "ANY_OK";

type Scopes = Readonly<Record<Scope, readonly ParameterName[]>>;

const TIMEOUTS: readonly ParameterName[] = ["deliveryTimeoutMs", "subgroupTimeoutMs"];
const SUBSCRIPTION: readonly ParameterName[] = [
  ...TIMEOUTS,
  "forward",
  "priority",
  "filter",
  "newGroup",
];

const BEFORE_20: Scopes = {
  SUBSCRIBE: [...SUBSCRIPTION, "tokens", "groupOrder", "rendezvousTimeoutMs"],
  SUBSCRIBE_OK: ["expiresMs", "largest"],
  REQUEST_UPDATE: [...SUBSCRIPTION, "tokens", "prefix"],
  PUBLISH: ["tokens", "expiresMs", "largest", "forward"],
  PUBLISH_OK: [...SUBSCRIPTION, "expiresMs", "groupOrder"],
  PUBLISH_STATE_NOTIFY: [],
  FETCH: ["tokens", "priority", "groupOrder", "fillTimeoutMs"],
  FETCH_OK: [],
  FILL_PARAMETERS: [],
  TRACK_STATUS: ["tokens"],
  REQUEST_OK: ["expiresMs", "largest"],
  PUBLISH_NAMESPACE: ["tokens"],
  SUBSCRIBE_NAMESPACE: ["tokens", "forward"],
  ANY_OK: [...SUBSCRIPTION, "expiresMs", "groupOrder", "largest"],
};

const RANGES: readonly ParameterName[] = [
  "subgroupRanges",
  "objectRanges",
  "priorityRanges",
  "objectPropertyRanges",
];

const SUBSCRIBE_20: readonly ParameterName[] = [
  ...BEFORE_20.SUBSCRIBE,
  ...RANGES,
  "fill",
  "includeProperties",
];

const SINCE_20: Scopes = {
  ...BEFORE_20,
  SUBSCRIBE: SUBSCRIBE_20,
  REQUEST_UPDATE: [...BEFORE_20.REQUEST_UPDATE, ...RANGES, "fill", "trackPropertyRanges"],
  PUBLISH: [...BEFORE_20.PUBLISH, ...TIMEOUTS, "priority", "filter", "groupOrder"],
  PUBLISH_OK: ["expiresMs"],
  PUBLISH_STATE_NOTIFY: ["largest", "forward", "filter"],
  FETCH: [...BEFORE_20.FETCH, ...RANGES, "filter", "includeProperties"],
  FILL_PARAMETERS: [...RANGES, "fillTimeoutMs", "priority", "filter", "groupOrder"],
  TRACK_STATUS: ["tokens", "includeProperties"],
  SUBSCRIBE_NAMESPACE: [...SUBSCRIBE_20, "trackPropertyRanges"],
  ANY_OK: BEFORE_20.REQUEST_OK,
};

/** The parameters a message may carry. */
export function scopeOf(scope: Scope, version: Version = NEWEST): readonly ParameterName[] {
  return hasLocationFilters(version) ? SINCE_20[scope] : BEFORE_20[scope];
}

/** Whether a message may carry a parameter. */
export function takes(scope: Scope, name: ParameterName, version: Version): boolean {
  return scopeOf(scope, version).includes(name);
}

/** What an update may change of a request, by its kind; undefined: the draft does not say. */
export function updateScope(kind: string, version: Version): readonly ParameterName[] | undefined {
  if (hasPublishOkParameters(version)) return undefined;
  switch (kind) {
    case "fetch":
      return ["tokens", "priority"];
    case "publish-namespace":
      return ["tokens"];
    case "subscribe-namespace":
      return ["tokens", "prefix"];
    case "subscribe-tracks":
      return ["tokens", "prefix", "forward", "trackPropertyRanges"];
    default:
      return SINCE_20.REQUEST_UPDATE.filter((name) =>
        name !== "prefix" && name !== "trackPropertyRanges"
      );
  }
}
