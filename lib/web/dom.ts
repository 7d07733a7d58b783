/**
 * The parts of the browser that the page uses, as types. TypeScript's own `dom` library would change
 * the types of the whole program, which runs in no browser.
 *
 * @module
 */

/** An element (https://dom.spec.whatwg.org/#interface-element, HTML's `HTMLElement`). */
export interface Element {
  /** Text inside. */
  textContent: string | null;
  /** `data-*` attributes. */
  readonly dataset: Record<string, string | undefined>;
  /** Inline style. */
  readonly style: { setProperty(name: string, value: string): void };
  /** Puts these in place of its children. */
  replaceChildren(...nodes: Element[]): void;
  /** The nearest ancestor, or itself, that matches. */
  closest(selector: string): Element | null;
  /** Sets or takes away an attribute. */
  toggleAttribute(name: string, force?: boolean): boolean;
  /** Takes an attribute away. */
  removeAttribute(name: string): void;
  /** Calls back on events. */
  addEventListener(type: string, listener: () => void): void;
  /** Fills the screen. */
  requestFullscreen(): Promise<void>;
}

/** What can be drawn on a canvas. */
export type Drawable = Canvas | Video | Image | ImageBitmap | DecodedFrame;

/** `CanvasRenderingContext2D`. */
export interface Context2d {
  /** Draws. */
  drawImage(image: Drawable, x: number, y: number, width?: number, height?: number): void;
}

/** `HTMLCanvasElement`. */
export interface Canvas extends Element {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** The 2D context. */
  getContext(
    kind: "2d",
    options?: { alpha?: boolean; desynchronized?: boolean },
  ): Context2d | null;
  /** Encodes what is drawn. */
  toBlob(callback: (blob: Blob | null) => void, type: string): void;
}

/** `HTMLVideoElement`. */
export interface Video extends Element {
  /** No sound. */
  muted: boolean;
  /** Plays by itself. */
  autoplay: boolean;
  /** Not full screen on phones. */
  playsInline: boolean;
  /** What to play. */
  src: string;
  /** Seconds. */
  currentTime: number;
  /** 1 is as recorded. */
  playbackRate: number;
  /** Whether it stands still. */
  readonly paused: boolean;
  /** Pixels. */
  readonly videoWidth: number;
  /** Pixels. */
  readonly videoHeight: number;
  /** What there is to play. */
  readonly buffered: { readonly length: number; start(i: number): number; end(i: number): number };
  /** Why it broke. */
  readonly error: { readonly message: string } | null;
  /** Called when it broke. */
  onerror: (() => void) | null;
  /** Plays. */
  play(): Promise<void>;
  /** Begins anew. */
  load(): void;
  /** Calls back with the next shown frame (https://wicg.github.io/video-rvfc/). */
  requestVideoFrameCallback?(
    callback: (now: number, metadata: { mediaTime: number }) => void,
  ): number;
}

/** `HTMLImageElement`. */
export interface Image extends Element {
  /** Text in place of it. */
  alt: string;
  /** Where it is. */
  src: string;
  /** Pixels. */
  readonly naturalWidth: number;
  /** Pixels. */
  readonly naturalHeight: number;
  /** Called when it broke. */
  onerror: (() => void) | null;
}

/** `HTMLAnchorElement`. */
export interface Anchor extends Element {
  /** Where to. */
  href: string;
  /** Name of the file to save. */
  download: string;
  /** Follows it. */
  click(): void;
}

/** `Document`. */
export interface Document {
  /** The `html` element. */
  readonly documentElement: Element;
  /** Whether the page is hidden. */
  readonly hidden: boolean;
  /** What fills the screen. */
  readonly fullscreenElement: Element | null;
  /** By id. */
  getElementById(id: string): Element | null;
  /** A new element. */
  createElement(name: "canvas"): Canvas;
  /** A new element. */
  createElement(name: "video"): Video;
  /** A new element. */
  createElement(name: "img"): Image;
  /** A new element. */
  createElement(name: "a"): Anchor;
  /** Ends full screen. */
  exitFullscreen(): Promise<void>;
  /** Calls back on events. */
  addEventListener(type: "visibilitychange", listener: () => void): void;
  /** Calls back on keys. */
  addEventListener(
    type: "keydown",
    listener: (event: { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean }) => void,
  ): void;
}

/** W3C WebCodecs `VideoFrame`. */
export interface DecodedFrame {
  /** Pixels. */
  readonly displayWidth: number;
  /** Pixels. */
  readonly displayHeight: number;
  /** As given with the chunk, µs. */
  readonly timestamp: number;
  /** Frees it. */
  close(): void;
}

/** W3C WebCodecs `VideoDecoderConfig`. */
export interface DecoderConfig {
  /** Codec string. */
  codec: string;
  /** One in, one out. */
  optimizeForLatency?: boolean;
}

/** W3C WebCodecs `VideoDecoder`. */
export interface WebCodecsDecoder {
  /** Where it stands. */
  readonly state: "unconfigured" | "configured" | "closed";
  /** Chunks not decoded yet. */
  readonly decodeQueueSize: number;
  /** Begins. */
  configure(config: DecoderConfig): void;
  /** Decodes. */
  decode(chunk: unknown): void;
  /** Ends it. */
  close(): void;
}

/** The class of {@link WebCodecsDecoder}. */
export interface WebCodecsDecoderClass {
  /** Makes a decoder. */
  new (init: {
    output: (frame: DecodedFrame) => void;
    error: (error: DOMException) => void;
  }): WebCodecsDecoder;
  /** Whether it can decode this. */
  isConfigSupported(config: DecoderConfig): Promise<{ supported?: boolean }>;
}

/** The class W3C WebCodecs `EncodedVideoChunk`. */
export interface EncodedChunkClass {
  /** Makes a chunk. */
  new (init: { type: "key" | "delta"; timestamp: number; data: Uint8Array }): unknown;
}

/** W3C Media Source Extensions `SourceBuffer`. */
export interface SourceBuffer {
  /** Whether it is busy. */
  readonly updating: boolean;
  /** Called when it isn't any more. */
  onupdateend: (() => void) | null;
  /** Appends. */
  appendBuffer(data: Uint8Array): void;
  /** Removes, seconds. */
  remove(start: number, end: number): void;
  /** Another kind of stream follows. */
  changeType(mime: string): void;
}

/** W3C Media Source Extensions `MediaSource`. */
export interface MediaSource {
  /** Where it stands. */
  readonly readyState: "closed" | "open" | "ended";
  /** Seconds. */
  duration: number;
  /** Called when it can be used. */
  onsourceopen: (() => void) | null;
  /** A buffer for this kind of stream. */
  addSourceBuffer(mime: string): SourceBuffer;
}

/** The class of {@link MediaSource}. */
export interface MediaSourceClass {
  /** Makes one. */
  new (): MediaSource;
  /** Whether it plays this. */
  isTypeSupported(mime: string): boolean;
}
