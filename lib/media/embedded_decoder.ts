/**
 * Decoders of the embedded library.
 *
 * Copies: the access unit once into the addon, the picture once out of it. Its H.264 decoder works
 * on several pictures at a time, one a processor, so that pictures come as many units late; they
 * carry the capture time of the unit they belong to.
 *
 * @module
 */
import { XoqError } from "../errors.ts";
import { streamInfo } from "./bitstream.ts";
import type { VideoDecoder } from "./codec.ts";
import type { AddonDecoder, AddonFrame, WebCodecsAddon } from "./embedded_addon.ts";
import { PictureCopier } from "./embedded_pictures.ts";
import type { EncodedFrame, RawFrame, VideoCodec } from "./frame.ts";
import { isWholeJpeg } from "./jpeg_info.ts";

/** After the addon took a unit, its picture follows within this time or not yet, ms. */
const SETTLE_MS = 5;
/** How long one unit may take before the decoder counts as broken, ms. */
const DECODE_TIMEOUT_MS = 10_000;
/** Most units whose picture is still to come; a decoder holds far fewer. */
const MAX_HELD = 64;

/** H.264, HEVC and AV1. */
export class EmbeddedVideoDecoder implements VideoDecoder {
  readonly name: string;
  readonly #addon: WebCodecsAddon;
  readonly #codec: VideoCodec;
  readonly #copier = new PictureCopier();
  /** Units in the decoder by the time stamp they were given. */
  readonly #held = new Map<number, EncodedFrame>();
  #decoder: AddonDecoder | undefined;
  #ready: AddonFrame | undefined;
  #wake: (() => void) | undefined;
  #busy = false;
  #failed = false;
  #stamp = 0;
  #corrupt = 0;
  #closed = false;

  /** Makes it; the library's own is opened with the first key frame, which says what the stream is. */
  constructor(addon: WebCodecsAddon, codec: VideoCodec) {
    this.name = `embedded ${codec}`;
    this.#addon = addon;
    this.#codec = codec;
  }

  get corrupt(): number {
    return this.#corrupt;
  }

  async decode(frame: EncodedFrame): Promise<RawFrame | undefined> {
    if (this.#closed) throw closedError();
    if (this.#busy) throw new TypeError("decode() is called while another call is pending");
    if (this.#decoder === undefined && !this.#open(frame)) return undefined;
    this.#busy = true;
    try {
      await this.#feed(frame);
      if (this.#closed) throw closedError();
      if (this.#failed) {
        this.#corrupt++;
        this.#drop();
        return undefined;
      }
      const picture = this.#ready;
      this.#ready = undefined;
      if (picture === undefined) return undefined;
      const unit = this.#held.get(picture.timestamp) ?? frame;
      for (const stamp of this.#held.keys()) {
        if (stamp <= picture.timestamp) this.#held.delete(stamp);
      }
      return await this.#copier.copy(picture, unit);
    } finally {
      this.#busy = false;
    }
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#drop();
      this.#wake?.();
    }
    return Promise.resolve();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Opens the library's decoder at a key frame; `false` where this is none. */
  #open(frame: EncodedFrame): boolean {
    if (!frame.key) return false;
    let codec: string;
    try {
      codec = streamInfo(this.#codec, frame.data).codecString;
    } catch {
      this.#corrupt++;
      return false;
    }
    const decoder = new this.#addon.VideoDecoder({
      output: (picture) => this.#output(picture),
      error: () => {
        this.#failed = true;
        this.#wake?.();
      },
    });
    decoder.configure({ codec, optimizeForLatency: true });
    this.#decoder = decoder;
    this.#failed = false;
    return true;
  }

  /** Gives one unit; resolves when its picture is there, or none will come for now. */
  async #feed(frame: EncodedFrame): Promise<void> {
    const decoder = this.#decoder!;
    const timestamp = this.#stamp++;
    this.#held.set(timestamp, frame);
    if (this.#held.size > MAX_HELD) this.#held.delete(this.#held.keys().next().value!);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timeout = setTimeout(() => {
      this.#failed = true;
      resolve();
    }, DECODE_TIMEOUT_MS);
    let settle: ReturnType<typeof setTimeout> | undefined;
    this.#wake = resolve;
    decoder.ondequeue = () => settle ??= setTimeout(resolve, SETTLE_MS);
    try {
      const type = frame.key ? "key" : "delta";
      decoder.decode(new this.#addon.EncodedVideoChunk({ type, timestamp, data: frame.data }));
      if (this.#ready === undefined) await promise;
    } catch {
      this.#failed = true;
    } finally {
      clearTimeout(timeout);
      clearTimeout(settle);
      this.#wake = undefined;
    }
  }

  #output(picture: AddonFrame): void {
    if (this.#closed) return picture.close();
    this.#ready?.close();
    this.#ready = picture;
    this.#wake?.();
  }

  /** Drops the library's decoder; the next key frame opens a new one. */
  #drop(): void {
    const decoder = this.#decoder;
    this.#decoder = undefined;
    this.#ready?.close();
    this.#ready = undefined;
    this.#held.clear();
    if (decoder !== undefined && decoder.state !== "closed") decoder.close();
  }
}

/** JPEG, by the addon's decoder of still images. */
export class EmbeddedJpegDecoder implements VideoDecoder {
  readonly name = "embedded jpeg";
  readonly #addon: WebCodecsAddon;
  readonly #copier = new PictureCopier();
  #busy = false;
  #corrupt = 0;
  #closed = false;

  /** Makes it. */
  constructor(addon: WebCodecsAddon) {
    this.#addon = addon;
  }

  get corrupt(): number {
    return this.#corrupt;
  }

  async decode(frame: EncodedFrame): Promise<RawFrame | undefined> {
    if (this.#closed) throw closedError();
    if (this.#busy) throw new TypeError("decode() is called while another call is pending");
    if (!isWholeJpeg(frame.data)) {
      this.#corrupt++;
      return undefined;
    }
    this.#busy = true;
    const decoder = new this.#addon.ImageDecoder({ data: frame.data, type: "image/jpeg" });
    // The addon's own work does not keep the event loop alive; this does.
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timeout = setTimeout(
      () => reject(new XoqError("failed", "the embedded JPEG decoder does not answer")),
      DECODE_TIMEOUT_MS,
    );
    try {
      const { image } = await Promise.race([decoder.decode(), late]);
      if (this.#closed) {
        image.close();
        throw closedError();
      }
      return await this.#copier.copy(image, frame);
    } catch (error) {
      if (this.#closed || error instanceof XoqError) throw error;
      this.#corrupt++;
      return undefined;
    } finally {
      clearTimeout(timeout);
      this.#busy = false;
      decoder.close();
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function closedError(): DOMException {
  return new DOMException("the decoder is closed", "AbortError");
}
