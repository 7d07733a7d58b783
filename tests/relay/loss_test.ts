/** Sessions over links that lose packets and take their time. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ReceivedObject } from "../../lib/moqt/receive/objects.ts";
import { noBadPath } from "../support/bad_path.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { within } from "../support/process.ts";
import { Link } from "./link.ts";
import { source, TRACK } from "./support.ts";

const surroundings = requires(noBadPath, whyNoNativeQuic());
const SCHEMES = ["moqt", "https"] as const;
const DRAFTS = [14, 16, 18, 22] as const;
/** There and back. */
const ROUND_TRIP_MS = 50;
const GROUPS = 8;
const OBJECTS = 6;

/** Sizes from nothing to several packets. */
function payload(group: number, id: number): Uint8Array<ArrayBuffer> {
  const seed = group * OBJECTS + id;
  const bytes = new Uint8Array(seed % 5 === 0 ? 9_000 : seed * 7);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i + 1, seed + 3) >>> 5;
  return bytes;
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Every object's place and hash, in order. */
const SENT = Array.from({ length: GROUPS * OBJECTS }, (_, n) => {
  const [group, id] = [Math.floor(n / OBJECTS), n % OBJECTS];
  return `${group}/${id} ${hash(payload(group, id))}`;
});

function publish(track: ReturnType<typeof source>): void {
  for (let group = 0; group < GROUPS; group++) {
    track.startGroup();
    for (let id = 0; id < OBJECTS; id++) track.write({ payload: payload(group, id) });
  }
  track.endGroup();
}

/** What comes of {@link SENT}, sorted by place. */
async function receive(objects: AsyncIterable<ReceivedObject>): Promise<string[]> {
  const found: string[] = [];
  const collect = async () => {
    for await (const { group, id, status, payload } of objects) {
      if (status !== "normal") continue;
      found.push(`${group}/${id} ${hash(payload)}`);
      if (found.length === SENT.length) return;
    }
  };
  await within(collect(), 30_000, () => `all objects (${found.length} of ${SENT.length})`);
  return found.sort((a, b) =>
    parseInt(a) - parseInt(b) || Number(a.split(/[/ ]/)[1]) - Number(b.split(/[/ ]/)[1])
  );
}

for (const loss of [0.01, 0.05]) {
  const link = { loss, delayMs: ROUND_TRIP_MS / 2, jitterMs: 2 };
  const title = `${loss * 100} % loss and ${ROUND_TRIP_MS} ms`;
  // The milder one once each way, as it is a part of the other.
  const schemes = loss < 0.05 ? SCHEMES.slice(0, 1) : SCHEMES;
  for (const [index, scheme] of schemes.entries()) {
    Deno.test({
      name: `${title}, ${scheme}: nothing of reliable subgroups is lost, in any draft`,
      ...surroundings,
      async fn() {
        await Promise.all(DRAFTS.map(async (draft) => {
          const track = source();
          const options = { ...link, seed: draft };
          await using direct = await Link.publisher(options, new Map([[TRACK, track]]));
          const session = await direct.come(scheme, draft);
          const subscription = session.subscribe(TRACK);
          await subscription.ready;
          publish(track);
          assert.deepEqual(await receive(subscription.objects()), SENT);
        }));
      },
    });

    Deno.test({
      name:
        `${title}, ${scheme}: a relay passes everything on, from draft to draft, the past included`,
      ...surroundings,
      async fn() {
        await using relay = await Link.relay(link, { outlet: { lateMs: 60_000 } });
        const track = source();
        const tracks = new Map([[TRACK, track]]);
        await relay.come(SCHEMES[1 - index]!, DRAFTS[index]!, tracks);
        const subscriptions = await Promise.all(DRAFTS.map(async (draft) => {
          const session = await relay.come(scheme, draft);
          const subscription = session.subscribe(TRACK);
          await subscription.ready;
          return subscription;
        }));
        publish(track);
        for (const found of await Promise.all(subscriptions.map((one) => receive(one.objects())))) {
          assert.deepEqual(found, SENT);
        }
        await Promise.all(DRAFTS.map(async (draft) => {
          const session = await relay.come(scheme, draft);
          const past = session.fetch({
            track: TRACK,
            start: { group: 0, object: 0 },
            end: { group: GROUPS, object: 0 },
          });
          const found: string[] = [];
          for await (const item of past) {
            if (item.kind !== "object") continue;
            found.push(`${item.group}/${item.id} ${hash(item.payload)}`);
          }
          assert.deepEqual(found, SENT);
        }));
      },
    });
  }
}
