/**
 * Bytes one behind the other.
 *
 * @module
 */

/** The chunks' bytes in one new array. */
export function concat(
  first: Uint8Array,
  second: Uint8Array,
  ...more: readonly Uint8Array[]
): Uint8Array<ArrayBuffer>;
/** The chunks' bytes in one array: the chunk itself where there is but one, else a copy. */
export function concat(...chunks: readonly Uint8Array[]): Uint8Array;
export function concat(...chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
