/**
 * A feed in another codec than its source's: decoded and encoded once for all readers, and only
 * while there are any. Frames that are in the wanted codec already pass through untouched.
 *
 * @module
 */
import { LostError, UnsupportedError, XoqError } from "../errors.ts";
import type { CodecLibrary, VideoDecoder, VideoEncoder } from "./codec.ts";
import { Fanout } from "./fanout.ts";
import type { Feed, FeedState, SubscribeOptions, Subscription } from "./feed.ts";
import type { EncodedFrame, RawFrame, StreamDescription, VideoCodec } from "./frame.ts";

/** Makers of encoders and decoders: a codec library, or a choice among several. */
export type Codecs = Pick<CodecLibrary, "createEncoder" | "createDecoder">;

/** What to transcode to. */
export interface TranscodeConfig {
  /** Wanted codec. */
  codec: VideoCodec;
  /** JPEG quality, 1 to 100; default 80. */
  quality?: number;
  /** Bits per second; default 4,000,000. */
  bitrate?: number;
  /** Most frames from key frame to key frame; default 60. */
  gop?: number;
}

/** Source's frames in `config.codec`. Ends, with the reason, where no codec library can do it. */
export class TranscodedFeed implements Feed {
  readonly #source: Feed;
  readonly #config: TranscodeConfig;
  readonly #codecs: Codecs | undefined;
  readonly #fanout: Fanout;
  readonly #unsubscribe: () => void;
  #run: AbortController | undefined;
  #keyWanted = false;
  #failure: XoqError | undefined;
  #checked: Promise<void> | undefined;
  #encoderName: string | undefined;

  /** Makes a feed; decodes nothing before somebody subscribes. Without `codecs` it only passes through. */
  constructor(source: Feed, config: TranscodeConfig, codecs?: Codecs) {
    this.#source = source;
    this.#config = config;
    this.#codecs = codecs;
    this.#fanout = new Fanout({
      onKeyFrameWanted: () => {
        this.#keyWanted = true;
        // Where frames pass through, or before the first one, the key frame is the source's to make.
        if (this.#encoderName === undefined) source.requestKeyFrame();
      },
      onDemand: (wanted) => wanted ? this.#start() : this.#stop(),
    });
    this.#fanout.setState(source.state);
    this.#unsubscribe = source.onState((state) => {
      if (state.state !== "ended") this.#fanout.setState(state);
    });
    if (source.state.state === "ended") this.#unsubscribe();
  }

  /** Why transcoding ended, where it failed. */
  get failure(): XoqError | undefined {
    return this.#failure;
  }

  /**
   * Whether it can be done here at all: makes a decoder and an encoder, once. Waits until the source
   * is described. Throws `UnsupportedError` where not.
   */
  check(): Promise<void> {
    this.#checked ??= this.#check();
    return this.#checked;
  }

  async #check(): Promise<void> {
    const { codec, width, height } = await this.#source.description();
    if (codec === this.#config.codec) return;
    const transcoder = new Transcoder(this.#config, this.#codecs, this.#source);
    try {
      await transcoder.prepare(codec, width || 640, height || 480);
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      await transcoder.close();
    }
  }

  /** Now. */
  get state(): FeedState {
    return this.#fanout.state;
  }

  /** Calls back on every change of state. */
  onState(listener: (state: FeedState) => void): () => void {
    return this.#fanout.onState(listener);
  }

  /** The source's description with the wanted codec. */
  async description(): Promise<StreamDescription> {
    const description = await this.#source.description();
    const { codec } = this.#config;
    return description.codec === codec
      ? description
      : { ...description, codec, encoder: this.#encoderName ?? description.encoder };
  }

  /** Starts reading. */
  subscribe(options?: SubscribeOptions): Subscription {
    return this.#fanout.subscribe(options);
  }

  /** Asks for a key frame. */
  requestKeyFrame(): void {
    this.#fanout.requestKeyFrame();
  }

  #start(): void {
    const run = new AbortController();
    this.#run = run;
    this.#pump(run.signal).catch((error) => {
      if (!run.signal.aborted) this.#fail(error);
    });
  }

  #stop(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#encoderName = undefined;
  }

  #fail(error: unknown): void {
    this.#failure = error instanceof XoqError
      ? error
      : new XoqError("failed", `transcoding failed: ${String(error)}`, { cause: error });
    const { message, hint } = this.#failure;
    this.#end(hint === undefined ? message : `${message}: ${hint}`);
  }

  #end(reason: string): void {
    this.#unsubscribe();
    this.#fanout.setState({ state: "ended", reason });
  }

  async #pump(signal: AbortSignal): Promise<void> {
    const transcoder = new Transcoder(this.#config, this.#codecs, this.#source);
    try {
      // JPEG readers take the newest; a delta frame is of no use without those before it.
      for await (const frame of this.#source.subscribe({ signal })) {
        if (frame.codec === this.#config.codec) {
          this.#fanout.push(frame);
          continue;
        }
        const keyFrame = this.#keyWanted;
        this.#keyWanted = false;
        const encoded = await transcoder.transcode(frame, keyFrame);
        if (signal.aborted) return;
        this.#encoderName = transcoder.encoderName;
        if (encoded !== undefined) this.#fanout.push(encoded);
        else if (keyFrame) this.#keyWanted = true;
      }
      if (!signal.aborted) {
        const { state } = this.#source;
        this.#end(state.state === "ended" ? state.reason : "the stream ended");
      }
    } finally {
      await transcoder.close();
    }
  }
}

/** A decoder and an encoder that follow the source's codec and size. */
class Transcoder {
  readonly #config: TranscodeConfig;
  readonly #codecs: Codecs | undefined;
  readonly #source: Feed;
  #decoder: VideoDecoder | undefined;
  #decodes: VideoCodec | undefined;
  #encoder: VideoEncoder | undefined;
  #width = 0;
  #height = 0;

  constructor(config: TranscodeConfig, codecs: Codecs | undefined, source: Feed) {
    this.#config = config;
    this.#codecs = codecs;
    this.#source = source;
  }

  get encoderName(): string | undefined {
    return this.#encoder?.name;
  }

  async transcode(frame: EncodedFrame, keyFrame: boolean): Promise<EncodedFrame | undefined> {
    const decoder = await this.#decoderFor(frame.codec);
    const raw = await decoder.decode(frame);
    if (raw === undefined) return undefined;
    try {
      const encoder = await this.#encoderFor(raw);
      const { encodedTime: _, ...encoded } = await encoder.encode(raw, { keyFrame });
      return { ...encoded, captureTime: frame.captureTime, sequence: frame.sequence };
    } finally {
      raw.release();
    }
  }

  async prepare(codec: VideoCodec, width: number, height: number): Promise<void> {
    await this.#decoderFor(codec);
    await this.#encoderFor({ width, height });
  }

  async #decoderFor(codec: VideoCodec): Promise<VideoDecoder> {
    if (this.#decoder !== undefined && this.#decodes === codec) return this.#decoder;
    await this.#decoder?.close();
    this.#decoder = undefined;
    this.#decoder = await createDecoder(this.#codecs, codec);
    this.#decodes = codec;
    return this.#decoder;
  }

  async #encoderFor(raw: Pick<RawFrame, "width" | "height">): Promise<VideoEncoder> {
    if (this.#encoder !== undefined && this.#width === raw.width && this.#height === raw.height) {
      return this.#encoder;
    }
    await this.#encoder?.close();
    this.#encoder = undefined;
    const { codec, quality = 80, bitrate = 4_000_000, gop = 60 } = this.#config;
    const { fps } = await this.#source.description();
    this.#encoder = await requireCodecs(this.#codecs, codec).createEncoder({
      codec,
      quality,
      bitrate,
      gop,
      fps: fps > 0 ? fps : 30,
      width: raw.width,
      height: raw.height,
    });
    this.#width = raw.width;
    this.#height = raw.height;
    return this.#encoder;
  }

  async close(): Promise<void> {
    await this.#decoder?.close();
    await this.#encoder?.close();
  }
}

/** Makes a decoder, or throws `UnsupportedError` where there is no codec library. */
export function createDecoder(
  codecs: Codecs | undefined,
  codec: VideoCodec,
): Promise<VideoDecoder> {
  return Promise.try(() => requireCodecs(codecs, codec).createDecoder(codec));
}

function requireCodecs(codecs: Codecs | undefined, codec: VideoCodec): Codecs {
  if (codecs !== undefined) return codecs;
  throw new UnsupportedError(`no codec library here handles ${codec}`, {
    hint: "install FFmpeg's libavcodec, or use a build of xoq with the embedded encoder",
  });
}

/** The next frame of a feed. Throws `LostError` where the feed ends first, an `AbortError` on `signal`. */
export async function nextFrame(
  feed: Feed,
  options: { signal?: AbortSignal } = {},
): Promise<EncodedFrame> {
  options.signal?.throwIfAborted();
  using subscription = feed.subscribe(options);
  const result = await subscription.next();
  if (!result.done) return result.value;
  options.signal?.throwIfAborted();
  if (feed instanceof TranscodedFeed && feed.failure !== undefined) throw feed.failure;
  const { state } = feed;
  throw new LostError(state.state === "ended" ? state.reason : "the stream ended");
}
