import assert from "node:assert/strict";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { FetchItem } from "../../lib/moqt/data/fetch.ts";
import type {
  IncomingFetch,
  IncomingSubscribe,
  RequestHandlers,
} from "../../lib/moqt/respond/incoming.ts";
import type { NamespaceFeed, NamespaceNews } from "../../lib/moqt/requests/namespaces.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { accept } from "../../lib/moqt/session/session.ts";
import { formatNamespace, namespace } from "../../lib/moqt/wire/track_name.ts";
import { memoryPair } from "../../lib/transport/memory.ts";
import { hex } from "./cases.ts";
import { DRAFTS, sessions, TRACK, utf8 } from "./sessions.ts";

const refusedWith = (refusal: string) => (error: unknown) => {
  assert.ok(error instanceof RequestError, String(error));
  assert.equal(error.refusal, refusal);
  return true;
};

const LARGEST = { group: 6, object: 9 };

for (const [draft, protocol] of DRAFTS.filter(([draft]) => draft >= 18)) {
  Deno.test(`draft ${draft}: a watch moves to another prefix, and its feed with it`, async () => {
    const feeds: NamespaceFeed[] = [];
    const handlers: RequestHandlers = {
      subscribeNamespace: (request) => {
        const feed = request.accept();
        feeds.push(feed);
        const tell = () => {
          for (const name of [["a", "b"], ["a", "c"], ["d"]]) feed.add(namespace(...name));
        };
        feed.onUpdate(tell);
        tell();
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const watch = pair.client.subscribeNamespace(namespace("a"));
    const news = watch[Symbol.asyncIterator]();
    const next = async () => {
      const { value } = await news.next() as { value: NamespaceNews & { kind: "added" } };
      return `${value.kind} ${formatNamespace(value.namespace)}`;
    };
    assert.deepEqual([await next(), await next()], ["added a-b", "added a-c"]);
    await watch.update({ prefix: namespace("a", "c") });
    assert.equal(await next(), "removed a-b");
    assert.deepEqual(watch.namespaces.map(formatNamespace), ["a-c"]);
    feeds[0]!.add(namespace("a", "c", "e"));
    assert.equal(await next(), "added a-c-e");
    await watch.update({ prefix: namespace("d") });
    assert.deepEqual([await next(), await next()], ["removed a-c", "removed a-c-e"]);
    assert.equal(await next(), "added d");
    assert.deepEqual(formatNamespace(feeds[0]!.prefix), "d");
  });

  Deno.test(`draft ${draft}: a watch that moves onto another one is refused, and ends`, async () => {
    const handlers: RequestHandlers = { subscribeNamespace: (request) => void request.accept() };
    await using pair = await sessions(protocol, { server: { handlers } });
    await pair.client.subscribeNamespace(namespace("a")).ready;
    const watch = pair.client.subscribeNamespace(namespace("b"));
    await assert.rejects(
      watch.update({ prefix: namespace("a", "x") }),
      refusedWith("prefix-overlap"),
    );
    for await (const _ of watch);
  });

  Deno.test(`draft ${draft}: a fetch's priority is changed while it is sent`, async () => {
    let asked: IncomingFetch | undefined;
    const more = Promise.withResolvers<void>();
    const object = (id: number): FetchItem => ({
      kind: "object",
      group: 0,
      subgroup: 0,
      id,
      priority: 1,
      payload: utf8("x"),
    });
    const handlers: RequestHandlers = {
      fetch: (request) => {
        asked = request;
        return {
          end: request.end,
          items: (async function* () {
            yield object(0);
            await more.promise;
            yield object(1);
          })(),
        };
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const range = { track: TRACK, start: { group: 0, object: 0 }, end: { group: 0, object: 2 } };
    const fetched = pair.client.fetch(range, { parameters: { priority: 9 } });
    await fetched.update({ priority: 3 });
    assert.equal(asked!.parameters.priority, 3);
    more.resolve();
    const items: FetchItem[] = [];
    for await (const item of fetched) items.push(item);
    assert.equal(items.length, 2);
  });

  Deno.test(`draft ${draft}: a request is asked to be made elsewhere, then reset`, async () => {
    const asked = Promise.withResolvers<IncomingSubscribe>();
    const made = Promise.withResolvers<Publication>();
    const handlers: RequestHandlers = {
      subscribe: (request) => {
        asked.resolve(request);
        made.resolve(request.accept());
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const going = Promise.withResolvers<unknown>();
    const subscription = pair.client.subscribe(TRACK, { onGoaway: going.resolve });
    await subscription.ready;
    (await asked.promise).goaway({ uri: "moqt://other/", timeoutMs: 20 });
    assert.deepEqual(await going.promise, { uri: "moqt://other/", timeoutMs: 20 });
    // The others go on.
    await assert.rejects(pair.client.trackStatus(TRACK), refusedWith("not-supported"));
    await subscription.closed;
  });
}

for (const [draft, protocol] of DRAFTS.filter(([draft]) => draft > 14)) {
  Deno.test(`draft ${draft}: an update is answered with what is the largest by then`, async () => {
    const source = new TrackSource();
    const made = Promise.withResolvers<Publication>();
    const handlers: RequestHandlers = {
      subscribe: (request) => made.resolve(source.accept(request)),
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    const { parameters } = await subscription.ready;
    assert.equal(parameters.largest, undefined);
    source.startGroup(3);
    source.write({ payload: utf8("x") });
    const answer = await subscription.update({ filter: { from: "next-group" } });
    assert.deepEqual(answer.largest, { group: 3, object: 0 });
    const publication = await made.promise;
    assert.equal(publication.wants({ group: 3, object: 1 }), false);
    assert.equal(publication.wants({ group: 4, object: 0 }), true);
  });
}

for (const [draft, protocol] of DRAFTS.filter(([draft]) => draft < 18)) {
  Deno.test(`draft ${draft}: one request cannot be asked to be made elsewhere`, async () => {
    const asked = Promise.withResolvers<IncomingSubscribe>();
    const handlers: RequestHandlers = {
      subscribe: (request) => {
        asked.resolve(request);
        request.accept();
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    await pair.client.subscribe(TRACK).ready;
    const request = await asked.promise;
    assert.throws(() => request.goaway(), TypeError);
  });
}

for (const [draft, protocol] of DRAFTS.filter(([draft]) => draft >= 20)) {
  Deno.test(`draft ${draft}: a publisher tells that a subscription's state changed`, async () => {
    const made = Promise.withResolvers<Publication>();
    const handlers: RequestHandlers = {
      subscribe: (request) => made.resolve(request.accept({ largest: LARGEST })),
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK);
    await subscription.ready;
    (await made.promise).notify({ largest: { group: 7, object: 0 }, forward: false });
    // What is answered later on the same stream comes later.
    await subscription.update({});
    assert.deepEqual(subscription.info!.parameters, {
      largest: { group: 7, object: 0 },
      forward: false,
    });
  });

  Deno.test(`draft ${draft}: ranges are refused where the set-up does not allow any`, async () => {
    const made: Publication[] = [];
    const handlers: RequestHandlers = {
      subscribe: (request) => void made.push(request.accept()),
    };
    await using pair = await sessions(protocol, { server: { handlers, maxFilterRanges: 0 } });
    const objectRanges = [{ set: 0, ranges: [{ start: 0n }] }];
    await assert.rejects(
      pair.client.subscribe(TRACK, { parameters: { objectRanges } }).ready,
      refusedWith("invalid-filter"),
    );
    const subscription = pair.client.subscribe(TRACK);
    await assert.rejects(subscription.update({ objectRanges }), refusedWith("invalid-filter"));
    assert.equal((await subscription.closed).reason, "update-failed");
    assert.equal(made.length, 1);
  });

  Deno.test(`draft ${draft}: a subscription brings what precedes it, too`, async () => {
    const made = Promise.withResolvers<Publication>();
    const item = { kind: "object", group: 5, subgroup: 0, id: 0, priority: 1 } as const;
    const handlers: RequestHandlers = {
      subscribe: (request) => made.resolve(request.accept({ largest: LARGEST })),
      fetch: ({ start, end }) => {
        assert.deepEqual([start, end], [{ group: 5, object: 0 }, { group: 6, object: 10 }]);
        return { end, items: [{ ...item, payload: utf8("past") }] };
      },
    };
    await using pair = await sessions(protocol, { server: { handlers } });
    const subscription = pair.client.subscribe(TRACK, {
      parameters: {
        filter: { from: "largest-object" },
        fill: { filter: { from: "groups-back", groups: 2 } },
      },
    });
    const stream = await (await made.promise).subgroup({ group: 7 });
    await stream.write({ payload: utf8("new") });
    const items: FetchItem[] = [];
    for await (const found of subscription.past!) items.push(found);
    assert.deepEqual(items, [{ ...item, payload: utf8("past") }]);
    assert.deepEqual((await subscription.past!.ready).end, { group: 6, object: 10 });
    for await (const object of subscription.objects()) {
      assert.deepEqual([object.group, object.payload], [7, utf8("new")]);
      break;
    }
  });

  Deno.test(`draft ${draft}: what precedes a track without objects is nothing`, async () => {
    const handlers: RequestHandlers = { subscribe: (request) => void request.accept() };
    await using pair = await sessions(protocol, { server: { handlers, maxFilterRanges: 0 } });
    const subscription = pair.client.subscribe(TRACK, { parameters: { fill: {} } });
    for await (const _ of subscription.past!) assert.fail();
    const refused = pair.client.subscribe(TRACK, {
      parameters: { fill: {}, objectRanges: [{ set: 0, ranges: [] }] },
    });
    await assert.rejects(refused.ready, refusedWith("invalid-filter"));
    await assert.rejects(refused.past!.ready, refusedWith("invalid-filter"));
  });

  Deno.test(`draft ${draft}: a fetch goes up to the largest object there is`, async () => {
    const ranges: unknown[] = [];
    const handlers: RequestHandlers = {
      trackStatus: () => ({ largest: LARGEST }),
      fetch: ({ start, end }) => {
        ranges.push([start, end]);
        return { end, items: [] };
      },
    };
    const [ours, peer] = memoryPair(protocol);
    const begun = accept(ours, { handlers });
    const setup = await peer.createUnidirectionalStream();
    await setup.getWriter().write(hex("af000000"));
    const session = await begun;
    // FETCH of a/t without a filter, and from the current group on.
    for (const [id, filter] of [["00", "00"], ["02", "01" + "210101"]] as const) {
      const length = (6 + filter.length / 2).toString(16).padStart(2, "0");
      const stream = await peer.createBidirectionalStream();
      const text = "1600" + length + id + "010161" + "0174" + filter;
      await stream.writable.getWriter().write(hex(text));
      const { value } = await stream.readable.getReader().read();
      // FETCH_OK, whose end is the largest object.
      assert.deepEqual(value, hex("18000400060900"));
    }
    assert.deepEqual(ranges, [
      [{ group: 0, object: 0 }, { group: 6, object: 10 }],
      [{ group: 6, object: 0 }, { group: 6, object: 10 }],
    ]);
    await session.close();
  });

  for (
    const [name, fetch, expected] of [
      ["is sent", true, "0500" + "1c" + "0400" + "80" + "0178"],
      ["that nobody has is reset", false, "0500"],
    ] as const
  ) {
    Deno.test(`draft ${draft}: what precedes a subscription ${name}`, async () => {
      const asked: unknown[] = [];
      const handlers: RequestHandlers = {
        subscribe: (request) => void request.accept({ largest: LARGEST }),
        ...(fetch
          ? {
            fetch: ({ start, end, parameters }) => {
              asked.push([start, end, parameters.priority]);
              const payload = utf8("x");
              return {
                end,
                items: [{ kind: "object", group: 4, subgroup: 0, id: 0, priority: 128, payload }],
              };
            },
          } satisfies RequestHandlers
          : {}),
      };
      const [ours, peer] = memoryPair(protocol);
      const begun = accept(ours, { handlers });
      const setup = await peer.createUnidirectionalStream();
      await setup.getWriter().write(hex("af000000"));
      const session = await begun;
      const streams = peer.incomingUnidirectionalStreams.getReader();
      await streams.read();
      const request = await peer.createBidirectionalStream();
      // SUBSCRIBE of a/t from the next object on, and FILL_PARAMETERS from three groups back.
      const next = draft === 20 ? "21020000" : "2105";
      const fill = "0204" + "01" + "210103";
      const body = "00" + "010161" + "0174" + "02" + next + fill;
      const length = (body.length / 2).toString(16).padStart(2, "0");
      await request.writable.getWriter().write(hex(`0300${length}${body}`));
      const { value: stream } = await streams.read();
      let read = "";
      try {
        for await (const chunk of stream!) {
          read += Array.from(chunk, (byte) => byte.toString(16).padStart(2, "0")).join("");
        }
        assert.equal(fetch, true);
      } catch {
        assert.equal(fetch, false);
      }
      assert.ok(expected.startsWith(read) && (read === expected || !fetch), read);
      const range = [{ group: 4, object: 0 }, { group: 6, object: 10 }, undefined];
      assert.deepEqual(asked, fetch ? [range] : []);
      await session.close();
    });
  }
}
