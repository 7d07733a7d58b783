/**
 * Which subscription a track alias stands for.
 *
 * @module
 */
import { MoqtViolation } from "../errors.ts";
import { formatTrackName } from "../wire/track_name.ts";
import type { Subscription } from "./subscription.ts";

/** How long a stream waits for the message that tells its track, in milliseconds. */
const WAIT_MS = 1000;
/** Streams that may wait at once; further ones are stopped. */
const MAX_WAITING = 256;

/** The aliases that the peer gave. */
export class TrackAliases {
  readonly #known = new Map<number, Subscription>();
  readonly #waiting = new Map<number, Set<(subscription: Subscription | undefined) => void>>();
  #count = 0;

  /** The subscription of an alias now. */
  get(alias: number): Subscription | undefined {
    return this.#known.get(alias);
  }

  /** An alias stands for a subscription. Throws a violation where it stands for another track. */
  set(alias: number, subscription: Subscription): void {
    const known = this.#known.get(alias);
    if (
      known !== undefined && formatTrackName(known.track) !== formatTrackName(subscription.track)
    ) {
      throw new MoqtViolation("duplicate-track-alias", `two tracks have the alias ${alias}`);
    }
    this.#known.set(alias, subscription);
    for (const resolve of this.#waiting.get(alias) ?? []) resolve(subscription);
  }

  /** A subscription is over. */
  forget(subscription: Subscription): void {
    const alias = subscription.info?.trackAlias;
    if (alias !== undefined && this.#known.get(alias) === subscription) this.#known.delete(alias);
  }

  /** The subscription of an alias, waited for a little; undefined where there is none. */
  wait(alias: number): Promise<Subscription | undefined> {
    const known = this.#known.get(alias);
    if (known !== undefined || this.#count >= MAX_WAITING) return Promise.resolve(known);
    const waiting = this.#waiting.get(alias) ?? new Set();
    this.#waiting.set(alias, waiting);
    this.#count++;
    return new Promise((resolve) => {
      const done = (subscription: Subscription | undefined) => {
        clearTimeout(timer);
        waiting.delete(done);
        this.#count--;
        if (waiting.size === 0) this.#waiting.delete(alias);
        resolve(subscription);
      };
      const timer = setTimeout(done, WAIT_MS, undefined);
      waiting.add(done);
    });
  }

  /** Nobody waits any more. */
  clear(): void {
    for (const waiting of this.#waiting.values()) {
      for (const resolve of [...waiting]) resolve(undefined);
    }
    this.#known.clear();
  }
}
