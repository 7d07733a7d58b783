/**
 * What precedes a subscription, where the request that makes it asks for that, too: draft-20, section
 * 5.1.3.
 *
 * @module
 */
import type { FillParameters, Parameters } from "../wire/parameters.ts";
import type { TrackName } from "../wire/track_name.ts";
import { Fetched } from "./fetch.ts";
import { filteredRange } from "../respond/fetch_server.ts";
import type { Asked } from "../requests/ask.ts";
import type { Subscription, SubscriptionInfo } from "./subscription.ts";

/** A fill of ours. Its stream has the id of the subscription's request. */
export class Past {
  readonly #fetches: Map<number, Fetched>;
  readonly #filter: NonNullable<Parameters["filter"]>;
  #requestId: number | undefined;
  /** What comes. */
  readonly fetched: Fetched;

  /** Begins with what the subscription says. */
  constructor(
    fetches: Map<number, Fetched>,
    track: TrackName,
    { fill, filter = { from: "all" } }: Parameters & { fill: FillParameters },
  ) {
    this.#fetches = fetches;
    this.#filter = fill.filter ?? filter;
    const range = { by: "filter", track, filter: this.#filter } as const;
    this.fetched = new Fetched(range, fill.groupOrder ?? "ascending", () => {
      if (this.#requestId !== undefined) fetches.delete(this.#requestId);
    });
  }

  /** Makes it a subscription's, and hears what becomes of the request of both. */
  with(subscription: Subscription): Asked {
    const { fetched } = this;
    subscription.past = fetched;
    subscription.closed.then(({ reason }) => {
      // A track that is over may still have a past.
      if (reason === "closed" || reason === "internal-error") void fetched.close();
    });
    return {
      started: (channel) => {
        this.#requestId = channel.requestId;
        this.#fetches.set(channel.requestId, fetched);
        subscription.started(channel);
      },
      refused: (error) => {
        fetched.refused(error);
        subscription.refused(error);
      },
    };
  }

  /** The publisher agreed to the subscription; without such objects no stream comes. */
  established({ parameters: { largest }, properties }: SubscriptionInfo): void {
    const range = largest === undefined ? undefined : filteredRange(this.#filter, largest);
    const end = range?.end ?? { group: 0, object: 0 };
    this.fetched.established({
      kind: "fetch-ok",
      requestId: this.#requestId!,
      endOfTrack: false,
      end,
      parameters: {},
      properties,
    });
    if (range === undefined) this.fetched.ended();
  }
}
