/**
 * The last groups of a track, for those who FETCH.
 *
 * @module
 */
import type { FetchItem, FetchObject } from "../../moqt/data/fetch.ts";
import { RequestError } from "../../moqt/errors.ts";
import type { FetchAnswer } from "../../moqt/receive/fetch.ts";
import type { IncomingFetch } from "../../moqt/respond/incoming.ts";
import { compareLocations, type Location } from "../../moqt/wire/location.ts";

/** Most bytes kept. */
const MAX_BYTES = 32 << 20;

/** Keeps whole groups; the oldest go (policy: drop-oldest), counted. */
export class TrackHistory {
  readonly #groups = new Map<number, FetchObject[]>();
  readonly #maxGroups: number;
  #bytes = 0;
  #dropped = 0;
  #largest: Location | undefined;
  #ended = false;

  /** Keeps up to `maxGroups` groups. */
  constructor(maxGroups: number) {
    this.#maxGroups = maxGroups;
  }

  /** Groups that were let go. */
  get droppedGroups(): number {
    return this.#dropped;
  }

  /** Keeps an object. */
  add(object: FetchObject): void {
    const { group, id, payload } = object;
    const known = this.#groups.get(group);
    if (known === undefined) this.#groups.set(group, [object]);
    else known.push(object);
    this.#bytes += payload.length;
    this.#largest = { group, object: id };
    while (this.#groups.size > this.#maxGroups || this.#bytes > MAX_BYTES) this.#drop();
  }

  /** The track is over. */
  end(): void {
    this.#ended = true;
  }

  #drop(): void {
    const [oldest] = this.#groups;
    if (oldest === undefined) return;
    const [group, objects] = oldest;
    this.#groups.delete(group);
    this.#bytes -= objects.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#dropped++;
  }

  /** Answers a FETCH. Refuses what lies beyond the largest location, or when nothing was published. */
  answer({ start, end, parameters }: IncomingFetch): FetchAnswer {
    const largest = this.#largest;
    if (largest === undefined) throw new RequestError("does-not-exist", "nothing was published");
    if (compareLocations(start, largest) > 0) {
      throw new RequestError("invalid-range", "the range begins after the largest object");
    }
    const beyond = { group: largest.group, object: largest.object + 1 };
    const wholeGroup = end.object === 0 ? end.group : end.group - 1;
    const stop = end.object === 0 ? { group: end.group + 1, object: 0 } : end;
    const last = compareLocations(stop, beyond) > 0 ? beyond : stop;
    const groups = [...this.#groups.keys()].sort((a, b) => a - b)
      .filter((group) => group >= start.group && group <= Math.max(wholeGroup, last.group));
    if (parameters.groupOrder === "descending") groups.reverse();
    const items = groups.flatMap((group): FetchItem[] =>
      this.#groups.get(group)!.filter(({ id }) => {
        const location = { group, object: id };
        return compareLocations(location, start) >= 0 && compareLocations(location, last) < 0;
      })
    );
    const endOfTrack = this.#ended && compareLocations(last, beyond) >= 0;
    return {
      end: last.object === 0 ? { group: last.group - 1, object: 0 } : last,
      endOfTrack,
      items,
    };
  }
}
