/**
 * When a JPEG was given to the camera, and which one it was, written into a comment inside it
 * (T.81 B.2.4.5): servers that pass pictures through pass it on, each in the same way.
 *
 * @module
 */

/** Digits of the time, then of the number: text, so that nothing in it looks like a marker. */
const TIME_DIGITS = 16;
const NUMBER_DIGITS = 8;
const NAME = "bench:";
/** Marker and length in front of the text. */
const HEAD = 4;
const LENGTH = HEAD + NAME.length + TIME_DIGITS + NUMBER_DIGITS;
/** Where the comment begins: behind the start of the image. */
const AT = 2;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a comment says. */
export interface Stamp {
  /** When the picture was given to the camera, µs of the monotonic clock. */
  time: number;
  /** Which picture: each has one more than the one before. */
  number: number;
}

/** The JPEG with an empty comment in it, to be written by {@link writeStamp}. */
export function withStamp(jpeg: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(jpeg.length + LENGTH);
  out.set(jpeg.subarray(0, AT));
  out.set([0xff, 0xfe, 0, LENGTH - 2], AT);
  out.set(encoder.encode(NAME), AT + HEAD);
  out.set(jpeg.subarray(AT), AT + LENGTH);
  return out;
}

/** Writes the comment. */
export function writeStamp(jpeg: Uint8Array, { time, number }: Stamp): void {
  const digits = time.toString().padStart(TIME_DIGITS, "0") +
    number.toString().padStart(NUMBER_DIGITS, "0");
  encoder.encodeInto(digits, jpeg.subarray(AT + HEAD + NAME.length, AT + LENGTH));
}

/** Reads the comment, wherever before the scan it is now; `undefined` where there is none. */
export function readStamp(jpeg: Uint8Array): Stamp | undefined {
  const text = decoder.decode(jpeg.subarray(0, 1024));
  const at = text.indexOf(NAME);
  if (at < 0) return undefined;
  const digits = text.slice(at + NAME.length);
  const time = Number(digits.slice(0, TIME_DIGITS));
  const number = Number(digits.slice(TIME_DIGITS, TIME_DIGITS + NUMBER_DIGITS));
  return Number.isNaN(time) || Number.isNaN(number) ? undefined : { time, number };
}
