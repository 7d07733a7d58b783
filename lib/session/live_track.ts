/**
 * A device's track while somebody subscribes: the device produces it once, each subscriber has its own
 * bounded way.
 *
 * @module
 */
import type { TrackOffer, TrackSink } from "../device.ts";
import {
  CAPTURE_TIME_PROPERTY,
  DESCRIPTION_PROPERTY,
  type IncomingSubscribe,
  type Location,
  type Publication,
  type TrackProperties,
  TrackSource,
} from "../moqt/mod.ts";
import { DatagramSource } from "./datagram_source.ts";

/** One track of one device. */
export class LiveTrack implements TrackSink {
  readonly #offer: TrackOffer;
  readonly #source: TrackSource | DatagramSource;
  readonly #properties: () => TrackProperties;
  #attached: Disposable | undefined;
  #begun = false;
  #subscribers = 0;

  /** Attached to the device when the first subscriber comes. */
  constructor(offer: TrackOffer) {
    this.#offer = offer;
    const fixed: TrackProperties = {
      defaultPriority: offer.priority,
      // Groups that find no datagrams: the newest first.
      ...(offer.datagrams === true ? { groupOrder: "descending" } : {}),
    };
    this.#properties = () => ({
      ...fixed,
      others: [{
        type: DESCRIPTION_PROPERTY,
        value: new TextEncoder().encode(JSON.stringify(offer.describe())),
      }],
    });
    this.#source = offer.datagrams === true
      ? new DatagramSource()
      : new TrackSource({ properties: fixed, lateGroups: offer.lateGroups });
  }

  /** Its name. */
  get name(): string {
    return this.#offer.name;
  }

  /** Subscribers now. */
  get subscribers(): number {
    return this.#subscribers;
  }

  /** Groups that were cut off because a subscriber was late, all added up. */
  get resetGroups(): number {
    return this.#source.resetGroups;
  }

  /** How the track stands. */
  status(): { largest?: Location; properties: TrackProperties } {
    const { largest } = this.#source;
    return { ...(largest === undefined ? {} : { largest }), properties: this.#properties() };
  }

  /** Takes a subscriber. */
  accept(request: IncomingSubscribe): Publication {
    const publication = request.accept(this.status());
    this.#source.attach(publication);
    this.#subscribers++;
    if (this.#attached === undefined) this.#attached = this.#offer.attach(this);
    else this.#offer.joined?.();
    publication.closed.then(() => {
      if (--this.#subscribers === 0) this.#detach();
    });
    return publication;
  }

  /** See {@link TrackSink}. */
  startGroup(): void {
    // Ids go on growing after a restart, as caches on the way know the old ones: in milliseconds since
    // the epoch nobody begins as many groups as time goes by.
    this.#source.startGroup(this.#begun ? undefined : Date.now());
    this.#begun = true;
  }

  /** See {@link TrackSink}. */
  write(payload: Uint8Array, captured?: number): void {
    this.#source.write({
      payload,
      ...(captured === undefined
        ? {}
        : { properties: [{ type: CAPTURE_TIME_PROPERTY, value: BigInt(captured) }] }),
    });
  }

  /** See {@link TrackSink}. */
  endGroup(): void {
    this.#source.endGroup();
  }

  /** Ends the track for all. */
  async end(): Promise<void> {
    this.#detach();
    await this.#source.end();
  }

  #detach(): void {
    this.#attached?.[Symbol.dispose]();
    this.#attached = undefined;
  }
}
