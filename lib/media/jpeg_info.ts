/**
 * Size and wholeness of a JPEG image, without decoding it (ITU-T T.81).
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** What a frame header says. */
export interface JpegInfo {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** Colour components. */
  components: number;
  /** Whether Huffman tables are inside; UVC cameras leave them out, meaning those of T.81 annex K.3. */
  huffmanTables: boolean;
}

/** Most marker segments looked at before the scan. */
const MAX_SEGMENTS = 256;

/**
 * Reads markers up to the first scan (T.81 annex B). Throws `ProtocolError` where the image does not
 * begin with SOI, has no frame header, or is cut short before its scan.
 */
export function parseJpegInfo(data: Uint8Array): JpegInfo {
  if (data[0] !== 0xff || data[1] !== 0xd8) throw new ProtocolError("JPEG: no start of image");
  let info: Omit<JpegInfo, "huffmanTables"> | undefined;
  let huffmanTables = false;
  for (let at = 2, seen = 0; seen < MAX_SEGMENTS; seen++) {
    while (data[at] === 0xff && data[at + 1] === 0xff) at++;
    const marker = data[at + 1];
    if (marker === undefined || at + 3 >= data.length) throw new ProtocolError("JPEG: cut short");
    if (data[at] !== 0xff) throw new ProtocolError("JPEG: a marker is missing");
    const length = (data[at + 2]! << 8) | data[at + 3]!;
    if (length < 2 || at + 2 + length > data.length) throw new ProtocolError("JPEG: cut short");
    // SOF0 to SOF15 but DHT (C4), JPG (C8) and DAC (CC)
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (length < 8) throw new ProtocolError("JPEG: the frame header is too short");
      info = {
        height: (data[at + 5]! << 8) | data[at + 6]!,
        width: (data[at + 7]! << 8) | data[at + 8]!,
        components: data[at + 9]!,
      };
      if (info.width === 0 || info.height === 0) throw new ProtocolError("JPEG: no size");
    } else if (marker === 0xc4) huffmanTables = true;
    else if (marker === 0xda) {
      if (info === undefined) throw new ProtocolError("JPEG: a scan without a frame header");
      return { ...info, huffmanTables };
    }
    at += 2 + length;
  }
  throw new ProtocolError("JPEG: too many segments before the scan");
}

/** Whether the image ends with EOI; a few bytes of padding, as UVC cameras leave, may follow. */
export function endsWithEoi(data: Uint8Array): boolean {
  const limit = Math.max(2, data.length - 4096);
  for (let at = data.length - 2; at >= limit; at--) {
    if (data[at] === 0xff && data[at + 1] === 0xd9) return true;
    if (data[at + 1] !== 0 && data[at + 1] !== 0xff) return false;
  }
  return false;
}

/** Whether the image begins, has a size, and ends: cheap enough for every frame of a camera. */
export function isWholeJpeg(data: Uint8Array): boolean {
  if (!endsWithEoi(data)) return false;
  try {
    parseJpegInfo(data);
    return true;
  } catch {
    return false;
  }
}
