/**
 * A publisher that has all of its track's past, and a plain model of what a fetch of that gives.
 *
 * @module
 */
import type { FetchItem, FetchObject } from "../../lib/moqt/data/fetch.ts";
import { RequestError } from "../../lib/moqt/errors.ts";
import type { FetchAnswer } from "../../lib/moqt/receive/fetch.ts";
import type { IncomingFetch, RequestHandlers } from "../../lib/moqt/respond/incoming.ts";
import type { Publication } from "../../lib/moqt/publish/publication.ts";
import type { Location } from "../../lib/moqt/wire/location.ts";
import type { GroupOrder } from "../../lib/moqt/wire/parameters.ts";
import { utf8 } from "./support.ts";

/** An object's name in the tests: `group/id`. */
export type Name = string;

/** What was published. */
export class Archive {
  readonly #groups = new Map<number, number[]>();
  #publications = new Set<Publication>();
  /** Fetches that were asked of it, as `group/object-group/object order`. */
  readonly asked: string[] = [];
  /** Fetches that were canceled. */
  canceled = 0;
  /** Called before each item of a fetch is given. */
  gate: (item: FetchItem) => void | Promise<void> = () => {};

  /** Begins with groups and their objects' ids. */
  constructor(groups: Iterable<readonly [group: number, ids: readonly number[]]> = []) {
    for (const [group, ids] of groups) this.#groups.set(group, [...ids].sort((a, b) => a - b));
  }

  /** The largest location published. */
  get largest(): Location | undefined {
    const group = Math.max(...this.#groups.keys());
    return group < 0 ? undefined : { group, object: this.#groups.get(group)!.at(-1)! };
  }

  /** Whoever is sent what is published. */
  get subscribers(): number {
    return this.#publications.size;
  }

  /** What a fetch of it gives, by the draft's words. */
  expected(start: Location, end: Location, order: GroupOrder = "ascending"): Name[] {
    const groups = [...this.#groups.keys()].sort((a, b) => order === "ascending" ? a - b : b - a);
    return groups.flatMap((group) =>
      this.#groups.get(group)!.filter((object) => {
        const isAfter = group > start.group || (group === start.group && object >= start.object);
        const isBefore = group < end.group ||
          (group === end.group && (end.object === 0 || object < end.object));
        return isAfter && isBefore;
      }).map((object) => `${group}/${object}`)
    );
  }

  /** Publishes the next objects, each group on two streams where `split` says so. */
  async publish(group: number, ids: readonly number[], split: boolean): Promise<void> {
    this.#groups.set(group, [...this.#groups.get(group) ?? [], ...ids]);
    for (const publication of this.#publications) {
      for (const subgroup of split ? [0, 1] : [0]) {
        const own = ids.filter((id) => !split || id % 2 === subgroup);
        if (own.length === 0) continue;
        const writer = await publication.subgroup({ group, subgroup });
        for (const id of own) await writer.write({ id, payload: utf8(`${group}/${id}`) });
        await writer.close();
      }
    }
  }

  /** What answers a session's requests. */
  get handlers(): RequestHandlers {
    return {
      subscribe: (request) => {
        const { largest } = this;
        const publication = request.accept(largest === undefined ? {} : { largest });
        publication.follow(() => this.largest);
        this.#publications.add(publication);
        publication.closed.then(() => this.#publications.delete(publication));
      },
      fetch: (request) => this.fetch(request),
      trackStatus: () => {
        const { largest } = this;
        return largest === undefined ? {} : { largest };
      },
    };
  }

  /** Answers a fetch. */
  fetch({ start, end, parameters, signal }: IncomingFetch): FetchAnswer {
    const { largest } = this;
    const { groupOrder = "ascending" } = parameters;
    this.asked.push(
      `${start.group}/${start.object}-${end.group}/${end.object} ${groupOrder}`,
    );
    if (
      largest === undefined || start.group > largest.group ||
      (start.group === largest.group && start.object > largest.object)
    ) throw new RequestError("invalid-range", "nothing there");
    const last = { group: largest.group, object: largest.object + 1 };
    const isBeyond = end.group > last.group ||
      (end.group === last.group && (end.object === 0 || end.object > last.object));
    const names = this.expected(start, end, groupOrder);
    signal.addEventListener("abort", () => this.canceled++, { once: true });
    return { end: isBeyond ? last : end, items: this.#items(names, signal) };
  }

  async *#items(names: Name[], signal: AbortSignal): AsyncGenerator<FetchItem> {
    for (const name of names) {
      const item = objectOf(name);
      await this.gate(item);
      if (signal.aborted) return;
      yield item;
    }
  }
}

/** The object of a name. */
export function objectOf(name: Name): FetchObject {
  const [group, id] = name.split("/").map(Number) as [number, number];
  return { kind: "object", group, subgroup: id % 2, id, priority: 7, payload: utf8(name) };
}
