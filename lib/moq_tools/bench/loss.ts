/**
 * Which objects did not come, told by the ids of those that did.
 *
 * @module
 */

/** One subgroup of a group; datagrams count as one. */
interface Run {
  first: number;
  last: number;
  count: number;
  /** The smallest distance of two ids; 0: there was one object only. */
  stride: number;
}

interface Group {
  count: number;
  runs: Map<number, Run>;
  /** When something of it came last. */
  at: number;
}

/** The newest groups, which may still grow. */
const OPEN_GROUPS = 2;
/** An older group of which nothing came for so long is over, in microseconds. */
const SETTLE_US = 2_000_000;
/** Groups that are looked after at once; beyond this the oldest are over. */
const MAX_OPEN = 4096;
/** Key of objects that came in datagrams. */
const DATAGRAMS = -1;

/**
 * Counts objects that are missing inside subgroups, and, of groups that are over, those missing at
 * their ends, and groups of which nothing came. Groups are taken to have as many objects as the
 * largest one, whose ids begin at 0; of the first group, which may have begun earlier, and of those
 * that are not over only gaps count.
 */
export class LossCounter {
  readonly #open = new Map<number, Group>();
  #first = -1;
  #newest = -1;
  #size = 0;
  #settled = 0;
  /** Groups up to this one are over. */
  #settledTo = -1;
  #groups = 0;
  #run: Run | undefined;
  #group: Group | undefined;
  #groupId = -1;
  #subgroup = -2;

  /** Groups of which something came. */
  get groups(): number {
    return this.#groups;
  }

  /** Objects missing by what is known now; late ones make it less. */
  get lost(): number {
    let lost = this.#settled;
    for (const group of this.#open.values()) lost += gaps(group);
    return lost;
  }

  /** An object came at `now`, in microseconds by any clock. */
  add(groupId: number, subgroup: number | undefined, id: number, now: number): void {
    const key = subgroup ?? DATAGRAMS;
    if (groupId !== this.#groupId || key !== this.#subgroup) {
      if (!this.#turn(groupId, key, id, now)) return;
    }
    const group = this.#group!;
    const run = this.#run!;
    group.count++;
    group.at = now;
    run.count++;
    if (id > run.last) {
      const distance = id - run.last;
      if (run.stride === 0 || distance < run.stride) run.stride = distance;
      run.last = id;
    } else if (id < run.first) run.first = id;
    if (id >= this.#size) this.#size = id + 1;
  }

  /** To another subgroup; false: its group is over already. */
  #turn(groupId: number, key: number, id: number, now: number): boolean {
    let group = this.#open.get(groupId);
    if (group === undefined) {
      if (this.#first < 0) {
        this.#first = groupId;
        this.#settledTo = groupId - 1;
      }
      if (groupId <= this.#settledTo) {
        // What was taken for lost came after all.
        if (groupId >= this.#first && this.#settled > 0) this.#settled--;
        return false;
      }
      group = { count: 0, runs: new Map(), at: now };
      this.#open.set(groupId, group);
      this.#groups++;
      this.#newest = Math.max(this.#newest, groupId);
      this.#settle(now);
    }
    let run = group.runs.get(key);
    if (run === undefined) {
      run = { first: id, last: id, count: 0, stride: 0 };
      group.runs.set(key, run);
    }
    this.#groupId = groupId;
    this.#subgroup = key;
    this.#group = group;
    this.#run = run;
    return true;
  }

  /** Groups begin in about the order of their ids, so that the first ones are the oldest. */
  #settle(now: number): void {
    for (const [id, group] of this.#open) {
      const over = id <= this.#newest - OPEN_GROUPS && now - group.at > SETTLE_US;
      if (!over && this.#open.size <= MAX_OPEN) return;
      this.#open.delete(id);
      if (id > this.#settledTo) {
        this.#settled += (id - this.#settledTo - 1) * this.#size;
        this.#settledTo = id;
      } else this.#settled -= this.#size;
      const missing = id === this.#first ? 0 : this.#size - group.count;
      this.#settled += Math.max(missing, gaps(group));
    }
  }
}

function gaps({ runs }: Group): number {
  let lost = 0;
  for (const { first, last, count, stride } of runs.values()) {
    if (stride > 0) lost += Math.max(0, (last - first) / stride + 1 - count);
  }
  return Math.round(lost);
}
