/**
 * What `xoq doctor` looks at in this room.
 *
 * @module
 */
import type { Check } from "../checks.ts";
import { codecLibraries } from "./auto.ts";
import type { CodecProbe } from "./codec.ts";

/** Every library that encodes and decodes, and whether H.264 can be had at all. */
export async function mediaChecks(): Promise<Check[]> {
  const checks: Check[] = [];
  let h264 = false;
  for (const library of codecLibraries()) {
    const probe = await library.probe();
    h264 ||= probe.encoders.h264 !== undefined;
    checks.push({
      name: `encoder ${library.name}`,
      status: probe.available ? "ok" : "warn",
      detail: probe.available ? `${probe.detail}; ${abilities(probe)}` : probe.detail,
    });
  }
  checks.push(
    h264 ? { name: "H.264", status: "ok", detail: "can be encoded here" } : {
      name: "H.264",
      status: "fail",
      detail: "nothing here encodes it; cameras are served as JPEG",
      fix: "install FFmpeg's libraries (sudo apt install libavcodec-extra)",
    },
  );
  return checks;
}

/** `encodes h264 (libx264), hevc (libx265); decodes h264, hevc, av1, jpeg` */
function abilities({ encoders, decoders }: CodecProbe): string {
  const encodes = Object.entries(encoders).map(([codec, names]) =>
    `${codec} (${names.join(", ")})`
  );
  return `encodes ${encodes.join(", ") || "nothing"}; decodes ${decoders.join(", ") || "nothing"}`;
}
