/**
 * Groups that wait for their reader. Streams overtake each other, so what counts is their sequence.
 *
 * @module
 */
import type { LiteGroup } from "./received_group.ts";

/** What is done with a group that comes after a newer one was read. */
export type LateGroups = "drop" | "deliver";

/** Groups in the order of their sequence, for one reader. Where too many wait, the oldest are let go. */
export class GroupQueue implements AsyncIterable<LiteGroup> {
  readonly #groups: LiteGroup[] = [];
  readonly #limit: number;
  readonly #late: LateGroups;
  #read = -1;
  #dropped = 0;
  #end: { error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Lets up to `limit` groups wait. */
  constructor(limit: number, late: LateGroups) {
    this.#limit = limit;
    this.#late = late;
  }

  /** Groups that were let go. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Adds a group, or lets it go. */
  push(group: LiteGroup): void {
    const { sequence } = group;
    if (this.#end !== undefined || this.#late === "drop" && sequence <= this.#read) {
      return this.#drop(group);
    }
    const before = this.#groups.findLastIndex((other) => other.sequence <= sequence);
    this.#groups.splice(before + 1, 0, group);
    if (this.#groups.length > this.#limit) this.#drop(this.#groups.shift()!);
    this.#wake?.();
  }

  #drop(group: LiteGroup): void {
    this.#dropped++;
    group.abandon("old");
  }

  /** Nothing follows; the reader gets what is there, then the end, or `error`. */
  end(error?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#wake?.();
  }

  /** Nothing is read any more. */
  abandon(): void {
    for (const group of this.#groups.splice(0)) group.abandon();
    this.end();
  }

  /** The groups, to the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LiteGroup, void, undefined> {
    try {
      while (true) {
        const group = this.#groups.shift();
        if (group !== undefined) {
          this.#read = Math.max(this.#read, group.sequence);
          yield group;
          continue;
        }
        if (this.#end !== undefined) {
          if ("error" in this.#end) throw this.#end.error;
          return;
        }
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
      }
    } finally {
      this.abandon();
    }
  }
}
