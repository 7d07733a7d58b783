import assert from "node:assert/strict";
import { openVideoOutput } from "../../lib/camera/v4l2_output.ts";

const ignore = Deno.build.os !== "linux";
const wish = { format: "I420", width: 320, height: 240, fps: 30 } as const;

Deno.test({
  name: "a virtual camera that isn't there: the error has the line that makes it",
  ignore,
  fn: async () => {
    await assert.rejects(
      openVideoOutput("/dev/video987", wish),
      (error: Error & { code?: string; hint?: string }) =>
        error.code === "not-found" && (error.hint ?? "").includes("video_nr=987"),
    );
  },
});

Deno.test({
  name: "a node that is no video device is refused",
  ignore,
  fn: async () => {
    await assert.rejects(openVideoOutput("/dev/null", wish), {
      code: "unsupported",
      message: "/dev/null is no video device",
    });
  },
});
