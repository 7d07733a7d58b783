import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dialSession } from "../../lib/moqt/dial.ts";
import {
  type IncomingSubscribe,
  type MoqtSession,
  trackName,
  TrackSource,
} from "../../lib/moqt/mod.ts";
import { formatNamespace, namespace } from "../../lib/moqt/wire/track_name.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { directTransport } from "../../lib/moq_tools/direct.ts";
import { MoqRelay, noMoqRelay } from "../support/moq_relay.ts";
import { within } from "../support/process.ts";
import { requires } from "../support/requires.ts";

const GROUPS = 40;
const OBJECTS = 5;
const SCHEMES = [["https", "WebTransport"], ["moqt", "QUIC"]] as const;
const TRACK = trackName(["room", "cam"], "video");

async function session(
  relay: MoqRelay,
  scheme: "https" | "moqt",
  version: Version,
  onSubscribe?: (request: IncomingSubscribe) => void,
): Promise<MoqtSession> {
  const { session } = await dialSession(await directTransport(), relay.url(scheme), {
    versions: [version],
    trust: { insecure: true },
    handlers: onSubscribe === undefined ? {} : {
      subscribe: onSubscribe,
      subscribeNamespace: (request) => void request.accept(),
    },
  });
  return session;
}

function payload(group: number, object: number): Uint8Array {
  const bytes = new Uint8Array(object === 0 ? 30_000 : 1 + group * 11 + object);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, group * 31 + object + 7) >>> 3;
  return bytes;
}

for (const [scheme, name] of SCHEMES) {
  for (const from of VERSIONS) {
    for (const to of new Set([from, ...(from === VERSIONS[0] ? VERSIONS : [VERSIONS[0]!])])) {
      Deno.test({
        name: `draft ${from} to draft ${to} through moq-relay over ${name}: every byte arrives`,
        ...requires(noMoqRelay),
        fn: () => through(scheme, from, to),
      });
    }
  }
}

async function through(scheme: "https" | "moqt", from: Version, to: Version): Promise<void> {
  await using relay = await MoqRelay.start();
  const source = new TrackSource({ lateGroups: 1_000 });
  const wanted = Promise.withResolvers<void>();
  await using publisher = await session(relay, scheme, from, (request) => {
    source.accept(request);
    wanted.resolve();
  });
  await using subscriber = await session(relay, scheme, to);
  const offer = publisher.publishNamespace(namespace("room", "cam"));
  await within(offer.ready, 5_000, () => "the relay takes the namespace");

  const subscription = subscriber.subscribe(TRACK);
  await within(subscription.ready, 5_000, () => "SUBSCRIBE_OK");
  await within(wanted.promise, 5_000, () => "the relay's own subscription");
  const sent = new Map<number, string>();
  const received = new Map<number, string>();
  const reading = (async () => {
    for await (const group of subscription.groups()) {
      const hash = createHash("sha256");
      let objects = 0;
      for await (const item of group.objects) {
        if (item.kind !== "object" || item.status !== "normal") continue;
        hash.update(item.payload);
        objects++;
      }
      assert.equal(objects, OBJECTS, `objects of group ${group.id}`);
      received.set(group.id, hash.digest("hex"));
      if (received.size === GROUPS) return;
    }
  })();
  reading.catch(() => {});
  for (let i = 0; i < GROUPS; i++) {
    const group = source.startGroup();
    const hash = createHash("sha256");
    for (let object = 0; object < OBJECTS; object++) {
      const bytes = payload(group, object);
      hash.update(bytes);
      source.write({ payload: bytes });
    }
    source.endGroup();
    sent.set(group, hash.digest("hex"));
    await source.drained();
  }
  await within(reading, 15_000, () => `${GROUPS} groups (${received.size} came)`);
  assert.deepEqual([...received].sort(([a], [b]) => a - b), [...sent]);
}

for (const [scheme, name] of SCHEMES) {
  for (const draft of VERSIONS) {
    Deno.test({
      name: `draft ${draft} with moq-relay over ${name}: namespaces, what is past, and refusals`,
      ...requires(noMoqRelay),
      fn: () => besides(scheme, draft),
    });
  }
}

async function besides(scheme: "https" | "moqt", draft: Version): Promise<void> {
  await using relay = await MoqRelay.start();
  const source = new TrackSource({ lateGroups: 1_000 });
  const wanted = Promise.withResolvers<void>();
  await using publisher = await session(relay, scheme, draft, (request) => {
    source.accept(request);
    wanted.resolve();
  });
  await using subscriber = await session(relay, scheme, draft);

  // Draft 14 asks for namespaces and tracks alike.
  const watch = subscriber.subscribeNamespace(
    namespace("room"),
    draft === 14 ? "both" : "namespace",
  );
  await within(watch.ready, 5_000, () => "the relay takes the watch");
  const heard = watch[Symbol.asyncIterator]();
  const news = async () => {
    const { value } = await within(heard.next(), 5_000, () => "news of a namespace");
    return value && `${value.kind} ${formatNamespace(value.namespace)}`;
  };
  const offer = publisher.publishNamespace(TRACK.namespace);
  await within(offer.ready, 5_000, () => "the relay takes the namespace");
  assert.equal(await news(), "added room-cam");

  const nowhere = subscriber.subscribe(trackName(["nowhere"], "video"));
  await assert.rejects(within(nowhere.ready, 5_000, () => "the refusal"), {
    refusal: "does-not-exist",
  });
  await assert.rejects(
    within(subscriber.trackStatus(TRACK), 5_000, () => "the refusal"),
    { refusal: "not-supported" },
  );

  const subscription = subscriber.subscribe(TRACK);
  await within(wanted.promise, 5_000, () => "the relay's own subscription");
  const groups = subscription.groups()[Symbol.asyncIterator]();
  for (let group = 0; group < 3; group++) {
    source.startGroup();
    for (let object = 0; object < 3; object++) source.write({ payload: payload(group, object) });
    source.endGroup();
    await source.drained();
    await within(groups.next(), 5_000, () => `group ${group}`);
  }
  const past = subscriber.fetch({
    track: TRACK,
    start: { group: 1, object: 0 },
    end: { group: 1, object: 0 },
  });
  const fetched: Uint8Array[] = [];
  const fetching = (async () => {
    for await (const item of past) if (item.kind === "object") fetched.push(item.payload);
  })();
  await within(fetching, 5_000, () => "group 1 from the relay's cache");
  assert.deepEqual(fetched, [0, 1, 2].map((object) => payload(1, object)));

  await offer.close();
  assert.equal(await news(), "removed room-cam");
}
