/**
 * How a track that is offered is sent at first.
 *
 * @module
 */
import type { Version } from "../versions.ts";
import { type ParameterName, scopeOf } from "../wire/parameter_scopes.ts";
import type { Parameters } from "../wire/parameters.ts";
import type { PublishOptions } from "../session/options.ts";

/** What of a request for the tracks below a prefix is said of each of them. */
const OF_TRACKS: readonly ParameterName[] = [
  "deliveryTimeoutMs",
  "subgroupTimeoutMs",
  "forward",
  "priority",
  "filter",
  "groupOrder",
  "subgroupRanges",
  "objectRanges",
  "priorityRanges",
  "objectPropertyRanges",
  "trackPropertyRanges",
];

function only(parameters: Parameters, names: readonly ParameterName[]): Parameters {
  const kept = Object.entries(parameters).filter(([name]) => names.includes(name as ParameterName));
  return Object.fromEntries(kept);
}

/** What the subscriber wants as far as is known, and what of it and of the track PUBLISH tells. */
export function publishParameters(
  { asked = {}, parameters = {} }: PublishOptions,
  version: Version,
): { wanted: Parameters; told: Parameters } {
  const wanted = { ...only(asked, OF_TRACKS), ...only(parameters, ["forward"]) };
  return { wanted, told: { ...only(wanted, scopeOf("PUBLISH", version)), ...parameters } };
}
