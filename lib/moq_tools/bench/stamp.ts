/**
 * What objects of a benchmark carry: their place as text in the payload, and the time they were sent
 * at as LOC's capture timestamp. aiomoqt's benchmarks write and read the same.
 *
 * @module
 */
import type { KeyValue } from "../../moqt/wire/key_values.ts";

/** LOC's property: microseconds since 1970 (draft-ietf-moq-loc-04). */
export const LOC_TIMESTAMP = 0x10;
/** The one that aiomoqt's benchmarks had before. */
export const BENCH_TIMESTAMP = 0x20;

/** The wall clock in microseconds, finer than `Date.now()`. */
export class WallClock {
  #origin = performance.timeOrigin;
  #checked = 0;

  /** Microseconds since 1970; `elapsed` is what `performance.now()` said. */
  now(elapsed: number = performance.now()): number {
    if (elapsed - this.#checked > 1000) this.#check(elapsed);
    return Math.floor((this.#origin + elapsed) * 1000);
  }

  /** The wall clock may have been set since. `Date.now()` is up to 1 ms behind. */
  #check(elapsed: number): void {
    this.#checked = elapsed;
    const behind = this.#origin + elapsed - Date.now();
    if (behind < -1 || behind > 2) this.#origin = Date.now() - elapsed;
  }
}

/** The property that says when an object was sent. */
export function timestamp(microseconds: number): KeyValue[] {
  return [{ type: LOC_TIMESTAMP, value: BigInt(microseconds) }];
}

/** When an object was sent, in microseconds since 1970; undefined: it does not say. */
export function sentAt(properties: readonly KeyValue[] | undefined): number | undefined {
  if (properties === undefined) return undefined;
  let legacy: number | undefined;
  for (const { type, value } of properties) {
    if (typeof value !== "bigint") continue;
    if (type === LOC_TIMESTAMP) return Number(value);
    if (type === BENCH_TIMESTAMP) legacy = Number(value);
  }
  return legacy;
}

const BAR = "|".charCodeAt(0);
const DOT = ".".charCodeAt(0);
const ZERO = "0".charCodeAt(0);

/** Payloads that begin with `GROUP.OBJECT|`, or `GROUP.OBJECT.LETTER|`. */
export class Payloads {
  readonly #shared: Uint8Array;
  #view: Uint8Array;

  /** Makes payloads of up to `maxBytes`. */
  constructor(maxBytes: number) {
    // Room for a place that is longer than the object, which is then cut off.
    this.#shared = new Uint8Array(Math.max(maxBytes, 48));
    this.#view = this.#shared.subarray(0, maxBytes);
  }

  /** A payload in memory that the next one uses again. */
  shared(group: number, id: number, bytes: number, letter?: string): Uint8Array {
    const target = this.#shared;
    let at = putDecimal(target, 0, group);
    target[at++] = DOT;
    at = putDecimal(target, at, id);
    if (letter !== undefined) {
      target[at++] = DOT;
      target[at++] = letter.charCodeAt(0);
    }
    target[at] = BAR;
    if (this.#view.length !== bytes) this.#view = target.subarray(0, bytes);
    return this.#view;
  }

  /** A payload in memory of its own. */
  own(group: number, id: number, bytes: number, letter?: string): Uint8Array {
    return this.shared(group, id, bytes, letter).slice();
  }
}

function putDecimal(target: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let rest = Math.floor(value / 10); rest > 0; rest = Math.floor(rest / 10)) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    target[i] = ZERO + rest % 10;
    rest = Math.floor(rest / 10);
  }
  return at + digits;
}
