/** Live tracks over links that lose packets and are too narrow: what is late goes, the newest comes. */
import assert from "node:assert/strict";
import type { IncomingSubscribe } from "../../lib/moqt/respond/incoming.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { noBadPath } from "../support/bad_path.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { Link } from "./link.ts";
import { TRACK, until } from "./support.ts";

const surroundings = requires(noBadPath, whyNoNativeQuic());
const BAD = { loss: 0.05, delayMs: 25, jitterMs: 2 };
const KINDS = ["direct", "relay"] as const;
const OBJECTS = 5;

/** Where objects came from, and how old they were. */
interface Seen {
  group: number;
  id: number;
  ageMs: number;
}

for (const [index, kind] of KINDS.entries()) {
  const [scheme, draft] = ([["moqt", 18], ["https", 22]] as const)[index]!;

  Deno.test({
    name:
      `5 % loss, 50 ms, half of the rate that is wanted, ${kind}, ${scheme}: a live track loses whole late groups, and what comes is new`,
    ...surroundings,
    async fn() {
      const track = new TrackSource({ lateGroups: 1 });
      const other = trackName(["example.com", "cam"], "other");
      const tracks = new Map([[TRACK, track], [other, new TrackSource()]]);
      const narrow = { ...BAD, mbps: 2, queueBytes: 32 << 10 };
      await using link = kind === "direct"
        ? await Link.publisher(narrow, tracks)
        : await Link.relay(narrow, { outlet: { lateMs: 300 } });
      if (kind === "relay") await link.comeNear("moqt", 16, tracks);
      const session = await link.come(scheme, draft);
      const subscription = session.subscribe(TRACK);
      await subscription.ready;
      const written = new Map<number, number>();
      const seen: Seen[] = [];
      const reading = (async () => {
        for await (const { group, id, status } of subscription.objects()) {
          if (status !== "normal") continue;
          seen.push({ group, id, ageMs: performance.now() - written.get(group * OBJECTS + id)! });
        }
      })();
      // 4 Mbit/s.
      for (let group = 0; group < 30; group++) {
        track.startGroup();
        for (let id = 0; id < OBJECTS; id++) {
          written.set(group * OBJECTS + id, performance.now());
          track.write({ payload: new Uint8Array(10_000) });
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      }
      track.endGroup();
      await until(() => seen.some(({ group }) => group === 29), 5_000);
      const groups = Map.groupBy(seen, ({ group }) => group);
      for (const objects of groups.values()) {
        // What there is of a group is its beginning.
        const ids = objects.map(({ id }) => id).sort();
        assert.deepEqual(ids, ids.map((_, id) => id));
      }
      const told = `${seen.length} objects of ${groups.size} groups`;
      assert.ok(seen.length > 20 && seen.length < 30 * OBJECTS * 0.9, told);
      const oldest = Math.max(...seen.map(({ ageMs }) => ageMs));
      assert.ok(oldest < 2_500, `${oldest} ms, ${told}`);
      // The session goes on.
      await subscription.close();
      await reading;
      await session.subscribe(other).ready;
    },
  });

  Deno.test({
    name:
      `5 % loss, 50 ms, ${kind}, ${scheme}: datagrams come in time, none twice, and most of them`,
    ...surroundings,
    async fn() {
      const accepted = Promise.withResolvers<Publication>();
      const handlers = {
        subscribe: (request: IncomingSubscribe) => accepted.resolve(request.accept()),
      };
      await using link = kind === "direct"
        ? await Link.publisher(BAD, handlers)
        : await Link.relay(BAD);
      if (kind === "relay") await link.comeNear("moqt", 16, handlers);
      const session = await link.come(scheme, draft);
      const subscription = session.subscribe(TRACK);
      await subscription.ready;
      const publication = await accepted.promise;
      const seen: Seen[] = [];
      const written: number[] = [];
      void (async () => {
        for await (const { group, id, payload } of subscription.objects()) {
          assert.equal(payload[0], group & 0xff);
          seen.push({ group, id, ageMs: performance.now() - written[group]! });
        }
      })();
      for (let group = 0; group < 300; group++) {
        written.push(performance.now());
        const payload = new Uint8Array(200).fill(group);
        publication.datagram({ group, id: 0, endOfGroup: false, status: "normal", payload });
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
      await until(() => seen.some(({ group }) => group > 290), 2_000);
      assert.equal(new Set(seen.map(({ group }) => group)).size, seen.length);
      assert.ok(seen.length > 240, `${seen.length} of 300`);
      const oldest = Math.max(...seen.map(({ ageMs }) => ageMs));
      assert.ok(oldest < 1_500, `${oldest} ms`);
    },
  });
}
