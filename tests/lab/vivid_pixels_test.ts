import assert from "node:assert/strict";
import type { CaptureFormat, Picture } from "../../lib/camera/camera.ts";
import { selectCamera } from "../../lib/camera/select.ts";
import { command, inLab } from "./support.ts";

/** The picture's bytes without padding, one plane after the other, as v4l2-ctl writes them. */
function bytesOf(picture: Picture): Uint8Array {
  assert.ok("planes" in picture);
  const parts = picture.planes.map(({ data }) => data);
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

const FORMATS: [CaptureFormat, string][] = [
  ["YUYV", "YUYV"],
  ["UYVY", "UYVY"],
  ["NV12", "NV12"],
  ["I420", "YU12"],
  ["GREY", "GREY"],
];

for (const [node, label] of [["/dev/video0", "single"], ["/dev/video1", "multi"]] as const) {
  for (const [format, fourcc] of FORMATS) {
    Deno.test({
      name: `${format} by the ${label}-planar interface is byte for byte what v4l2-ctl reads`,
      ignore: !inLab,
      fn: async () => {
        const { driver, info } = await selectCamera(node);
        const file = await Deno.makeTempFile();
        try {
          // Without text and movement every picture of the driver is the same.
          const wish = {
            formats: [format],
            width: 640,
            height: 360,
            controls: { osd_text_mode: 2 },
          };
          const ours = await (async () => {
            await using camera = await driver.open(info, wish);
            const picture = await camera.next();
            const bytes = bytesOf(picture);
            picture.release();
            return bytes;
          })();
          await command(
            "v4l2-ctl",
            ...["-d", node],
            `--set-fmt-video=width=640,height=360,pixelformat=${fourcc}`,
            ...["--stream-mmap", "--stream-count=1", `--stream-to=${file}`],
          );
          const theirs = await Deno.readFile(file);
          assert.equal(ours.length, theirs.length);
          assert.ok(ours.every((byte, index) => byte === theirs[index]), "the bytes are the same");
        } finally {
          await Deno.remove(file);
        }
      },
    });
  }
}
