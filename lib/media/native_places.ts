/**
 * Encoders that this build has no direct binding of. Their names are known, so that asking for one
 * is answered with what does the job instead.
 *
 * @module
 */
import { UnsupportedError } from "../errors.ts";
import type { CodecLibrary } from "./codec.ts";

/** A library that says what stands in for it. */
function place(
  name: "nvenc" | "videotoolbox" | "v4l2m2m",
  label: string,
  libavEncoder: string,
): CodecLibrary {
  const detail = `this build has no direct ${label} binding`;
  const refuse = () =>
    Promise.reject(
      new UnsupportedError(detail, {
        hint: `use --encoder libav: it takes ${libavEncoder} where the system's FFmpeg has it`,
      }),
    );
  return {
    name,
    probe: () => Promise.resolve({ available: false, detail, encoders: {}, decoders: [] }),
    createEncoder: refuse,
    createDecoder: refuse,
  };
}

/** NVIDIA's encoder, directly. */
export const nvenc: CodecLibrary = place("nvenc", "NVENC", "h264_nvenc");
/** Apple's encoder, directly. */
export const videotoolbox: CodecLibrary = place(
  "videotoolbox",
  "VideoToolbox",
  "h264_videotoolbox",
);
/** Memory-to-memory encoders of V4L2, directly. */
export const v4l2m2m: CodecLibrary = place("v4l2m2m", "V4L2 memory-to-memory", "h264_v4l2m2m");
