/**
 * A camera's stream as a live track (docs/moqt.md, "Devices as tracks"). A group begins at a key frame;
 * objects are pictures as the encoder gives them.
 *
 * @module
 */
import type { TrackOffer, TrackSink } from "../device.ts";
import type { Fanout } from "../media/fanout.ts";
import type { StreamDescription } from "../media/frame.ts";

/** Name of the track. */
export const VIDEO_TRACK = "video";

/** The track of a camera's stream. */
export function videoTrack(feed: Fanout, description: () => StreamDescription): TrackOffer {
  return {
    name: VIDEO_TRACK,
    priority: 64,
    lateGroups: 1,
    describe: () => {
      const { codec, width, height, fps } = description();
      return { kind: "camera", format: codec, width, height, fps };
    },
    attach: (sink) => {
      const ended = new AbortController();
      void send(feed, sink, ended.signal);
      return { [Symbol.dispose]: () => ended.abort() };
    },
    // Key frames asked for by many are one: the feed spaces them.
    joined: () => feed.requestKeyFrame(),
  };
}

async function send(feed: Fanout, sink: TrackSink, signal: AbortSignal): Promise<void> {
  using frames = feed.subscribe({ signal });
  for await (const { key, data, captureTime } of frames) {
    if (key) sink.startGroup();
    sink.write(data, captureTime);
  }
  if (!signal.aborted) sink.endGroup();
}
