/**
 * The addon's decoded pictures as ours: I420 in an array that is used again after `release()`.
 *
 * @module
 */
import { UnsupportedError } from "../errors.ts";
import { halveChroma, i420Planes, i420Size, writeI420 } from "./convert.ts";
import type { AddonFrame } from "./embedded_addon.ts";
import type { EncodedFrame, Plane, RawFrame } from "./frame.ts";

/** Most arrays kept for reuse. */
const MAX_SPARE = 4;

/** Copies pictures out of the addon: once as they are, and once more where they are not I420. */
export class PictureCopier {
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];

  /** Copies one out and closes it; `unit` is what it was decoded from. Throws `UnsupportedError`. */
  async copy(
    picture: AddonFrame,
    unit: Pick<EncodedFrame, "captureTime" | "sequence" | "codec">,
  ): Promise<RawFrame> {
    try {
      const { format } = picture;
      // Decoders pad to whole blocks; what is shown is smaller.
      const width = picture.displayWidth || picture.codedWidth;
      const height = picture.displayHeight || picture.codedHeight;
      const data = this.#take(picture.allocationSize());
      const layout = await picture.copyTo(data);
      const source = layout.map(({ offset, stride }): Plane => ({
        data: data.subarray(offset),
        stride,
      }));
      const fullRange = unit.codec === "jpeg" || picture.colorSpace.fullRange === true;
      const { captureTime, sequence } = unit;
      const common = { format: "I420" as const, width, height, fullRange, captureTime, sequence };
      if (format === "I420") return { ...common, planes: source, release: this.#releaser(data) };
      const converted = this.#take(i420Size(width, height));
      const planes = i420Planes(converted, width, height);
      convert(format, source, planes, width, height);
      this.#releaser(data)();
      return { ...common, planes, release: this.#releaser(converted) };
    } finally {
      picture.close();
    }
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    const found = this.#spare.findIndex((each) => each.byteLength === size);
    return found < 0 ? new Uint8Array(size) : this.#spare.splice(found, 1)[0]!;
  }

  #releaser(data: Uint8Array<ArrayBuffer>): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#spare.push(data);
      if (this.#spare.length > MAX_SPARE) this.#spare.shift();
    };
  }
}

/** Other layouts to I420. */
function convert(
  format: string | null,
  source: readonly Plane[],
  target: [Plane, Plane, Plane],
  width: number,
  height: number,
): void {
  const grey = { captureTime: 0, sequence: 0, release: () => {} };
  switch (format) {
    case "NV12":
      return writeI420({ ...grey, format, width, height, planes: source }, target);
    case "I422":
    case "I444": {
      const wide = format === "I444" ? width : 0;
      const chromaWidth = (width + 1) >> 1;
      const luma = source[0]!;
      for (let row = 0; row < height; row++) {
        const from = row * luma.stride;
        target[0].data.set(luma.data.subarray(from, from + width), row * width);
      }
      halveChroma(source[1]!, target[1], chromaWidth, height, wide);
      halveChroma(source[2]!, target[2], chromaWidth, height, wide);
      return;
    }
    default:
      throw new UnsupportedError(`decoded pictures in ${format ?? "an unnamed layout"}`);
  }
}
