/**
 * The codec library inside the executable: `@napi-rs/webcodecs`, so that H.264 works on a machine
 * with no codec installed.
 *
 * @module
 */
import { UnsupportedError } from "../errors.ts";
import type {
  CodecLibrary,
  CodecProbe,
  EncoderConfig,
  VideoDecoder,
  VideoEncoder,
} from "./codec.ts";
import { loadAddon, type WebCodecsAddon } from "./embedded_addon.ts";
import { checkEmbeddedConfig, EmbeddedEncoder } from "./embedded_encoder.ts";
import type { VideoCodec } from "./frame.ts";

/** The embedded library. */
export const embedded: CodecLibrary = {
  name: "embedded",
  probe(): Promise<CodecProbe> {
    const loaded = loadAddon();
    if ("reason" in loaded) {
      return Promise.resolve({
        available: false,
        detail: loaded.reason,
        encoders: {},
        decoders: [],
      });
    }
    return Promise.resolve({
      available: true,
      detail: loaded.origin,
      encoders: { h264: ["x264"] },
      decoders: ["h264", "hevc", "av1", "jpeg"],
    });
  },
  createEncoder(
    config: EncoderConfig,
    options: { exclude?: ReadonlySet<string> } = {},
  ): Promise<VideoEncoder> {
    return Promise.try(() => {
      checkEmbeddedConfig(config);
      const encoder = new EmbeddedEncoder(requireAddon(), config);
      if (options.exclude?.has(encoder.name) === true) {
        throw new UnsupportedError(`${encoder.name} failed before`);
      }
      return encoder;
    });
  },
  createDecoder(_codec: VideoCodec): Promise<VideoDecoder> {
    return Promise.try(() => {
      requireAddon();
      throw new UnsupportedError("not yet");
    });
  },
};

function requireAddon(): WebCodecsAddon {
  const loaded = loadAddon();
  if ("addon" in loaded) return loaded.addon;
  throw new UnsupportedError(`no embedded encoder: ${loaded.reason}`, {
    hint: "use a build of xoq for this system that carries it, or install FFmpeg's libavcodec",
  });
}
