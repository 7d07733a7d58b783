/**
 * A track whose groups are one object each, sent as a datagram: at once or never, and never again.
 * Unlike a stream's bytes, what a transport has taken is not sent when it is late.
 *
 * @module
 */
import type { LiveObject, Location, Publication } from "../moqt/mod.ts";

/**
 * Most bytes of datagrams that wait on a connection, where its transport can choose: a few poses, of
 * which only the newest is of use.
 */
export const DATAGRAM_WINDOW_BYTES = 2 * 1024;

/** A track that is published live, as `TrackSource` is. */
export class DatagramSource {
  readonly #publications = new Set<Publication>();
  #largest: Location | undefined;
  #group = -1;
  #resetGroups = 0;

  /** The largest location published; undefined: none was. */
  get largest(): Location | undefined {
    return this.#largest;
  }

  /** Groups that went by stream, as they fit no datagram, and were cut off. */
  get resetGroups(): number {
    return this.#resetGroups;
  }

  /** Sends to a subscriber from now on, until its subscription is over. */
  attach(publication: Publication): void {
    this.#publications.add(publication);
    publication.closed.then(() => this.#publications.delete(publication));
  }

  /** Begins a group; its id is above those before. Returns the id. */
  startGroup(id: number = this.#group + 1): number {
    if (id <= this.#group) throw new RangeError(`group ${id} does not come after ${this.#group}`);
    return this.#group = id;
  }

  /** Sends the group's only object. */
  write({ payload, properties }: LiveObject): number {
    const location = { group: this.#group, object: 0 };
    this.#largest = location;
    const object = { payload, ...(properties === undefined ? {} : { properties }) };
    for (const publication of this.#publications) {
      if (!publication.wants(location)) continue;
      const { group } = location;
      const sent = publication.datagram({
        ...{ group, id: 0, endOfGroup: true, status: "normal" },
        ...object,
      });
      if (!sent) this.#sendByStream(publication, group, object).catch(() => this.#resetGroups++);
    }
    return 0;
  }

  /** There is nothing to be done: the object says that it is the last. */
  endGroup(): void {}

  /** Ends the track for all subscribers. */
  end(): Promise<void> {
    for (const publication of [...this.#publications]) publication.done("track-ended");
    return Promise.resolve();
  }

  /** The peer takes no datagrams, or none of this length. */
  async #sendByStream(publication: Publication, group: number, object: LiveObject): Promise<void> {
    const writer = await publication.subgroup({ group, endOfGroup: true });
    // While credit was waited for, a newer one may have come.
    if (group !== this.#group) return writer.reset("delivery-timeout");
    await writer.write(object);
    await writer.close();
  }
}
