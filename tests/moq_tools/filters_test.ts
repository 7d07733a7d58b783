/** Where a subscription begins and ends, however its track is offered. */
import assert from "node:assert/strict";
import { ownRelay } from "../../lib/moq_tools/bench/own_relay.ts";
import { Dialler } from "../../lib/moq_tools/connect.ts";
import { type OfferBy, TrackPublisher } from "../../lib/moq_tools/pub/publisher.ts";
import { type TrackItem, TrackReceiver } from "../../lib/moq_tools/sub/receiver.ts";
import { listenSessions } from "../../lib/moqt/listen.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Version } from "../../lib/moqt/versions.ts";
import type { SubscriptionFilter } from "../../lib/moqt/wire/filter.ts";
import { MemoryDirect } from "../support/memory_direct.ts";
import { places, serve, TRACK, utf8 } from "./support.ts";

/** Objects of a group. */
const GROUP = 5;

/** Publishes an object each millisecond until `signal` aborts. */
async function publish(publisher: TrackPublisher, signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    if (i % GROUP === 0) publisher.startGroup();
    publisher.write(utf8(`${i}`));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  publisher.endGroup();
}

/** Receives by a filter until so many items came, or the track ended; the items' places. */
function receiver(filter: SubscriptionFilter | undefined, count: number) {
  const items: TrackItem[] = [];
  return {
    items,
    receiver: new TrackReceiver({
      track: TRACK,
      ...(filter === undefined ? {} : { parameters: { filter } }),
      deliver: (item) => {
        items.push(item);
        return items.length < count;
      },
    }),
  };
}

/** What a subscriber gets of a track that is published already. */
async function run(
  draft: Version,
  way: OfferBy | "direct" | "visit",
  filter: SubscriptionFilter | undefined,
  count: number,
): Promise<string[]> {
  const network = new MemoryDirect();
  const stop = new AbortController();
  const publisher = new TrackPublisher({
    track: TRACK,
    offerBy: way === "direct" ? "namespace" : way === "visit" ? "publish" : way,
  });
  await using stack = new AsyncDisposableStack();
  const publishing = publish(publisher, stop.signal);
  while (publisher.stats.objects < 2 * GROUP + 2) await new Promise((r) => setTimeout(r, 1));
  const { items, receiver: it } = receiver(filter, count);
  const dial = (url: string, handlers?: (session: Promise<MoqtSession>) => object) => {
    const dialler = stack.use(new Dialler(url, { transport: network, versions: [draft] }));
    const session = Promise.withResolvers<MoqtSession>();
    dialler.dial(handlers === undefined ? {} : { handlers: handlers(session.promise) }).then(
      ({ session: made }) => session.resolve(made),
      session.reject,
    );
    return session.promise;
  };
  const use = (session: MoqtSession) => ({
    dialled: { session },
    signal: stop.signal,
    established() {},
  });
  const watched = Promise.withResolvers<void>();
  if (way === "visit") {
    const arrived = Promise.withResolvers<MoqtSession>();
    const listener = await listenSessions(network, { address: "127.0.0.1:0" }, {
      admit: () => ({
        handlers: {
          publish: (request) => {
            const subscription = request.accept(filter === undefined ? {} : { filter });
            arrived.promise.then((session) => it.follow(session, subscription, stop.signal))
              .then(() => watched.resolve(), watched.reject);
          },
        },
      }),
      arrived: ({ session }) => arrived.resolve(session),
    });
    stack.defer(() => listener.close());
    const session = await dial(`moqt://${listener.address}/`, (it) => publisher.handlers(it));
    publisher.use(use(session) as never).catch(() => {});
  } else {
    let address: string;
    if (way === "direct") {
      const { listener } = await serve(network, publisher);
      stack.defer(() => listener.close());
      address = listener.address;
    } else {
      const relay = stack.use(await ownRelay(network, [draft], { address: "127.0.0.1:0" }));
      address = relay.address;
      const session = await dial(`moqt://${address}/`, (it) => publisher.handlers(it));
      const offered = Promise.withResolvers<void>();
      publisher.use({ ...use(session), established: offered.resolve } as never).catch(() => {});
      await offered.promise;
    }
    const session = await dial(`moqt://${address}/`);
    it.use(use(session)).then(watched.resolve, watched.reject);
  }
  await watched.promise;
  stop.abort();
  await publishing;
  await publisher.end({ lingerMs: 0, signal: stop.signal });
  return places(items);
}

/** The places from one on. */
function from(first: string, count: number): string[] {
  const [group, object] = first.split(".").map(Number) as [number, number];
  return Array.from({ length: count }, (_, i) => {
    const at = group * GROUP + object + i;
    return `${Math.floor(at / GROUP)}.${at % GROUP}`;
  });
}

for (const draft of [14, 22] as const) {
  for (const way of ["namespace", "publish", "both", "direct", "visit"] as const) {
    const name = `draft ${draft}, ${way}:`;

    Deno.test(`${name} --filter next-group begins with a whole group`, async () => {
      const got = await run(draft, way, { from: "next-group" }, 12);
      assert.match(got[0]!, /^\d+\.0$/);
      assert.deepEqual(got, from(got[0]!, 12));
    });

    Deno.test(`${name} --filter largest goes on without a gap`, async () => {
      const got = await run(draft, way, { from: "largest-object" }, 12);
      assert.deepEqual(got, from(got[0]!, 12));
    });

    Deno.test(`${name} without --filter it goes on without a gap, too`, async () => {
      const got = await run(draft, way, undefined, 12);
      assert.deepEqual(got, from(got[0]!, 12));
    });

    Deno.test(`${name} --filter GROUP:OBJECT begins there`, async () => {
      const start = { group: 14, object: 2 };
      const got = await run(draft, way, { from: "start", start }, 12);
      assert.deepEqual(got, from("14.2", 12));
    });

    Deno.test(`${name} --filter GROUP..GROUP is those groups, and then it is over`, async () => {
      const start = { group: 14, object: 0 };
      const got = await run(draft, way, { from: "start", start, endGroup: 15 }, Infinity);
      assert.deepEqual(got, from("14.0", 2 * GROUP));
    });
  }
}
