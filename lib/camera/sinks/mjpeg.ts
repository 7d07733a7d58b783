/**
 * MJPEG over HTTP: `multipart/x-mixed-replace`, as browsers' `<img>`, OpenCV and ffmpeg read it.
 *
 * @module
 */
import type { EncodedFrame } from "../../media/frame.ts";

const BOUNDARY = "xoqframe";
const encoder = new TextEncoder();

/** The response's content type. */
export const MJPEG_CONTENT_TYPE = `multipart/x-mixed-replace; boundary=${BOUNDARY}`;

/** What stands before the first part. */
export const MJPEG_PREAMBLE: Uint8Array = encoder.encode(`--${BOUNDARY}\r\n`);

const END = encoder.encode(`\r\n--${BOUNDARY}\r\n`);

/** Parts by frame: a frame goes to every client, and its part is made for the first. */
const parts = new WeakMap<EncodedFrame, Uint8Array>();

/**
 * One image as a part, the same array for every client, to be changed by none. The delimiter follows right behind it rather than before the next one: some
 * readers, Chromium among them, show an image only when they have seen its end.
 */
export function mjpegPart(frame: EncodedFrame): Uint8Array {
  const made = parts.get(frame);
  if (made !== undefined) return made;
  const head = encoder.encode(
    `Content-Type: image/jpeg\r\nContent-Length: ${frame.data.length}\r\n` +
      `X-Timestamp: ${
        (frame.captureTime / 1e6).toFixed(6)
      }\r\nX-Sequence: ${frame.sequence}\r\n\r\n`,
  );
  const out = new Uint8Array(head.length + frame.data.length + END.length);
  out.set(head);
  out.set(frame.data, head.length);
  out.set(END, head.length + frame.data.length);
  parts.set(frame, out);
  return out;
}
