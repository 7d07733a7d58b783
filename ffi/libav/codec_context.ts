/**
 * A codec context: one encoder or decoder of libavcodec, with what it is given and what it gives.
 * Calls that code run off the thread; at most one is under way at a time, and `free()` must wait for
 * it.
 *
 * @module
 */
import { FfiError } from "../errors.ts";
import {
  avError,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  cString,
  freeThrough,
  type Libav,
  setOption,
  structView,
} from "./libav.ts";

/** How a context is set up. */
export interface ContextOptions {
  /** Options by name that must be taken. */
  required: Record<string, string>;
  /** Options that not every version knows, and whose refusal does no harm. */
  preferred?: Record<string, string>;
}

/** A packet that came out of an encoder. */
export interface AvPacketData {
  /** The bytes, copied out. */
  data: Uint8Array<ArrayBuffer>;
  /** Whether it is a key frame. */
  key: boolean;
  /** Presentation time as given with the picture. */
  pts: bigint;
}

/** Bytes of a context that are read and written: up to the last field of any version. */
const CONTEXT_BYTES = 512;
const PACKET_BYTES = 48;

/** An open encoder or decoder. */
export class CodecContext {
  /** The library. */
  readonly libav: Libav;
  readonly #context: Deno.PointerObject;
  readonly #packet: Deno.PointerObject;
  readonly #packetView: DataView;
  readonly #contextView: DataView;
  #freed = false;

  private constructor(libav: Libav, context: Deno.PointerObject, packet: Deno.PointerObject) {
    this.libav = libav;
    this.#context = context;
    this.#packet = packet;
    this.#packetView = structView(packet, PACKET_BYTES);
    this.#contextView = structView(context, CONTEXT_BYTES);
  }

  /** Whether the library has an encoder or decoder of this name; it may still not open. */
  static exists(libav: Libav, kind: "encoder" | "decoder", name: string): boolean {
    return find(libav, kind, name) !== null;
  }

  /** Opens one. Throws `FfiError`: not there, an option refused, or the library's refusal to open. */
  static async open(
    libav: Libav,
    kind: "encoder" | "decoder",
    name: string,
    options: ContextOptions,
  ): Promise<CodecContext> {
    const codec = find(libav, kind, name);
    if (codec === null) throw new FfiError("libavcodec", `find ${kind}`, 0, `no ${name}`);
    const context = libav.codec.avcodec_alloc_context3(codec);
    if (context === null) throw new FfiError("libavcodec", "avcodec_alloc_context3", 0, name);
    const packet = libav.codec.av_packet_alloc();
    if (packet === null) {
      freeThrough(libav.codec.avcodec_free_context, context);
      throw new FfiError("libavcodec", "av_packet_alloc", 0);
    }
    const made = new CodecContext(libav, context, packet);
    try {
      for (const [option, value] of Object.entries(options.required)) {
        if (!setOption(libav, context, option, value)) {
          throw new FfiError("libavcodec", "av_opt_set", 0, `${name} has no option ${option}`);
        }
      }
      for (const [option, value] of Object.entries(options.preferred ?? {})) {
        try {
          setOption(libav, context, option, value);
        } catch {
          // Refused here, and the default does as well.
        }
      }
      const code = await libav.codec.avcodec_open2(context, codec, null);
      if (code < 0) throw avError(libav, `avcodec_open2 ${name}`, code);
      return made;
    } catch (error) {
      made.free();
      throw error;
    }
  }

  /** Sets target, peak and buffer of the rate control; encoders that can follow do at the next picture. */
  setRate(bitsPerSecond: number, bufferBits: number): void {
    const { layout } = this.libav;
    const view = this.#contextView;
    view.setBigInt64(layout.context_bit_rate, BigInt(bitsPerSecond), true);
    view.setBigInt64(layout.context_rc_max_rate, BigInt(bitsPerSecond), true);
    view.setInt32(layout.context_rc_buffer_size, bufferBits, true);
  }

  /**
   * Gives an encoder one picture; resolves when it is taken, which is when synchronous encoders have
   * coded it. The frame's memory must stay until then. Throws `FfiError`.
   */
  async sendFrame(frame: Deno.PointerObject): Promise<void> {
    const code = await this.libav.codec.avcodec_send_frame(this.#context, frame);
    if (code < 0) throw avError(this.libav, "avcodec_send_frame", code);
  }

  /** The next packet, copied out once; `undefined` where there is none. Throws `FfiError`. */
  receivePacket(): AvPacketData | undefined {
    const { codec, layout } = this.libav;
    const code = codec.avcodec_receive_packet(this.#context, this.#packet);
    if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return undefined;
    if (code < 0) throw avError(this.libav, "avcodec_receive_packet", code);
    const view = this.#packetView;
    const size = view.getInt32(layout.packet_size, true);
    const data = new Uint8Array(size);
    const source = Deno.UnsafePointer.create(view.getBigUint64(layout.packet_data, true));
    if (source !== null) Deno.UnsafePointerView.copyInto(source, data);
    const key = (view.getInt32(layout.packet_flags, true) & layout.AV_PKT_FLAG_KEY) !== 0;
    const pts = view.getBigInt64(layout.packet_pts, true);
    codec.av_packet_unref(this.#packet);
    return { data, key, pts };
  }

  /**
   * Gives a decoder one access unit, copied once into memory with the padding decoders read past the
   * end of. Answers the AVERROR where it could not be decoded, else 0.
   */
  async sendPacket(data: Uint8Array, pts: bigint, key: boolean): Promise<number> {
    const { codec, layout } = this.libav;
    const made = codec.av_new_packet(this.#packet, data.byteLength);
    if (made < 0) throw avError(this.libav, "av_new_packet", made);
    const view = this.#packetView;
    const target = Deno.UnsafePointer.create(view.getBigUint64(layout.packet_data, true));
    if (target !== null) {
      new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(target, data.byteLength)).set(data);
    }
    view.setBigInt64(layout.packet_pts, pts, true);
    view.setInt32(layout.packet_flags, key ? layout.AV_PKT_FLAG_KEY : 0, true);
    try {
      return await codec.avcodec_send_packet(this.#context, this.#packet);
    } finally {
      codec.av_packet_unref(this.#packet);
    }
  }

  /** Fills `frame` with the next picture: 0, or the AVERROR (`EAGAIN`: none now). */
  receiveFrame(frame: Deno.PointerObject): number {
    return this.libav.codec.avcodec_receive_frame(this.#context, frame);
  }

  /** Forgets everything that was sent; a decoder begins again at the next key frame. */
  flush(): void {
    this.libav.codec.avcodec_flush_buffers(this.#context);
  }

  /** Frees it; nothing may be under way. Idempotent. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    freeThrough(this.libav.codec.av_packet_free, this.#packet);
    freeThrough(this.libav.codec.avcodec_free_context, this.#context);
  }
}

function find(libav: Libav, kind: "encoder" | "decoder", name: string): Deno.PointerValue {
  return kind === "encoder"
    ? libav.codec.avcodec_find_encoder_by_name(cString(name))
    : libav.codec.avcodec_find_decoder_by_name(cString(name));
}
