/**
 * Broken inputs out of valid ones, the same for the same seed.
 *
 * @module
 */

/** A small generator of numbers (mulberry32): the same sequence for the same seed. */
export class Random {
  #state: number;

  /** Starts the sequence of `seed`. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `below` - 1. */
  integer(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ value >>> 15, value | 1);
    value ^= value + Math.imul(value ^ value >>> 7, value | 61);
    return ((value ^ value >>> 14) >>> 0) % below;
  }

  /** One of them. */
  pick<T>(values: readonly T[]): T {
    const value = values[this.integer(values.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }
}

/** Bytes that decoders trip over. */
const EDGES = [0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];
/** Most bytes of an input. */
const MAX_BYTES = 1 << 16;

type Mutation = (bytes: number[], random: Random, seeds: readonly Uint8Array[]) => number[];

const MUTATIONS: readonly Mutation[] = [
  (bytes, random) => bytes.slice(0, random.integer(bytes.length + 1)),
  (bytes, random) => at(bytes, random, (i) => bytes[i] = (bytes[i] ?? 0) ^ 1 << random.integer(8)),
  (bytes, random) => at(bytes, random, (i) => bytes[i] = random.pick(EDGES)),
  (bytes, random) => at(bytes, random, (i) => bytes[i] = random.integer(256)),
  (bytes, random) => at(bytes, random, (i) => bytes.splice(i, 1 + random.integer(8))),
  (bytes, random) => at(bytes, random, (i) => bytes.splice(i, 0, random.integer(256))),
  (bytes, random) => at(bytes, random, (i) => bytes.splice(i, 0, ...bytes.slice(i, i + 16))),
  (bytes, random, seeds) => {
    const other = random.pick(seeds);
    const cut = random.integer(bytes.length + 1);
    return [...bytes.slice(0, cut), ...other.subarray(random.integer(other.length + 1))];
  },
];

/** A mutation of one of the seeds. */
export function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes = [...random.pick(seeds)];
  for (let rounds = 1 + random.integer(4); rounds > 0; rounds--) {
    bytes = random.pick(MUTATIONS)(bytes, random, seeds).slice(0, MAX_BYTES);
  }
  return new Uint8Array(bytes);
}

function at(bytes: number[], random: Random, change: (index: number) => void): number[] {
  if (bytes.length > 0) change(random.integer(bytes.length));
  return bytes;
}
