import { VIDEO_CODECS } from "../../lib/media/frame.ts";
import { embedded } from "../../lib/media/embedded.ts";
import { loadAddon } from "../../lib/media/embedded_addon.ts";
import { libav } from "../../lib/media/libav.ts";
import { testDecoder, testEncoder } from "../compliance/codec.ts";

const system = await libav.probe();
const addon = loadAddon();
const noAddon = "reason" in addon ? addon.reason : undefined;

for (const codec of VIDEO_CODECS) {
  const missing = (system.encoders[codec]?.length ?? 0) > 0
    ? undefined
    : `no ${codec} encoder: ${system.detail}`;
  testEncoder({ library: libav, codec, missing });
  testDecoder({ library: libav, codec, missing });
}

testEncoder({ library: embedded, codec: "h264", missing: noAddon });
testEncoder({ library: embedded, codec: "jpeg" });
// Its H.264 decoder works on as many pictures at a time as there are processors, and one more.
testDecoder({
  library: embedded,
  codec: "h264",
  missing: noAddon,
  decoderDelay: navigator.hardwareConcurrency + 1,
});
testDecoder({ library: embedded, codec: "jpeg", missing: noAddon });
for (const codec of ["hevc", "av1"] as const) {
  const missing = (system.encoders[codec]?.length ?? 0) > 0
    ? undefined
    : `nothing encodes ${codec}`;
  testDecoder({
    library: embedded,
    codec,
    missing: noAddon ?? missing,
    encoderLibrary: libav,
    conceals: codec === "hevc",
    decoderDelay: navigator.hardwareConcurrency + 1,
  });
}
