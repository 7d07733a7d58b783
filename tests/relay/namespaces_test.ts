import assert from "node:assert/strict";
import { RequestError } from "../../lib/moqt/errors.ts";
import { hasRequestStreams, VERSIONS } from "../../lib/moqt/versions.ts";
import {
  formatNamespace,
  namespace,
  type TrackName,
  trackName,
} from "../../lib/moqt/wire/track_name.ts";
import { source, Stage, take, TRACK, until, utf8 } from "./support.ts";

for (const version of VERSIONS) {
  const draft = `draft-${version}`;

  Deno.test(`${draft}: a namespace is there as long as one of its publishers is`, async () => {
    await using stage = new Stage();
    const watch = (await stage.come(version)).subscribeNamespace(namespace("example.com"));
    await watch.ready;
    const [one, two] = [await stage.come(version), await stage.come(version)];
    const first = one.publishNamespace(TRACK.namespace);
    await first.ready;
    await two.publishNamespace(TRACK.namespace).ready;
    await until(() => watch.namespaces.length === 1);
    const heard: string[] = [];
    (async () => {
      for await (const news of watch) heard.push(news.kind);
    })();
    await first.close();
    const late = (await stage.come(version)).subscribeNamespace(namespace("example.com"));
    await until(() => late.namespaces.length === 1);
    assert.equal(watch.namespaces.length, 1);
    await two.close();
    await until(() => watch.namespaces.length === 0 && late.namespaces.length === 0);
    assert.deepEqual(heard, ["added", "removed"]);
  });

  Deno.test(`${draft}: namespaces below each other are told apart`, async () => {
    await using stage = new Stage();
    const publisher = await stage.come(version);
    const names = [["a"], ["a", "b"], ["a", "b", "c"], ["ab"]].map((fields) =>
      namespace(...fields)
    );
    const offers = names.map((name) => publisher.publishNamespace(name));
    for (const offer of offers) await offer.ready;
    const watch = (await stage.come(version)).subscribeNamespace(namespace("a"));
    const found = () => watch.namespaces.map(formatNamespace).sort();
    await until(() => watch.namespaces.length === 3);
    assert.deepEqual(found(), names.slice(0, 3).map(formatNamespace));
    await offers[1]!.close();
    await until(() => watch.namespaces.length === 2);
    assert.deepEqual(found(), [names[0]!, names[2]!].map(formatNamespace));
  });

  Deno.test(`${draft}: overlapping prefixes of one session are refused, those of two are not`, async () => {
    await using stage = new Stage();
    const session = await stage.come(version);
    await session.subscribeNamespace(namespace("a", "b")).ready;
    for (const prefix of [namespace("a"), namespace("a", "b"), namespace("a", "b", "c")]) {
      await assert.rejects(
        session.subscribeNamespace(prefix).ready,
        (error) => error instanceof RequestError && error.refusal === "prefix-overlap",
      );
    }
    await session.subscribeNamespace(namespace("a", "c")).ready;
    await (await stage.come(version)).subscribeNamespace(namespace("a")).ready;
  });

  Deno.test(`${draft}: a status is asked of one publisher after the other`, async () => {
    await using stage = new Stage();
    const knows = await stage.come(version, {
      handlers: { trackStatus: () => ({ largest: { group: 7, object: 1 } }) },
    });
    await knows.publishNamespace(TRACK.namespace).ready;
    const other = await stage.come(version, { handlers: {} });
    await other.publishNamespace(TRACK.namespace).ready;
    const session = await stage.come(version);
    const { parameters } = await session.trackStatus(TRACK);
    assert.deepEqual(parameters.largest, { group: 7, object: 1 });
    await knows.close();
    await until(() => stage.relay.stats.sessions === 2);
    await assert.rejects(
      session.trackStatus(TRACK),
      (error) => error instanceof RequestError && error.refusal === "not-supported",
    );
  });

  Deno.test(`${draft}: a track that two publishers offer is offered on once`, async () => {
    await using stage = new Stage();
    const offered: string[] = [];
    const session = await stage.come(version, {
      handlers: {
        publish: async (request) => {
          offered.push("once");
          await answer.promise;
          request.accept({ forward: false });
        },
      },
    });
    const answer = Promise.withResolvers<void>();
    await session.subscribeNamespace(namespace("example.com"), "publish").ready;
    const publishers = [await stage.come(version), await stage.come(version)];
    await Promise.all(publishers.map((publisher) => publisher.publish(TRACK).ready));
    answer.resolve();
    await until(() => stage.relay.stats.subscriptions === 1);
    assert.deepEqual(offered, ["once"]);
  });

  Deno.test(`${draft}: an offered track keeps its properties and is sent only when wanted`, async () => {
    await using stage = new Stage();
    const properties = { maxCacheDurationMs: 9000 };
    const found = Promise.withResolvers<unknown>();
    const session = await stage.come(version, {
      handlers: {
        publish: (request) => {
          found.resolve(request.properties.maxCacheDurationMs);
          request.accept({ forward: false });
        },
      },
    });
    await session.subscribeNamespace(namespace("example.com"), "publish", {
      ...(version === 14 ? {} : { parameters: { forward: false } }),
    }).ready;
    const publisher = await stage.come(version);
    const publication = publisher.publish(TRACK, { properties, parameters: { forward: false } });
    await publication.ready;
    assert.equal(await found.promise, 9000);
    await until(() => stage.relay.stats.subscriptions === 1);
    assert.notEqual(publication.parameters.forward, true);
    const wanting = (await stage.come(version)).subscribe(TRACK);
    await wanting.ready;
    await until(() => publication.parameters.forward === true);
    await wanting.close();
    await until(() => publication.parameters.forward === false);
  });

  Deno.test(`${draft}: a publisher that goes away moves over without a loss`, async () => {
    await using stage = new Stage();
    const track = source();
    const tracks = new Map([[TRACK, track]]);
    const first = await stage.publisher(version, tracks);
    const subscription = (await stage.come(version)).subscribe(TRACK);
    await subscription.ready;
    const objects = take(subscription, 40);
    const write = (group: number) => {
      track.startGroup(group);
      for (const id of [0, 1, 2, 3]) track.write({ payload: utf8(`${group}.${id}`) });
    };
    for (let group = 0; group < 4; group++) write(group);
    first.goaway({ timeoutMs: 5000 });
    const second = await stage.publisher(version, tracks);
    await until(() => track.subscribers === 2);
    for (let group = 4; group < 7; group++) write(group);
    await track.drained();
    await until(() => stage.relay.stats.objectsIn >= 28);
    await first.close();
    for (let group = 7; group < 10; group++) write(group);
    const expected = Array.from(
      { length: 10 },
      (_, group) => [0, 1, 2, 3].map((id) => `${group}/${id}=${group}.${id}`),
    ).flat();
    assert.deepEqual((await objects).toSorted(), expected);
    await second.close();
  });
}

for (const version of VERSIONS.filter(hasRequestStreams)) {
  const draft = `draft-${version}`;

  Deno.test(`${draft}: who waits for a track is sent it, and not offered it besides`, async () => {
    await using stage = new Stage();
    const offered: TrackName[] = [];
    const session = await stage.come(version, {
      handlers: {
        publish: (request) => {
          offered.push(request.track);
          request.accept();
        },
      },
    });
    await session.subscribeNamespace(namespace("example.com"), "publish").ready;
    const subscription = session.subscribe(TRACK, { parameters: { rendezvousTimeoutMs: 5000 } });
    await until(() => stage.relay.stats.tracks === 1);
    const publisher = await stage.come(version);
    const other = trackName(["example.com", "cam"], "other");
    for (const name of [TRACK, other]) await publisher.publish(name).ready;
    await subscription.ready;
    await until(() => offered.length > 0);
    assert.deepEqual(offered.map(({ name }) => new TextDecoder().decode(name)), ["other"]);
  });

  Deno.test(`${draft}: another prefix tells of other namespaces and tracks`, async () => {
    await using stage = new Stage();
    const offered: string[] = [];
    const session = await stage.come(version, {
      handlers: {
        publish: (request) => {
          offered.push(formatNamespace(request.track.namespace));
          request.accept();
        },
      },
    });
    const watch = session.subscribeNamespace(namespace("a"));
    const tracks = session.subscribeNamespace(namespace("a"), "publish");
    await Promise.all([watch.ready, tracks.ready]);
    const publisher = await stage.come(version);
    for (const name of [namespace("a", "x"), namespace("b", "y")]) {
      await publisher.publishNamespace(name).ready;
      await publisher.publish({ namespace: name, name: utf8("t") }).ready;
    }
    await until(() => watch.namespaces.length === 1 && offered.length === 1);
    await watch.update({ prefix: namespace("b") });
    await tracks.update({ prefix: namespace("b") });
    await until(() => offered.length === 2);
    await until(() => watch.namespaces.map(formatNamespace).join() === "b-y");
    assert.deepEqual(offered, ["a-x", "b-y"]);
  });
}
