/**
 * Key-value pairs, which set-up options, parameters and properties are made of: draft-16, section
 * 1.4.2; draft-14, section 1.4.2. Since draft-16 a key is written as the difference from the one before.
 *
 * @module
 */
import { MoqtViolation, violation } from "../errors.ts";
import { hasKeyDeltas, type Version } from "../versions.ts";
import type { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** Most bytes of a value. */
export const MAX_VALUE_BYTES = 65_535;

/** One pair: even types have integers, odd types bytes. */
export interface KeyValue {
  /** What it is; 0 to 2^53-1. */
  type: number;
  /** An integer of 0 to 2^62-1 (drafts with leading ones: 2^64-1) where the type is even, at most 65,535 bytes where it is odd. */
  value: bigint | Uint8Array;
}

/** The largest type there is. */
const MAX_TYPE = (1n << 64n) - 1n;

/**
 * Reads `count` pairs, or all that are left. Views of the bytes, not copies. Types above 2^53-1, which
 * nobody knows and some send to see that nobody minds, are passed over.
 */
export function readKeyValues(reader: Reader, count = Infinity): KeyValue[] {
  const pairs: KeyValue[] = [];
  const deltas = hasKeyDeltas(reader.version);
  let type: number | bigint = 0;
  for (let read = 0; read < count && (count !== Infinity || reader.left > 0); read++) {
    type = sum(deltas ? type : 0, reader.wideInteger());
    const isInteger = typeof type === "number" ? type % 2 === 0 : type % 2n === 0n;
    const value = isInteger ? reader.bigInteger() : reader.sized(MAX_VALUE_BYTES, "a value");
    if (typeof type === "number") pairs.push({ type, value });
  }
  return pairs;
}

/** The next type: a number up to 2^53-1, above that a bigint. Throws a violation above 2^64-1. */
function sum(before: number | bigint, step: number | bigint): number | bigint {
  if (typeof before === "number" && typeof step === "number") {
    const next = before + step;
    if (next <= Number.MAX_SAFE_INTEGER) return next;
  }
  const next = BigInt(before) + BigInt(step);
  if (next > MAX_TYPE) throw violation("the types of key-value pairs add up to more than 2^64-1");
  return next;
}

/** Writes pairs in the order of their types, the same ones as given. */
export function writeKeyValues(writer: Writer, pairs: readonly KeyValue[]): void {
  const deltas = hasKeyDeltas(writer.version);
  let before = 0;
  for (const { type, value } of inOrder(pairs)) {
    if ((typeof value === "bigint") !== (type % 2 === 0)) {
      throw new TypeError(
        `type ${type} takes ${type % 2 === 0 ? "an integer (bigint)" : "bytes"}`,
      );
    }
    writer.integer(type - before);
    if (deltas) before = type;
    if (typeof value === "bigint") writer.integer(value);
    else writer.sized(value, MAX_VALUE_BYTES, "a value");
  }
}

function inOrder(pairs: readonly KeyValue[]): readonly KeyValue[] {
  for (let i = 1; i < pairs.length; i++) {
    if (pairs[i]!.type < pairs[i - 1]!.type) return pairs.toSorted((a, b) => a.type - b.type);
  }
  return pairs;
}

/** The pairs as bytes. */
export function encodeKeyValues(
  pairs: readonly KeyValue[],
  version: Version,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer(version);
  writeKeyValues(writer, pairs);
  return writer.finish();
}

/** The integer of a pair, which must be `least` to `most`. */
export function integerOf(
  { type, value }: KeyValue,
  what: string,
  [least, most]: readonly [number, number] = [0, Number.MAX_SAFE_INTEGER],
): number {
  if (typeof value !== "bigint") throw new TypeError(`type ${type} is no integer`);
  if (value >= BigInt(least) && value <= BigInt(most)) return Number(value);
  throw violation(`${what} is ${value}; ${least} to ${most} may be`);
}

/** The bytes of a pair. */
export function bytesOf({ type, value }: KeyValue): Uint8Array {
  if (typeof value === "bigint") throw new TypeError(`type ${type} is an integer`);
  return value;
}

/** Runs `read`; what does not fit the value's form closes with KEY_VALUE_FORMATTING_ERROR. */
export function formatted<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof MoqtViolation)) throw cause;
    throw new MoqtViolation("key-value-formatting-error", `${what}: ${cause.message}`, { cause });
  }
}
