/**
 * One picture as a JPEG file: `--snapshot f.jpg`. What the camera sent, where it sends JPEG.
 *
 * @module
 */
import { UsageError } from "../../errors.ts";
import type { Feed } from "../../media/feed.ts";
import { nextFrame } from "../../media/transcode.ts";
import { inCodec, type SinkContext } from "./sink.ts";
import { checkTarget, fileError } from "./file_errors.ts";

/** Where to and how. */
export interface SnapshotOptions {
  /** The file, `.jpg` or `.jpeg`. */
  path: string;
  /** Replace it where it is there. */
  force?: boolean;
  /** JPEG quality, 1 to 100, where it has to be encoded; default 90. */
  quality?: number;
}

/**
 * Writes the next picture whole or not at all: beside the file first, then renamed. Throws
 * `UsageError` for another extension and for a file that is there without `force`, `LostError` where
 * the feed ends first, an `AbortError` on `signal`.
 */
export async function writeSnapshot(
  feed: Feed,
  options: SnapshotOptions,
  context: SinkContext = {},
): Promise<void> {
  const { path, force = false, quality = 90 } = options;
  if (!/\.jpe?g$/i.test(path)) {
    throw new UsageError(`a snapshot is a JPEG, and "${path}" is named otherwise`, {
      hint: "name it something.jpg",
    });
  }
  await checkTarget(path, force);
  const source = await inCodec(feed, "jpeg", context, quality);
  const { data } = await nextFrame(source, context.signal ? { signal: context.signal } : {});
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.writeFile(temporary, data, { createNew: true });
    // A file that came into being meanwhile is not replaced unasked: link fails where rename wouldn't.
    if (force) await Deno.rename(temporary, path);
    else await Deno.link(temporary, path).catch(() => replaceUnlessThere(temporary, path));
    context.onEvent?.({ type: "file", path });
  } catch (error) {
    throw fileError(error, path);
  } finally {
    await Deno.remove(temporary).catch(() => {});
  }
}

// For file systems without hard links.
async function replaceUnlessThere(temporary: string, path: string): Promise<void> {
  await checkTarget(path, false);
  await Deno.rename(temporary, path);
}
