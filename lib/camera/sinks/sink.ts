/**
 * What the sinks of a stream have in common. A sink runs until its `signal` aborts (then it returns,
 * everything written and closed), its work is done, or it can't go on (then it throws). While the
 * source is lost it waits; nothing old is passed on when it is back.
 *
 * @module
 */
import { LostError, UnsupportedError } from "../../errors.ts";
import { openDecoder, openEncoder } from "../../media/auto.ts";
import type { Feed } from "../../media/feed.ts";
import type { EncodedFrame, VideoCodec } from "../../media/frame.ts";
import { type Codecs, TranscodedFeed } from "../../media/transcode.ts";

/** What a sink tells. */
export type SinkEvent =
  /** A file was begun. */
  | { type: "file"; path: string }
  /** Something that went wrong and doesn't end the sink. */
  | { type: "warning"; message: string };

/** What every sink takes beside its options. */
export interface SinkContext {
  /** Ends the sink. */
  signal?: AbortSignal;
  /** Decoders and encoders; absent: {@link autoCodecs}. */
  codecs?: Codecs;
  /** Called for each event. */
  onEvent?: (event: SinkEvent) => void;
}

/** The best library for each codec on this machine. */
export const autoCodecs: Codecs = {
  createEncoder: (config) => openEncoder("auto", config),
  createDecoder: (codec) => openDecoder(codec),
};

/** The feed in this codec: itself where it is. Throws `UnsupportedError` where it can't be transcoded. */
export async function inCodec(
  feed: Feed,
  codec: VideoCodec,
  context: SinkContext,
  quality?: number,
): Promise<Feed> {
  if ((await abortable(feed.description(), context.signal)).codec === codec) return feed;
  const config = quality === undefined ? { codec } : { codec, quality };
  const transcoded = new TranscodedFeed(feed, config, context.codecs ?? autoCodecs);
  await abortable(transcoded.check(), context.signal);
  return transcoded;
}

/** The promise's result, or an `AbortError` as soon as `signal` aborts. */
export async function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  // When both end badly only one is awaited.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Runs a sink; an abort by its signal is an end like any other. */
export async function untilAborted(
  signal: AbortSignal | undefined,
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** The error for a feed whose frames ended while the sink wanted more. */
export function endOf(feed: Feed): Error {
  if (feed instanceof TranscodedFeed && feed.failure !== undefined) return feed.failure;
  const { state } = feed;
  return new LostError(state.state === "ended" ? state.reason : "the stream ended");
}

/** Throws `UnsupportedError` where the source has gone over to another codec than was begun with. */
export function requireCodec(frame: EncodedFrame, codec: VideoCodec): void {
  if (frame.codec === codec) return;
  throw new UnsupportedError(`the stream has changed from ${codec} to ${frame.codec}`, {
    hint: "start again",
  });
}
