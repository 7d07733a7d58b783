/**
 * A relay with a publisher and a subscriber who are well behaved, and go on whatever others do.
 *
 * @module
 */
import { connect, type MoqtSession } from "../../lib/moqt/session/session.ts";
import type { Subscription } from "../../lib/moqt/receive/subscription.ts";
import { TrackSource } from "../../lib/moqt/publish/track_source.ts";
import { namespace, trackName } from "../../lib/moqt/wire/track_name.ts";
import { Relay } from "../../lib/relay/relay.ts";
import type { Connection } from "../../lib/transport/connection.ts";
import { memoryPair } from "../../lib/transport/memory.ts";

/** Not what the scripts name. */
const TRACK = trackName(["undisturbed"], "track");

/** See the module. */
export class FuzzedRelay {
  readonly #relay = new Relay({ cacheBytes: 4 << 20, maxSessions: 16, holdMs: 10 });
  readonly #source = new TrackSource({ lateGroups: 64 });
  readonly #sessions: MoqtSession[] = [];
  #objects: AsyncIterator<{ group: number }> | undefined;
  #group = 0;

  /** Starts it, with its two. */
  static async start(): Promise<FuzzedRelay> {
    const made = new FuzzedRelay();
    await made.#begin();
    return made;
  }

  async #begin(): Promise<void> {
    const publisher = await connect(this.come("moqt-22"), {
      handlers: { subscribe: (request) => void this.#source.accept(request) },
    });
    await publisher.publishNamespace(namespace("undisturbed")).ready;
    const subscriber = await connect(this.come("moqt-18"));
    const subscription: Subscription = subscriber.subscribe(TRACK);
    await subscription.ready;
    this.#sessions.push(publisher, subscriber);
    this.#objects = subscription.objects()[Symbol.asyncIterator]();
  }

  /** A connection with it. */
  come(protocol: string): Connection {
    const [ours, theirs] = memoryPair(protocol);
    this.#relay.serve(theirs).catch(() => {});
    return ours;
  }

  /** Resolves when an object went from its publisher to its subscriber. */
  async check(): Promise<void> {
    const group = this.#group++;
    this.#source.startGroup(group);
    this.#source.write({ payload: Uint8Array.of(1) });
    for (let got = -1; got !== group;) {
      const { value, done } = await this.#objects!.next();
      if (done) throw new Error("the subscription has ended");
      got = value.group;
    }
  }

  /** Ends it. */
  async close(): Promise<void> {
    for (const session of this.#sessions) await session.close();
    await this.#relay.close();
  }
}
