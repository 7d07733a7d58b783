import assert from "node:assert/strict";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { hasRequestStreams, VERSIONS } from "../../lib/moqt/versions.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import { fetched, source, Stage, take, TRACK, until, utf8 } from "./support.ts";

for (const from of VERSIONS) {
  for (const to of VERSIONS) {
    Deno.test(`objects of a draft-${from} publisher reach a draft-${to} subscriber`, async () => {
      await using stage = new Stage();
      const track = source();
      await stage.publisher(from, new Map([[TRACK, track]]));
      const subscriber = await stage.come(to);
      const subscription = subscriber.subscribe(TRACK);
      await subscription.ready;
      const large = "x".repeat(300_000);
      track.startGroup();
      track.write({ payload: utf8("a") });
      track.write({ payload: utf8(large), properties: [{ type: 0x3c, value: 77n }] });
      track.startGroup();
      track.write({ payload: utf8("c") });
      assert.deepEqual((await take(subscription, 3)).toSorted(), [
        "0/0=a",
        `0/1=${large}`,
        "1/0=c",
      ]);
    });
  }
}

for (const version of VERSIONS.filter(hasRequestStreams)) {
  Deno.test(`draft-${version}: who says so waits for a publisher`, async () => {
    await using stage = new Stage();
    const session = await stage.come(version);
    const parameters = { rendezvousTimeoutMs: 10_000 };
    const patient = session.subscribe(TRACK, { parameters });
    const track = source();
    await until(() => stage.relay.stats.tracks === 1);
    await stage.publisher(version, new Map([[TRACK, track]]));
    await patient.ready;
    assert.equal(track.subscribers, 1);
    const other = trackName(["nobody"], "x");
    const short = session.subscribe(other, { parameters: { rendezvousTimeoutMs: 20 } });
    await assert.rejects(
      short.ready,
      (error) => error instanceof RequestError && error.refusal === "timeout",
    );
  });
}

for (const version of VERSIONS) {
  const draft = `draft-${version}`;

  Deno.test(`${draft}: subscribers share one subscription at the publisher`, async () => {
    await using stage = new Stage();
    const track = source();
    await stage.publisher(version, new Map([[TRACK, track]]));
    const subscriptions = [];
    for (let i = 0; i < 5; i++) {
      const subscriber = await stage.come(version);
      const subscription = subscriber.subscribe(TRACK);
      await subscription.ready;
      subscriptions.push(subscription);
    }
    assert.equal(track.subscribers, 1);
    track.startGroup();
    track.write({ payload: utf8("a") });
    for (const subscription of subscriptions) {
      assert.deepEqual(await take(subscription, 1), ["0/0=a"]);
    }
    for (const subscription of subscriptions) await subscription.close();
    await until(() => track.subscribers === 0);
  });

  Deno.test(`${draft}: a track that nobody publishes does not exist`, async () => {
    await using stage = new Stage();
    const subscriber = await stage.come(version);
    const missing = (error: unknown) =>
      error instanceof RequestError && error.refusal === "does-not-exist";
    await assert.rejects(subscriber.subscribe(TRACK).ready, missing);
    await assert.rejects(
      subscriber.fetch({
        track: TRACK,
        start: { group: 0, object: 0 },
        end: { group: 1, object: 0 },
      })
        .ready,
      missing,
    );
    await assert.rejects(subscriber.trackStatus(TRACK), missing);
    assert.equal(stage.relay.stats.upstreams, 0);
  });

  Deno.test(`${draft}: who comes in the middle of a group begins there`, async () => {
    await using stage = new Stage();
    const track = source();
    await stage.publisher(version, new Map([[TRACK, track]]));
    const early = (await stage.come(version)).subscribe(TRACK);
    await early.ready;
    track.startGroup();
    for (const word of ["a", "b", "c"]) track.write({ payload: utf8(word) });
    await until(() => stage.relay.stats.objectsIn === 3);
    const late = (await stage.come(version)).subscribe(TRACK);
    const { parameters } = await late.ready;
    assert.deepEqual(parameters.largest, { group: 0, object: 2 });
    track.write({ payload: utf8("d") });
    track.startGroup();
    track.write({ payload: utf8("e") });
    assert.deepEqual(await take(late, 2), ["0/3=d", "1/0=e"]);
    assert.deepEqual((await take(early, 5)).toSorted(), [
      "0/0=a",
      "0/1=b",
      "0/2=c",
      "0/3=d",
      "1/0=e",
    ]);
  });

  Deno.test(`${draft}: who joins gets the group from its beginning, once`, async () => {
    await using stage = new Stage();
    const track = source();
    await stage.publisher(version, new Map([[TRACK, track]]));
    const early = (await stage.come(version)).subscribe(TRACK);
    await early.ready;
    track.startGroup();
    for (const word of ["a", "b", "c"]) track.write({ payload: utf8(word) });
    await until(() => stage.relay.stats.objectsIn === 3);
    const session = await stage.come(version);
    const late = session.subscribe(TRACK, {
      parameters: { filter: { from: "largest-object" } },
    });
    await late.ready;
    const past = session.join(late, { groupsBack: 0 });
    assert.deepEqual(await fetched(past), ["0/0=a", "0/1=b", "0/2=c"]);
    assert.equal(stage.relay.stats.fetchesHeld, 1);
    track.write({ payload: utf8("d") });
    assert.deepEqual(await take(late, 1), ["0/3=d"]);
    await early.close();
  });

  Deno.test(`${draft}: a fetch may join a subscription that is not answered yet`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version, {
      handlers: {
        subscribe: (request) => void request.accept({ largest: { group: 3, object: 1 } }),
        fetch: ({ start, end }) => {
          assert.deepEqual([start, end], [{ group: 2, object: 0 }, { group: 3, object: 2 }]);
          const payload = utf8("old");
          return {
            end,
            items: [{ kind: "object", group: 2, subgroup: 0, id: 0, priority: 9, payload }],
          };
        },
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    const subscription = session.subscribe(TRACK, {
      parameters: { filter: { from: "largest-object" } },
    });
    await until(() => subscription.requestId !== undefined);
    assert.deepEqual(await fetched(session.join(subscription, { groupsBack: 1 })), ["2/0=old"]);
  });

  Deno.test(`${draft}: tracks are offered to those who ask for tracks, before and after`, async () => {
    await using stage = new Stage();
    const taken: Subscription[] = [];
    const ask = async () => {
      const session = await stage.come(version, {
        handlers: { publish: (request) => void taken.push(request.accept({ forward: true })) },
      });
      await session.subscribeNamespace(namespace("example.com"), "publish").ready;
    };
    await ask();
    const publisher = await stage.come(version);
    const publication = publisher.publish(TRACK);
    await publication.ready;
    await ask();
    await until(() => taken.length === 2 && publication.parameters.forward === true);
    const objects = taken.map((subscription) => take(subscription, 1));
    const writer = await publication.subgroup({ group: 3 });
    await writer.write({ payload: utf8("a") });
    assert.deepEqual(await Promise.all(objects), [["3/0=a"], ["3/0=a"]]);
    publication.done("track-ended");
    for (const subscription of taken) {
      assert.notEqual((await subscription.closed).reason, "internal-error");
    }
  });

  Deno.test(`${draft}: what is not held is asked of the publisher`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version, {
      handlers: {
        fetch: ({ start, end }) => ({
          end,
          items: [{
            kind: "object",
            group: start.group,
            subgroup: 0,
            id: start.object,
            priority: 9,
            payload: utf8("old"),
          }],
        }),
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    const past = session.fetch({
      track: TRACK,
      start: { group: 4, object: 2 },
      end: { group: 5, object: 0 },
    });
    assert.deepEqual((await past.ready).end, { group: 5, object: 0 });
    assert.deepEqual(await fetched(past), ["4/2=old"]);
    assert.equal(stage.relay.stats.fetchesAsked, 1);
  });

  Deno.test(`${draft}: an offered track is taken, and sent when somebody wants it`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version);
    const publication = publisher.publish(TRACK);
    await publication.ready;
    // Since draft-20 an update after the answer tells it.
    await until(() => publication.parameters.forward === false);
    const subscriber = await stage.come(version);
    const subscription = subscriber.subscribe(TRACK);
    await subscription.ready;
    await until(() => publication.parameters.forward === true);
    const writer = await publication.subgroup({ group: 3 });
    await writer.write({ payload: utf8("a") });
    await writer.close();
    assert.deepEqual(await take(subscription, 1), ["3/0=a"]);
    publication.done("track-ended");
    assert.equal((await subscription.closed).reason, "track-ended");
  });

  Deno.test(`${draft}: namespaces are told to those who ask, before and after`, async () => {
    await using stage = new Stage();
    const watcher = await stage.come(version);
    const watch = watcher.subscribeNamespace(namespace("example.com"));
    await watch.ready;
    const publisher = await stage.come(version);
    const offer = publisher.publishNamespace(TRACK.namespace);
    await offer.ready;
    await until(() => watch.namespaces.length === 1);
    const late = (await stage.come(version)).subscribeNamespace(namespace("example.com"));
    await until(() => late.namespaces.length === 1);
    await offer.close();
    await until(() => watch.namespaces.length === 0 && late.namespaces.length === 0);
    await publisher.publishNamespace(TRACK.namespace).ready;
    await until(() => watch.namespaces.length === 1);
    await publisher.close();
    await until(() => watch.namespaces.length === 0 && late.namespaces.length === 0);
  });

  Deno.test(`${draft}: a track's end reaches its subscribers after its objects`, async () => {
    await using stage = new Stage();
    const track = source();
    await stage.publisher(version, new Map([[TRACK, track]]));
    const subscription = (await stage.come(version)).subscribe(TRACK);
    await subscription.ready;
    track.startGroup();
    track.write({ payload: utf8("a") });
    const objects = take(subscription, 2);
    await track.end();
    assert.deepEqual(await objects, ["0/0=a"]);
    assert.equal((await subscription.closed).reason, "track-ended");
  });

  Deno.test(`${draft}: datagrams are passed on`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version);
    const publication = publisher.publish(TRACK, { parameters: { forward: true } });
    await publication.ready;
    const subscription = (await stage.come(version)).subscribe(TRACK);
    const objects = take(subscription, 2);
    await subscription.ready;
    await until(() => publication.parameters.forward === true);
    for (const id of [0, 1]) {
      publication.datagram({
        group: 0,
        id,
        endOfGroup: false,
        status: "normal",
        payload: utf8(`${id}`),
      });
    }
    assert.deepEqual(await objects, ["0/0=0", "0/1=1"]);
  });

  Deno.test(`${draft}: subscribers stay while their publisher is away`, async () => {
    await using stage = new Stage();
    const first = source();
    const away = await stage.publisher(version, new Map([[TRACK, first]]));
    const subscription = (await stage.come(version)).subscribe(TRACK);
    await subscription.ready;
    const objects = take(subscription, 2);
    first.startGroup();
    first.write({ payload: utf8("a") });
    await until(() => stage.relay.stats.bytesOut > 0);
    await away.close();
    await until(() => stage.relay.stats.upstreams === 0);
    const second = source();
    await stage.publisher(version, new Map([[TRACK, second]]));
    await until(() => second.subscribers === 1);
    second.startGroup(1);
    second.write({ payload: utf8("b") });
    assert.deepEqual(await objects, ["0/0=a", "1/0=b"]);
  });

  Deno.test(`${draft}: a publisher that begins anew ends the old subscriptions`, async () => {
    await using stage = new Stage();
    const first = source();
    const away = await stage.publisher(version, new Map([[TRACK, first]]));
    const subscriber = await stage.come(version);
    const subscription = subscriber.subscribe(TRACK);
    await subscription.ready;
    first.startGroup(5);
    first.write({ payload: utf8("a") });
    await until(() => stage.relay.stats.bytesOut > 0);
    await away.close();
    const second = source();
    await stage.publisher(version, new Map([[TRACK, second]]));
    await until(() => second.subscribers === 1);
    const objects = take(subscription, 2);
    second.startGroup(0);
    second.write({ payload: utf8("b") });
    assert.deepEqual(await objects, ["5/0=a"]);
    assert.equal((await subscription.closed).reason, "going-away");
    const again = subscriber.subscribe(TRACK);
    await again.ready;
    second.startGroup(1);
    second.write({ payload: utf8("c") });
    assert.deepEqual(await take(again, 1), ["1/0=c"]);
  });

  Deno.test(`${draft}: a publisher that begins anew may come before the old one is gone`, async () => {
    await using stage = new Stage();
    const [old, anew] = [source(), source()];
    const away = await stage.publisher(version, new Map([[TRACK, old]]));
    const subscriber = await stage.come(version);
    const subscription = subscriber.subscribe(TRACK);
    await subscription.ready;
    const objects = take(subscription, 5);
    old.startGroup(5);
    old.write({ payload: utf8("a") });
    await until(() => stage.relay.stats.bytesOut > 0);
    await stage.publisher(version, new Map([[TRACK, anew]]));
    await until(() => anew.subscribers === 1);
    anew.startGroup(0);
    anew.write({ payload: utf8("b") });
    old.write({ payload: utf8("c") });
    await until(() => stage.relay.stats.objectsIn === 2);
    await away.close();
    await until(() => stage.relay.stats.upstreams === 1);
    anew.startGroup(1);
    anew.write({ payload: utf8("d") });
    assert.deepEqual(await objects, ["5/0=a", "5/1=c"]);
    assert.equal((await subscription.closed).reason, "going-away");
    const again = subscriber.subscribe(TRACK);
    await again.ready;
    const rest = take(again, 1);
    anew.startGroup(2);
    anew.write({ payload: utf8("e") });
    assert.deepEqual(await rest, ["2/0=e"]);
  });

  Deno.test(`${draft}: who comes after a publisher began anew gets what is new`, async () => {
    await using stage = new Stage();
    for (const word of ["a", "b"]) {
      const track = source();
      const publisher = await stage.publisher(version, new Map([[TRACK, track]]));
      const session = await stage.come(version);
      const subscription = session.subscribe(TRACK);
      assert.equal((await subscription.ready).parameters.largest, undefined);
      const objects = take(subscription, 2);
      track.startGroup(3);
      track.write({ payload: utf8(word) });
      track.write({ payload: utf8(word) });
      assert.deepEqual(await objects, [`3/0=${word}`, `3/1=${word}`]);
      await publisher.close();
      await session.close();
      await until(() => stage.relay.stats.upstreams + stage.relay.stats.subscriptions === 0);
    }
  });

  Deno.test(`${draft}: subscribers are let go when their publisher stays away`, async () => {
    await using stage = new Stage({ holdMs: 30 });
    const publisher = await stage.publisher(version, new Map([[TRACK, source()]]));
    const subscription = (await stage.come(version)).subscribe(TRACK);
    await subscription.ready;
    await publisher.close();
    assert.equal((await subscription.closed).reason, "going-away");
    await until(() => stage.relay.stats.tracks === 0);
  });

  Deno.test(`${draft}: a status is known, or asked for`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version, {
      handlers: {
        trackStatus: () => ({ largest: { group: 7, object: 1 } }),
        subscribe: (request) => void request.accept({ largest: { group: 8, object: 3 } }),
      },
    });
    await publisher.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    const asked = await session.trackStatus(TRACK);
    assert.deepEqual(asked.parameters.largest, { group: 7, object: 1 });
    await session.subscribe(TRACK).ready;
    const known = await session.trackStatus(TRACK);
    assert.deepEqual(known.parameters.largest, { group: 8, object: 3 });
  });

  Deno.test(`${draft}: a relay that closes says so first`, async () => {
    await using stage = new Stage();
    const session = await stage.come(version);
    const closing = stage.relay.close();
    await session.goingAway;
    await session.close();
    await closing;
  });

  Deno.test(`${draft}: the newest of several publishers with a namespace is enough`, async () => {
    await using stage = new Stage();
    const [one, two] = [source(), source()];
    const first = await stage.publisher(version, new Map([[TRACK, one]]));
    await stage.publisher(version, new Map([[TRACK, two]]));
    const subscription = (await stage.come(version)).subscribe(TRACK);
    await subscription.ready;
    await until(() => one.subscribers === 1 && two.subscribers === 1);
    const objects = take(subscription, 3);
    for (const track of [one, two]) {
      track.startGroup(0);
      track.write({ payload: utf8("same") });
    }
    await until(() => stage.relay.stats.objectsIn === 1 && stage.relay.stats.bytesOut > 0);
    await first.close();
    two.startGroup(1);
    two.write({ payload: utf8("b") });
    two.write({ payload: utf8("c") });
    assert.deepEqual(await objects, ["0/0=same", "1/0=b", "1/1=c"]);
  });

  Deno.test(`${draft}: too many requests of one session are refused`, async () => {
    await using stage = new Stage({ session: { maxSubscriptions: 2, maxNamespaces: 1 } });
    const names = [1, 2, 3].map((number) => trackName(["example.com", "cam"], `${number}`));
    const tracks = new Map(names.map((name) => [name, source()]));
    const publisher = await stage.publisher(version, tracks);
    const session = await stage.come(version);
    const [a, b, c] = names.map((name) => session.subscribe(name));
    await Promise.all([a!.ready, b!.ready]);
    await assert.rejects(c!.ready, RequestError);
    await a!.close();
    await until(() => stage.relay.stats.subscriptions === 1);
    await session.subscribe(names[2]!).ready;
    await assert.rejects(publisher.publishNamespace(namespace("other")).ready, RequestError);
  });
}
