/**
 * Receives a track over sessions that come and go: asks for it again, joins where it left off, and
 * delivers nothing twice.
 *
 * @module
 */
import { Backoff } from "../../backoff.ts";
import { NotFoundError } from "../../errors.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { ObjectGap, ReceivedObject } from "../../moqt/receive/objects.ts";
import type { MoqtSession } from "../../moqt/session/session.ts";
import type { ReceivedGroup, Subscription } from "../../moqt/receive/subscription.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";
import { inOrder } from "./in_order.ts";
import type { Parameters } from "../../moqt/wire/parameters.ts";
import { formatTrackName, type TrackName } from "../../moqt/wire/track_name.ts";

/** What a receiver delivers. */
export type TrackItem = ReceivedObject | ObjectGap;

/** What is wanted of the past, before the live objects. */
export type History = { groupsBack: number } | { group: number };

/** How a track is received. */
export interface ReceiverOptions {
  /** Which. */
  track: TrackName;
  /** Filter, priority, order, tokens. */
  parameters?: Parameters;
  /** Objects of the past to begin with, by a joining FETCH. */
  history?: History;
  /** Objects as they arrive, rather than group by group. Default false. */
  asTheyArrive?: boolean;
  /** Groups that a newer one superseded are given up where `deliver` is slow. Default false. */
  latest?: boolean;
  /** How long a publisher is waited for at first, in milliseconds. Default 15,000. */
  timeoutMs?: number;
  /** Takes an object or a gap; awaiting it is the backpressure. False: it has had enough. */
  deliver(item: TrackItem): Promise<boolean | void> | boolean | void;
  /** Is told when a publisher agreed, and what could not be had. */
  onNotice?(notice: ReceiverNotice): void;
}

/** A session to receive over; the parts of `SessionUse` that matter. */
export interface ReceiverUse {
  /** The session. */
  dialled: { session: MoqtSession };
  /** Aborted when it is over. */
  signal: AbortSignal;
  /** Called once the track is subscribed to. */
  established: () => void;
}

/** What happens to a receiver. */
export type ReceiverNotice =
  /** The publisher agreed. */
  | { type: "subscribed"; largest?: Location }
  /** There is no publisher now, or the subscription ended otherwise than well. */
  | { type: "waiting"; reason: string }
  /** The past could not be had. */
  | { type: "no-history"; reason: string };

/** See the module. */
export class TrackReceiver {
  readonly #options: ReceiverOptions;
  readonly #began = performance.now();
  #everReady = false;
  #last: Location | undefined;
  #stale = 0;

  /** Makes a receiver that has received nothing. */
  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** The largest location delivered. */
  get last(): Location | undefined {
    return this.#last;
  }

  /** Objects that came again after another session, and were not delivered. */
  get stale(): number {
    return this.#stale;
  }

  /**
   * Receives over one session, until the track ends, or enough was delivered. Throws a
   * {@link RequestError} that is final, and `NotFoundError` where no publisher came in time.
   */
  async use({ dialled: { session }, signal, established }: ReceiverUse): Promise<void> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      const parameters = this.#parameters();
      const subscription = session.subscribe(this.#options.track, { parameters, signal });
      try {
        await subscription.ready;
      } catch (error) {
        if (signal.aborted) return;
        this.#unanswered(error);
        await backoff.wait(signal);
        continue;
      }
      established();
      backoff.reset();
      if (await this.follow(session, subscription, signal)) return;
      if (signal.aborted) return;
      const { reason, message } = await subscription.closed;
      this.#options.onNotice?.({ type: "waiting", reason: message || reason });
      await backoff.wait(signal);
    }
  }

  /** Live objects are what a join goes on with. */
  #parameters(): Parameters {
    const { parameters = {}, history } = this.#options;
    if (history === undefined && !this.#everReady) return parameters;
    const { filter } = parameters;
    if (history === undefined && filter?.from === "start" && this.#last !== undefined) {
      const { group, object } = this.#last;
      return { ...parameters, filter: { ...filter, start: { group, object: object + 1 } } };
    }
    return { ...parameters, filter: { from: "largest-object" } };
  }

  #unanswered(error: unknown): void {
    const { timeoutMs = 15_000, track } = this.#options;
    const passing = error instanceof RequestError &&
      (error.refusal === "does-not-exist" || error.retryMs !== undefined ||
        error.refusal === "timeout");
    if (!passing) throw error;
    if (!this.#everReady && performance.now() - this.#began >= timeoutMs) {
      throw new NotFoundError(`nobody publishes ${formatTrackName(track)}: ${error.message}`, {
        cause: error,
        hint: "see --namespace and --track, or wait longer with --timeout",
      });
    }
    this.#options.onNotice?.({ type: "waiting", reason: error.message });
  }

  /** Receives by one subscription that was agreed to. True: nothing more is wanted. */
  async follow(
    session: MoqtSession,
    subscription: Subscription,
    signal: AbortSignal,
  ): Promise<boolean> {
    const close = () => void subscription.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      const { parameters: { largest } } = await subscription.ready;
      this.#options.onNotice?.({
        type: "subscribed",
        ...(largest === undefined ? {} : { largest }),
      });
      // A track whose largest location is behind what was delivered has begun anew.
      const goesOn = this.#last !== undefined && largest !== undefined &&
        compareLocations(largest, this.#last) >= 0;
      if (!goesOn) this.#last = undefined;
      const resumed = this.#everReady && goesOn;
      this.#everReady = true;
      const live = this.#live(subscription, largest);
      const floor = this.#last;
      for await (const item of this.#past(session, subscription, largest, resumed)) {
        if (await this.#deliver(item, floor)) return true;
      }
      const liveFloor = this.#last;
      for await (const item of live) {
        if (await this.#deliver(item, liveFloor)) return true;
      }
      const { reason } = await subscription.closed;
      return reason === "track-ended" || reason === "subscription-ended" || signal.aborted;
    } finally {
      signal.removeEventListener("abort", close);
      await subscription.close();
    }
  }

  async *#past(
    session: MoqtSession,
    subscription: Subscription,
    largest: Location | undefined,
    resumed: boolean,
  ): AsyncGenerator<TrackItem, void, undefined> {
    const { history, parameters } = this.#options;
    if (history === undefined || largest === undefined) return;
    const from = resumed && this.#last !== undefined ? { group: this.#last.group } : history;
    const tokens = parameters?.tokens;
    const fetched = session.join(subscription, from, {
      parameters: tokens === undefined ? {} : { tokens },
    });
    try {
      for await (const item of fetched) {
        if (item.kind === "object") yield { ...item, status: "normal" };
      }
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#options.onNotice?.({ type: "no-history", reason: error.message });
    }
  }

  #live(subscription: Subscription, largest: Location | undefined): AsyncIterable<TrackItem> {
    const { asTheyArrive, latest } = this.#options;
    if (asTheyArrive === true) return subscription.objects();
    return latest === true
      ? oneByOne(subscription.groups("latest"))
      : inOrder(subscription.groups(), largest === undefined ? 0 : largest.group + 1);
  }

  /** True: it has had enough. */
  async #deliver(item: TrackItem, floor: Location | undefined): Promise<boolean> {
    if (item.kind === "gap") return await this.#options.deliver(item) === false;
    const location = { group: item.group, object: item.id };
    if (floor !== undefined && compareLocations(location, floor) <= 0) {
      this.#stale++;
      return false;
    }
    if (this.#last === undefined || compareLocations(location, this.#last) > 0) {
      this.#last = location;
    }
    return await this.#options.deliver(item) === false;
  }
}

/** The objects of groups as they come. */
async function* oneByOne(
  groups: AsyncIterable<ReceivedGroup>,
): AsyncGenerator<TrackItem, void, undefined> {
  for await (const { objects } of groups) yield* objects;
}
