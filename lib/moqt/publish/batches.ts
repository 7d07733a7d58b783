/**
 * Reusable memory that objects are encoded into, one behind the other.
 *
 * @module
 */
import type { Version } from "../versions.ts";
import { Writer } from "../wire/writer.ts";

/** Bytes that gather in a batch; a single object may be more. */
export const MAX_BATCH_BYTES = 64 << 10;
/** Payloads from this size on are handed to the transport as they are, without a copy. */
export const DIRECT_BYTES = 16 << 10;
/** Memory a batch begins with: most streams that are stuck hold little. */
const FIRST_BYTES = 2 << 10;
/** Batches kept for the next who needs one, of each draft. */
const MAX_KEPT = 8;
/** What an object's fields take beside properties and payload, at most. */
const HEAD_BYTES = 28;

/** Objects that are written together. */
export class Batch {
  /** Their bytes, all but {@link direct}. */
  readonly writer: Writer;
  /** A large payload, which ends the batch. */
  direct: Uint8Array | undefined;
  /** When the first of them came, by `performance.now()`. */
  since = 0;
  #taken: PromiseWithResolvers<void> | undefined;

  /** Made by {@link borrowBatch}. */
  constructor(version: Version) {
    this.writer = new Writer(version, FIRST_BYTES);
  }

  /** Whether an object with a payload of so many bytes goes along. */
  hasRoom(payloadBytes: number): boolean {
    if (this.direct !== undefined) return false;
    const copied = payloadBytes < DIRECT_BYTES ? payloadBytes : 0;
    return this.writer.length + copied + HEAD_BYTES <= MAX_BATCH_BYTES;
  }

  /** Resolves when the transport has taken the batch. */
  get taken(): Promise<void> {
    return (this.#taken ??= Promise.withResolvers()).promise;
  }

  /** Tells those who wait for it, and begins anew. */
  settle(): void {
    this.#taken?.resolve();
    this.#taken = undefined;
    this.direct = undefined;
    this.writer.clear();
  }

  /** Tells those who wait for it that it was not taken. */
  fail(error: unknown): void {
    this.#taken?.reject(error);
  }

  /** Whether it is worth keeping: one large object may have made it larger than it need be. */
  get isKept(): boolean {
    return this.writer.capacity <= MAX_BATCH_BYTES;
  }
}

const kept = new Map<Version, Batch[]>();

/** An empty batch. */
export function borrowBatch(version: Version): Batch {
  return kept.get(version)?.pop() ?? new Batch(version);
}

/** Gives a batch back that the transport has taken; nobody may use its memory any more. */
export function returnBatch(batch: Batch): void {
  batch.settle();
  if (!batch.isKept) return;
  const { version } = batch.writer;
  const others = kept.get(version);
  if (others === undefined) kept.set(version, [batch]);
  else if (others.length < MAX_KEPT) others.push(batch);
}
