/**
 * Fetches of what comes before a subscription.
 *
 * @module
 */
import { type FetchRange, isBefore } from "../messages/fetch.ts";
import { hasFill, type Version } from "../versions.ts";
import type { Subscription } from "./subscription.ts";

/** From so many groups before a subscription's largest, or from a group. */
export type JoinFrom = { groupsBack: number } | { group: number };

/** What a fetch asks for that joins a subscription. A `TypeError` where that is too early to ask. */
export function joinRange(
  subscription: Subscription,
  from: JoinFrom,
  version: Version,
): FetchRange {
  if (hasFill(version)) return joinedRange(subscription, from);
  const joiningRequestId = subscription.requestId;
  if (joiningRequestId === undefined) {
    throw new TypeError("the subscription was not asked for yet: await its ready first");
  }
  return "group" in from
    ? { by: "absolute-join", joiningRequestId, group: from.group }
    : { by: "relative-join", joiningRequestId, groups: from.groupsBack };
}

/** What comes before a subscription, where fetches do not join: draft-20, section 5.1.6. */
function joinedRange(
  { info, track }: Subscription,
  from: JoinFrom,
): FetchRange {
  if (info === undefined) {
    throw new TypeError("the subscription was not agreed to yet: await its ready first");
  }
  const { largest } = info.parameters;
  const group = "group" in from ? from.group : (largest?.group ?? 0) - from.groupsBack;
  const start = { group: Math.max(0, group), object: 0 };
  // Without objects there is nothing to ask for, which the publisher says.
  if (largest === undefined) return { by: "filter", track, filter: { from: "start", start } };
  const end = { group: largest.group, object: largest.object + 1 };
  return isBefore(end, start)
    ? { by: "filter", track, filter: { from: "start", start } }
    : { by: "range", track, start, end };
}
