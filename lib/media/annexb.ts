/**
 * NAL units in byte stream format (ITU-T H.264 Annex B, ITU-T H.265 Annex B): what cameras and
 * encoders give, and what moves through this program; MP4 wants lengths in front instead.
 *
 * @module
 */

/** Most NAL units looked at in one access unit; a hostile one of empty units costs no more than this. */
export const MAX_NAL_UNITS = 4096;

/** Position of the next start code prefix `00 00 01` at or after `from`, or -1. */
export function findStartCode(data: Uint8Array, from = 0): number {
  const last = data.length - 3;
  let i = from;
  // Looks at the third byte: whatever is above 1 rules out all three positions it could be part of.
  while (i <= last) {
    const third = data[i + 2]!;
    if (third > 1) i += 3;
    else if (data[i] === 0 && data[i + 1] === 0 && third === 1) return i;
    else i++;
  }
  return -1;
}

/**
 * The NAL units of one access unit, as views of it, without start codes and trailing zero bytes.
 * Bytes before the first start code are no NAL unit. Units without a byte are left out; at most
 * {@link MAX_NAL_UNITS} are given.
 */
export function splitNalUnits(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  let code = findStartCode(data);
  while (code >= 0 && units.length < MAX_NAL_UNITS) {
    const start = code + 3;
    code = findStartCode(data, start);
    let end = code < 0 ? data.length : code;
    // A NAL unit never ends in a zero byte: these are trailing_zero_8bits, or the next unit's zero_byte.
    while (end > start && data[end - 1] === 0) end--;
    if (end > start) units.push(data.subarray(start, end));
  }
  return units;
}

/** Whether any NAL unit satisfies `test`, which gets its position; stops at the first that does. */
export function someNalUnit(data: Uint8Array, test: (start: number) => boolean): boolean {
  let code = findStartCode(data);
  for (let seen = 0; code >= 0 && seen < MAX_NAL_UNITS; seen++) {
    const start = code + 3;
    if (start < data.length && test(start)) return true;
    code = findStartCode(data, start);
  }
  return false;
}

/**
 * Joins NAL units with 4-byte lengths in front (ISO/IEC 14496-15, lengthSizeMinusOne 3), in one
 * copy, after `reserve` free bytes.
 */
export function lengthPrefixed(units: readonly Uint8Array[], reserve = 0): Uint8Array<ArrayBuffer> {
  let size = reserve;
  for (const unit of units) size += 4 + unit.length;
  const out = new Uint8Array(size);
  let at = reserve;
  for (const unit of units) {
    out[at] = unit.length >>> 24;
    out[at + 1] = unit.length >>> 16;
    out[at + 2] = unit.length >>> 8;
    out[at + 3] = unit.length;
    out.set(unit, at + 4);
    at += 4 + unit.length;
  }
  return out;
}

/**
 * The payload of a NAL unit without its emulation prevention bytes (ITU-T H.264 7.3.1), at most
 * `limit` bytes of it: headers are short, and a hostile one shall not cost more.
 */
export function unescape(unit: Uint8Array, limit = 4096): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.min(unit.length, limit));
  let length = 0, zeros = 0;
  for (let i = 0; i < unit.length && length < out.length; i++) {
    const byte = unit[i]!;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}
