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
import { i420Planes, i420Size } from "./convert.ts";
import { EmbeddedJpegDecoder, EmbeddedVideoDecoder } from "./embedded_decoder.ts";
import { checkEmbeddedConfig, EmbeddedEncoder } from "./embedded_encoder.ts";
import { EmbeddedJpegEncoder } from "./embedded_jpeg_encoder.ts";
import type { VideoCodec } from "./frame.ts";

/** The embedded library. JPEG is encoded by this program itself, so that it works without the addon. */
export const embedded: CodecLibrary = {
  name: "embedded",

  probe(): Promise<CodecProbe> {
    const loaded = loadAddon();
    const jpeg: CodecProbe["encoders"] = { jpeg: ["jpeg"] };
    return Promise.resolve(
      "addon" in loaded
        ? {
          available: true,
          detail: loaded.origin,
          encoders: { h264: ["x264"], ...jpeg },
          decoders: ["h264", "hevc", "av1", "jpeg"],
        }
        : { available: true, detail: `JPEG only: ${loaded.reason}`, encoders: jpeg, decoders: [] },
    );
  },

  async createEncoder(
    config: EncoderConfig,
    options: { exclude?: ReadonlySet<string> } = {},
  ): Promise<VideoEncoder> {
    checkEmbeddedConfig(config);
    const encoder = config.codec === "jpeg"
      ? new EmbeddedJpegEncoder(config)
      : new EmbeddedEncoder(requireAddon(), config);
    if (options.exclude?.has(encoder.name) === true) {
      throw new UnsupportedError(`${encoder.name} failed before`);
    }
    try {
      await warm(encoder, config);
      return encoder;
    } catch (cause) {
      await encoder.close();
      throw new UnsupportedError(`${encoder.name} does not work here: ${String(cause)}`, { cause });
    }
  },

  createDecoder(codec: VideoCodec): Promise<VideoDecoder> {
    return Promise.try(() => {
      const addon = requireAddon();
      return codec === "jpeg"
        ? new EmbeddedJpegDecoder(addon)
        : new EmbeddedVideoDecoder(addon, codec);
    });
  },
};

/** Libraries build their tables and threads at the first picture: a grey one goes first. */
async function warm(encoder: VideoEncoder, config: EncoderConfig): Promise<void> {
  const { width, height, fullRange } = config;
  const data = new Uint8Array(i420Size(width, height)).fill(128);
  await encoder.encode({
    format: "I420",
    width,
    height,
    planes: i420Planes(data, width, height),
    fullRange: fullRange ?? false,
    captureTime: 0,
    sequence: 0,
    release: () => {},
  }, { keyFrame: true });
  if (encoder instanceof EmbeddedEncoder) encoder.restart();
}

function requireAddon(): WebCodecsAddon {
  const loaded = loadAddon();
  if ("addon" in loaded) return loaded.addon;
  throw new UnsupportedError(`no embedded codecs: ${loaded.reason}`, {
    hint: "use a build of xoq for this system that carries them, or install FFmpeg's libavcodec",
  });
}
