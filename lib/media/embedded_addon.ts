/**
 * The addon `@napi-rs/webcodecs`: W3C WebCodecs over an FFmpeg of its own. It is loaded at first
 * use, by the name of this platform's package, since the meta package does not resolve where a
 * registry lacks other platforms'.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** A chunk as the addon gives it; `copyTo` is the one copy out of its memory. */
export interface AddonChunk {
  /** Whether decoding can begin here. */
  readonly type: "key" | "delta";
  /** Microseconds, as given with the picture. */
  readonly timestamp: number;
  /** Size in bytes. */
  readonly byteLength: number;
  /** Copies the bytes out. */
  copyTo(destination: Uint8Array): void;
}

/** Where a plane lies in a buffer. */
export interface AddonPlaneLayout {
  /** Bytes from the start of the buffer. */
  offset: number;
  /** Bytes from row to row. */
  stride: number;
}

/** Colour description of a picture. */
export interface AddonColorSpace {
  /** Whether luma spans 0 to 255. */
  fullRange?: boolean | null;
  /** Matrix. */
  matrix?: string | null;
  /** Primaries. */
  primaries?: string | null;
  /** Transfer. */
  transfer?: string | null;
}

/** A raw picture of the addon. */
export interface AddonFrame {
  /** WebCodecs' name of the layout; null when it has none. */
  readonly format: string | null;
  /** Pixels. */
  readonly codedWidth: number;
  /** Pixels. */
  readonly codedHeight: number;
  /** Pixels that are shown. */
  readonly displayWidth: number;
  /** Pixels that are shown. */
  readonly displayHeight: number;
  /** Colours. */
  readonly colorSpace: AddonColorSpace;
  /** Microseconds. */
  readonly timestamp: number;
  /** Bytes that `copyTo` needs. */
  allocationSize(options?: { format?: string }): number;
  /** Copies the planes out, one after the other. */
  copyTo(destination: Uint8Array, options?: { format?: string }): Promise<AddonPlaneLayout[]>;
  /** Frees it. */
  close(): void;
}

/** Options of a picture made from bytes. */
export interface AddonFrameInit {
  /** `I420`, `NV12`, `RGBA`. */
  format: string;
  /** Pixels. */
  codedWidth: number;
  /** Pixels. */
  codedHeight: number;
  /** Microseconds. */
  timestamp: number;
  /** Where the planes lie; absent: one after the other, no padding. */
  layout?: AddonPlaneLayout[];
  /** Colours. */
  colorSpace?: AddonColorSpace;
}

/** The callbacks of an encoder or decoder. */
export interface AddonCallbacks<Output> {
  /** Something came out. */
  output: (output: Output) => void;
  /** It is broken for good. */
  error: (error: Error) => void;
}

/** What encoders and decoders share. */
export interface AddonCodec<Config> {
  /** `unconfigured`, `configured` or `closed`. */
  readonly state: string;
  /** Sets it up. */
  configure(config: Config): void;
  /** Waits until everything taken came out. */
  flush(): Promise<void>;
  /** Frees it. */
  close(): void;
}

/** The addon's encoder. */
export interface AddonEncoder extends AddonCodec<Record<string, unknown>> {
  /** Queues one picture. */
  encode(frame: AddonFrame, options?: { keyFrame?: boolean }): void;
}

/** The addon's decoder. */
export interface AddonDecoder extends AddonCodec<Record<string, unknown>> {
  /** Queues one chunk. */
  decode(chunk: unknown): void;
  /** Called when it took one from the queue. */
  ondequeue: (() => void) | null;
}

/** The addon's still image decoder. */
export interface AddonImageDecoder {
  /** Decodes the first image. */
  decode(): Promise<{ image: AddonFrame }>;
  /** Frees it. */
  close(): void;
}

/** What is used of the addon. */
export interface WebCodecsAddon {
  /** Raw pictures. */
  VideoFrame: new (data: Uint8Array, init: AddonFrameInit) => AddonFrame;
  /** Encoder. */
  VideoEncoder: {
    new (callbacks: AddonCallbacks<AddonChunk>): AddonEncoder;
    isConfigSupported(config: Record<string, unknown>): Promise<{ supported: boolean }>;
  };
  /** Decoder. */
  VideoDecoder: {
    new (callbacks: AddonCallbacks<AddonFrame>): AddonDecoder;
    isConfigSupported(config: Record<string, unknown>): Promise<{ supported: boolean }>;
  };
  /** Still images. */
  ImageDecoder: new (init: { data: Uint8Array; type: string }) => AddonImageDecoder;
  /** Encoded chunks. */
  EncodedVideoChunk: new (init: { type: string; timestamp: number; data: Uint8Array }) => unknown;
}

/** What loading it gave: the addon, or why there is none. */
export type AddonLoad = { addon: WebCodecsAddon; origin: string } | { reason: string };

let loaded: AddonLoad | undefined;

/** Loads the addon at the first call; every later call gives the same answer. Never throws. */
export function loadAddon(): AddonLoad {
  return loaded ??= load();
}

/** The package's name on this system: `@napi-rs/webcodecs-linux-x64-gnu`. */
export function addonPackage(): string {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "x64";
  switch (Deno.build.os) {
    case "darwin":
      return `@napi-rs/webcodecs-darwin-${arch}`;
    case "windows":
      return `@napi-rs/webcodecs-win32-${arch}-msvc`;
    default:
      return `@napi-rs/webcodecs-linux-${arch}-gnu`;
  }
}

/** Resolves and requires the package. */
function load(): AddonLoad {
  const name = addonPackage();
  try {
    const path = fileURLToPath(import.meta.resolve(name));
    const require = createRequire(import.meta.url);
    keepAwake();
    return { addon: require(path) as WebCodecsAddon, origin: name };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { reason: `${name} is not in this build (${reason})` };
  }
}

/**
 * Deno 2.7 sleeps through some of the addon's answers, and through timers that they start, until
 * something wakes its event loop. There, something does; not referenced, it would be slept through
 * too, so the process ends by `Deno.exit`.
 */
function keepAwake(): void {
  if (Deno.version.deno.startsWith("2.7.")) setInterval(() => {}, 2);
}
