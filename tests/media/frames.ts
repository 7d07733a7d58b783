/** Frames for tests whose payload doesn't matter. */
import type { EncodedFrame } from "../../lib/media/frame.ts";

/** A frame 33,333 µs after the one before it; `key` as given. */
export function frame(
  sequence: number,
  key: boolean,
  options: Partial<EncodedFrame> = {},
): EncodedFrame {
  return {
    codec: "h264",
    data: new Uint8Array([sequence & 0xff]),
    key,
    width: 640,
    height: 480,
    captureTime: 1_700_000_000_000_000 + sequence * 33_333,
    sequence,
    ...options,
  };
}

/** Frames from a picture of them: `K` a key frame, `d` a delta frame. */
export function frames(pattern: string, first = 0): EncodedFrame[] {
  return [...pattern].map((c, i) => frame(first + i, c === "K"));
}
