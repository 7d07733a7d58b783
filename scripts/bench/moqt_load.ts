/**
 * Loads that `xoq moq bench` does not have, on a relay whose memory is watched:
 * `moqt_load.ts LOAD URL SECONDS`. Prints `ready` once it has begun.
 */
import { connect } from "../../lib/moq_tools/connect.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { formatTrackName, trackName } from "../../lib/moqt/wire/track_name.ts";

const [load = "", url = "", seconds = "10"] = Deno.args;
const TRACK = trackName(["bench"], "track");
const end = performance.now() + Number(seconds) * 1000;
const over = () => performance.now() > end;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function come(options: Parameters<typeof connect>[1] = {}): Promise<MoqtSession> {
  return connect(url, { trust: { insecure: true }, ...options });
}

async function many<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let i = 0; i < count; i++) made.push(await make(i));
  return made;
}

/** 100 sessions that subscribe and read nothing. */
async function idle(): Promise<void> {
  const sessions = await many(100, () => come());
  await Promise.all(sessions.map((session) => session.subscribe(TRACK).ready));
  console.log("ready");
  while (!over()) await sleep(100);
}

/** Sessions that come, take a little and go, some without a word. */
async function visitors(): Promise<void> {
  console.log("ready");
  const visit = async (index: number) => {
    for (let turn = index; !over(); turn++) {
      const session = await come();
      const subscription = session.subscribe(TRACK);
      let count = 0;
      for await (const _ of subscription.objects()) if (++count > 100 || over()) break;
      if (turn % 2 === 0) await subscription.close();
      await session.close();
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, index) => visit(index).catch(() => {})));
}

/** 500 tracks of small groups, 10 a second each, with a subscriber each. */
async function tracks(): Promise<void> {
  const names = Array.from({ length: 500 }, (_, index) => trackName(["many"], `${index}`));
  const sources = new Map(names.map((name) => [formatTrackName(name), new TrackSource()]));
  const publisher = await come({
    handlers: {
      subscribe: (request) => void sources.get(formatTrackName(request.track))?.accept(request),
    },
  });
  await publisher.publishNamespace(names[0]!.namespace).ready;
  const subscriber = await come();
  for (const name of names) {
    const subscription = subscriber.subscribe(name);
    await subscription.ready;
    void (async () => {
      for await (const _ of subscription.batches());
    })().catch(() => {});
  }
  console.log("ready");
  const payload = new Uint8Array(1000);
  while (!over()) {
    const began = performance.now();
    for (const source of sources.values()) {
      source.startGroup();
      for (let i = 0; i < 4; i++) source.write({ payload });
    }
    await sleep(Math.max(1, 100 - (performance.now() - began)));
  }
}

/** Objects of 32 MiB, each a group. */
async function large(): Promise<void> {
  const source = new TrackSource({ maxPendingBytes: 256 << 20 });
  const publisher = await come({
    handlers: { subscribe: (request) => void source.accept(request) },
  });
  await publisher.publishNamespace(TRACK.namespace).ready;
  const subscription = (await come()).subscribe(TRACK);
  await subscription.ready;
  void (async () => {
    for await (const _ of subscription.batches());
  })().catch(() => {});
  console.log("ready");
  const payload = new Uint8Array(32 << 20);
  while (!over()) {
    source.startGroup();
    source.write({ payload });
    await Promise.race([source.drained(), sleep(1_000)]);
  }
}

const loads: Record<string, () => Promise<void>> = { idle, visitors, tracks, large };
const run = loads[load];
if (run === undefined) throw new TypeError(`no load ${load}: ${Object.keys(loads).join(", ")}`);
await run();
Deno.exit(0);
