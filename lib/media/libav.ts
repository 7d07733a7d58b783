/**
 * The codec library of the system: libavcodec (FFmpeg 4 to 8) by FFI, with the hardware encoders it
 * has. Absent is fine.
 *
 * @module
 */
import { CodecContext } from "../../ffi/libav/codec_context.ts";
import { type Libav, openLibav } from "../../ffi/libav/libav.ts";
import { UnsupportedError } from "../errors.ts";
import type {
  CodecLibrary,
  CodecProbe,
  EncoderConfig,
  VideoDecoder,
  VideoEncoder,
} from "./codec.ts";
import { VIDEO_CODECS, type VideoCodec } from "./frame.ts";
import { LibavDecoder } from "./libav_decoder.ts";
import { LibavEncoder } from "./libav_encoder.ts";
import { LIBAV_DECODERS, LIBAV_ENCODERS } from "./libav_recipes.ts";

/** What is said to a user who lacks it. */
const INSTALL_HINT =
  "install FFmpeg's libavcodec (apt install libavcodec-extra, brew install ffmpeg)";

let probed: Promise<CodecProbe> | undefined;

/** The system's libavcodec. */
export const libav: CodecLibrary = {
  name: "libav",

  probe(): Promise<CodecProbe> {
    return probed ??= probe();
  },

  async createEncoder(
    config: EncoderConfig,
    options: { exclude?: ReadonlySet<string> } = {},
  ): Promise<VideoEncoder> {
    const library = requireLibav();
    const tried: string[] = [];
    for (const recipe of LIBAV_ENCODERS[config.codec]) {
      if (!CodecContext.exists(library, "encoder", recipe.name)) continue;
      if (options.exclude?.has(`libav ${recipe.name}`) === true) {
        tried.push(`${recipe.name}: failed before`);
        continue;
      }
      const broken = recipe.broken?.();
      if (broken !== undefined) {
        tried.push(`${recipe.name}: ${broken}`);
        continue;
      }
      try {
        return await LibavEncoder.open(library, recipe, config);
      } catch (error) {
        tried.push(`${recipe.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const reason = tried.length === 0 ? "this one was built without" : tried.join("; ");
    throw new UnsupportedError(`${library.version} has no ${config.codec} encoder: ${reason}`, {
      hint: INSTALL_HINT,
    });
  },

  async createDecoder(codec: VideoCodec): Promise<VideoDecoder> {
    const library = requireLibav();
    const tried: string[] = [];
    for (const { name, options } of LIBAV_DECODERS[codec]) {
      if (!CodecContext.exists(library, "decoder", name)) continue;
      try {
        return await LibavDecoder.open(library, codec, name, options);
      } catch (error) {
        tried.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    const reason = tried.length === 0 ? "this one was built without" : tried.join("; ");
    throw new UnsupportedError(`${library.version} has no ${codec} decoder: ${reason}`, {
      hint: INSTALL_HINT,
    });
  },
};

function requireLibav(): Libav {
  try {
    return openLibav();
  } catch (cause) {
    throw new UnsupportedError(`no libavcodec: ${firstLine(cause)}`, { hint: INSTALL_HINT, cause });
  }
}

/** Opens every encoder there is, small: what is built in may lack its hardware. */
async function probe(): Promise<CodecProbe> {
  let library: Libav;
  try {
    library = openLibav();
  } catch (error) {
    const detail = `${firstLine(error)}; ${INSTALL_HINT}`;
    return { available: false, detail, encoders: {}, decoders: [] };
  }
  const encoders: CodecProbe["encoders"] = {};
  const decoders: VideoCodec[] = [];
  for (const codec of VIDEO_CODECS) {
    const names: string[] = [];
    for (const recipe of LIBAV_ENCODERS[codec]) {
      if (await opens(library, codec, recipe)) names.push(recipe.name);
    }
    if (names.length > 0) encoders[codec] = names;
    if (LIBAV_DECODERS[codec].some(({ name }) => CodecContext.exists(library, "decoder", name))) {
      decoders.push(codec);
    }
  }
  return { available: true, detail: library.version, encoders, decoders };
}

async function opens(
  library: Libav,
  codec: VideoCodec,
  recipe: (typeof LIBAV_ENCODERS)[VideoCodec][number],
): Promise<boolean> {
  if (!CodecContext.exists(library, "encoder", recipe.name)) return false;
  if (recipe.broken?.() !== undefined) return false;
  const config: EncoderConfig = {
    codec,
    width: 320,
    height: 240,
    fps: 30,
    bitrate: 500_000,
    quality: 80,
    gop: 30,
  };
  try {
    const encoder = await LibavEncoder.open(library, recipe, config);
    await encoder.close();
    return true;
  } catch {
    return false;
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
