/**
 * What a soak's clients do to a MoQT relay.
 *
 * @module
 */
import { Dialler } from "../../lib/moq_tools/connect.ts";
import type { MoqtSession } from "../../lib/moqt/session/session.ts";
import { type Version, VERSIONS } from "../../lib/moqt/versions.ts";
import { trackName } from "../../lib/moqt/wire/track_name.ts";
import { directTransport } from "../../lib/transport/direct_endpoint.ts";
import { type CheckedLoad, Checker, sendChecked } from "../../tests/support/checked_load.ts";

/** The track: the one that `xoq moq bench sub` asks for where nothing else is said. */
const TRACK = trackName(["bench"], "track");
/** Far below what a relay carries, so that it need not let a subscriber lose anything. */
const LOAD: CheckedLoad = { sizeOf: () => 1024, groupObjects: 20, streams: 2, rate: 2000 };
/** Objects that a visitor reads before it goes. */
const VISIT_OBJECTS = 20;

/** Publishes all the time, and checks what comes through the relay over each transport. */
export async function moqtLoad(
  url: string,
  milliseconds: number,
  tell: (count: number) => void,
): Promise<void> {
  const ended = AbortSignal.timeout(milliseconds);
  const publisher = await dial(url, VERSIONS[0]!);
  const publication = publisher.publish(TRACK);
  await publication.ready;
  const watching = [url, url.replace("moqt:", "https:")].map((where, index) =>
    watch(where, VERSIONS.at(-1 - index)!, tell)
  );
  // Subscriptions begin where the track is when they are agreed to.
  await Promise.all(watching.map(async (watcher) => (await watcher).subscribed));
  const sent = await sendChecked(publication, LOAD, ended);
  publication.done();
  for (const { received } of await Promise.all(watching)) {
    const { objects, gaps } = await received;
    if (gaps > 0 || objects !== sent) throw new Error(`${objects} of ${sent} objects came`);
  }
  await publisher.close();
}

async function watch(url: string, version: Version, tell: (count: number) => void) {
  const session = await dial(url, version);
  const subscription = session.subscribe(TRACK);
  const checker = new Checker(LOAD);
  const received = (async () => {
    for await (const batch of subscription.batches()) {
      checker.take(batch);
      tell(batch.length);
    }
    await session.close();
    return checker;
  })();
  received.catch(() => {});
  return { subscribed: subscription.ready, received };
}

/** Comes, reads a little and goes, in every draft and over each transport. */
export async function moqtVisits(
  url: string,
  milliseconds: number,
  tell: (count: number) => void,
): Promise<void> {
  const ends = performance.now() + milliseconds;
  for (let visit = 0; performance.now() < ends; visit++) {
    const where = visit % 2 === 0 ? url : url.replace("moqt:", "https:");
    const session = await dial(where, VERSIONS[visit % VERSIONS.length]!);
    const subscription = session.subscribe(TRACK);
    try {
      await subscription.ready;
      const checker = new Checker(LOAD);
      for await (const batch of subscription.batches()) {
        checker.take(batch);
        if (checker.objects >= VISIT_OBJECTS) break;
      }
      tell(1);
    } catch (error) {
      // Before the publisher, and after its end, there is no track.
      if ((error as { refusal?: string }).refusal !== "does-not-exist") throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await session.close();
  }
}

async function dial(url: string, version: Version): Promise<MoqtSession> {
  const dialler = new Dialler(url, {
    transport: directTransport,
    versions: [version],
    trust: { insecure: true },
  });
  const { session } = await dialler.dial();
  session.closed.catch(() => {});
  return session;
}
