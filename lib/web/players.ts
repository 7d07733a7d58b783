/**
 * The page's decoders. They run in the browser: `page.ts` puts their source into the page, so they
 * name nothing outside of themselves but each other and what `page.ts` lists.
 *
 * @module
 */
import type {
  Canvas,
  Context2d,
  DecoderConfig,
  Document,
  Drawable,
  Element,
  EncodedChunkClass,
  Image,
  MediaSourceClass,
  SourceBuffer,
  Video,
  WebCodecsDecoder,
  WebCodecsDecoderClass,
} from "./dom.ts";
import type { MediaMessage, ServerMessage } from "./wire.ts";

declare const document: Document;
declare const VideoDecoder: WebCodecsDecoderClass | undefined;
declare const EncodedVideoChunk: EncodedChunkClass;
declare const MediaSource: MediaSourceClass;

/** What the server said of the stream. */
export type StreamMessage = Extract<ServerMessage, { t: "stream" }>;

/** What a player tells the viewer. */
export interface PlayerHost {
  /** A picture is shown; `captureTime` in µs by the server's clock. */
  shown(captureTime: number): void;
  /** Decoding broke and needs a key frame. */
  needKey(): void;
  /** This way doesn't work here; the viewer takes the next one. */
  failed(reason: string): void;
}

/** A way to show the stream. */
export interface Player {
  /** Name for people. */
  readonly name: string;
  /** What it shows on: into the page with it. */
  readonly element: Element;
  /** What to ask the server for. */
  readonly wants: "frames" | "mp4" | "nothing";
  /** The stream is described, or described anew. */
  stream(message: StreamMessage): void;
  /** A binary message came. */
  media(message: MediaMessage): void;
  /** What to draw for a snapshot. */
  picture(): Drawable;
  /** Ends it. */
  close(): void;
}

/** WebCodecs and canvas: every frame is shown the moment it is decoded. JPEG goes by `createImageBitmap`. */
export class CanvasPlayer implements Player {
  /** For people. */
  readonly name = "WebCodecs";
  /** The canvas. */
  readonly element: Canvas = document.createElement("canvas");
  /** Elementary stream. */
  readonly wants = "frames" as const;
  readonly #host: PlayerHost;
  readonly #context: Context2d;
  #decoder: WebCodecsDecoder | undefined;
  #config: StreamMessage | undefined;
  #needsKey = true;
  #errors = 0;
  #decodingJpeg = false;
  #nextJpeg: MediaMessage | undefined;

  /** Makes a player. */
  constructor(host: PlayerHost) {
    this.#host = host;
    this.#context = this.element.getContext("2d", { alpha: false, desynchronized: true })!;
  }

  /** Configures the decoder. */
  stream(message: StreamMessage): void {
    this.#config = message;
    this.#needsKey = true;
    if (message.codec === "jpeg") return;
    if (typeof VideoDecoder === "undefined") {
      this.#host.failed("this page is not on localhost or HTTPS, so there is no WebCodecs");
      return;
    }
    const config = { codec: message.codecString.replace("hvc1", "hev1"), optimizeForLatency: true };
    VideoDecoder.isConfigSupported(config).then((answer) => {
      if (answer.supported !== true) this.#host.failed(`WebCodecs has no ${config.codec} here`);
    }, (error) => this.#host.failed(String(error)));
    this.#open(config);
  }

  #open(config: DecoderConfig): void {
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    const decoder = new VideoDecoder!({
      output: (frame) => {
        this.#errors = 0;
        this.#show(frame, frame.displayWidth, frame.displayHeight, frame.timestamp);
        frame.close();
      },
      error: (error) => {
        if (decoder !== this.#decoder) return;
        if (error.name === "NotSupportedError" || ++this.#errors > 3) {
          this.#host.failed(error.message);
        } else {
          this.#needsKey = true;
          this.#open(config);
          this.#host.needKey();
        }
      },
    });
    this.#decoder = decoder;
    decoder.configure(config);
  }

  /** Decodes. */
  media(message: MediaMessage): void {
    if (this.#config?.codec === "jpeg") return void this.#jpeg(message);
    const decoder = this.#decoder;
    if (decoder === undefined || decoder.state !== "configured") return;
    // A decoder that is behind gets nothing older than the newest key frame.
    if (!this.#needsKey && decoder.decodeQueueSize > 8) {
      this.#needsKey = true;
      this.#host.needKey();
    }
    if (this.#needsKey && !message.key) return;
    this.#needsKey = false;
    decoder.decode(
      new EncodedVideoChunk({
        type: message.key ? "key" : "delta",
        timestamp: message.captureTime,
        data: message.payload,
      }),
    );
  }

  async #jpeg(message: MediaMessage): Promise<void> {
    this.#nextJpeg = message;
    if (this.#decodingJpeg) return;
    this.#decodingJpeg = true;
    while (this.#nextJpeg !== undefined) {
      const next: MediaMessage = this.#nextJpeg;
      this.#nextJpeg = undefined;
      try {
        const bitmap = await createImageBitmap(new Blob([next.payload], { type: "image/jpeg" }));
        this.#show(bitmap, bitmap.width, bitmap.height, next.captureTime);
        bitmap.close();
      } catch {
        // a broken image: the next one is whole
      }
    }
    this.#decodingJpeg = false;
  }

  #show(image: Drawable, width: number, height: number, captureTime: number): void {
    if (this.element.width !== width || this.element.height !== height) {
      this.element.width = width;
      this.element.height = height;
    }
    this.#context.drawImage(image, 0, 0);
    this.#host.shown(captureTime);
  }

  /** The canvas. */
  picture(): Drawable {
    return this.element;
  }

  /** Ends it. */
  close(): void {
    if (this.#decoder !== undefined && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
    this.#config = undefined;
  }
}

/** Media Source Extensions and `<video>`, kept at the live edge. */
export class MsePlayer implements Player {
  /** For people. */
  readonly name = "MSE";
  /** The video. */
  readonly element: Video = document.createElement("video");
  /** Fragmented MP4. */
  readonly wants = "mp4" as const;
  readonly #host: PlayerHost;
  readonly #source = new MediaSource();
  readonly #url = URL.createObjectURL(this.#source as unknown as Blob);
  #buffer: SourceBuffer | undefined;
  #mime = "";
  #queue: Uint8Array<ArrayBuffer>[] = [];
  /** Media time and capture time of fragments not shown yet. */
  #times: [mediaTime: number, captureTime: number][] = [];
  #closed = false;

  /** Makes a player. */
  constructor(host: PlayerHost) {
    this.#host = host;
    this.element.muted = true;
    this.element.autoplay = true;
    this.element.playsInline = true;
    this.element.src = this.#url;
    this.#source.onsourceopen = () => this.#begin();
    this.element.onerror = () => this.#fail(this.element.error?.message ?? "the video broke");
    this.#watchFrames();
  }

  #fail(reason: string): void {
    if (!this.#closed) this.#host.failed(reason);
  }

  /** Begins with this kind of stream, or changes to it. */
  stream(message: StreamMessage): void {
    if (message.mime === "" || !MediaSource.isTypeSupported(message.mime)) {
      this.#fail(`MSE plays no ${message.codecString} here`);
      return;
    }
    this.#mime = message.mime;
    if (this.#buffer === undefined) this.#begin();
    else this.#buffer.changeType(message.mime);
  }

  #begin(): void {
    if (this.#buffer !== undefined || this.#mime === "") return;
    if (this.#source.readyState !== "open") return;
    this.#source.duration = Infinity;
    this.#buffer = this.#source.addSourceBuffer(this.#mime);
    this.#buffer.onupdateend = () => this.#append();
    this.#append();
  }

  /** Appends. */
  media(message: MediaMessage): void {
    if (message.kind === 3) this.#times.push([message.mediaTime, message.captureTime]);
    if (this.#times.length > 300) this.#times.shift();
    this.#queue.push(message.payload);
    // Without a buffer to append to (a hidden tab), nothing piles up.
    if (this.#queue.length > 120) this.#fail("the browser takes no data");
    this.#append();
  }

  #append(): void {
    const buffer = this.#buffer;
    if (buffer === undefined || buffer.updating || this.#closed) return;
    try {
      this.#keepLive(buffer);
      if (buffer.updating) return;
      const next = this.#queue.shift();
      if (next !== undefined) buffer.appendBuffer(next);
    } catch (error) {
      this.#fail(String(error));
    }
  }

  // A live picture has nothing to buffer for: close to the end, and quickly back when it fell behind.
  #keepLive(buffer: SourceBuffer): void {
    const { buffered, currentTime } = this.element;
    if (buffered.length === 0) return;
    const start = buffered.start(0), end = buffered.end(buffered.length - 1);
    const behind = end - currentTime;
    if (behind > 0.5 || currentTime < start) this.element.currentTime = Math.max(start, end - 0.05);
    this.element.playbackRate = behind > 0.12 ? 1.1 : 1;
    if (this.element.paused) this.element.play().catch(() => {});
    if (currentTime - start > 20) buffer.remove(start, currentTime - 5);
  }

  #watchFrames(): void {
    this.element.requestVideoFrameCallback?.((_now, { mediaTime }) => {
      if (this.#closed) return;
      const micros = mediaTime * 1e6;
      while (this.#times.length > 1 && this.#times[1]![0] <= micros + 1000) this.#times.shift();
      const [first] = this.#times;
      if (first !== undefined) this.#host.shown(first[1]);
      this.#watchFrames();
    });
  }

  /** The video. */
  picture(): Drawable {
    return this.element;
  }

  /** Ends it. */
  close(): void {
    this.#closed = true;
    this.element.removeAttribute("src");
    this.element.load();
    URL.revokeObjectURL(this.#url);
  }
}

/** `<img>` of MJPEG: works everywhere, tells nothing of time. */
export class ImagePlayer implements Player {
  /** For people. */
  readonly name = "MJPEG";
  /** The image. */
  readonly element: Image = document.createElement("img");
  /** The image has its own connection. */
  readonly wants = "nothing" as const;

  /** Makes a player. */
  constructor(host: PlayerHost) {
    this.element.alt = "";
    this.element.onerror = () => host.failed("the MJPEG stream can't be shown");
    this.element.src = `stream.mjpg?${Date.now()}`;
  }

  /** Nothing to do. */
  stream(_message: StreamMessage): void {}

  /** Nothing to do. */
  media(_message: MediaMessage): void {}

  /** The image. */
  picture(): Drawable {
    return this.element;
  }

  /** Ends it. */
  close(): void {
    this.element.onerror = null;
    this.element.removeAttribute("src");
  }
}
