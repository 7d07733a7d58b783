/**
 * Into a virtual camera: `--v4l2 /dev/videoN`, a v4l2loopback device, so that every program that
 * reads cameras reads this one. JPEG goes into it as it is where the device takes MJPG; everything
 * else as I420.
 *
 * @module
 */
import { UnsupportedError } from "../../errors.ts";
import type { VideoDecoder } from "../../media/codec.ts";
import type { Feed } from "../../media/feed.ts";
import type { EncodedFrame, RawFrame, VideoCodec } from "../../media/frame.ts";
import { createDecoder } from "../../media/transcode.ts";
import { openVideoOutput, type OutputFormat, type VideoOutput } from "../v4l2_output.ts";
import { abortable, autoCodecs, endOf, type SinkContext, untilAborted } from "./sink.ts";

/** Where to. */
export interface V4l2SinkOptions {
  /** `/dev/videoN`. */
  path: string;
  /** Opens the device; for tests. */
  open?: typeof openVideoOutput;
}

/**
 * Writes pictures until `signal` aborts. While the source is lost readers keep the last picture.
 * Throws as `openVideoOutput` does, and `LostError` when the device or the feed is gone.
 */
export async function runV4l2Sink(
  feed: Feed,
  options: V4l2SinkOptions,
  context: SinkContext = {},
): Promise<void> {
  const { signal } = context;
  await untilAborted(signal, async () => {
    const { fps } = await abortable(feed.description(), signal);
    const sink = new V4l2Sink(options, fps > 0 ? fps : 30, context);
    try {
      using subscription = feed.subscribe(signal ? { signal } : {});
      for await (const frame of subscription) await sink.take(frame);
    } finally {
      await sink.close();
    }
    if (signal?.aborted !== true) throw endOf(feed);
  });
}

class V4l2Sink {
  readonly #options: V4l2SinkOptions;
  readonly #fps: number;
  readonly #context: SinkContext;
  #output: VideoOutput | undefined;
  #decoder: VideoDecoder | undefined;
  #decodes: VideoCodec | undefined;
  /** The device said no to MJPG. */
  #rawOnly = false;

  constructor(options: V4l2SinkOptions, fps: number, context: SinkContext) {
    this.#options = options;
    this.#fps = fps;
    this.#context = context;
  }

  async take(frame: EncodedFrame): Promise<void> {
    if (frame.codec === "jpeg" && !this.#rawOnly) {
      try {
        const output = await this.#outputFor("MJPG", frame.width, frame.height);
        output.write(frame.data);
        return;
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        this.#rawOnly = true;
      }
    }
    const picture = await this.#decode(frame);
    if (picture === undefined) return;
    try {
      const format = picture.format === "RGBA" ? "I420" : picture.format;
      (await this.#outputFor(format, picture.width, picture.height)).write(picture);
    } finally {
      picture.release();
    }
  }

  async #decode(frame: EncodedFrame): Promise<RawFrame | undefined> {
    if (this.#decodes !== frame.codec) {
      await this.#decoder?.close();
      this.#decoder = undefined;
      this.#decoder = await createDecoder(this.#context.codecs ?? autoCodecs, frame.codec);
      this.#decodes = frame.codec;
    }
    return await this.#decoder?.decode(frame);
  }

  async #outputFor(format: OutputFormat, width: number, height: number): Promise<VideoOutput> {
    const config = this.#output?.config;
    if (
      this.#output !== undefined && config?.format === format && config.width === width &&
      config.height === height
    ) return this.#output;
    await this.#output?.close();
    this.#output = undefined;
    const open = this.#options.open ?? openVideoOutput;
    this.#output = await open(this.#options.path, { format, width, height, fps: this.#fps });
    return this.#output;
  }

  async close(): Promise<void> {
    await this.#decoder?.close();
    await this.#output?.close();
  }
}
