import assert from "node:assert/strict";
import {
  LiteBroadcast,
  type LiteGroup,
  type LitePublication,
  LiteStreamError,
  type LiteSubscription,
  type LiteTrackSource,
} from "../../../lib/moqt/lite/mod.ts";
import { acceptLite, connectLite } from "../../../lib/moqt/lite/mod.ts";
import { memoryPair } from "../../../lib/transport/memory.ts";
import { liteAndBare, liteSessions } from "./sessions.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function texts(group: LiteGroup): Promise<string[]> {
  return (await Array.fromAsync(group)).map(text);
}

async function next(subscription: LiteSubscription): Promise<LiteGroup> {
  // Not `for await`: leaving that ends the subscription.
  const { value } = await subscription.groups().next();
  assert.ok(value !== undefined, "a group comes");
  return value;
}

for (const publisher of ["client", "server"] as const) {
  Deno.test(`what the ${publisher} publishes, the other side finds and receives`, async () => {
    await using pair = await liteSessions();
    const [from, to] = publisher === "client"
      ? [pair.client, pair.server]
      : [pair.server, pair.client];
    const broadcast = new LiteBroadcast();
    const track = broadcast.track("video");
    const offer = from.publish("/anon//camera-0/", broadcast);
    assert.equal(offer.path, "anon/camera-0");

    const news = to.announced("anon")[Symbol.asyncIterator]();
    assert.deepEqual((await news.next()).value, { path: "anon/camera-0", active: true });

    const subscription = to.subscribe("anon/camera-0", "video", { priority: 3 });
    await subscription.ready;
    assert.equal(track.subscribers, 1);
    track.startGroup(5);
    track.write(utf8("a"));
    track.write(utf8(""));
    track.write(utf8("b".repeat(100_000)));
    track.startGroup();
    track.write(utf8("c"));
    const groups = subscription.groups();
    const first = (await groups.next()).value!;
    assert.equal(first.sequence, 5);
    assert.deepEqual(await texts(first), ["a", "", "b".repeat(100_000)]);
    await track.end();
    const second = (await groups.next()).value!;
    assert.deepEqual([second.sequence, await texts(second)], [6, ["c"]]);
    assert.equal((await groups.next()).done, true);
    await subscription.closed;

    await offer.close();
    assert.deepEqual((await news.next()).value, { path: "anon/camera-0", active: false });
    await news.return!(undefined);
  });
}

Deno.test("moq-lite-01 is spoken where a client offers nothing newer", async () => {
  const [a, b] = memoryPair("moql");
  const accepted = acceptLite(b);
  const stream = await a.createBidirectionalStream();
  const writer = stream.writable.getWriter();
  await writer.write(Uint8Array.from([0x20, 0, 10, 1, 0xc0, 0, 0, 0, 0xff, 0x0d, 0xad, 0x01, 0]));
  await using session = await accepted;
  assert.equal(session.version, 1);
  const { value } = await stream.readable.getReader().read();
  assert.deepEqual([...value!.subarray(3, 11)], [0xc0, 0, 0, 0, 0xff, 0x0d, 0xad, 0x01]);

  const broadcast = new LiteBroadcast();
  broadcast.track("t");
  session.publish("b", broadcast);
  const request = await a.createBidirectionalStream();
  await request.writable.getWriter().write(Uint8Array.from([2, 6, 0, 1, 0x62, 1, 0x74, 9]));
  const { value: ok } = await request.readable.getReader().read();
  assert.deepEqual([...ok!], [1, 9]);
});

Deno.test("who subscribes in the middle of a group gets it from its beginning", async () => {
  await using pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("video");
  pair.server.publish("b", broadcast);
  track.startGroup();
  track.write(utf8("old"));
  track.startGroup();
  track.write(utf8("key"));
  const subscription = pair.client.subscribe("b", "video");
  const groups = subscription.groups();
  const group = (await groups.next()).value!;
  track.write(utf8("delta"));
  track.endGroup();
  assert.deepEqual([group.sequence, await texts(group)], [1, ["key", "delta"]]);
  await groups.return();
});

Deno.test("a group too long to keep is joined at the next, and its memory is let go", async () => {
  await using pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("video", { maxKeptBytes: 1000 });
  pair.server.publish("b", broadcast);
  track.startGroup();
  for (let i = 0; i < 50; i++) track.write(new Uint8Array(100));
  const subscription = pair.client.subscribe("b", "video");
  await subscription.ready;
  track.startGroup();
  track.write(utf8("next"));
  track.endGroup();
  assert.deepEqual(await texts(await next(subscription)), ["next"]);
});

Deno.test("a track or broadcast that is not there is refused with its code", async () => {
  await using pair = await liteSessions();
  pair.server.publish("b", new LiteBroadcast());
  for (const [broadcast, track] of [["b", "t"], ["c", "t"]] as const) {
    const subscription = pair.client.subscribe(broadcast, track);
    await assert.rejects(subscription.ready, (error) => {
      assert.ok(error instanceof LiteStreamError);
      assert.deepEqual([error.reset, error.streamErrorCode, error.code], [
        "not-found",
        0x33,
        "not-found",
      ]);
      return true;
    });
    await assert.rejects(() => subscription.groups().next(), LiteStreamError);
  }
});

Deno.test("a track is made when somebody wants it, and told when nobody does", async () => {
  await using pair = await liteSessions();
  const demand: boolean[] = [];
  const gone = Promise.withResolvers<void>();
  const broadcast: LiteBroadcast = new LiteBroadcast({
    onTrack: (name) =>
      name !== "wanted" ? undefined : broadcast.track(name, {
        onDemand: (wanted) => {
          demand.push(wanted);
          if (!wanted) gone.resolve();
        },
      }),
  });
  pair.client.publish("b", broadcast);
  const subscription = pair.server.subscribe("b", "wanted");
  await subscription.ready;
  assert.deepEqual(demand, [true]);
  await subscription.close();
  await gone.promise;
  assert.deepEqual(demand, [true, false]);
});

Deno.test("a track that is wanted twice at once is made once, and again after its end", async () => {
  await using pair = await liteSessions();
  let made = 0;
  const broadcast: LiteBroadcast = new LiteBroadcast({
    onTrack: async (name) => {
      made++;
      await Promise.resolve();
      return broadcast.track(name);
    },
  });
  pair.client.publish("b", broadcast);
  const subscriptions = [pair.server.subscribe("b", "t"), pair.server.subscribe("b", "t")];
  await Promise.all(subscriptions.map(({ ready }) => ready));
  assert.equal(made, 1);
  await (await broadcast.find("t"))!.end();
  await Promise.all(subscriptions.map(({ closed }) => closed));
  await pair.server.subscribe("b", "t").ready;
  assert.equal(made, 2);
});

Deno.test("what was forgotten is not what a newcomer begins with", async () => {
  await using pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("video");
  pair.client.publish("b", broadcast);
  track.startGroup();
  track.write(utf8("old"));
  track.forget();
  assert.throws(() => track.write(utf8("more")), /no group was begun/);
  const subscription = pair.server.subscribe("b", "video");
  await subscription.ready;
  track.writeGroup(utf8("new"));
  assert.deepEqual(await texts(await next(subscription)), ["new"]);
});

Deno.test("a subscriber that stands still loses whole old groups, and nobody else notices", async () => {
  const { session, bare } = await liteAndBare("server");
  await using fast = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("t", { lateGroups: 1 });
  session.publish("b", broadcast);
  fast.server.publish("b", broadcast);
  const request = await bare.createBidirectionalStream();
  await request.writable.getWriter().write(Uint8Array.from([2, 6, 0, 1, 0x62, 1, 0x74, 0]));
  await request.readable.getReader().read();
  const ahead = fast.client.subscribe("b", "t");
  await ahead.ready;
  const groups = ahead.groups();
  for (let i = 0; i < 8; i++) {
    track.startGroup();
    track.write(new Uint8Array(600).fill(i));
    track.write(new Uint8Array(6 << 20).fill(i));
    track.endGroup();
    const group = (await groups.next()).value!;
    assert.deepEqual([group.sequence, (await Array.fromAsync(group)).length], [i, 2]);
  }
  assert.equal(track.resetGroups, 6);
  const OLD = 0x34;
  const streams = bare.incomingUnidirectionalStreams.getReader();
  const ended = track.end();
  const whole: number[] = [];
  for (let count = 0; count < 8; count++) {
    const { value: stream } = await streams.read();
    const bytes = await new Response(stream).bytes().catch((error) => {
      assert.equal((error as { streamErrorCode?: number }).streamErrorCode, OLD);
    });
    // Type, size and subscription stand before the sequence.
    if (bytes !== undefined) whole.push(bytes[3]!);
  }
  await ended;
  assert.deepEqual(whole, [6, 7]);
  await groups.return();
  await session.close();
});

Deno.test("a subscriber further behind than allowed loses the newest group, too", async () => {
  await using pair = await liteSessions({ window: 1000 });
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("video", { maxPendingBytes: 50_000 });
  pair.server.publish("b", broadcast);
  const subscription = pair.client.subscribe("b", "video");
  const groups = subscription.groups();
  await subscription.ready;
  track.startGroup();
  track.write(utf8("begin"));
  const group = (await groups.next()).value!;
  // Beyond what its reader lets wait, and the window.
  for (let i = 0; i < 200; i++) track.write(new Uint8Array(40_000));
  assert.equal(track.resetGroups, 1);
  await assert.rejects(
    () => Array.fromAsync(group),
    (error) => error instanceof LiteStreamError && error.reset === "too-far-behind",
  );
  await groups.return();
});

Deno.test("with one group waiting, the latest wins", async () => {
  await using pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("state", { lateGroups: 100 });
  pair.client.publish("b", broadcast);
  const subscription = pair.server.subscribe("b", "state", { maxGroups: 1 });
  await subscription.ready;
  for (let i = 0; i < 20; i++) track.writeGroup(utf8(String(i)));
  await track.end();
  const seen: string[] = [];
  // All streams have come and gone before the first is read.
  await subscription.closed;
  for await (const group of subscription.groups()) seen.push(...await texts(group));
  assert.equal(seen.at(-1), "19");
  assert.equal(seen.length + subscription.droppedGroups, 20);
  assert.ok(seen.length <= 2, `${seen}`);
});

Deno.test("groups that overtook each other are read in order; late ones only where wanted", async () => {
  const { session, bare } = await liteAndBare("client");
  const began = async (subscribe: number, sequence: number) => {
    const writer = (await bare.createUnidirectionalStream()).getWriter();
    await writer.write(Uint8Array.of(0, 2, subscribe, sequence, 1, sequence));
    await writer.close();
  };
  /** Streams are taken in their order: when one of no known type is refused, those before were taken. */
  const settled = async () => {
    const writer = (await bare.createUnidirectionalStream()).getWriter();
    await writer.write(Uint8Array.of(9));
    await assert.rejects(writer.closed);
  };
  const answers = bare.incomingBidirectionalStreams.getReader();
  for (const [id, late] of (["drop", "deliver"] as const).entries()) {
    const subscription = session.subscribe("b", "t", { late });
    const { value } = await answers.read();
    await value!.writable.getWriter().write(Uint8Array.of(0));
    await subscription.ready;
    const groups = subscription.groups();
    for (const sequence of [5, 3, 4]) await began(id, sequence);
    await settled();
    const read = async () => (await groups.next()).value!.sequence;
    assert.deepEqual([await read(), await read()], [3, 4]);
    assert.equal(await read(), 5);
    await began(id, 2);
    await settled();
    await began(id, 6);
    assert.equal(await read(), late === "drop" ? 6 : 2);
    assert.equal(subscription.droppedGroups, late === "drop" ? 1 : 0);
    await groups.return();
  }
  await session.close();
});

Deno.test("a reader that leaves a group stops it, one that leaves the groups the subscription", async () => {
  await using pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const gone = Promise.withResolvers<void>();
  const track = broadcast.track("video", {
    onDemand: (wanted) => wanted || gone.resolve(),
  });
  pair.client.publish("b", broadcast);
  const subscription = pair.server.subscribe("b", "video");
  await subscription.ready;
  track.startGroup();
  track.write(utf8("1"));
  for await (const group of subscription.groups()) {
    for await (const frame of group) {
      assert.equal(text(frame), "1");
      break;
    }
    assert.equal(group.isOver, true);
    break;
  }
  await gone.promise;
  await subscription.closed;
});

Deno.test("broadcasts come and go while somebody listens", async () => {
  await using pair = await liteSessions();
  const heard = pair.client.announced();
  await heard.ready;
  const first = pair.server.publish("a/1", new LiteBroadcast());
  const below = pair.client.announced("a");
  await below.ready;
  assert.deepEqual([...below.active], ["a/1"]);
  const second = pair.server.publish("ab", new LiteBroadcast());
  await first.close();
  await second.close();
  pair.server.publish("a/1", new LiteBroadcast());
  const other = pair.client.announced();
  await other.ready;
  // What came and went before anybody read is no news; what is there is told.
  const news = heard[Symbol.asyncIterator]();
  assert.deepEqual((await news.next()).value, { path: "a/1", active: true });
  assert.deepEqual([...other.active], ["a/1"]);
  await Promise.all([heard.close(), below.close(), other.close()]);
  assert.throws(() => pair.server.publish("a/1/", new LiteBroadcast()), /published already/);
});

Deno.test("taking a broadcast back ends its subscriptions with what is whole", async () => {
  await using pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("t");
  const offer = pair.server.publish("b", broadcast);
  const subscription = pair.client.subscribe("b", "t");
  await subscription.ready;
  track.writeGroup(utf8("whole"));
  track.startGroup();
  track.write(utf8("part"));
  const groups = subscription.groups();
  assert.deepEqual(await texts((await groups.next()).value!), ["whole"]);
  const part = (await groups.next()).value!;
  await offer.close();
  await assert.rejects(
    () => texts(part),
    (error) => error instanceof LiteStreamError && error.reset === "going-away",
  );
  assert.equal((await groups.next()).done, true);
  assert.equal(track.subscribers, 0);
});

Deno.test("everything ends with the session, on both sides", async () => {
  const pair = await liteSessions();
  const broadcast = new LiteBroadcast();
  const track = broadcast.track("t");
  pair.server.publish("b", broadcast);
  const subscription = pair.client.subscribe("b", "t");
  const heard = pair.client.announced();
  await Promise.all([subscription.ready, heard.ready]);
  await pair.server.close({ closeCode: 0, reason: "enough" });
  assert.equal((await pair.client.closed).reason, "enough");
  await assert.rejects(subscription.closed, LiteStreamError);
  assert.equal(track.subscribers, 0);
  await assert.rejects(pair.client.subscribe("b", "t").ready, /over/);
  await pair[Symbol.asyncDispose]();
});

Deno.test("a request is given up by its signal", async () => {
  const [a] = memoryPair("moql");
  await assert.rejects(connectLite(a, { signal: AbortSignal.timeout(20) }), {
    name: "TimeoutError",
  });
  const pair = await liteSessions();
  const gone = Promise.withResolvers<void>();
  const broadcast = new LiteBroadcast();
  const late = Promise.withResolvers<LiteTrackSource>();
  pair.server.publish("b", new LiteBroadcast({ onTrack: () => late.promise }));
  const abort = new AbortController();
  const subscription = pair.client.subscribe("b", "t", { signal: abort.signal });
  // Once the request is on its way.
  await pair.client.subscribe("none", "t").ready.catch(() => {});
  abort.abort(new Error("enough"));
  await assert.rejects(subscription.ready, /enough/);
  // The publisher hears of it, too.
  late.resolve(broadcast.track("t", { onDemand: (wanted) => wanted || gone.resolve() }));
  await gone.promise;
  await pair[Symbol.asyncDispose]();
});

Deno.test("of many groups at once none is lost for who wants them all", async () => {
  const { session, bare } = await liteAndBare("client");
  const subscription = session.subscribe("b", "t", { maxGroups: 1000, late: "deliver" });
  const { value: stream } = await bare.incomingBidirectionalStreams.getReader().read();
  await stream!.writable.getWriter().write(Uint8Array.of(0));
  await subscription.ready;
  const writers: WritableStreamDefaultWriter<Uint8Array>[] = [];
  for (let i = 0; i < 300; i++) {
    const writer = (await bare.createUnidirectionalStream()).getWriter();
    // A header, and a frame's size.
    await writer.write(Uint8Array.of(0, 3, 0, 0x40 | i >> 8, i & 0xff, 1));
    writers.push(writer);
  }
  for (const writer of writers) {
    await writer.write(Uint8Array.of(0x61));
    await writer.close();
  }
  const found: number[] = [];
  for await (const group of subscription.groups()) {
    assert.deepEqual(await texts(group), ["a"]);
    if (found.push(group.sequence) === 300) break;
  }
  assert.deepEqual(found.toSorted((a, b) => a - b), Array.from({ length: 300 }, (_, i) => i));
  assert.equal(subscription.droppedGroups, 0);
  await session.close();
});

Deno.test("a subscriber that changes its priority keeps its subscription", async () => {
  const [a, b] = memoryPair("moql");
  const agreed = Promise.withResolvers<LitePublication>();
  const accepted = acceptLite(b, {
    handlers: { announce: () => {}, subscribe: (request) => agreed.resolve(request.accept()) },
  });
  const control = await a.createBidirectionalStream();
  await control.writable.getWriter().write(
    Uint8Array.from([0x20, 0, 10, 1, 0xc0, 0, 0, 0, 0xff, 0x0d, 0xad, 0x02, 0]),
  );
  await using session = await accepted;
  const request = await a.createBidirectionalStream();
  const writer = request.writable.getWriter();
  await writer.write(Uint8Array.from([2, 6, 0, 1, 0x62, 1, 0x74, 9]));
  const publication = await agreed.promise;
  assert.equal(publication.priority, 9);
  const changed = new Promise<number>((resolve) => publication.onUpdate(resolve));
  // SUBSCRIBE_UPDATE, in two pieces.
  await writer.write(Uint8Array.of(1));
  await writer.write(Uint8Array.of(200));
  assert.deepEqual([await changed, publication.priority], [200, 200]);
  assert.equal(publication.signal.aborted, false);
  const ended = new Promise((resolve) => publication.signal.addEventListener("abort", resolve));
  await writer.close();
  await ended;
  // Announcements that nobody accepts are refused, and nothing else.
  const refused = await a.createBidirectionalStream();
  await refused.writable.getWriter().write(Uint8Array.from([1, 1, 0]));
  await assert.rejects(refused.readable.getReader().read(), { streamErrorCode: 0x33 });
  assert.throws(() => session.publish("b", new LiteBroadcast()), /handlers/);
});
