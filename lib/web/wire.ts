/**
 * What the page and the server say to each other on `/ws`, for both sides. The browser side of this
 * file is the same functions, sent as source in the page (see `page.ts`): they use nothing but what
 * is in them.
 *
 * Text messages are JSON with `t`, see {@link ServerMessage} and {@link PageMessage}; unknown `t` are
 * ignored. Binary messages go from server to page only, big-endian:
 *
 * | bytes | what |
 * | --- | --- |
 * | 1 | kind: 1 frame (Annex B, OBUs, JPEG), 2 MP4 initialization segment, 3 MP4 fragment |
 * | 1 | bit 0: key frame |
 * | 2 | zero |
 * | 4 | sequence, modulo 2^32 |
 * | 8 | float64: capture instant, µs since the epoch by the server's clock |
 * | 8 | float64: media time in the MP4, µs; 0 for frames |
 * | … | payload |
 *
 * Flow control: at most {@link WINDOW} binary messages are under way that the page did not
 * acknowledge; what comes up meanwhile is dropped by the server up to a key frame.
 *
 * @module
 */
import type { FeedState } from "../media/feed.ts";

/** Binary messages under way without acknowledgement. */
export const WINDOW = 8;
/** Longest text message either side looks at, in characters. */
export const MAX_TEXT = 4096;

/** What the server says. */
export type ServerMessage =
  /** First message. */
  | { t: "hello"; version: 1; device: string }
  /** Before the first frame, and whenever it changes: what the following frames are. */
  | {
    t: "stream";
    codec: string;
    codecString: string;
    /** For `MediaSource`; empty where frames don't fit MP4. */
    mime: string;
    width: number;
    height: number;
    fps: number;
    encoder: string;
  }
  | { t: "state"; state: FeedState["state"]; reason?: string }
  /** Every second while frames flow. */
  | { t: "stats"; delivered: number; dropped: number; clients: number }
  /** Answer to `ping`: the server's clock, µs since the epoch. */
  | { t: "pong"; sent: number; now: number }
  | { t: "error"; message: string };

/** What the page says. */
export type PageMessage =
  /** Begin, or begin again another way: elementary stream, MP4, or nothing. */
  | { t: "watch"; as: "frames" | "mp4" | "nothing" }
  /** The binary message number `n`, counted from 1 since the last `watch`, was taken. */
  | { t: "ack"; n: number }
  | { t: "ping"; sent: number }
  /** Decoding can't go on without a key frame. */
  | { t: "key" };

/** A binary message. */
export interface MediaMessage {
  /** 1 frame, 2 initialization segment, 3 fragment. */
  kind: number;
  /** Whether decoding can begin here. */
  key: boolean;
  /** Counts captured pictures. */
  sequence: number;
  /** µs since the epoch, server's clock. */
  captureTime: number;
  /** µs. */
  mediaTime: number;
  /** The bytes. */
  payload: Uint8Array<ArrayBuffer>;
}

/** Puts header and payload together. */
export function encodeMedia(
  message: Omit<MediaMessage, "payload"> & { payload: Uint8Array },
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(24 + message.payload.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, message.kind);
  view.setUint8(1, message.key ? 1 : 0);
  view.setUint32(4, message.sequence % 2 ** 32);
  view.setFloat64(8, message.captureTime);
  view.setFloat64(16, message.mediaTime);
  out.set(message.payload, 24);
  return out;
}

/** Takes header and payload apart. Throws `RangeError` for less than a header. */
export function decodeMedia(data: ArrayBuffer): MediaMessage {
  const view = new DataView(data);
  return {
    kind: view.getUint8(0),
    key: (view.getUint8(1) & 1) === 1,
    sequence: view.getUint32(4),
    captureTime: view.getFloat64(8),
    mediaTime: view.getFloat64(16),
    payload: new Uint8Array(data, 24),
  };
}
