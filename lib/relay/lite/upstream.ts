/**
 * A track that the relay receives by moq-lite, as the relay receives tracks.
 *
 * @module
 */
import { LiteStreamError } from "../../moqt/lite/errors.ts";
import type { LiteSubscription } from "../../moqt/lite/subscription.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { ForwardSink } from "../../moqt/receive/forward.ts";
import type { SubscriptionEnd, SubscriptionInfo } from "../../moqt/receive/subscription.ts";
import type { RelaySubscription } from "../session.ts";

/** moq-lite says nothing of a track. */
const INFO: SubscriptionInfo = { trackAlias: 0, parameters: {}, properties: {} };

/** A subscription at a publisher that speaks moq-lite. */
export class LiteUpstream implements RelaySubscription {
  readonly #subscription: LiteSubscription;
  /** Resolves once the publisher agreed; rejects with a `RequestError`. */
  readonly ready: Promise<SubscriptionInfo>;
  /** Resolves when it is over. Never rejects. */
  readonly closed: Promise<SubscriptionEnd>;

  /** Receives from a subscription that was just asked for. */
  constructor(subscription: LiteSubscription) {
    this.#subscription = subscription;
    this.ready = subscription.ready.then(() => INFO, (error) => {
      throw refusalOf(error);
    });
    this.ready.catch(() => {});
    this.closed = subscription.closed.then(() => ({ reason: "track-ended", message: "" }), endOf);
  }

  /** The same of every track. */
  get info(): SubscriptionInfo {
    return INFO;
  }

  /** Gives groups to the relay as subgroups 0. */
  forward(sink: ForwardSink): void {
    const { ready } = this;
    this.#subscription.forward({
      ready,
      opened: (group, stop) =>
        sink.opened({
          trackAlias: 0,
          group,
          subgroup: 0,
          hasProperties: false,
          endOfGroup: true,
          firstObject: true,
        }, stop),
    });
  }

  /** There is nothing to change: who is subscribed is sent all. */
  update(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }

  /** Wants no more. */
  close(): Promise<void> {
    return this.#subscription.close();
  }
}

function refusalOf(error: unknown): RequestError {
  const message = error instanceof Error ? error.message : String(error);
  const name = error instanceof LiteStreamError && error.code === "not-found"
    ? "does-not-exist"
    : "internal-error";
  return new RequestError(name, message, { cause: error });
}

/** A stream that was cut off is the publisher's will; everything else is a loss. */
function endOf(error: unknown): SubscriptionEnd {
  const message = error instanceof Error ? error.message : String(error);
  const willed = error instanceof LiteStreamError && error.code !== "lost";
  return { reason: willed ? "subscription-ended" : "internal-error", message };
}
