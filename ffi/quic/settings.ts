/**
 * Settings as the library reads them: one `key=value` a line, what may hold anything in hex.
 *
 * @module
 */
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Lower-case hex digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes that are given in hex. */
export function bytesOfHex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** The text whose UTF-8 is given in hex. */
export function textOfHex(digits: string): string {
  return decoder.decode(bytesOfHex(digits));
}

/** Joins lines; a line break in one would be a new key. Throws `TypeError` for one. */
export function encodeLines(lines: readonly string[]): Uint8Array<ArrayBuffer> {
  for (const line of lines) {
    if (/[\r\n]/.test(line)) throw new TypeError(`line break in a setting: ${line.split("=")[0]}`);
  }
  return encoder.encode(lines.join("\n"));
}
