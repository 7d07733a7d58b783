/**
 * Which parameters each message may carry: draft-14, section 9.2.1; draft-16, section 9.2.2; draft-18
 * and draft-20, section 10.2.
 *
 * @module
 */
import {
  hasLocationFilters,
  hasPublishOkParameters,
  hasSubscribeTracks,
  NEWEST,
  type Version,
} from "../versions.ts";
import type { Parameters } from "./parameters.ts";

type Name = keyof Parameters;

const TIMEOUTS: readonly Name[] = ["deliveryTimeoutMs", "subgroupTimeoutMs"];
const SUBSCRIPTION: readonly Name[] = [...TIMEOUTS, "forward", "priority", "filter", "newGroup"];

const BEFORE_20 = {
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
  /** Also SUBSCRIBE_TRACKS, where that is a message of its own. */
  SUBSCRIBE_NAMESPACE: ["tokens", "forward"],
  /** Any answer that has REQUEST_OK's number where requests have streams of their own. */
  ANY_OK: [...SUBSCRIPTION, "expiresMs", "groupOrder", "largest"],
} as const satisfies Record<string, readonly Name[]>;

/** A message that has parameters. */
export type Scope = keyof typeof BEFORE_20;

const RANGES: readonly Name[] = [
  "subgroupRanges",
  "objectRanges",
  "priorityRanges",
  "objectPropertyRanges",
];

const SUBSCRIBE_20: readonly Name[] = [
  ...BEFORE_20.SUBSCRIBE,
  ...RANGES,
  "fill",
  "includeProperties",
];

const SINCE_20: Readonly<Record<Scope, readonly Name[]>> = {
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
export function scopeOf(scope: Scope, version: Version = NEWEST): readonly Name[] {
  return hasLocationFilters(version) ? SINCE_20[scope] : BEFORE_20[scope];
}

/** Whether a message may carry a parameter. */
export function takes(scope: Scope, name: Name, version: Version): boolean {
  return scopeOf(scope, version).includes(name);
}

/** What an update may change of a request, by its kind; undefined: the draft does not say. */
export function updateScope(kind: string, version: Version): readonly Name[] | undefined {
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

/** Whether namespaces' subscriptions may name another prefix in an update. */
export const hasPrefixUpdate: (version: Version) => boolean = hasSubscribeTracks;
