/**
 * Reads a datagram of either dialect, told apart by its magic.
 *
 * @module
 */
import { type Datagram, HEADER_BYTES, load, MAX_DATAGRAM_BYTES, type Verdict } from "./datagram.ts";
import { decodePose } from "./pose.ts";
import { decodeTele } from "./tele.ts";

/**
 * Reads the first `length` bytes. Never throws and allocates nothing. `into` is worth something only
 * where the verdict is `valid`, and its `dialect` where it is `version`.
 */
export function decodeDatagram(
  bytes: Uint8Array,
  into: Datagram,
  length: number = bytes.length,
): Verdict {
  if (length < HEADER_BYTES) return "invalid";
  // What is longer can only be a HELLO of a version to come, of which the header is enough.
  load(bytes, length > MAX_DATAGRAM_BYTES ? HEADER_BYTES : length);
  // "POSE" and "TELE".
  if (bytes[0] === 0x50 && bytes[1] === 0x4f && bytes[2] === 0x53 && bytes[3] === 0x45) {
    return decodePose(length, into);
  }
  if (bytes[0] === 0x54 && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x45) {
    return decodeTele(length, into);
  }
  return "invalid";
}
