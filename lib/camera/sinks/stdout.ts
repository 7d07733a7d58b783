/**
 * Bytes on standard output: `--stdout h264|hevc|av1|jpeg|mp4`, for a pipe into another program. A
 * reader that is slow loses frames up to a key frame; one that closes the pipe ends it quietly.
 *
 * `mp4` is fragmented, one fragment a frame; when the stream's parameters change, a new
 * initialization segment goes on in the same bytes.
 *
 * @module
 */
import { CmafWriter, fitsMp4 } from "../../media/cmaf.ts";
import type { Feed } from "../../media/feed.ts";
import type { EncodedFrame, VideoCodec } from "../../media/frame.ts";
import { abortable, endOf, inCodec, requireCodec, type SinkContext, untilAborted } from "./sink.ts";

/** What to write. */
export type StdoutFormat = VideoCodec | "mp4";

/** What to write, and where. */
export interface StdoutOptions {
  /** Format. */
  format: StdoutFormat;
  /** Takes some of the bytes and says how many, as `Deno.stdout.write` does, which is the default. */
  write?: (bytes: Uint8Array) => Promise<number>;
}

/**
 * Writes until `signal` aborts or the reader is gone. Throws `UnsupportedError` where the stream
 * can't be had in this format, `LostError` when the feed ended.
 */
export async function pipeStdout(
  feed: Feed,
  options: StdoutOptions,
  context: SinkContext = {},
): Promise<void> {
  const { format, write = (bytes) => Deno.stdout.write(bytes) } = options;
  const { signal } = context;
  await untilAborted(signal, async () => {
    const { codec, fps } = await abortable(feed.description(), signal);
    const wanted = format !== "mp4" ? format : fitsMp4(codec) ? codec : "h264";
    const source = await inCodec(feed, wanted, context);
    const chunks = format === "mp4" ? mp4Chunks(fps) : (frame: EncodedFrame) => [frame.data];
    using subscription = source.subscribe(signal ? { signal } : {});
    for await (const frame of subscription) {
      requireCodec(frame, wanted);
      for (const chunk of chunks(frame)) {
        for (let done = 0; done < chunk.length;) {
          try {
            // A reader that is stopped must not hold up the end.
            done += await abortable(write(chunk.subarray(done)), signal);
          } catch (error) {
            if (error instanceof Deno.errors.BrokenPipe) return;
            throw error;
          }
        }
      }
    }
    if (signal?.aborted !== true) throw endOf(source);
  });
}

function mp4Chunks(fps: number): (frame: EncodedFrame) => Uint8Array[] {
  const writer = new CmafWriter({ fps });
  return (frame) => {
    const chunk = writer.write(frame);
    if (chunk === undefined) return [];
    return chunk.init === undefined ? [chunk.fragment] : [chunk.init, chunk.fragment];
  };
}
