/** What is sent first where a link is too narrow for all: priorities and group orders. */
import assert from "node:assert/strict";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import type { Parameters } from "../../lib/moqt/wire/parameters.ts";
import type { TrackProperties } from "../../lib/moqt/wire/properties.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { noBadPath } from "../support/bad_path.ts";
import { whyNoNativeQuic } from "../support/quic.ts";
import { requires } from "../support/requires.ts";
import { Link, type Tracks } from "./link.ts";

const surroundings = requires(noBadPath, whyNoNativeQuic());
const [FIRST, SECOND] = [
  trackName(["example.com", "cam"], "a"),
  trackName(["example.com", "cam"], "b"),
];
/** 4 Mbit/s, 20 ms there and back, and 32 KiB that wait: 65 ms of what is sent. */
const NARROW = { mbps: 4, queueBytes: 32 << 10, delayMs: 10 };
const STEP_MS = 20;
const STEPS = 100;

/** What came of a track. */
class Arrivals {
  /** Of each object that came: milliseconds since it was written. */
  readonly ages: number[] = [];
  readonly #written = new Map<string, number>();
  bytes = 0;

  wrote(group: number, id: number): void {
    this.#written.set(`${group}/${id}`, performance.now());
  }

  async read(subscription: Subscription): Promise<void> {
    for await (const { group, id, status, payload } of subscription.objects()) {
      const at = this.#written.get(`${group}/${id}`);
      if (status !== "normal" || at === undefined) continue;
      this.ages.push(performance.now() - at);
      this.bytes += payload.length;
    }
  }

  /** Half of them were not older. */
  get medianMs(): number {
    return this.ages.toSorted((a, b) => a - b)[this.ages.length >> 1] ?? Infinity;
  }
}

/**
 * Writes two tracks that together are far too much for the link, 0.4 and 8 Mbit/s, the second first at
 * each step, and gives what came of each.
 */
async function contend(
  first: TrackSource,
  second: TrackSource,
  subscriptions: readonly [Subscription, Subscription],
): Promise<[Arrivals, Arrivals]> {
  const [some, much] = [new Arrivals(), new Arrivals()];
  const reading = [some.read(subscriptions[0]), much.read(subscriptions[1])];
  for (let step = 0; step < STEPS; step++) {
    for (
      const [source, arrivals, size] of [[second, much, 20_000], [first, some, 1_000]] as const
    ) {
      if (step % 10 === 0) source.startGroup();
      arrivals.wrote(Math.floor(step / 10), step % 10);
      source.write({ payload: new Uint8Array(size), subgroup: source === second ? step % 5 : 0 });
    }
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  for (const subscription of subscriptions) await subscription.close();
  await Promise.all(reading);
  return [some, much];
}

interface Wish {
  name: string;
  properties: readonly [TrackProperties, TrackProperties];
  parameters: readonly [Parameters, Parameters];
}

const WISHES: readonly Wish[] = [
  {
    name: "the publisher's priority",
    properties: [{ defaultPriority: 10 }, { defaultPriority: 200 }],
    parameters: [{}, {}],
  },
  {
    name: "the subscriber's priority, whatever the publisher's,",
    properties: [{ defaultPriority: 200 }, { defaultPriority: 10 }],
    parameters: [{ priority: 10 }, { priority: 200 }],
  },
];

/** A publisher that is dialled over a narrow link, or a relay that is, and a publisher near it. */
async function open(kind: Kind, tracks: Tracks): Promise<Link> {
  if (kind === "direct") return await Link.publisher(NARROW, tracks);
  const link = await Link.relay(NARROW);
  await link.comeNear("moqt", 18, tracks);
  return link;
}

const KINDS = ["direct", "relay"] as const;
type Kind = typeof KINDS[number];
const WAYS = [["moqt", 16], ["https", 22]] as const;

for (const kind of KINDS) {
  for (const [index, { name, properties, parameters }] of WISHES.entries()) {
    const [scheme, draft] = WAYS[index]!;
    Deno.test({
      name: `a narrow link, ${kind}, ${scheme}, draft ${draft}: ${name} decides what comes in time`,
      ...surroundings,
      async fn() {
        const sources = properties.map((one, i) =>
          // Several streams that wait for room must not take it from the one that matters.
          new TrackSource({ properties: one, subgroups: i === 0 ? 1 : 5 })
        ) as [TrackSource, TrackSource];
        await using link = await open(kind, new Map([[FIRST, sources[0]], [SECOND, sources[1]]]));
        const session = await link.come(scheme, draft);
        const subscriptions = [FIRST, SECOND].map((track, i) =>
          session.subscribe(track, { parameters: parameters[i]! })
        ) as [Subscription, Subscription];
        for (const { ready } of subscriptions) await ready;
        const [some, much] = await contend(...sources, subscriptions);
        const told = `${some.ages.length} of ${STEPS}, half of them within ${some.medianMs} ms; ` +
          `${much.ages.length}, ${much.medianMs} ms`;
        // What is still on its way at the end does not count.
        assert.ok(some.ages.length >= STEPS * 0.85 && much.ages.length <= STEPS * 0.7, told);
        assert.ok(some.medianMs < 300 && some.medianMs * 2 < much.medianMs, told);
      },
    });
  }

  for (const groupOrder of ["ascending", "descending"] as const) {
    const [scheme, draft] = WAYS[groupOrder === "ascending" ? 1 : 0]!;
    Deno.test({
      name: `a narrow link, ${kind}, ${scheme}, draft ${draft}: groups come in ${groupOrder} order`,
      ...surroundings,
      async fn() {
        const source = new TrackSource({ lateGroups: 100 });
        await using link = await open(kind, new Map([[FIRST, source]]));
        const session = await link.come(scheme, draft);
        const subscription = session.subscribe(FIRST, { parameters: { groupOrder } });
        await subscription.ready;
        // 0.6 s of the link's.
        for (let group = 0; group < 10; group++) {
          source.startGroup();
          for (let id = 0; id < 3; id++) source.write({ payload: new Uint8Array(10_000) });
        }
        source.endGroup();
        const whole: number[] = [];
        for await (const { group, id } of subscription.objects()) {
          if (id === 2) whole.push(group);
          if (whole.length === 10) break;
        }
        // What was on its way before a more important group was there comes first all the same.
        const sign = groupOrder === "ascending" ? 1 : -1;
        const wrong = whole.flatMap((group, i) =>
          whole.slice(i + 1).filter((later) => (later - group) * sign < 0)
        );
        assert.ok(wrong.length <= 15, `${wrong.length} of 45 pairs: ${whole}`);
      },
    });
  }
}
