/**
 * One publisher of a track: the relay's subscription there.
 *
 * @module
 */
import type { ObjectDatagram } from "../../moqt/data/datagram.ts";
import type { SubgroupHeader } from "../../moqt/data/subgroup.ts";
import type { ForwardSink, ForwardStream } from "../../moqt/receive/forward.ts";
import type { SubscriptionEnd } from "../../moqt/receive/subscription.ts";
import { hasParametersForFields, hasUpdateAnswers } from "../../moqt/versions.ts";
import type { Location } from "../../moqt/wire/location.ts";
import type { Parameters } from "../../moqt/wire/parameters.ts";
import type { TrackProperties } from "../../moqt/wire/properties.ts";
import type { TrackName } from "../../moqt/wire/track_name.ts";
import type { Framing } from "./framing.ts";
import type { RelaySession, RelaySubscription } from "../session.ts";

/** What an upstream tells its track. */
export interface UpstreamEvents {
  /** The track. */
  readonly name: TrackName;
  /** The publisher agreed. */
  established(upstream: Upstream): void;
  /** A stream began; undefined: it is not wanted. */
  opened(
    upstream: Upstream,
    header: SubgroupHeader,
    stop: () => void,
  ): ForwardStream | undefined;
  /** A datagram came. */
  datagram(upstream: Upstream, object: ObjectDatagram): void;
  /** The publisher refused. */
  refused(upstream: Upstream, error: unknown): void;
  /** The publisher had agreed, and it is over. */
  ended(upstream: Upstream, end: SubscriptionEnd): void;
}

const DEFAULT_PRIORITY = 128;

/** How long subscribers wait for their publisher's answer to a change, in milliseconds. */
const UPDATE_MS = 2000;

/** How many subscriptions there are at each publisher. */
const perSession = new WeakMap<RelaySession, number>();

/** A subscription of the relay's. */
export class Upstream implements ForwardSink {
  readonly #subscription: RelaySubscription;
  readonly #events: UpstreamEvents;
  #state: "asking" | "ready" | "over" = "asking";
  #forward: boolean;
  #priority: number;
  #wantedPriority: number;
  #isTelling = false;
  /** The largest group that was taken from it. */
  newestGroup: number | undefined;
  /** The publisher's session. */
  readonly session: RelaySession;
  /** Whether the publisher offered the track itself (PUBLISH), so that it is not to be left. */
  readonly isOffered: boolean;

  /** Receives from a subscription that was just asked for, or accepted. */
  constructor(
    session: RelaySession,
    subscription: RelaySubscription,
    events: UpstreamEvents,
    options: { isOffered: boolean; forward: boolean; priority?: number },
  ) {
    this.session = session;
    this.#subscription = subscription;
    this.#events = events;
    this.isOffered = options.isOffered;
    this.#forward = options.forward;
    this.#priority = this.#wantedPriority = options.priority ?? DEFAULT_PRIORITY;
    perSession.set(session, (perSession.get(session) ?? 0) + 1);
    subscription.forward(this);
    subscription.ready.then(() => this.#ready(), (error) => this.#refused(error));
    subscription.closed.then((end) => {
      perSession.set(session, perSession.get(session)! - 1);
      this.#over(end);
    });
  }

  /** Whether the publisher sends other tracks, too. */
  get isShared(): boolean {
    return (perSession.get(this.session) ?? 0) > 1;
  }

  /** Whether the publisher agreed, and it is not over. */
  get isReady(): boolean {
    return this.#state === "ready";
  }

  /** How what it sends is framed. */
  get version(): Framing {
    return this.session.version;
  }

  /** The largest location when it began. */
  get largest(): Location | undefined {
    return this.#subscription.info?.parameters.largest;
  }

  /** What the publisher says of the track. */
  get properties(): TrackProperties {
    return this.#subscription.info?.properties ?? {};
  }

  #ready(): void {
    if (this.#state !== "asking") return;
    this.#state = "ready";
    this.#events.established(this);
  }

  #refused(error: unknown): void {
    if (this.#state !== "asking") return;
    this.#state = "over";
    this.#events.refused(this, error);
  }

  #over(end: SubscriptionEnd): void {
    if (this.#state !== "ready") return;
    this.#state = "over";
    this.#events.ended(this, end);
  }

  /**
   * Asks the publisher to send objects, or not to; undefined where it does so already. Resolves with
   * the largest location it tells; without one where it does not answer in time.
   */
  setForward(forward: boolean): Promise<Location | undefined> | undefined {
    if (this.#state !== "ready" || this.#forward === forward) return undefined;
    this.#forward = forward;
    return new Promise((resolve, reject) => {
      const late = setTimeout(resolve, UPDATE_MS, undefined);
      const told = forward
        ? ({ largest }: Parameters) => largest ?? this.#standing()
        : () => undefined;
      this.#subscription.update({ forward }).then(told).then(resolve, reject)
        .finally(() => clearTimeout(late));
    });
  }

  /** The largest location of a publisher whose draft answers no updates. */
  async #standing(): Promise<Location | undefined> {
    const { version } = this.session;
    if (typeof version !== "number" || hasUpdateAnswers(version)) return undefined;
    try {
      return (await this.session.trackStatus?.(this.#events.name))?.parameters.largest;
    } catch {
      return undefined;
    }
  }

  /** Tells the publisher the priority of what it sends, one change after the other. */
  setPriority(priority: number): void {
    this.#wantedPriority = priority;
    if (this.#state !== "ready" || this.#isTelling || this.#priority === priority) return;
    this.#priority = priority;
    this.#isTelling = true;
    this.#subscription.update({ priority }).catch(() => {}).finally(() => {
      this.#isTelling = false;
      this.setPriority(this.#wantedPriority);
    });
  }

  /** Asks the publisher for a new group, where its draft lets. */
  requestGroup(newGroup: number): void {
    if (this.#state !== "ready" || !hasGroupRequests(this.version)) return;
    this.#subscription.update({ newGroup }).catch(() => {});
  }

  /** A stream began. */
  opened(header: SubgroupHeader, stop: () => void): ForwardStream | undefined {
    return this.#state === "over" ? undefined : this.#events.opened(this, header, stop);
  }

  /** A datagram came. */
  datagram(object: ObjectDatagram): void {
    if (this.#state !== "over") this.#events.datagram(this, object);
  }

  /** Nothing follows. */
  end(): void {}

  /** Leaves. Idempotent; tells nobody. */
  close(): void {
    this.#state = "over";
    void this.#subscription.close();
  }
}

/** Whether publishers can be asked for new groups. */
export function hasGroupRequests(version: Framing): boolean {
  return version !== "lite" && hasParametersForFields(version);
}
