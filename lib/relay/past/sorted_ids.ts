/**
 * Ids in their order.
 *
 * @module
 */

/** A set of ids that knows its neighbours. Ids mostly come in ascending order. */
export class SortedIds {
  readonly #ids: number[] = [];

  /** How many ids are at most `id`. */
  #count(id: number): number {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ids[middle]! <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds an id that is not there. */
  add(id: number): void {
    if (id > (this.#ids.at(-1) ?? -1)) this.#ids.push(id);
    else this.#ids.splice(this.#count(id), 0, id);
  }

  /** Removes an id. */
  delete(id: number): void {
    const index = this.#count(id) - 1;
    if (this.#ids[index] === id) this.#ids.splice(index, 1);
  }

  /** Removes all. */
  clear(): void {
    this.#ids.length = 0;
  }

  /** The largest below `id`. */
  below(id: number): number | undefined {
    return this.#ids[this.#count(id - 1) - 1];
  }

  /** The smallest above `id`. */
  above(id: number): number | undefined {
    return this.#ids[this.#count(id)];
  }
}
