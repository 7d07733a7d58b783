/**
 * The list of relays that are probed: a JSON array of
 * `{id?, name?, url? | endpoints: (URL | {url, insecure?, verify_tls?})[], interval?, insecure?, verify_tls?}`.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import { sessionUrl } from "../../moqt/dial.ts";

/** Most relays of a list. */
const MAX_RELAYS = 1_000;

/** An address of a relay. */
export interface ProbeEndpoint {
  /** Its URL. */
  url: string;
  /** Whether any certificate is taken; undefined: as the command line says. */
  insecure?: boolean;
}

/** A relay to probe. */
export interface ProbeTarget {
  /** Its key in the report. */
  id: string;
  /** What people call it. */
  name: string;
  /** Where it is. */
  endpoints: readonly ProbeEndpoint[];
  /** Seconds between probes of it; undefined: as often as all. */
  intervalSeconds?: number;
}

/** Reads a list. Throws `UsageError` that says which entry is wrong. */
export function parseRelayList(text: string, source: string): ProbeTarget[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${source} is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_RELAYS) {
    throw new UsageError(`${source} is no list of 1 to ${MAX_RELAYS} relays`, {
      hint: 'write [{"id": "mine", "endpoints": ["moqt://localhost:4443"]}]',
    });
  }
  const ids = new Set<string>();
  return list.map((entry, index) => {
    const target = parseRelay(entry, `${source}, relay ${index + 1}`);
    if (ids.has(target.id)) throw new UsageError(`${source}: ${target.id} is there twice`);
    ids.add(target.id);
    return target;
  });
}

function parseRelay(entry: unknown, where: string): ProbeTarget {
  const relay = record(entry, where);
  const listed = relay["endpoints"] ?? [];
  if (!Array.isArray(listed)) throw new UsageError(`${where}: endpoints is no list`);
  const all = listed.length > 0 ? listed : [relay["url"]];
  const waived = insecureOf(relay, where);
  const endpoints = all.map((entry): ProbeEndpoint => {
    const endpoint = typeof entry === "string" ? { url: entry } : record(entry, where);
    const insecure = insecureOf(endpoint, where) ?? waived;
    const url = sessionUrl(text(endpoint["url"], `${where}: url`)).href;
    return { url, ...(insecure === undefined ? {} : { insecure }) };
  });
  const { id, name, interval } = relay;
  const label = name ?? id ?? endpoints[0]!.url;
  return {
    id: text(id ?? label, `${where}: id`),
    name: text(label, `${where}: name`),
    endpoints,
    ...(interval === undefined ? {} : { intervalSeconds: seconds(interval, where) }),
  };
}

/** `insecure`, or `verify_tls` turned round. */
function insecureOf(entry: Record<string, unknown>, where: string): boolean | undefined {
  const { insecure, verify_tls } = entry;
  for (const value of [insecure, verify_tls]) {
    if (value !== undefined && typeof value !== "boolean") {
      throw new UsageError(`${where}: insecure and verify_tls are true or false`);
    }
  }
  if (verify_tls !== undefined) return verify_tls === false;
  return insecure as boolean | undefined;
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new UsageError(`${where} is no object`);
}

function text(value: unknown, where: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new UsageError(`${where} is no text`);
}

function seconds(value: unknown, where: string): number {
  if (typeof value === "number" && value >= 0 && value <= 604_800) return value;
  throw new UsageError(`${where}: interval is no number of seconds`);
}
