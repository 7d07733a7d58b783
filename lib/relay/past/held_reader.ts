/**
 * Objects of a group that is held, in their order.
 *
 * @module
 */
import type { FetchObject } from "../../moqt/data/fetch.ts";
import { encodeSubgroupHeader, SubgroupParser } from "../../moqt/data/subgroup.ts";
import { NEWEST } from "../../moqt/versions.ts";
import { rewriterOf } from "../live/framing.ts";
import type { Group } from "../live/group.ts";
import type { StreamLog } from "../live/stream_log.ts";

/** How a group is read. */
export interface GroupReadOptions {
  /** The first object's id. */
  from: number;
  /** The first id that is not wanted any more. */
  to: number;
  /** The priority of objects that name none. */
  priority: number;
  /** Gives up. */
  signal: AbortSignal;
}

/**
 * How long after a newer group began more of an old one is waited for, in milliseconds: streams that
 * nobody ends are not to hold fetches up.
 */
const LATE_MS = 2000;

/**
 * The objects of all streams and datagrams of a group. Of the newest group those that began to come
 * before now; of others all. Returns whether that was the group as it was published, as far as is
 * known; false: something of it was lost meanwhile.
 */
export async function* readGroup(
  group: Group,
  options: GroupReadOptions,
): AsyncGenerator<FetchObject, boolean, undefined> {
  const sources: AsyncGenerator<FetchObject, void, undefined>[] = group.logs.map((log) =>
    readLog(group, log, options)
  );
  sources.push(datagramsOf(group, options));
  try {
    const heads = await Promise.all(sources.map((source) => source.next()));
    let before = options.from - 1;
    while (!group.evicted && !group.damaged && !options.signal.aborted) {
      let best = -1;
      for (const [index, head] of heads.entries()) {
        if (head.done === true) continue;
        if (best < 0 || head.value.id < (heads[best]!.value as FetchObject).id) best = index;
      }
      if (best < 0) break;
      const object = heads[best]!.value as FetchObject;
      if (object.id >= options.to) break;
      if (object.id > before) {
        yield object;
        before = object.id;
      }
      heads[best] = await sources[best]!.next();
    }
  } finally {
    for (const source of sources) void source.return().catch(() => {});
  }
  return !group.evicted && !group.damaged;
}

async function* datagramsOf(
  group: Group,
  { priority }: GroupReadOptions,
): AsyncGenerator<FetchObject, void, undefined> {
  for (const object of group.datagrams.toSorted((a, b) => a.id - b.id)) {
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

async function* readLog(
  group: Group,
  log: StreamLog,
  { priority, signal }: GroupReadOptions,
): AsyncGenerator<FetchObject, void, undefined> {
  const { header } = log;
  const version = log.version === "lite" ? NEWEST : log.version;
  const rewriter = log.version === version
    ? undefined
    : rewriterOf(log.version, version, header.hasProperties);
  const isNewest = group.supersededAt === undefined;
  const last = isNewest ? log.at(log.length - 1)?.lastId ?? -1 : Infinity;
  if (last < 0) return;
  const parser = new SubgroupParser(version);
  parser.push(encodeSubgroupHeader({ ...header, trackAlias: 0 }, version));
  for (let place = 0;; place++) {
    if (place >= log.length && !await grown(group, log, place, signal)) return;
    const piece = log.at(place);
    if (piece === undefined) return;
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

/** Waits for the piece at `place`; false where none comes in time. */
async function grown(
  group: Group,
  log: StreamLog,
  place: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (log.state !== "open" || signal.aborted) return false;
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(late);
      forget();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const since = group.supersededAt;
    const late = since === undefined
      ? undefined
      : setTimeout(done, Math.max(0, since + LATE_MS - performance.now()));
    const forget = log.watch({ grew: done, changed: done });
    signal.addEventListener("abort", done);
  });
  return place < log.length;
}
