/**
 * Memory that was read into and is not needed any more, for the next reads: a stream of some hundred
 * megabytes a second is otherwise garbage as fast, and collecting it costs more than reading it.
 *
 * @module
 */

/** Bytes of what transports read into. */
export const READ_BYTES = 65_536;
/** Spare memory that is kept: 4 MiB. */
const MAX_SPARE = 64;

const spare: ArrayBuffer[] = [];

/**
 * Gives the memory under `bytes` to coming reads; whoever else looks at it sees those. Memory that is
 * of another size, or that nobody may need, is left to the garbage collector: `false`.
 */
export function recycle(bytes: Uint8Array): boolean {
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== READ_BYTES) return false;
  if (spare.length >= MAX_SPARE || spare.includes(buffer)) return false;
  spare.push(buffer);
  return true;
}

/** Memory to read {@link READ_BYTES} into; undefined: there is none to spare. */
export function takeSpare(): ArrayBuffer | undefined {
  return spare.pop();
}
