/**
 * AVFrame: a picture that libavcodec takes or gives.
 *
 * @module
 */
import { FfiError } from "../errors.ts";
import { avError, freeThrough, type Libav, structView } from "./libav.ts";

/** Up to the last field that any version is read at. */
const FRAME_BYTES = 448;

/** One plane: where it lies and how long its rows are. */
export interface AvPlane {
  /** Memory. */
  data: Uint8Array;
  /** Bytes from row to row. */
  stride: number;
}

/** One AVFrame. */
export class AvFrame {
  /** For calls that take it. */
  readonly pointer: Deno.PointerObject;
  readonly #libav: Libav;
  readonly #view: DataView;
  #freed = false;

  /** Allocates an empty one. Throws `FfiError` when out of memory. */
  constructor(libav: Libav) {
    const pointer = libav.util.av_frame_alloc();
    if (pointer === null) throw new FfiError("libavutil", "av_frame_alloc", 0);
    this.pointer = pointer;
    this.#libav = libav;
    this.#view = structView(pointer, FRAME_BYTES);
  }

  /** Pixels. */
  get width(): number {
    return this.#int(this.#libav.layout.frame_width);
  }

  /** Pixels. */
  get height(): number {
    return this.#int(this.#libav.layout.frame_height);
  }

  /** `AVPixelFormat`. */
  get format(): number {
    return this.#int(this.#libav.layout.frame_format);
  }

  /** `AVColorRange`. */
  get colorRange(): number {
    return this.#int(this.#libav.layout.frame_color_range);
  }

  /** Whether the decoder says that the picture is damaged (`AV_FRAME_FLAG_CORRUPT`, errors). */
  get damaged(): boolean {
    const { layout } = this.#libav;
    return (this.#int(layout.frame_flags) & 1) !== 0 ||
      this.#int(layout.frame_decode_error_flags) !== 0;
  }

  /** What kind of picture it is, and what goes with it to the encoder. */
  describe(picture: {
    width: number;
    height: number;
    format: number;
    pts: bigint;
    keyFrame: boolean;
    fullRange: boolean;
    quality: number;
  }): void {
    const { layout } = this.#libav;
    const view = this.#view;
    view.setInt32(layout.frame_width, picture.width, true);
    view.setInt32(layout.frame_height, picture.height, true);
    view.setInt32(layout.frame_format, picture.format, true);
    view.setBigInt64(layout.frame_pts, picture.pts, true);
    const type = picture.keyFrame ? layout.AV_PICTURE_TYPE_I : layout.AV_PICTURE_TYPE_NONE;
    view.setInt32(layout.frame_pict_type, type, true);
    const range = picture.fullRange ? layout.AVCOL_RANGE_JPEG : layout.AVCOL_RANGE_MPEG;
    view.setInt32(layout.frame_color_range, range, true);
    view.setInt32(layout.frame_quality, picture.quality, true);
  }

  /**
   * Points the frame at memory of the caller, which must stay until the call that takes the frame
   * is over. libavcodec copies such a picture once, off the thread.
   */
  borrow(planes: readonly AvPlane[]): void {
    const { layout } = this.#libav;
    for (let i = 0; i < 4; i++) {
      const plane = planes[i];
      const address = plane === undefined
        ? 0n
        : Deno.UnsafePointer.value(Deno.UnsafePointer.of(plane.data as Uint8Array<ArrayBuffer>));
      this.#view.setBigUint64(layout.frame_data + 8 * i, address, true);
      this.#view.setInt32(layout.frame_linesize + 4 * i, plane?.stride ?? 0, true);
    }
  }

  /** Gives it memory of its own for what {@link describe} said. Throws `FfiError`. */
  allocate(): void {
    const code = this.#libav.util.av_frame_get_buffer(this.pointer, 0);
    if (code < 0) throw avError(this.#libav, "av_frame_get_buffer", code);
  }

  /** Makes sure that nobody else reads the memory that is written next. Throws `FfiError`. */
  makeWritable(): void {
    const code = this.#libav.util.av_frame_make_writable(this.pointer);
    if (code < 0) throw avError(this.#libav, "av_frame_make_writable", code);
  }

  /** One plane as memory, `rows` rows of it. */
  plane(index: number, rows: number): AvPlane {
    const { layout } = this.#libav;
    const stride = this.#int(layout.frame_linesize + 4 * index);
    const address = this.#view.getBigUint64(layout.frame_data + 8 * index, true);
    const pointer = Deno.UnsafePointer.create(address);
    if (pointer === null || stride <= 0) {
      throw new FfiError("libavutil", "AVFrame", 0, `no plane ${index}`);
    }
    const data = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, stride * rows));
    return { data, stride };
  }

  /** Lets go of the picture; the frame can be used again. */
  unref(): void {
    this.#libav.util.av_frame_unref(this.pointer);
  }

  /** Frees it. Idempotent. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    freeThrough(this.#libav.util.av_frame_free, this.pointer);
  }

  #int(offset: number): number {
    return this.#view.getInt32(offset, true);
  }
}
