import assert from "node:assert/strict";
import { LiteBroadcast, LiteStreamError } from "../../../lib/moqt/lite/mod.ts";
import { RequestError } from "../../../lib/moqt/errors.ts";
import { VERSIONS } from "../../../lib/moqt/versions.ts";
import { formatNamespace, namespace, trackName } from "../../../lib/moqt/wire/track_name.ts";
import { TransportError } from "../../../lib/transport/connection.ts";
import { source, take, text, TRACK, until, utf8 } from "../support.ts";
import { BROADCAST, frames, liteSource, LiteStage, takeGroups } from "./support.ts";

const LARGE = "x".repeat(300_000);

Deno.test("moq-lite: groups of a publisher reach subscribers, who share one subscription", async () => {
  await using stage = new LiteStage();
  const track = liteSource();
  await stage.litePublisher(track);
  const subscriptions = [];
  for (let i = 0; i < 3; i++) {
    const session = await stage.lite();
    const subscription = session.subscribe(BROADCAST, "video");
    await subscription.ready;
    subscriptions.push(subscription);
  }
  assert.equal(track.subscribers, 1);
  track.startGroup(7);
  for (const frame of ["a", "", LARGE]) track.write(utf8(frame));
  track.startGroup();
  track.write(utf8("c"));
  track.endGroup();
  for (const subscription of subscriptions) {
    assert.deepEqual(await takeGroups(subscription, 2), [`7=a,,${LARGE}`, "8=c"]);
  }
  await until(() => track.subscribers === 0);
  assert.equal(stage.relay.stats.droppedGroups, 0);
});

for (const version of VERSIONS) {
  Deno.test(`moq-lite: frames reach a draft-${version} subscriber as objects of subgroup 0`, async () => {
    await using stage = new LiteStage();
    const track = liteSource();
    await stage.litePublisher(track);
    const subscriber = await stage.come(version);
    const watch = subscriber.subscribeNamespace(namespace("example.com"));
    const { value } = await watch[Symbol.asyncIterator]().next();
    assert.equal(formatNamespace(value!.namespace), formatNamespace(TRACK.namespace));
    const subscription = subscriber.subscribe(TRACK);
    await subscription.ready;
    track.startGroup(3);
    for (const frame of ["a", "", LARGE]) track.write(utf8(frame));
    track.startGroup();
    track.write(utf8("c"));
    track.endGroup();
    const found = new Map<string, string>();
    for await (const { group, subgroup, id, payload, status } of subscription.objects()) {
      if (status !== "normal") continue;
      assert.equal(subgroup, 0);
      found.set(`${group}/${id}`, text(payload));
      if (found.size === 4) break;
    }
    assert.deepEqual(Object.fromEntries(found), {
      "3/0": "a",
      "3/1": "",
      "3/2": LARGE,
      "4/0": "c",
    });
  });

  Deno.test(`moq-lite: objects of a draft-${version} publisher arrive as frames`, async () => {
    await using stage = new LiteStage();
    const track = source();
    await stage.publisher(version, new Map([[TRACK, track]]));
    const subscriber = await stage.lite();
    const heard = subscriber.announced("example.com")[Symbol.asyncIterator]();
    assert.deepEqual((await heard.next()).value, { path: BROADCAST, active: true });
    const subscription = subscriber.subscribe(BROADCAST, "video");
    await subscription.ready;
    track.startGroup();
    const properties = [{ type: 0x3c, value: 77n }];
    track.write({ payload: utf8("a") });
    track.write({ payload: utf8(LARGE), properties });
    track.write({ payload: utf8("") });
    track.startGroup();
    track.write({ payload: utf8("c") });
    track.endGroup();
    assert.deepEqual(await takeGroups(subscription, 2), [`0=a,${LARGE},`, "1=c"]);
    await heard.return!(undefined);
  });

  Deno.test(`moq-lite: an object in a datagram of draft-${version} is a group of one frame`, async () => {
    await using stage = new LiteStage();
    const wanted = Promise.withResolvers<import("../../../lib/moqt/mod.ts").Publication>();
    const publisher = await stage.come(version, {
      handlers: { subscribe: (request) => wanted.resolve(request.accept()) },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const subscriber = await stage.lite();
    const subscription = subscriber.subscribe(BROADCAST, "video");
    const publication = await wanted.promise;
    await subscription.ready;
    const object = { status: "normal" as const, endOfGroup: false };
    publication.datagram({ ...object, group: 5, id: 0, payload: utf8("pose") });
    assert.deepEqual(await takeGroups(subscription, 1), ["5=pose"]);
  });
}

Deno.test("moq-lite: who comes in the middle of a group gets it from its beginning", async () => {
  await using stage = new LiteStage();
  const track = liteSource();
  await stage.litePublisher(track);
  const early = (await stage.lite()).subscribe(BROADCAST, "video");
  await early.ready;
  track.startGroup();
  track.write(utf8("old"));
  track.startGroup();
  track.write(utf8("key"));
  await until(() => stage.relay.stats.objectsIn === 2);
  const late = (await stage.lite()).subscribe(BROADCAST, "video");
  const { value: group } = await late.groups().next();
  track.write(utf8("delta"));
  track.endGroup();
  assert.deepEqual([group!.sequence, await frames(group!)], [1, ["key", "delta"]]);
});

Deno.test("moq-lite: a group of MoQT that the relay has no beginning of is left out", async () => {
  await using stage = new LiteStage();
  const track = source();
  await stage.publisher(22, new Map([[TRACK, track]]));
  track.startGroup();
  track.write({ payload: utf8("before anybody came") });
  const subscriber = await stage.lite();
  const subscription = subscriber.subscribe(BROADCAST, "video");
  await subscription.ready;
  track.write({ payload: utf8("second") });
  track.startGroup();
  track.write({ payload: utf8("whole") });
  track.endGroup();
  assert.deepEqual(await takeGroups(subscription, 1), ["1=whole"]);
});

Deno.test("moq-lite: announcements come and go, in both families and below prefixes", async () => {
  await using stage = new LiteStage();
  const lite = await stage.lite();
  const all = lite.announced()[Symbol.asyncIterator]();
  const some = lite.announced("room")[Symbol.asyncIterator]();
  const moqt = await stage.come(18);
  const watch = moqt.subscribeNamespace(namespace("room"))[Symbol.asyncIterator]();
  const other = await stage.lite();
  const offer = other.publish("room/a", new LiteBroadcast());
  const drafts = moqt.publishNamespace(namespace("hall", "b"));
  assert.deepEqual((await some.next()).value, { path: "room/a", active: true });
  const both = [(await all.next()).value, (await all.next()).value];
  assert.deepEqual(both.map((news) => news!.path).toSorted(), ["hall/b", "room/a"]);
  const told = (await watch.next()).value!;
  assert.equal(formatNamespace(told.namespace), formatNamespace(namespace("room", "a")));
  await offer.close();
  assert.deepEqual((await some.next()).value, { path: "room/a", active: false });
  assert.deepEqual((await all.next()).value, { path: "room/a", active: false });
  await watch.next();
  await drafts.close();
  assert.deepEqual((await all.next()).value, { path: "hall/b", active: false });
  assert.equal(stage.relay.stats.namespaces, 0);
  for (const it of [all, some]) await it.return!(undefined);
});

Deno.test("moq-lite: a publisher's own broadcasts are not told to it", async () => {
  await using stage = new LiteStage();
  const session = await stage.litePublisher(liteSource());
  await stage.litePublisher(liteSource(), { broadcast: "another" });
  const heard = session.announced()[Symbol.asyncIterator]();
  assert.deepEqual((await heard.next()).value, { path: "another", active: true });
  await heard.return!(undefined);
});

Deno.test("moq-lite: over WebTransport the URL's path is the root of what is seen", async () => {
  await using stage = new LiteStage();
  const track = liteSource();
  await stage.litePublisher(track, { path: "/room/one", broadcast: "" });
  const below = await stage.lite({ path: "/room" });
  const heard = below.announced()[Symbol.asyncIterator]();
  assert.deepEqual((await heard.next()).value, { path: "one", active: true });
  await heard.return!(undefined);
  const aside = await stage.lite({ path: "/roo" });
  await assert.rejects(aside.subscribe("one", "video").ready, LiteStreamError);
  const subscription = below.subscribe("one", "video");
  await subscription.ready;
  track.writeGroup(utf8("a"));
  assert.deepEqual(await takeGroups(subscription, 1), ["0=a"]);
  const outside = await stage.come(22);
  await outside.subscribe(trackName(["room", "one"], "video")).ready;
});

for (const protocol of ["moql", ""]) {
  const how = protocol === "" ? "with nothing negotiated" : "by subprotocol";
  Deno.test(`moq-lite: WebTransport ${how} is served beside draft-14`, async () => {
    await using stage = new LiteStage();
    const track = liteSource();
    const publisher = await stage.lite({ path: "/", protocol });
    assert.equal(publisher.version, 2);
    publisher.publish(BROADCAST, new LiteBroadcast({ onTrack: () => track }));
    await until(() => stage.relay.stats.namespaces === 1);
    // Draft 14 begins with the same message where WebTransport agreed on nothing.
    const draft = await stage.come(14, {}, {}, "/");
    const subscription = draft.subscribe(TRACK);
    await subscription.ready;
    track.writeGroup(utf8("a"));
    assert.deepEqual(await take(subscription, 1), ["0/0=a"]);
  });
}

Deno.test("moq-lite: what nobody publishes is not found", async () => {
  await using stage = new LiteStage();
  await stage.litePublisher(liteSource());
  const session = await stage.lite();
  for (const [broadcast, track] of [["nowhere", "video"], [BROADCAST, "none"]] as const) {
    await assert.rejects(
      session.subscribe(broadcast, track).ready,
      (error) => error instanceof LiteStreamError && error.reset === "not-found",
    );
  }
  const draft = await stage.come(22);
  await assert.rejects(
    draft.subscribe(trackName(["example.com", "cam"], "none")).ready,
    (error) => error instanceof RequestError && error.refusal === "does-not-exist",
  );
});

Deno.test("moq-lite: a track that ends, ends for its subscribers in both families", async () => {
  await using stage = new LiteStage();
  const track = liteSource();
  await stage.litePublisher(track);
  const lite = (await stage.lite()).subscribe(BROADCAST, "video");
  const draft = (await stage.come(16)).subscribe(TRACK);
  await Promise.all([lite.ready, draft.ready]);
  track.writeGroup(utf8("last"));
  await track.end();
  assert.deepEqual(await takeGroups(lite, 1), ["0=last"]);
  const found = [];
  for await (const { payload } of draft.objects()) found.push(text(payload));
  assert.deepEqual(found, ["last"]);
  await lite.closed;
  assert.equal((await draft.closed).reason, "track-ended");
});

Deno.test("moq-lite: a publisher that goes and comes back within the hold is noticed by nobody", async () => {
  await using stage = new LiteStage();
  const first = liteSource();
  const publisher = await stage.litePublisher(first);
  const lite = (await stage.lite()).subscribe(BROADCAST, "video");
  const draft = (await stage.come(22)).subscribe(TRACK);
  await Promise.all([lite.ready, draft.ready]);
  const groups = lite.groups();
  first.writeGroup(utf8("one"));
  assert.deepEqual(await frames((await groups.next()).value!), ["one"]);
  await publisher.close();
  await until(() => stage.relay.stats.namespaces === 0);
  const second = liteSource();
  await stage.litePublisher(second);
  await until(() => second.subscribers === 1);
  second.startGroup(9);
  second.write(utf8("two"));
  second.endGroup();
  assert.deepEqual(await frames((await groups.next()).value!), ["two"]);
  assert.deepEqual((await take(draft, 2)).toSorted(), ["0/0=one", "9/0=two"]);
  await groups.return();
});

Deno.test("moq-lite: subscribers are told when the publisher stays away", async () => {
  await using stage = new LiteStage({ holdMs: 20 });
  const publisher = await stage.litePublisher(liteSource());
  const lite = (await stage.lite()).subscribe(BROADCAST, "video");
  await lite.ready;
  await publisher.close();
  await assert.rejects(
    lite.closed,
    (error) => error instanceof LiteStreamError && error.reset === "going-away",
  );
});

Deno.test("moq-lite: a subscriber that stands still loses whole old groups, and nobody else notices", async () => {
  await using stage = new LiteStage({
    cacheBytes: 4 << 20,
    outlet: { maxPendingBytes: 300_000, lateMs: 60_000 },
  });
  const track = liteSource();
  await stage.litePublisher(track);
  // Its streams take 1 kB, and it reads none of them.
  const still = await stage.bare({ window: 1000 });
  await still.subscribe(BROADCAST, "video");
  const quick = (await stage.lite()).subscribe(BROADCAST, "video", { maxGroups: 10_000 });
  await quick.ready;
  const received: number[] = [];
  const reading = (async () => {
    for await (const group of quick.groups()) {
      if ((await Array.fromAsync(group)).length === 1) received.push(group.sequence);
    }
  })().catch(() => {});
  // It is waited for a while, in case that it is quick enough by and large.
  await until(() => {
    track.writeGroup(new Uint8Array(20_000));
    return stage.relay.stats.droppedGroups > 20;
  }, 10_000);
  await until(() => received.length === track.sequence + 1);
  assert.deepEqual(received, Array.from(received, (_, index) => index));
  const { value: first } = await still.groups.read();
  await assert.rejects(
    async () => await Array.fromAsync(first!),
    (error) => error instanceof TransportError && error.streamErrorCode === TOO_FAR_BEHIND,
  );
  await quick.close();
  await reading;
});

/** Section 3 of moq-lite's text leaves codes to MoQT: draft-18, section 3.3.3. */
const TOO_FAR_BEHIND = 5;

Deno.test("moq-lite: FETCH of drafts is answered from groups that are held", async () => {
  await using stage = new LiteStage();
  const track = liteSource();
  await stage.litePublisher(track);
  const session = await stage.come(16);
  const subscription = session.subscribe(TRACK);
  await subscription.ready;
  for (const text of ["a", "b", "c"]) track.writeGroup(utf8(text));
  await take(subscription, 3);
  const items = session.fetch({
    track: TRACK,
    start: { group: 1, object: 0 },
    end: { group: 2, object: 0 },
  });
  const found = [];
  for await (const item of items) {
    if (item.kind === "object") found.push(`${item.group}/${item.id}=${text(item.payload)}`);
  }
  assert.deepEqual(found, ["1/0=b", "2/0=c"]);
});

Deno.test("moq-lite: the relay's end is the sessions', which are told who they are", async () => {
  await using stage = new LiteStage();
  const session = await stage.lite();
  const ended = session.closed;
  const began = performance.now();
  await stage.relay.close();
  await ended;
  assert.ok(performance.now() - began < 900, "nobody is waited for that knows no GOAWAY");
});

Deno.test("moq-lite: a broadcast whose tracks are offered one by one is told, too", async () => {
  await using stage = new LiteStage();
  const heard = (await stage.lite()).announced()[Symbol.asyncIterator]();
  const publisher = await stage.come(22);
  const publication = publisher.publish(TRACK, { parameters: { forward: false } });
  assert.deepEqual((await heard.next()).value, { path: BROADCAST, active: true });
  assert.equal(stage.relay.stats.namespaces, 0);
  await publication.ready;
  const subscription = (await stage.lite()).subscribe(BROADCAST, "video");
  await subscription.ready;
  const writer = await publication.subgroup({ group: 4 });
  await writer.write({ id: 0, payload: utf8("a") });
  await writer.close();
  assert.deepEqual(await takeGroups(subscription, 1), ["4=a"]);
  await publication.close();
  assert.deepEqual((await heard.next()).value, { path: BROADCAST, active: false });
  await heard.return!(undefined);
});
