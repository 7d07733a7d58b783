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
/** Aliases of subscriptions that are over which are remembered; the oldest go. */
const MAX_PAST = 256;

/** The aliases that the peer gave. */
export class TrackAliases {
  readonly #known = new Map<number, Subscription>();
  readonly #waiting = new Map<number, Set<(subscription: Subscription | undefined) => void>>();
  /** Their streams may still be on their way, and need not wait. */
  readonly #past = new Set<number>();
  /** Of tracks that the peer offers, and nobody has taken or refused yet. */
  readonly #offered = new Set<number>();
  /** Requests whose answers will tell aliases, maybe those of before. */
  #asking = 0;

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
    this.#past.delete(alias);
    for (const resolve of this.#waiting.get(alias) ?? []) resolve(subscription);
  }

  /** A subscription is over. */
  forget(subscription: Subscription): void {
    const alias = subscription.info?.trackAlias;
    if (alias === undefined || this.#known.get(alias) !== subscription) return;
    this.#known.delete(alias);
    this.#past.add(alias);
    if (this.#past.size > MAX_PAST) this.#past.delete(this.#past.values().next().value!);
  }

  /** A track is offered by an alias, whose streams wait until `decided` is aborted. */
  expect(alias: number, decided: AbortSignal): void {
    this.#past.delete(alias);
    this.#offered.add(alias);
    decided.addEventListener("abort", () => {
      this.#offered.delete(alias);
      for (const resolve of this.#waiting.get(alias) ?? []) resolve(undefined);
    }, { once: true });
  }

  /** A request waits for an answer that may tell an alias, until `answered` settles. */
  asking(answered: Promise<unknown>): void {
    this.#asking++;
    const done = () => void this.#asking--;
    answered.then(done, done);
  }

  /** The subscription of an alias, waited for a little; undefined where there is none. */
  wait(alias: number): Promise<Subscription | undefined> {
    const known = this.#known.get(alias);
    const isPast = this.#asking === 0 && this.#past.has(alias);
    if (known !== undefined || isPast) return Promise.resolve(known);
    const waiting = this.#waiting.get(alias) ?? new Set();
    this.#waiting.set(alias, waiting);
    return new Promise((resolve) => {
      const done = (subscription: Subscription | undefined) => {
        clearTimeout(timer);
        waiting.delete(done);
        if (waiting.size === 0) this.#waiting.delete(alias);
        resolve(subscription);
      };
      const timer = this.#offered.has(alias) ? undefined : setTimeout(done, WAIT_MS, undefined);
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
