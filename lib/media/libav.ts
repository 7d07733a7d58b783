import { UnsupportedError } from "../errors.ts";
import type { CodecLibrary } from "./codec.ts";
const refuse = () => Promise.reject(new UnsupportedError("libavcodec is not bound yet"));
export const libav: CodecLibrary = {
  name: "libav",
  probe: () =>
    Promise.resolve({ available: false, detail: "not bound yet", encoders: {}, decoders: [] }),
  createEncoder: refuse,
  createDecoder: refuse,
};
