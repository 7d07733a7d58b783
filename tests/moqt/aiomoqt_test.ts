import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import { dialSession } from "../../lib/moqt/dial.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import { listenSessions } from "../../lib/moqt/listen.ts";
import type { RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import type { Location } from "../../lib/moqt/wire/location.ts";
import {
  formatNamespace,
  formatTrackName,
  namespace,
  trackName,
} from "../../lib/moqt/wire/track_name.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import {
  aiomoqtProgram,
  AiomoqtRelay,
  MoqtPeer,
  moqtPython,
  noAiomoqt,
  noAiomoqtRelay,
  type PeerObject,
} from "../support/aiomoqt.ts";
import { end, within } from "../support/process.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";

const noQuic = whyNoNativeQuic();

const TRACK = trackName(["room", "cam"], "video");
const SCHEMES = [["moqt", "QUIC"], ["https", "WebTransport"]] as const;
type Scheme = typeof SCHEMES[number][0];

const GROUPS = 6;
const OBJECTS = 4;
const BYTES = 3000;

/** What both sides send for an object: its name, again and again. */
function payload(group: number, object: number, size = BYTES): Uint8Array {
  const piece = `${group}.${object};`;
  return new TextEncoder().encode(piece.repeat(size / piece.length + 1).slice(0, size));
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function expected(size = BYTES): PeerObject[] {
  return Array.from(
    { length: GROUPS },
    (_, group) =>
      Array.from({ length: OBJECTS }, (_, object) => ({
        group,
        object,
        sha256: hash(payload(group, object, size)),
      })),
  ).flat();
}

const byPlace = (a: PeerObject, b: PeerObject) => a.group - b.group || a.object - b.object;

/** A session of ours that listens, by the first that comes. */
async function listen(scheme: Scheme, version: Version, handlers: RequestHandlers) {
  const arrived = Promise.withResolvers<MoqtSession>();
  const listener = await listenSessions(directTransport, {
    address: "127.0.0.1:0",
    versions: [version],
  }, {
    admit: () => ({ handlers }),
    arrived: ({ session }) => arrived.resolve(session),
    failed: (error) => arrived.reject(error),
  });
  return {
    url: `${scheme}://${listener.address}/`,
    arrived: arrived.promise,
    [Symbol.asyncDispose]: () => listener.close(),
  };
}

/** A session of ours that dials. */
async function dial(relay: AiomoqtRelay, scheme: Scheme, version: Version, handlers = {}) {
  const { session } = await dialSession(directTransport, relay.url(scheme), {
    versions: [version],
    trust: { insecure: true },
    handlers,
  });
  assert.equal(session.version, version);
  return session;
}

async function sendAll(source: TrackSource): Promise<void> {
  for (let group = 0; group < GROUPS; group++) {
    source.startGroup(group);
    for (let object = 0; object < OBJECTS; object++) {
      source.write({ payload: payload(group, object) });
    }
  }
  source.endGroup();
  await source.drained();
}

async function receive(subscription: Subscription, count = GROUPS * OBJECTS) {
  const found: PeerObject[] = [];
  for await (const object of subscription.objects()) {
    if (object.status !== "normal") continue;
    found.push({ group: object.group, object: object.id, sha256: hash(object.payload) });
    if (found.length === count) break;
  }
  return found.sort(byPlace);
}

for (const [scheme, name] of SCHEMES) {
  for (const version of VERSIONS) {
    Deno.test({
      name: `draft ${version} over ${name}: aiomoqt's subscriber gets every byte of our track`,
      ...requires(noAiomoqt, noQuic),
      fn: async () => {
        const source = new TrackSource({ lateGroups: GROUPS });
        const wanted = Promise.withResolvers<void>();
        await using server = await listen(scheme, version, {
          subscribe: (request) => {
            source.accept(request);
            wanted.resolve();
          },
        });
        const peer = ["sub", server.url, "--draft", `${version}`, "--namespace", "room/cam"];
        // Its end of a track that is over as soon as it begins may go unheard there, so it counts.
        const count = ["--count", `${GROUPS * OBJECTS}`];
        await using subscriber = new MoqtPeer([...peer, "--track", "video", ...count]);
        await within(wanted.promise, 15_000, () => "the peer's SUBSCRIBE");
        await sendAll(source);
        await source.end();
        await subscriber.says("done");
        assert.deepEqual(subscriber.objects.sort(byPlace), expected());
        assert.equal((await server.arrived).version, version);
      },
    });

    for (const datagrams of [false, true]) {
      // aiomoqt sends datagrams over plain QUIC only.
      if (datagrams && scheme === "https") continue;
      const size = datagrams ? 900 : BYTES;
      Deno.test({
        name: `draft ${version} over ${name}: we get every ${
          datagrams ? "datagram" : "byte"
        } of aiomoqt's publisher`,
        ...requires(noAiomoqt, noQuic),
        fn: async () => {
          const announced = Promise.withResolvers<string>();
          await using server = await listen(scheme, version, {
            publishNamespace: ({ namespace }) => announced.resolve(formatNamespace(namespace)),
          });
          await using publisher = new MoqtPeer([
            ...["pub", server.url, "--draft", `${version}`, "--namespace", "room/cam"],
            ...["--track", "video", "--groups", `${GROUPS}`, "--objects", `${OBJECTS}`],
            ...["--size", `${size}`, ...(datagrams ? ["--datagrams"] : [])],
          ]);
          const session = await within(server.arrived, 15_000, () => "the peer's session");
          assert.equal(await announced.promise, "room-cam");
          await publisher.says("ready");
          const subscription = session.subscribe(TRACK);
          const received = await within(receive(subscription), 15_000, () => "the peer's objects");
          assert.deepEqual(received, expected(size));
          await subscription.close();
          await session.close();
        },
      });
    }

    Deno.test({
      name: `draft ${version} over ${name}: we take the track that aiomoqt's publisher offers`,
      ...requires(noAiomoqt, noQuic),
      fn: () => offered(scheme, version),
    });

    Deno.test({
      name: `draft ${version} over ${name}: aiomoqt fetches, joins and changes what we have`,
      ...requires(noAiomoqt, noQuic),
      fn: () => asked(scheme, version),
    });

    Deno.test({
      name:
        `draft ${version} over ${name}: aiomoqt's relay brings us what we send, and tells names`,
      ...requires(noAiomoqtRelay, noQuic),
      fn: () => throughRelay(scheme, version),
    });
  }
}

async function offered(scheme: Scheme, version: Version): Promise<void> {
  const offer = Promise.withResolvers<{ name: string; subscription: Subscription }>();
  await using server = await listen(scheme, version, {
    publish: (request) => {
      const name = formatTrackName(request.track);
      offer.resolve({ name, subscription: request.accept({ forward: true, priority: 7 }) });
    },
  });
  await using _bench = spawn(aiomoqtProgram("moq-pub-bench"), [
    ...[server.url, "-k", "--draft", `${version}`, "-N", "room/cam", "-T", "video"],
    ...["-s", "500", "-g", "10", "-r", "300", "-t", "3"],
  ]);
  const { name, subscription } = await within(offer.promise, 15_000, () => "the peer's PUBLISH");
  assert.equal(name, "room-cam--video");
  const received = await within(receive(subscription, 40), 15_000, () => "the peer's objects");
  assert.equal(received.length, 40);
  await subscription.close();
}

/** A program whose output is of no interest. */
function spawn(program: string, args: string[]): AsyncDisposable {
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return { [Symbol.asyncDispose]: () => end(child) };
}

/** A line of `moqt_requests.py`. */
type Line = { largest: [number, number] } | (PeerObject & { of: string });

async function asked(scheme: Scheme, version: Version): Promise<void> {
  const largest = { group: 3, object: 0 };
  const wishes: unknown[] = [];
  await using server = await listen(scheme, version, {
    trackStatus: () => ({ largest }),
    subscribe: (request) => {
      const publication = request.accept({ largest });
      publication.onUpdate(({ forward }) => wishes.push(forward));
    },
    fetch: ({ start, end }) => ({
      // What an end of object 0 means is the whole group.
      end: end.group > largest.group ? { ...largest, object: 1 } : end,
      items: objectsOf(start, end),
    }),
  });
  const script = fileURLToPath(new URL("../support/peers/moqt_requests.py", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(moqtPython, {
    args: [
      ...[script, server.url, "--draft", `${version}`],
      ...["--namespace", "room/cam", "--track", "video"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  assert.ok(success && lines.pop() === "done", new TextDecoder().decode(stderr));
  const [status, ...objects] = lines.map((line): Line => JSON.parse(line));
  assert.deepEqual(status, { largest: [3, 0] });
  const told = (of: string, places: readonly (readonly [number, number])[]) =>
    places.map(([group, object]) => ({ of, group, object, sha256: hash(payload(group, object)) }));
  const whole = (group: number) => Array.from({ length: OBJECTS }, (_, id) => [group, id] as const);
  // A joining fetch goes that many groups back from the largest; a fill does, too.
  assert.deepEqual(objects, [
    ...told("fetch", [...whole(1), ...whole(2)]),
    ...told("part", [[1, 0], [1, 1]]),
    ...told("join", [...whole(2), [3, 0]]),
  ]);
  assert.equal(wishes.at(-1), false);
}

/** What there is of a range: every group has as many objects. */
function* objectsOf(start: Location, end: Location): Generator<FetchItem> {
  for (let group = start.group; group <= end.group; group++) {
    for (let id = group === start.group ? start.object : 0; id < OBJECTS; id++) {
      if (group === end.group && end.object !== 0 && id >= end.object) return;
      const bytes = payload(group, id);
      yield { kind: "object", group, subgroup: 0, id, priority: 128, payload: bytes };
    }
  }
}

async function fetched(items: AsyncIterable<FetchItem>): Promise<PeerObject[]> {
  const found: PeerObject[] = [];
  for await (const item of items) {
    if (item.kind !== "object") continue;
    found.push({ group: item.group, object: item.id, sha256: hash(item.payload) });
  }
  return found;
}

async function throughRelay(scheme: Scheme, version: Version): Promise<void> {
  await using relay = await AiomoqtRelay.start();
  const source = new TrackSource({ lateGroups: GROUPS });
  const wanted = Promise.withResolvers<void>();
  await using publisher = await dial(
    relay,
    scheme,
    version,
    {
      subscribe: (request) => {
        source.accept(request);
        wanted.resolve();
      },
    } satisfies RequestHandlers,
  );
  await using subscriber = await dial(relay, scheme, version);
  const watch = subscriber.subscribeNamespace(namespace("room"));
  await watch.ready;
  await publisher.publishNamespace(TRACK.namespace).ready;
  for await (const news of watch) {
    assert.ok(news.kind === "added");
    assert.equal(formatNamespace(news.namespace), "room-cam");
    break;
  }
  await assert.rejects(
    subscriber.subscribe(trackName(["nowhere"], "x")).ready,
    (error) => error instanceof RequestError,
  );
  const subscription = subscriber.subscribe(TRACK);
  await within(wanted.promise, 10_000, () => "the relay's SUBSCRIBE");
  await subscription.ready;
  const received = receive(subscription);
  await sendAll(source);
  assert.deepEqual(await within(received, 15_000, () => "the objects"), expected());
  const last = GROUPS - 1;
  const whole = (group: number) => expected().filter((object) => object.group === group);
  // The relay keeps what it forwarded.
  const range = { start: { group: last - 1, object: 0 }, end: { group: last - 1, object: 0 } };
  assert.deepEqual(await fetched(subscriber.fetch({ track: TRACK, ...range })), whole(last - 1));
  await using late = await dial(relay, scheme, version);
  const joined = late.subscribe(TRACK, { parameters: { filter: { from: "largest-object" } } });
  const { parameters } = await joined.ready;
  assert.deepEqual(parameters.largest, { group: last, object: OBJECTS - 1 });
  assert.deepEqual(await fetched(late.join(joined, { groupsBack: 1 })), [
    ...whole(last - 1),
    ...whole(last),
  ]);
  if (version >= 20) {
    await using later = await dial(relay, scheme, version);
    const both = later.subscribe(TRACK, {
      parameters: {
        filter: { from: "largest-object" },
        fill: { filter: { from: "groups-back", groups: 2 } },
      },
    });
    assert.deepEqual(await fetched(both.past!), [...whole(last - 1), ...whole(last)]);
  }
  await watch.close();
}
