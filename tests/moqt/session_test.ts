import assert from "node:assert/strict";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { IncomingFetch, RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { accept } from "../../lib/moqt/session/session.ts";
import { namespace } from "../../lib/moqt/wire/track_name.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { all, DRAFTS, sessions, text, TRACK, utf8 } from "./sessions.ts";

/** A handler that hands its publication out. */
function publisher() {
  const made = Promise.withResolvers<Publication>();
  const handlers: RequestHandlers = {
    subscribe: (request) => made.resolve(request.accept({ largest: { group: 6, object: 9 } })),
  };
  return { handlers, publication: made.promise };
}

const refusedWith = (refusal: string) => (error: unknown) => {
  assert.ok(error instanceof RequestError, String(error));
  assert.equal(error.refusal, refusal);
  return true;
};

for (const [draft, protocol] of DRAFTS) {
  Deno.test(`draft ${draft}: both sides tell each other who they are`, async () => {
    let heard = "";
    await using pair = await sessions(protocol, {
      client: {
        path: "/live?x=1",
        authority: "localhost:1",
        implementation: "c",
        tokens: [{ use: "value", type: 0, value: utf8("secret") }],
      },
      server: {
        implementation: "s",
        admit: (setup, tokens) => void (heard = `${setup.path} ${text(tokens[0]!.value)}`),
      },
    });
    assert.equal(pair.client.version, draft);
    assert.equal(pair.client.peer.implementation, "s");
    assert.equal(pair.server.peer.authority, "localhost:1");
    assert.equal(heard, "/live?x=1 secret");
  });

  Deno.test(`draft ${draft}: a subscriber gets the objects of a subgroup, and the end`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, { parameters: { priority: 3 } });
    const info = await subscription.ready;
    assert.deepEqual(info.parameters.largest, { group: 6, object: 9 });
    const sender = await publication;
    assert.equal(sender.parameters.priority, 3);
    const stream = await sender.subgroup({ group: 7, endOfGroup: true });
    await stream.write({ payload: utf8("a"), properties: [{ type: 2, value: 5n }] });
    await stream.write({ payload: utf8("b") });
    await stream.close();
    sender.done("track-ended", "over");
    const objects = await all(subscription.objects());
    assert.deepEqual(
      objects.map(({ group, subgroup, id, payload }) => [
        group,
        subgroup,
        id,
        text(payload),
      ]),
      [[7, 0, 0, "a"], [7, 0, 1, "b"]],
    );
    assert.deepEqual(objects[0]!.properties, [{ type: 2, value: 5n }]);
    assert.deepEqual(await subscription.closed, { reason: "track-ended", message: "over" });
  });

  Deno.test(`draft ${draft}: a publisher offers a track, and the server takes it`, async () => {
    const taken = Promise.withResolvers<Subscription>();
    await using pair = await sessions(protocol, {
      server: {
        handlers: {
          publish: (request) => taken.resolve(request.accept({ priority: 9, forward: true })),
        },
      },
    });
    const sender = pair.client.publish(TRACK, { properties: { defaultPriority: 4 } });
    // Since draft-20 an update after the answer tells how the track is wanted.
    const updated = new Promise<void>((resolve) => {
      sender.onUpdate(({ priority }) => priority === 9 && resolve());
    });
    await Promise.all([sender.ready, updated]);
    assert.equal(sender.parameters.priority, 9);
    const subscription = await taken.promise;
    assert.equal(subscription.info!.properties.defaultPriority, 4);
    const stream = await sender.subgroup({ group: 0 });
    await stream.write({ payload: utf8("x") });
    await stream.close();
    sender.done();
    const objects = await all(subscription.objects());
    assert.deepEqual(objects.map((object) => [object.priority, text(object.payload)]), [[4, "x"]]);
  });

  Deno.test(`draft ${draft}: objects go in datagrams`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    const objects = subscription.objects()[Symbol.asyncIterator]();
    const object = { group: 1, id: 2, endOfGroup: false, status: "normal", payload: utf8("d") };
    const sender = await publication;
    assert.equal(sender.datagram(object as Parameters<Publication["datagram"]>[0]), true);
    const { value } = await objects.next();
    assert.deepEqual(value, {
      kind: "object",
      group: 1,
      id: 2,
      priority: 128,
      status: "normal",
      payload: utf8("d"),
    });
    const large = { ...object, payload: new Uint8Array(5000) };
    assert.equal(sender.datagram(large as Parameters<Publication["datagram"]>[0]), false);
    assert.equal(sender.droppedDatagrams, 1);
  });

  Deno.test(`draft ${draft}: a subscriber that leaves ends the publication`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    const sender = await publication;
    const stream = await sender.subgroup({ group: 0 });
    await subscription.close();
    await sender.closed;
    assert.equal(stream.state, "reset");
    assert.equal((await subscription.closed).reason, "closed");
    await assert.rejects(sender.subgroup({ group: 1 }), refusedWith("uninterested"));
  });

  Deno.test(`draft ${draft}: a subscription is changed`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, {
      parameters: { filter: { from: "largest-object" } },
    });
    await subscription.ready;
    const sender = await publication;
    assert.equal(sender.wants({ group: 6, object: 9 }), false);
    assert.equal(sender.wants({ group: 6, object: 10 }), true);
    const changed = new Promise((resolve) => sender.onUpdate(resolve));
    const answer = await subscription.update({
      filter: { from: "start", start: { group: 8, object: 0 }, endGroup: 9 },
    });
    // Draft-14 does not answer updates.
    assert.deepEqual(answer.largest, draft === 14 ? undefined : { group: 6, object: 9 });
    await changed;
    assert.equal(sender.wants({ group: 7, object: 0 }), false);
    assert.equal(sender.wants({ group: 9, object: 5 }), true);
    assert.equal(sender.wants({ group: 10, object: 0 }), false);
    await subscription.update({ forward: false });
    if (draft === 14) {
      await assert.rejects(pair.client.trackStatus(TRACK), refusedWith("not-supported"));
      await assert.rejects(
        subscription.update({ filter: { from: "start", start: { group: 7, object: 0 } } }),
        RangeError,
      );
    }
    assert.equal(sender.wants({ group: 9, object: 5 }), false);
  });

  Deno.test(`draft ${draft}: a fetch gives objects and gaps in order`, async () => {
    let asked: IncomingFetch | undefined;
    const items: FetchItem[] = [
      { kind: "object", group: 3, subgroup: 0, id: 0, priority: 1, payload: utf8("a") },
      { kind: "gap", known: false, group: 3, id: 4 },
      { kind: "object", group: 4, subgroup: 2, id: 1, priority: 1, payload: utf8("b") },
    ];
    await using pair = await sessions(protocol, {
      server: {
        handlers: {
          fetch: (request) => {
            asked = request;
            return { end: { group: 4, object: 2 }, endOfTrack: true, items };
          },
        },
      },
    });
    const range = { track: TRACK, start: { group: 3, object: 0 }, end: { group: 9, object: 0 } };
    const fetched = pair.client.fetch(range, { parameters: { priority: 3 } });
    const info = await fetched.ready;
    assert.deepEqual([info.end, info.endOfTrack], [{ group: 4, object: 2 }, true]);
    // Draft-14 has no word for what is not there.
    const told = draft === 14 ? items.filter(({ kind }) => kind === "object") : items;
    assert.deepEqual(await all(fetched), told);
    assert.deepEqual(asked!.end, { group: 9, object: 0 });
  });

  Deno.test(`draft ${draft}: a fetch that is left stops its publisher`, async () => {
    const stopped = Promise.withResolvers<void>();
    await using pair = await sessions(protocol, {
      wire: { window: 1000 },
      server: {
        handlers: {
          fetch: ({ signal }) => {
            signal.addEventListener("abort", () => stopped.resolve());
            return {
              end: { group: 0, object: 0 },
              items: (function* () {
                for (let id = 0; id < 1e6; id++) {
                  const payload = new Uint8Array(100);
                  const object = {
                    kind: "object",
                    group: 0,
                    subgroup: 0,
                    id,
                    priority: 0,
                    payload,
                  };
                  yield object as FetchItem;
                }
              })(),
            };
          },
        },
      },
    });
    const start = { group: 0, object: 0 };
    const fetched = pair.client.fetch({ track: TRACK, start, end: start });
    for await (const item of fetched) if (item.id === 3) break;
    await stopped.promise;
  });

  Deno.test(`draft ${draft}: a joining fetch ends where its subscription begins`, async () => {
    const { handlers, publication } = publisher();
    const ranges: unknown[] = [];
    handlers.fetch = ({ track, start, end }) => {
      ranges.push([track.name, start, end]);
      return { end, items: [] };
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, {
      parameters: { filter: { from: "largest-object" } },
    });
    await subscription.ready;
    await publication;
    await pair.client.join(subscription, { groupsBack: 2 }).ready;
    await pair.client.join(subscription, { group: 5 }).ready;
    const end = { group: 6, object: 10 };
    assert.deepEqual(ranges, [
      [TRACK.name, { group: 4, object: 0 }, end],
      [TRACK.name, { group: 5, object: 0 }, end],
    ]);
    await assert.rejects(
      pair.client.join(subscription, { group: 7 }).ready,
      refusedWith("invalid-range"),
    );
    await subscription.close();
    const late = pair.client.join(subscription, { group: 5 }).ready;
    // Since draft-20 such a fetch is one like others.
    if (draft >= 20) await late;
    else await assert.rejects(late, refusedWith("invalid-joining-request-id"));
  });

  Deno.test(`draft ${draft}: a track's status is asked for`, async () => {
    await using pair = await sessions(protocol, {
      server: {
        handlers: {
          trackStatus: () => ({
            largest: { group: 1, object: 2 },
            expiresMs: 5,
            properties: { dynamicGroups: true },
          }),
        },
      },
    });
    const status = await pair.client.trackStatus(TRACK);
    assert.deepEqual(status.parameters, { largest: { group: 1, object: 2 }, expiresMs: 5 });
    const properties = {
      14: { groupOrder: "ascending", dynamicGroups: true },
      16: undefined,
    } as Record<
      number,
      unknown
    >;
    assert.deepEqual(
      status.properties,
      draft in properties ? properties[draft] : { dynamicGroups: true },
    );
  });

  Deno.test(`draft ${draft}: every request is refused, with its reason`, async () => {
    const refuse = () => {
      throw new RequestError("unauthorized", "not you", { retryMs: 50 });
    };
    const broken = () => {
      throw new TypeError("a bug");
    };
    const range = { track: TRACK, start: { group: 0, object: 0 }, end: { group: 1, object: 0 } };
    for (
      const [handler, refusal] of [[refuse, "unauthorized"], [broken, "internal-error"], [
        undefined,
        "not-supported",
      ]] as const
    ) {
      const handlers = handler === undefined ? {} : {
        subscribe: handler,
        publish: handler,
        fetch: handler,
        trackStatus: handler,
        publishNamespace: handler,
        subscribeNamespace: handler,
      };
      await using pair = await sessions(protocol, { server: { handlers } });
      const { client } = pair;
      for (
        const answer of [
          client.subscribe(TRACK).ready,
          client.publish(TRACK).ready,
          client.fetch(range).ready,
          client.trackStatus(TRACK),
          client.publishNamespace(TRACK.namespace).ready,
          client.subscribeNamespace(TRACK.namespace).ready,
        ]
      ) {
        await assert.rejects(answer, (error) => {
          refusedWith(refusal)(error);
          assert.equal(
            (error as RequestError).retryMs,
            refusal === "unauthorized" && draft !== 14 ? 50 : undefined,
          );
          return true;
        });
      }
    }
  });

  Deno.test(`draft ${draft}: the same track is subscribed to twice where that may be`, async () => {
    const { handlers } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    await pair.client.subscribe(TRACK).ready;
    const second = pair.client.subscribe(TRACK).ready;
    if (draft >= 20) await second;
    // Draft-14 has no number for that.
    else {
      const refusal = draft === 14 ? "internal-error" : "duplicate-subscription";
      await assert.rejects(second, refusedWith(refusal));
    }
  });

  Deno.test(`draft ${draft}: a request is given up by its signal`, async () => {
    const waiting = Promise.withResolvers<AbortSignal>();
    await using pair = await sessions(protocol, {
      server: {
        handlers: {
          subscribe: ({ signal }) => {
            waiting.resolve(signal);
            return new Promise(() => {});
          },
        },
      },
    });
    const stop = new AbortController();
    const subscription = pair.client.subscribe(TRACK, { signal: stop.signal });
    const signal = await waiting.promise;
    const canceled = new Promise((resolve) => signal.addEventListener("abort", resolve));
    stop.abort(new Error("enough"));
    await assert.rejects(subscription.ready, /enough/);
    await canceled;
  });

  Deno.test(`draft ${draft}: who is told to go makes no new requests`, async () => {
    const { handlers } = publisher();
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    pair.server.goaway({ uri: "moqt://other/", timeoutMs: 60_000 });
    const goingAway = await pair.client.goingAway;
    assert.deepEqual(goingAway, {
      uri: "moqt://other/",
      timeoutMs: draft <= 16 ? 0 : 60_000,
    });
    await assert.rejects(pair.client.trackStatus(TRACK), refusedWith("going-away"));
    await pair.client.close();
    assert.equal((await pair.server.closed).closeCode, 0);
    assert.equal((await subscription.closed).reason, "internal-error");
  });

  Deno.test(`draft ${draft}: a session that does not end in time after GOAWAY is closed`, async () => {
    await using pair = await sessions(protocol);
    pair.server.goaway({ timeoutMs: 1 });
    assert.equal((await pair.client.closed).closeCode, 0x10);
  });

  Deno.test(`draft ${draft}: many requests go beyond the credit, one after another`, async () => {
    await using pair = await sessions(protocol, {
      server: { maxRequests: 2, handlers: { trackStatus: () => ({ expiresMs: 1 }) } },
    });
    const asked = Array.from({ length: 50 }, () => pair.client.trackStatus(TRACK));
    for (const { parameters } of await Promise.all(asked)) assert.equal(parameters.expiresMs, 1);
  });

  Deno.test(`draft ${draft}: a subscription is changed more often than there is credit`, async () => {
    const { handlers, publication } = publisher();
    await using pair = await sessions(protocol, { server: { maxRequests: 2, handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    for (let priority = 0; priority < 20; priority++) await subscription.update({ priority });
    assert.equal((await publication).parameters.priority, 19);
  });

  Deno.test(`draft ${draft}: all that goes on ends with the session`, async () => {
    const { handlers, publication } = publisher();
    const pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    const sender = await publication;
    const offer = pair.server.publishNamespace(TRACK.namespace);
    offer.ready.catch(() => {});
    await pair[Symbol.asyncDispose]();
    await Promise.all([subscription.closed, sender.closed, offer.closed]);
    await assert.rejects(pair.client.trackStatus(TRACK), RequestError);
    assert.deepEqual(await all(subscription.objects()), []);
  });
}

Deno.test("a draft that may not be spoken is refused, and none named is the one that tells itself", async () => {
  for (const [protocol, versions] of [["moqt-16", [18, 22]], ["", [22]]] as const) {
    const [a, b] = memoryPair(protocol);
    await assert.rejects(accept(a, { versions }), { code: "unsupported" });
    assert.equal((await b.closed).closeCode, 0x15);
  }
  await using pair = await sessions("");
  assert.deepEqual([pair.client.version, pair.server.version], [14, 14]);
});

Deno.test("a protocol that is not spoken is refused", async () => {
  const [a, b] = memoryPair("moqt-99");
  await assert.rejects(accept(a), { code: "unsupported" });
  assert.equal((await b.closed).closeCode, 0x15);
});

Deno.test("draft 18: the session's own namespaces do not reach the application", async () => {
  const { handlers } = publisher();
  await using pair = await sessions("moqt-18", { server: { handlers } });
  const track = { namespace: namespace(".session", "x"), name: utf8("y") };
  await assert.rejects(pair.client.subscribe(track).ready, refusedWith("does-not-exist"));
});

const MANDATORY = { others: [{ type: 0x4000, value: 1n }] };

Deno.test("draft 18: a track with a property that must be known is not taken", async () => {
  const left = Promise.withResolvers<void>();
  const handlers: RequestHandlers = {
    subscribe: (request) => {
      request.accept({ properties: MANDATORY }).closed.then(left.resolve);
    },
    publish: (request) => void request.accept(),
    fetch: ({ end }) => ({ end, properties: MANDATORY, items: [] }),
  };
  await using pair = await sessions("moqt-18", { server: { handlers } });
  const { client } = pair;
  await assert.rejects(client.subscribe(TRACK).ready, refusedWith("unsupported-extension"));
  await left.promise;
  const offered = client.publish(TRACK, { properties: MANDATORY });
  await assert.rejects(offered.ready, refusedWith("unsupported-extension"));
  const range = { track: TRACK, start: { group: 0, object: 0 }, end: { group: 1, object: 0 } };
  await assert.rejects(client.fetch(range).ready, refusedWith("unsupported-extension"));
});

Deno.test("draft 18: a refusal may say where to ask instead", async () => {
  const redirect = { uri: "moqt://other/", track: TRACK };
  const handlers: RequestHandlers = {
    subscribe: () => {
      throw new RequestError("redirect", "over there", { redirect });
    },
    subscribeNamespace: (request) => request.accept().block(TRACK),
  };
  await using pair = await sessions("moqt-18", { server: { handlers } });
  await assert.rejects(pair.client.subscribe(TRACK).ready, (error) => {
    refusedWith("redirect")(error);
    assert.deepEqual((error as RequestError).redirect, redirect);
    return true;
  });
  const watch = pair.client.subscribeNamespace(TRACK.namespace.slice(0, 1), "publish");
  for await (const news of watch) {
    assert.deepEqual(news, { kind: "blocked", track: TRACK });
    break;
  }
});
