/**
 * Cases about objects: relayed, and asked for again.
 *
 * @module
 */
import type { FetchObject } from "../../moqt/data/fetch.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { IncomingSubscribe } from "../../moqt/respond/incoming.ts";
import type { ReceivedObject } from "../../moqt/receive/objects.ts";
import type { Publication } from "../../moqt/publish/publication.ts";
import type { Fetched } from "../../moqt/receive/fetch.ts";
import {
  hasPrefix,
  type Namespace,
  namespace,
  type TrackName,
} from "../../moqt/wire/track_name.ts";
import { CaseFailure, type CaseRun, type InteropCase } from "./case.ts";
import { liveObject, LiveTrack } from "./live_track.ts";
import { announce } from "./namespace_cases.ts";
import { pause } from "./subscribe_cases.ts";

const NAME = new TextEncoder().encode("track");
const STEP_MS = 5_000;
const DELIVERY_MS = 10_000;

/** The MoQT Test track: three groups of five objects, 64 bytes first, then 32, 2 ms apart. */
const MOQ_TEST = "moq-test-00 0 0 0 2 4 5 64 32 2 1 1 0 -1 -1 0".split(" ");
const GROUPS = 3;
const OBJECTS = 5;
const PRIORITY = 128;
const INTERVAL_MS = 2;
const FILL = "t".charCodeAt(0);

function payloadOf(id: number): Uint8Array {
  return new Uint8Array(id === 0 ? 64 : 32).fill(FILL);
}

/** Three groups of five objects come through whole. */
export const dataSubgroupBasic: InteropCase = {
  name: "data-subgroup-basic",
  brief: "three groups of five objects, each group one subgroup, come through whole",
  timeoutMs: 30_000,
  specRevision: 2,
  async run(run) {
    const prefix = run.below("moq-test", "data-subgroup-basic", crypto.randomUUID());
    const wanted = Promise.withResolvers<Publication>();
    const publisher = await run.session("publisher", {
      subscribe: (request) => wanted.resolve(acceptTest(request, prefix)),
    });
    await announce(run, publisher, prefix);
    const subscriber = await run.session("subscriber");
    const track = { namespace: [...prefix, ...namespace(...MOQ_TEST)], name: NAME };
    await using subscription = subscriber.subscribe(track, {
      parameters: { groupOrder: "ascending" },
    });
    const objects: ReceivedObject[] = [];
    const reading = (async () => {
      for await (const object of subscription.objects()) objects.push(object);
    })();
    await run.agreed("SUBSCRIBE", subscription.ready, STEP_MS);
    const publication = await run.wait("the server's own SUBSCRIBE", wanted.promise, STEP_MS);
    if (publication.parameters.forward === false) {
      throw new CaseFailure("the server subscribed without wanting objects (Forward State 0)");
    }
    await sendTest(publication, run.signal);
    await run.wait("the end of the track (PUBLISH_DONE)", reading, DELIVERY_MS);
    const { reason } = await subscription.closed;
    const problems = testProblems(objects);
    if (reason !== "track-ended") problems.unshift(`the track ended with ${reason}`);
    if (problems.length > 0) {
      throw new CaseFailure(`${problems[0]} (${problems.length} problems)`, {
        expected: `${GROUPS * OBJECTS} objects`,
        received: `${objects.length} objects`,
      });
    }
    return { message: `${GROUPS * OBJECTS} objects received, PUBLISH_DONE after them` };
  },
};

function acceptTest(request: IncomingSubscribe, prefix: Namespace): Publication {
  const fields = request.track.namespace.slice(prefix.length)
    .map((field) => new TextDecoder().decode(field));
  if (!hasPrefix(request.track.namespace, prefix) || fields.join(" ") !== MOQ_TEST.join(" ")) {
    throw new RequestError("does-not-exist", "no such track");
  }
  return request.accept();
}

async function sendTest(publication: Publication, signal: AbortSignal): Promise<void> {
  for (let group = 0; group < GROUPS; group++) {
    const writer = await publication.subgroup({
      group,
      priority: PRIORITY,
      hasProperties: false,
      signal,
    });
    for (let id = 0; id < OBJECTS; id++) {
      if (group > 0 || id > 0) await pause(INTERVAL_MS, signal);
      await writer.write({ payload: payloadOf(id) });
    }
    await writer.close();
  }
  publication.done("track-ended");
}

function testProblems(objects: readonly ReceivedObject[]): string[] {
  const problems: string[] = [];
  const missing = new Set<string>();
  for (let group = 0; group < GROUPS; group++) {
    for (let id = 0; id < OBJECTS; id++) missing.add(`${group}.${id}`);
  }
  for (const { group, id, subgroup, priority, status, payload } of objects) {
    if (status !== "normal") continue;
    const place = `${group}.${id}`;
    if (!missing.delete(place)) problems.push(`object ${place} came twice, or is not of the track`);
    if (subgroup !== 0) problems.push(`object ${place} came on subgroup ${subgroup}, not 0`);
    if (priority !== PRIORITY) problems.push(`object ${place} has priority ${priority}`);
    if (!same(payload, payloadOf(id))) problems.push(`object ${place} has other bytes`);
  }
  for (const place of missing) problems.push(`object ${place} is missing`);
  return problems;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** A group that was relayed comes again by FETCH. */
export const fetchCase: InteropCase = {
  name: "fetch",
  brief: "FETCH gives a group that was relayed before",
  timeoutMs: 15_000,
  async run(run) {
    return await withHistory(run, async (track, group, groupSize) => {
      const session = await run.session("fetcher");
      const start = { group, object: 0 };
      const fetched = session.fetch({ track, start, end: start }, { signal: run.signal });
      await run.agreed("FETCH", fetched.ready, STEP_MS);
      const objects = await run.wait("the fetched objects", collect(fetched), STEP_MS);
      const places = objects.map(({ group, id }) => `${group}.${id}`).join(" ");
      const expected = Array.from({ length: groupSize }, (_, id) => `${group}.${id}`).join(" ");
      if (places !== expected) {
        throw new CaseFailure("FETCH did not give the whole group", {
          expected,
          received: places || "no objects",
        });
      }
      return { message: `${objects.length} objects received` };
    });
  },
};

/** SUBSCRIBE and a joining FETCH together miss nothing. */
export const joinCase: InteropCase = {
  name: "join",
  brief: "SUBSCRIBE and a joining FETCH one group back give objects without a gap",
  timeoutMs: 15_000,
  async run(run) {
    return await withHistory(run, async (track, _group, groupSize) => {
      const session = await run.session("joiner");
      await using subscription = session.subscribe(track, {
        parameters: { filter: { from: "largest-object" } },
      });
      await run.agreed("SUBSCRIBE", subscription.ready, STEP_MS);
      const fetched = session.join(subscription, { groupsBack: 1 }, { signal: run.signal });
      await run.agreed("the joining FETCH", fetched.ready, STEP_MS);
      const past = await run.wait("the fetched objects", collect(fetched), STEP_MS);
      const last = past.at(-1);
      if (last === undefined) throw new CaseFailure("the joining FETCH gave no objects");
      const first = await run.wait("a live object", firstLive(subscription.objects()), STEP_MS);
      const next = last.id + 1 === groupSize
        ? { group: last.group + 1, id: 0 }
        : { group: last.group, id: last.id + 1 };
      const received = `${first.group}.${first.id}`;
      const expected = `${next.group}.${next.id}`;
      const message = `${past.length} objects of the past received`;
      if (received === expected) return { message: `${message}, and the live ones follow` };
      return { message, note: `live objects begin with ${received} instead of ${expected}` };
    });
  },
};

async function firstLive(objects: AsyncIterable<ReceivedObject>): Promise<ReceivedObject> {
  for await (const object of objects) if (object.status === "normal") return object;
  throw new CaseFailure("the subscription ended without an object");
}

async function collect(fetched: Fetched): Promise<FetchObject[]> {
  const objects: FetchObject[] = [];
  for await (const item of fetched) {
    if (item.kind === "gap") continue;
    if (!same(item.payload, liveObject(item.group, item.id))) {
      throw new CaseFailure(`object ${item.group}.${item.id} has other bytes`);
    }
    objects.push(item);
  }
  return objects;
}

/** Does something once the server relayed two groups of a live track, the second of them whole. */
async function withHistory<T>(
  run: CaseRun,
  body: (track: TrackName, group: number, groupSize: number) => Promise<T>,
): Promise<T> {
  using live = new LiveTrack(5);
  const track = { namespace: run.namespace(crypto.randomUUID()), name: NAME };
  const publisher = await run.session("publisher", {
    subscribe: (request) => void live.source.accept(request),
  });
  await announce(run, publisher, track.namespace);
  const subscriber = await run.session("subscriber");
  await using subscription = subscriber.subscribe(track);
  const groups = new Set<number>();
  const enough = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const { group } of subscription.objects()) {
      groups.add(group);
      if (groups.size >= 3) enough.resolve();
    }
  })();
  await run.agreed("SUBSCRIBE", subscription.ready, STEP_MS);
  await run.wait("three groups", enough.promise, STEP_MS);
  const result = await body(track, [...groups][1]!, live.groupSize);
  await subscription.close();
  await reading;
  return result;
}
