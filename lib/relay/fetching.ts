/**
 * Objects of the past: from what is held, and else from the publisher.
 *
 * @module
 */
import type { FetchItem, FetchObject } from "../moqt/data/fetch.ts";
import { encodeSubgroupHeader, SubgroupParser } from "../moqt/data/subgroup.ts";
import { RequestError } from "../moqt/errors.ts";
import { isBefore } from "../moqt/messages/fetch.ts";
import type { FetchAnswer } from "../moqt/session/fetch.ts";
import type { IncomingFetch } from "../moqt/session/incoming.ts";
import { NEWEST } from "../moqt/versions.ts";
import { compareLocations, type Location } from "../moqt/wire/location.ts";
import { rewriterOf } from "./framing.ts";
import type { Group } from "./group.ts";
import type { RelaySession } from "./session.ts";
import type { StreamLog } from "./stream_log.ts";
import type { RelayTrack } from "./track.ts";

const DEFAULT_PRIORITY = 128;

/** Answers from what is held; undefined where that is not all. */
export function fetchHeld(track: RelayTrack, request: IncomingFetch): FetchAnswer | undefined {
  const { start, parameters, signal } = request;
  const { largest } = track;
  if (largest === undefined || isBefore(request.end, start)) return undefined;
  const last: Location = { group: largest.group, object: largest.object + 1 };
  const whole = request.end.object === 0;
  const beyond = whole ? request.end.group >= last.group : compareLocations(request.end, last) >= 0;
  const end = beyond ? last : request.end;
  const groups = track.holdings.covered(start.group, end.group);
  if (groups === undefined) return undefined;
  if (parameters.groupOrder === "descending") groups.reverse();
  const priority = track.properties.defaultPriority ?? DEFAULT_PRIORITY;
  return {
    end,
    properties: track.properties,
    items: read(groups, { start, end, priority, signal }),
  };
}

/** Asks publishers, one after another. Throws a `RequestError`. */
export async function fetchFrom(
  sessions: Iterable<RelaySession>,
  request: IncomingFetch,
): Promise<FetchAnswer> {
  const { track, start, end, parameters, signal } = request;
  let refusal: unknown;
  for (const session of sessions) {
    const { groupOrder, priority } = parameters;
    const fetched = session.fetch?.({ track, start, end }, {
      signal,
      parameters: {
        ...(groupOrder === undefined ? {} : { groupOrder }),
        ...(priority === undefined ? {} : { priority }),
      },
    });
    if (fetched === undefined) continue;
    const stop = () => void fetched.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      return { ...await fetched.ready, items: fetched };
    } catch (error) {
      refusal = error;
      signal.removeEventListener("abort", stop);
      if (signal.aborted) break;
    }
  }
  throw refusal ?? new RequestError("does-not-exist", "nobody publishes this track here");
}

interface Range {
  start: Location;
  end: Location;
  priority: number;
  signal: AbortSignal;
}

async function* read(groups: Group[], range: Range): AsyncGenerator<FetchItem, void, undefined> {
  for (const group of groups) {
    const { start, end } = range;
    const from = group.id === start.group ? start.object : 0;
    const to = group.id === end.group && end.object > 0 ? end.object : Infinity;
    for await (const object of readGroup(group, range)) {
      if (object.id >= to) break;
      if (object.id >= from) yield object;
    }
  }
}

/** The objects of a group in order, of all its streams and datagrams as they are at the beginning. */
async function* readGroup(
  group: Group,
  range: Range,
): AsyncGenerator<FetchObject, void, undefined> {
  const sources: AsyncIterator<FetchObject>[] = group.logs.map((log) => readLog(log, range));
  sources.push(datagramsOf(group, range));
  const heads = await Promise.all(sources.map((source) => source.next()));
  let before = -1;
  while (true) {
    let best = -1;
    heads.forEach((head, index) => {
      if (head.done === true) return;
      if (best < 0 || head.value.id < (heads[best]!.value as FetchObject).id) best = index;
    });
    if (best < 0) return;
    const object = heads[best]!.value as FetchObject;
    if (object.id > before) yield object;
    before = object.id;
    heads[best] = await sources[best]!.next();
  }
}

async function* datagramsOf(
  group: Group,
  { priority }: Range,
): AsyncGenerator<FetchObject, void, undefined> {
  const objects = group.datagrams.toSorted((a, b) => a.id - b.id);
  for (const object of objects) {
    if (object.status !== "normal") continue;
    yield {
      kind: "object",
      group: object.group,
      id: object.id,
      priority: object.priority ?? priority,
      ...(object.properties === undefined ? {} : { properties: object.properties }),
      payload: object.payload,
    };
  }
}

/** The objects of a stream up to the last one that began to come before now. */
async function* readLog(
  log: StreamLog,
  { priority, signal }: Range,
): AsyncGenerator<FetchObject, void, undefined> {
  const { header } = log;
  const version = log.version === "lite" ? NEWEST : log.version;
  const rewriter = log.version === version
    ? undefined
    : rewriterOf(log.version, version, header.hasProperties);
  const last = log.length === 0 ? -1 : log.at(log.length - 1)?.lastId ?? -1;
  if (last < 0) return;
  const parser = new SubgroupParser(version);
  parser.push(encodeSubgroupHeader({ ...header, trackAlias: 0 }, version));
  for (let place = 0;; place++) {
    if (place >= log.length && !await grown(log, place, signal)) return;
    const piece = log.at(place);
    if (piece === undefined) throw new RequestError("internal-error", "the group was let go");
    // Its objects' payloads are views of it, for who knows how long.
    piece.users++;
    parser.push((rewriter?.push(piece) ?? piece).bytes);
    for (let next = parser.next(); next !== undefined; next = parser.next()) {
      if (next.status !== "normal") continue;
      const { id, payload, properties } = next;
      yield {
        kind: "object",
        group: header.group,
        subgroup: log.subgroup ?? 0,
        id,
        priority: header.priority ?? priority,
        ...(properties === undefined ? {} : { properties }),
        payload,
      };
      if (id >= last) return;
    }
  }
}

/** Waits for the piece at `place`; false where none comes. */
async function grown(log: StreamLog, place: number, signal: AbortSignal): Promise<boolean> {
  if (place < log.length) return true;
  if (log.state !== "open" || signal.aborted) return false;
  await new Promise<void>((resolve) => {
    const done = () => {
      forget();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const forget = log.watch({ grew: done, changed: done });
    signal.addEventListener("abort", done);
  });
  return place < log.length;
}
