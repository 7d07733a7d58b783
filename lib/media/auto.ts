/**
 * Which library encodes: the one that was asked for, or the first that can. The order of `auto` is
 * the camera's own stream (decided by whoever holds the camera), the system's libavcodec with its
 * hardware encoders, and the embedded library.
 *
 * @module
 */
import { UnsupportedError, XoqError } from "../errors.ts";
import type { CodecLibrary, EncoderConfig, VideoDecoder, VideoEncoder } from "./codec.ts";
import { embedded } from "./embedded.ts";
import type { VideoCodec } from "./frame.ts";
import { libav } from "./libav.ts";
import { nvenc, v4l2m2m, videotoolbox } from "./native_places.ts";

/** What `--encoder` takes. */
export type EncoderChoice =
  | "auto"
  | "device"
  | "nvenc"
  | "videotoolbox"
  | "v4l2m2m"
  | "libav"
  | "embedded";

/** Every library, in the order `auto` tries them; those at the end only when named. */
export function codecLibraries(): readonly CodecLibrary[] {
  return [libav, embedded, nvenc, videotoolbox, v4l2m2m];
}

/** The libraries behind a choice. */
function librariesOf(choice: EncoderChoice): readonly CodecLibrary[] {
  if (choice === "auto") return [libav, embedded];
  return codecLibraries().filter((library) => library.name === choice);
}

/**
 * Opens the best encoder that the choice allows. Throws `UnsupportedError` with everything tried.
 * @param options.exclude names of encoders that failed before.
 */
export async function openEncoder(
  choice: EncoderChoice,
  config: EncoderConfig,
  options: { exclude?: ReadonlySet<string> } = {},
): Promise<VideoEncoder> {
  if (choice === "device") {
    throw new UnsupportedError(`the camera does not give ${config.codec} by itself`, {
      hint: "choose the codec it gives (xoq ls --json), or --encoder auto",
    });
  }
  return await first(
    librariesOf(choice),
    (library) => library.createEncoder(config, options),
    `no ${config.codec} encoder`,
  );
}

/** Opens a decoder of the first library that has one. Throws `UnsupportedError`. */
export async function openDecoder(codec: VideoCodec): Promise<VideoDecoder> {
  return await first(
    [libav, embedded],
    (library) => library.createDecoder(codec),
    `no ${codec} decoder`,
  );
}

/** The first library's answer that is not an error; else one error that lists them all. */
async function first<T>(
  libraries: readonly CodecLibrary[],
  open: (library: CodecLibrary) => Promise<T>,
  what: string,
): Promise<T> {
  const reasons: string[] = [];
  let hint: string | undefined;
  let cause: unknown;
  for (const library of libraries) {
    try {
      return await open(library);
    } catch (error) {
      if (!(error instanceof XoqError)) throw error;
      reasons.push(`${library.name}: ${error.message}`);
      hint ??= error.hint;
      cause = error;
    }
  }
  throw new UnsupportedError(`${what} (${reasons.join("; ")})`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}
