import assert from "node:assert/strict";
import fc from "fast-check";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import type { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { VERSIONS } from "../../lib/moqt/versions.ts";
import { source, Stage, TRACK, until, utf8 } from "./support.ts";

const EVENTS = [
  "publisher comes",
  "publisher offers the track",
  "publisher goes",
  "subscriber comes",
  "subscriber leaves",
  "subscriber's session ends",
  "group",
  "object",
  "time passes",
] as const;

/** Everybody there is, and what they did. */
class Crowd {
  readonly publishers: { session: MoqtSession; track: TrackSource }[] = [];
  /** Tracks that were offered, and that the relay takes. */
  readonly offers = new Set<Publication>();
  readonly subscribers: { session: MoqtSession; subscription: Subscription; objects: string[] }[] =
    [];
  group = 0;

  constructor(readonly stage: Stage) {}

  async do(event: typeof EVENTS[number], pick: number): Promise<void> {
    const version = VERSIONS[pick % VERSIONS.length]!;
    switch (event) {
      case "publisher comes": {
        const track = source();
        const session = await this.stage.publisher(version, new Map([[TRACK, track]]));
        this.publishers.push({ session, track });
        return;
      }
      case "publisher offers the track": {
        const track = source();
        const session = await this.stage.come(version);
        const publication: Publication = session.publish(TRACK);
        await publication.ready.catch(() => {});
        track.attach(publication);
        this.offers.add(publication);
        publication.closed.then(() => this.offers.delete(publication));
        this.publishers.push({ session, track });
        return;
      }
      case "publisher goes":
        return await this.publishers.splice(pick % (this.publishers.length || 1), 1)[0]?.session
          .close();
      case "subscriber comes": {
        const session = await this.stage.come(version);
        const subscription = session.subscribe(TRACK);
        const there = await subscription.ready.then(() => true, () => false);
        if (!there) return;
        const objects: string[] = [];
        void (async () => {
          for await (const { group, id } of subscription.objects()) objects.push(`${group}/${id}`);
        })();
        this.subscribers.push({ session, subscription, objects });
        return;
      }
      case "subscriber leaves":
        return await this.subscribers.splice(pick % (this.subscribers.length || 1), 1)[0]
          ?.subscription.close();
      case "subscriber's session ends":
        return await this.subscribers.splice(pick % (this.subscribers.length || 1), 1)[0]
          ?.session.close();
      case "group":
        this.group++;
        for (const { track } of this.publishers) track.startGroup(this.group);
        return this.#write();
      case "object":
        if (this.group > 0) this.#write();
        return;
      case "time passes":
        return await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #write(): void {
    for (const { track } of this.publishers) {
      try {
        track.write({ payload: utf8("x") });
      } catch {
        // A publisher that came after the group began has none.
      }
    }
  }
}

Deno.test("whoever comes and goes in whatever order, all that was given is given back", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...EVENTS), fc.nat(9)), { maxLength: 25 }),
      async (events) => {
        const stage = new Stage({ holdMs: 20 });
        try {
          const crowd = new Crowd(stage);
          for (const [event, pick] of events) {
            await crowd.do(event, pick);
            for (const { track } of crowd.publishers) assert.ok(track.subscribers <= 1);
          }
          for (const { objects } of crowd.subscribers) {
            assert.equal(new Set(objects).size, objects.length, "an object came twice");
          }
          // With a publisher and a subscriber that are there, objects get through.
          if (crowd.publishers.length > 0) {
            await crowd.do("subscriber comes", 0);
            const newest = crowd.subscribers.at(-1)!;
            // A publisher that nobody listened to is told to go on, which may take it a moment.
            await until(() => [...crowd.offers].every((it) => it.parameters.forward !== false));
            await crowd.do("group", 0);
            await until(() => newest.objects.includes(`${crowd.group}/0`));
          }
          for (const { session } of crowd.subscribers) await session.close();
          for (const { session } of crowd.publishers) await session.close();
          await until(() => stage.relay.stats.tracks === 0);
          const { cacheBytes, cacheGroups, subscriptions, upstreams, namespaces } =
            stage.relay.stats;
          assert.deepEqual(
            { cacheBytes, cacheGroups, subscriptions, upstreams, namespaces },
            { cacheBytes: 0, cacheGroups: 0, subscriptions: 0, upstreams: 0, namespaces: 0 },
          );
        } finally {
          await stage[Symbol.asyncDispose]();
        }
      },
    ),
    { numRuns: 60 },
  );
});
